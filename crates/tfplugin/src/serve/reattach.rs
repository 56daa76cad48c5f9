//! Debugging mode: the provider is started first, by a debugger or by hand, and Terraform is pointed to it by the
//! environment variable `TF_REATTACH_PROVIDERS`.
//!
//! Source of the form: terraform-plugin-go 0.31, `tfprotov6/tf6server/server.go`; Terraform's `internal/command/meta.go`.

use serde_json::json;

use super::handshake::Address;

/// What to print for the developer: how to point Terraform to this process.
pub(super) fn instructions(provider: &str, address: &Address) -> String {
    let variable = variable(provider, std::process::id(), address);
    if cfg!(windows) {
        format!(
            "The provider is running. Point Terraform to it:\n\n\
             PowerShell:\n    $env:TF_REATTACH_PROVIDERS='{variable}'\n\
             Command Prompt:\n    set \"TF_REATTACH_PROVIDERS={variable}\"\n"
        )
    } else {
        let quoted = variable.replace('\'', r"'\''");
        format!(
            "The provider is running; Ctrl-C ends it. Point Terraform to it:\n\n    \
             export TF_REATTACH_PROVIDERS='{quoted}'\n"
        )
    }
}

/// `Test` tells Terraform to leave the process alone when its own run ends.
fn variable(provider: &str, process: u32, address: &Address) -> String {
    json!({
        provider: {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": process,
            "Test": true,
            "Addr": { "Network": address.network(), "String": address.to_string() },
        }
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_has_what_terraform_reads() {
        let address = Address::Tcp(([127, 0, 0, 1], 10001).into());
        let value: serde_json::Value =
            serde_json::from_str(&variable("registry.terraform.io/acme/box", 42, &address)).unwrap();
        assert_eq!(
            value,
            json!({"registry.terraform.io/acme/box": {
                "Protocol": "grpc", "ProtocolVersion": 6, "Pid": 42, "Test": true,
                "Addr": {"Network": "tcp", "String": "127.0.0.1:10001"}
            }})
        );
    }
}
