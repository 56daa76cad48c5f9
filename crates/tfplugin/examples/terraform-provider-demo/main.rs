//! A small provider that shows every part once: notes in files, and a resource with every kind of attribute.
//!
//! The tests run it with real Terraform. `mode` on the notes makes operations fail on purpose.

mod everything;
mod note;
mod parts;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tfplugin::provider::{ConfigureContext, Data, Parts, Provider, async_trait};
use tfplugin::schema::{Schema, string};
use tfplugin::{Diagnostics, ServeOptions};

fn main() -> ExitCode {
    tfplugin::run(Demo, ServeOptions::new("registry.terraform.io/example/demo"))
}

/// The provider.
pub(crate) struct Demo;

/// What every call is handed.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Where notes with relative paths lie.
    pub(crate) folder: PathBuf,
}

/// The provider block.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    folder: Option<PathBuf>,
    token: Option<String>,
}

#[async_trait]
impl Provider for Demo {
    type Model = Settings;

    fn name(&self) -> &'static str {
        "demo"
    }

    fn schema(&self) -> Schema {
        Schema::new("Keeps notes in files.")
            .attribute(string("folder").optional().describe("Where notes with relative paths lie."))
            .attribute(string("token").optional().sensitive().describe("A secret that is never shown."))
    }

    fn parts(&self) -> Parts {
        Parts::new()
            .resource(note::Note)
            .resource(everything::Everything)
            .data_source(parts::File)
            .ephemeral_resource(parts::Token)
            .function(parts::Repeat)
            .action(parts::Publish)
    }

    async fn configure(&self, _: &ConfigureContext, settings: Settings) -> Result<Data, Diagnostics> {
        if let Some(token) = &settings.token {
            tracing::info!(token, "configured");
        }
        Ok(Arc::new(Shared { folder: settings.folder.unwrap_or_default() }))
    }
}
