//! The provider's process: Terraform starts it, speaks protocol 6 with it, and ends it.

use std::process::ExitCode;

use terraform_provider_stormglass::Stormglass;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    if let Some(code) = stormglass_chaos::helper_main(stormglass_integrations::faults::CATALOGUE) {
        return code;
    }
    let debug = std::env::args().any(|arg| arg == "--debug");
    tfplugin::run(
        Stormglass,
        tfplugin::ServeOptions::new("registry.terraform.io/stormglass-rs/stormglass").debug(debug),
    )
}
