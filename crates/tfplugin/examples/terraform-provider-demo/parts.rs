//! The other parts: a data source, an ephemeral resource, a function and an action.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tfplugin::provider::{
    Action, Context, DataSource, EphemeralResource, Function, FunctionError, Opened, Progress, Signature, async_trait,
    parameter,
};
use tfplugin::schema::{Schema, int64, string};
use tfplugin::validators::range;
use tfplugin::{Diagnostic, Diagnostics, Type};

use super::Shared;

/// `data.demo_file`: what a file holds.
pub(crate) struct File;

/// Its model.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FileModel {
    path: PathBuf,
    limit: Option<usize>,
    text: Option<String>,
}

#[async_trait]
impl DataSource for File {
    type Model = FileModel;

    fn name(&self) -> &'static str {
        "demo_file"
    }

    fn schema(&self) -> Schema {
        Schema::new("Reads a file.")
            .attribute(string("path").required())
            .attribute(int64("limit").default(1000).validate(range(1, 1_000_000)))
            .attribute(string("text").computed())
    }

    async fn read(&self, cx: &Context, config: FileModel) -> Result<FileModel, Diagnostics> {
        let path = cx.data::<Shared>()?.folder.join(&config.path);
        let text = fs::read_to_string(&path).map_err(|error| {
            Diagnostic::error("File cannot be read", format!("{}: {error}.", config.path.display())).at("path")
        })?;
        let limit = config.limit.unwrap_or(usize::MAX);
        if text.chars().count() > limit {
            cx.warn(
                Diagnostic::warning("File is cut off", format!("It has more than {limit} characters.")).at("limit"),
            );
        }
        let text = Some(text.chars().take(limit).collect());
        Ok(FileModel { text, ..config })
    }
}

/// `ephemeral.demo_token`: a secret that is kept nowhere.
pub(crate) struct Token;

/// Its model.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TokenModel {
    name: String,
    value: Option<String>,
}

#[async_trait]
impl EphemeralResource for Token {
    type Model = TokenModel;

    fn name(&self) -> &'static str {
        "demo_token"
    }

    fn schema(&self) -> Schema {
        Schema::new("Makes a token.")
            .attribute(string("name").required())
            .attribute(string("value").computed().sensitive())
    }

    async fn open(&self, cx: &Context, config: TokenModel) -> Result<Opened<TokenModel>, Diagnostics> {
        let folder = cx.data::<Shared>()?.folder.clone();
        cx.update_private(|private| private.set("name", config.name.clone()));
        fs::write(folder.join(format!("{}.open", config.name)), "").map_err(|error| failed(&error))?;
        let value = Some(format!("token-of-{}", config.name));
        Ok(TokenModel { value, ..config }.into())
    }

    async fn close(&self, cx: &Context) -> Result<(), Diagnostics> {
        let private = cx.private();
        let name = String::from_utf8_lossy(private.get("name").unwrap_or_default()).into_owned();
        let folder = cx.data::<Shared>()?.folder.clone();
        fs::remove_file(folder.join(format!("{name}.open"))).map_err(|error| failed(&error).into())
    }
}

/// `provider::demo::repeat`: a text several times.
pub(crate) struct Repeat;

impl Function for Repeat {
    type Arguments = (String, usize, Vec<String>);
    type Output = String;

    fn name(&self) -> &'static str {
        "repeat"
    }

    fn signature(&self) -> Signature {
        Signature::new("Repeats a text.", Type::String)
            .parameter(parameter("text", Type::String).describe("What to repeat."))
            .parameter(parameter("times", Type::Number).describe("How often."))
            .variadic(parameter("more", Type::String).describe("What to put behind it."))
    }

    fn call(&self, (text, times, more): Self::Arguments) -> Result<String, FunctionError> {
        if times > 1000 {
            return Err(FunctionError::argument(1, format!("expected at most 1000 times, found {times}")));
        }
        Ok(text.repeat(times) + &more.concat())
    }
}

/// `action.demo_publish`: copies a note, and tells how far it got.
pub(crate) struct Publish;

/// Its model.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PublishModel {
    from: PathBuf,
    to: PathBuf,
}

#[async_trait]
impl Action for Publish {
    type Model = PublishModel;

    fn name(&self) -> &'static str {
        "demo_publish"
    }

    fn schema(&self) -> Schema {
        Schema::new("Copies a note.").attribute(string("from").required()).attribute(string("to").required())
    }

    async fn invoke(&self, cx: &Context, config: PublishModel, progress: &Progress) -> Result<(), Diagnostics> {
        let folder = cx.data::<Shared>()?.folder.clone();
        progress.say("copying").await;
        fs::copy(folder.join(config.from), folder.join(config.to)).map_err(|error| failed(&error))?;
        progress.say("copied").await;
        Ok(())
    }
}

fn failed(error: &std::io::Error) -> Diagnostic {
    Diagnostic::error("File cannot be used", format!("{error}."))
}
