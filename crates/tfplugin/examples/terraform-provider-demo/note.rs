//! `demo_note`: a text in a file.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tfplugin::modifiers::computed_from;
use tfplugin::provider::{
    Config, Context, Failure, ImportTarget, PlanContext, RawState, Resource, ValidateContext, async_trait,
};
use tfplugin::schema::{Schema, Timeouts, int64, one_of, string, timeouts};
use tfplugin::{Diagnostic, Diagnostics, Field, Path, Value};

use super::Shared;

/// The resource.
pub(crate) struct Note;

/// Its model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NoteModel {
    path: PathBuf,
    text: String,
    secret: Option<String>,
    secret_version: Option<i64>,
    mode: Field<Mode>,
    length: Field<i64>,
    revision: Field<i64>,
    timeouts: Option<Timeouts>,
}

/// What happens on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Nothing.
    Normal,
    /// Creating fails after the file is there.
    PartialCreate,
    /// Creating panics after the file is there.
    PanicCreate,
    /// Updating fails.
    FailedUpdate,
    /// Deleting fails.
    FailedDelete,
    /// Creating waits until it is interrupted, and leaves the file.
    Wait,
}

/// What version 0 of the state held.
#[derive(Debug, Serialize, Deserialize)]
struct NoteModelV0 {
    file: PathBuf,
    text: String,
}

#[async_trait]
impl Resource for Note {
    type Model = NoteModel;

