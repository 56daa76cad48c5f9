//! A secret of a connection reaches neither state, nor a saved plan, nor a log, nor an error.

use std::fs;

use acceptance_tests::{Workspace, hcl};

const SECRET: &str = "s3cr3t-t0ken-that-nobody-may-see";

#[test]
fn a_token_is_in_no_file_and_no_output() {
    let source = r#"source = { prometheus = { connection = "metrics", query = "up" } }"#;
    let service =
        hcl::service("on_source_error = \"keep\"", "").replace("source   = { csv = { path = \"load.csv\" } }", source);
    // Nobody listens at port 9 of the loopback interface: the request fails with the token in it.
    let provider = format!(
        "provider \"stormglass\" {{\n  connection = {{\n    metrics = {{ endpoint = \"http://127.0.0.1:9\", bearer_token = var.token }}\n  }}\n}}\n\n\
         variable \"token\" {{\n  type      = string\n  sensitive = true\n  ephemeral = true\n  default   = \"{SECRET}\"\n}}\n"
    );
    let data_only = service.split("resource ").next().unwrap_or_default().to_owned();
    let workspace = Workspace::new(&format!("{provider}{data_only}"));
    let mut outputs = Vec::new();
    for args in
        [vec!["plan", "-no-color", "-out=saved"], vec!["apply", "-no-color", "-auto-approve"], vec!["show", "-json"]]
    {
        let mut command = workspace.command(&args);
        command.env("TF_LOG", "TRACE").env("TF_LOG_PATH", workspace.path("trace.log"));
        let out = command.output().expect("terraform starts");
        outputs.push((args.join(" "), [out.stdout, out.stderr].concat()));
    }
    for name in ["saved", "terraform.tfstate", "trace.log"] {
        outputs.push((name.to_owned(), fs::read(workspace.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))));
    }
    for (name, bytes) in outputs {
        let found = bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes());
        assert!(!found, "the secret is in `{name}`");
    }
}
