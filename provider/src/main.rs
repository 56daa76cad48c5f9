//! The provider's process: Terraform starts it, speaks protocol 6 with it, and ends it.

use std::process::ExitCode;

use terraform_provider_stormglass::Stormglass;

fn main() -> ExitCode {
    let debug = std::env::args().any(|arg| arg == "--debug");
    tfplugin::run(
        Stormglass,
        tfplugin::ServeOptions::new("registry.terraform.io/stormglass-rs/stormglass").debug(debug),
    )
}