    fn name(&self) -> &'static str {
        "demo_note"
    }

    fn schema(&self) -> Schema {
        let modes = ["normal", "partial_create", "panic_create", "failed_update", "failed_delete", "wait"];
        Schema::new("Keeps a text in a file.")
            .version(1)
            .attribute(string("path").required().requires_replace().describe("Where the file lies."))
            .attribute(string("text").required().describe("What it holds."))
            .attribute(string("secret").optional().write_only().describe("Written to a file beside it."))
            .attribute(int64("secret_version").optional().describe("Change it to write the secret again."))
            .attribute(one_of("mode", modes).default("normal").describe("What goes wrong on purpose."))
            .attribute(int64("length").computed().modify(computed_from(length)).describe("Length of the text."))
            .attribute(int64("revision").computed().describe("How often it was written."))
            .attribute(timeouts())
    }

    fn identity_schema(&self) -> Option<Schema> {
        Some(Schema::new("").attribute(string("path").required_for_import()))
    }

    fn identity(&self, state: &NoteModel) -> Option<Value> {
        Some(Value::object([("path", state.path.to_str()?.into())]))
    }

    async fn validate(&self, _: &ValidateContext, config: &Config) -> Diagnostics {
        match config.get::<String>("text") {
            Ok(Field::Known(text)) if text.contains('\0') => {
                Diagnostic::error("Invalid text", "`text`: expected no NUL character, found one.").at("text").into()
            }
            Ok(_) => Diagnostics::new(),
            Err(diagnostics) => diagnostics,
        }
    }

    fn plan(&self, cx: &PlanContext<NoteModel>, mut plan: NoteModel) -> Result<NoteModel, Diagnostics> {
        if let Some(prior) = cx.prior() {
            // A text that differs in its case alone is not worth a change.
            if prior.text.to_lowercase() == plan.text.to_lowercase() {
                plan.text.clone_from(&prior.text);
                plan.length = prior.length;
            }
            let written = plan.text != prior.text || plan.secret_version != prior.secret_version;
            plan.revision = prior.revision.map(|revision| revision + i64::from(written));
        } else {
            plan.revision = Field::Known(1);
        }
        if plan.text.is_empty() {
            cx.warn(Diagnostic::warning("Empty note", "The file will be empty.").at("text"));
        }
        Ok(plan)
    }

    async fn create(&self, cx: &Context, plan: NoteModel) -> Result<NoteModel, Failure<NoteModel>> {
        self.write(cx, &plan)?;
        match plan.mode {
            Field::Known(Mode::PartialCreate) => {
                let failed = Diagnostic::error("Note is incomplete", "The file is there, but not all of it.");
                Err(Failure::with(plan, failed))
            }
            Field::Known(Mode::PanicCreate) => panic!("on purpose, with {:?}", plan.path),
            Field::Known(Mode::Wait) => {
                tracing::info!("waits");
                let why = cx.cancelled().await;
                let failed = Diagnostic::error("Interrupted", format!("The file is there. Reason: {why:?}."));
                Err(Failure::with(plan, failed))
            }
            _ => Ok(plan),
        }
    }

    async fn read(&self, cx: &Context, state: NoteModel) -> Result<Option<NoteModel>, Diagnostics> {
        let path = cx.data::<Shared>()?.folder.join(&state.path);
        match fs::read_to_string(&path) {
            Ok(text) => {
                let length = Field::Known(text.chars().count() as i64);
                Ok(Some(NoteModel { text, length, ..state }))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(&state.path, &error)),
        }
    }

    async fn update(&self, cx: &Context, prior: NoteModel, plan: NoteModel) -> Result<NoteModel, Failure<NoteModel>> {
        if prior.mode == Field::Known(Mode::FailedUpdate) {
            return Err(Diagnostic::error("Note was not changed", "On purpose.").at("text").into());
        }
        self.write(cx, &plan)?;
        Ok(plan)
    }

    async fn delete(&self, cx: &Context, state: NoteModel) -> Result<(), Failure<NoteModel>> {
        if state.mode == Field::Known(Mode::FailedDelete) {
            return Err(Diagnostic::error("Note was not deleted", "On purpose.").into());
        }
        let path = cx.data::<Shared>()?.folder.join(&state.path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error(&state.path, &error).into()),
            _ => Ok(()),
        }
    }

    async fn import(&self, _: &Context, target: ImportTarget) -> Result<NoteModel, Diagnostics> {
        let path = match &target {
            ImportTarget::Id(id) => Some(id.as_str()),
            ImportTarget::Identity(identity) => identity.get(&Path::from("path")).and_then(Value::as_str),
        };
        let path = path.ok_or_else(|| Diagnostics::error("Unknown note", "Give the path of the file as id."))?;
        Ok(NoteModel {
            path: path.into(),
            text: String::new(),
            secret: None,
            secret_version: None,
            mode: Field::Known(Mode::Normal),
            length: Field::Null,
            revision: Field::Known(1),
            timeouts: None,
        })
    }

    async fn upgrade(&self, _: &Context, old: RawState) -> Result<NoteModel, Diagnostics> {
        let schema = Schema::new("").attribute(string("file").required()).attribute(string("text").required());
        let NoteModelV0 { file, text } = old.model(&schema)?;
        let length = Field::Known(text.chars().count() as i64);
        Ok(NoteModel {
            path: file,
            text,
            secret: None,
            secret_version: None,
            mode: Field::Known(Mode::Normal),
            length,
            revision: Field::Known(1),
            timeouts: None,
        })
    }
}

impl Note {
    fn write(&self, cx: &Context, plan: &NoteModel) -> Result<(), Diagnostics> {
        let path = cx.data::<Shared>()?.folder.join(&plan.path);
        fs::write(&path, &plan.text).map_err(|error| io_error(&plan.path, &error))?;
        let secret = cx.config().map(|config| config.get::<String>("secret")).transpose()?;
        if let Some(Field::Known(secret)) = secret {
            fs::write(path.with_extension("secret"), secret).map_err(|error| io_error(&plan.path, &error))?;
        }
        cx.update_private(|private| private.set("written", "yes"));
        Ok(())
    }
}

fn length(whole: &Value) -> Option<Value> {
    Some((whole.get(&Path::from("text"))?.as_str()?.chars().count() as i64).into())
}

fn io_error(path: &std::path::Path, error: &std::io::Error) -> Diagnostics {
    Diagnostic::error("File cannot be used", format!("{}: {error}.", path.display())).at("path").into()
}
