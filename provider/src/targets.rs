//! `target`: exactly one kind of target with its settings, as `stormglass-integrations` names them.

use serde::{Deserialize, Serialize};
use stormglass_integrations::targets::TargetConfig;
use stormglass_ops::ScalingTarget;
use tfplugin::diagnostics::{Diagnostic, Diagnostics};
use tfplugin::schema::{Attribute, nested, string};

use crate::attributes::job::settings;
use crate::errors::{sentence, target_error};

/// The model of `target`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TargetModel {
    file: FileModel,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FileModel {
    path: String,
}

impl TargetModel {
    /// The target itself; nothing is asked or written yet.
    pub(crate) fn target(&self) -> Result<Box<dyn ScalingTarget>, Diagnostics> {
        let config: TargetConfig = settings(self)
            .map_err(|e| Diagnostics::from(Diagnostic::error("Invalid value", sentence(&e)).at("target")))?;
        config.target().map_err(|e| target_error(&e))
    }

    /// The target that an import names, for example `file:schedule.json`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (kind, place) = text.split_once(':')?;
        (kind == "file" && !place.is_empty()).then(|| Self { file: FileModel { path: place.to_owned() } })
    }

    /// What [`TargetModel::parse`] reads.
    pub(crate) fn text(&self) -> String {
        format!("file:{}", self.file.path)
    }
}

/// The attribute `target`.
pub(crate) fn target_attribute() -> Attribute {
    nested(
        "target",
        [nested(
            "file",
            [string("path").required().describe("The file, from the folder in which Terraform runs; `.json`, `.yaml` or `.yml`.")],
        )
        .required()
        .describe("A schedule file, for whatever on the platform reads it; its form is described by `docs/schemas/schedule.schema.json`.")],
    )
    .describe("Where the units are set.")
}
