//! Probe `file`: what a file says, how large it is, or how long ago it changed.

use std::time::SystemTime;

use async_trait::async_trait;
use stormglass_chaos::{Kind, Probe, ProbeError, ProbeKind, Problem, Reading, Setting, Settings, Target};
use tokio::io::AsyncReadExt;

use super::LONGEST;

/// The kind.
pub(super) struct File;

const SETTINGS: &[Setting] = &[
    Setting::required("path", Kind::Text, "The file, by its absolute path."),
    Setting::optional(
        "measure",
        Kind::Word(&["content", "size", "age"]),
        "content",
        "What the number is: the content, where it is a number; the size in bytes; the seconds since the last change.",
    ),
];

impl ProbeKind for File {
    fn name(&self) -> &'static str {
        "file"
    }

    fn summary(&self) -> &'static str {
        "Reads a file; the text is its content, of which 1 MiB is read, the number what `measure` says."
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn default_tolerance(&self) -> &'static str {
        "the file exists"
    }

    fn read(&self, mut settings: Settings<'_>) -> Result<Box<dyn Probe>, Vec<Problem>> {
        let path = if settings.has("path") { settings.text("path") } else { None };
        if let Some(path) = path.as_deref().filter(|p| !p.starts_with('/')) {
            settings.problem("path", format!("is `{path}`; expected an absolute path"));
        }
        let measure = settings.text("measure").map(|word| match word.as_str() {
            "size" => Measure::Size,
            "age" => Measure::Age,
            _ => Measure::Content,
        });
        let probe = path.zip(measure).map(|(path, measure)| Look { path, measure });
        settings.finish(probe).map(|probe| Box::new(probe) as Box<dyn Probe>)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Content,
    Size,
    Age,
}

/// One file, looked at again and again.
struct Look {
    path: String,
    measure: Measure,
}

#[async_trait]
impl Probe for Look {
    fn describe(&self) -> String {
        format!("the file {}", self.path)
    }

    fn targets(&self) -> Vec<Target> {
        // Reading a file reaches nobody and changes nothing.
        Vec::new()
    }

    async fn measure(&self) -> Result<Reading, ProbeError> {
        let error = |reason: String| ProbeError { what: self.describe(), reason };
        let about = match tokio::fs::metadata(&self.path).await {
            Ok(about) => about,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Reading { number: None, text: None, ok: false, summary: "does not exist".to_owned() });
            }
            Err(e) => return Err(error(e.to_string())),
        };
        // A pipe or a device could keep its reader for ever.
        if !about.is_file() {
            return Err(error("is not a regular file".to_owned()));
        }
        let reading = |number: f64, unit: &str| Reading {
            number: Some(number),
            text: None,
            ok: true,
            summary: format!("{number}{unit}"),
        };
        match self.measure {
            Measure::Size => Ok(reading(about.len() as f64, " bytes")),
            Measure::Age => {
                let changed = about.modified().map_err(|e| error(e.to_string()))?;
                // A change in the future, by another clock, is no time ago.
                let age = SystemTime::now().duration_since(changed).unwrap_or_default();
                Ok(reading((age.as_secs_f64() * 1e3).round() / 1e3, " s old"))
            }
            Measure::Content => {
                let file = tokio::fs::File::open(&self.path).await.map_err(|e| error(e.to_string()))?;
                let mut bytes = Vec::new();
                file.take(LONGEST as u64).read_to_end(&mut bytes).await.map_err(|e| error(e.to_string()))?;
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let number = text.trim().parse().ok().filter(|n: &f64| n.is_finite());
                let summary = number.map_or_else(|| format!("{} bytes", bytes.len()), |n| n.to_string());
                Ok(Reading { number, text: Some(text), ok: true, summary })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    fn read(value: &Value) -> Result<Box<dyn Probe>, String> {
        let settings = Settings::new("probe[0]", SETTINGS, value.as_object().unwrap(), &[]);
        File.read(settings).map_err(|p| p[0].to_string())
    }

    #[tokio::test]
    async fn content_size_and_age_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let measure = async |what: &str| {
            let probe = read(&json!({ "path": path, "measure": what })).unwrap();
            probe.measure().await.unwrap()
        };
        let absent = measure("content").await;
        assert_eq!((absent.ok, absent.number, absent.summary.as_str()), (false, None, "does not exist"));
        std::fs::write(&path, " 42.5\n").unwrap();
        let number = measure("content").await;
        assert_eq!((number.number, number.text.as_deref(), number.ok), (Some(42.5), Some(" 42.5\n"), true));
        std::fs::write(&path, "ready").unwrap();
        let text = measure("content").await;
        assert_eq!((text.number, text.summary.as_str()), (None, "5 bytes"));
        assert_eq!(measure("size").await.number, Some(5.0));
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3_600)).unwrap();
        assert!(measure("age").await.number.is_some_and(|age| age >= 3_600.0));
        file.set_modified(SystemTime::now() + Duration::from_secs(3_600)).unwrap();
        assert_eq!(measure("age").await.number, Some(0.0));
        let large = vec![b'x'; LONGEST + 1];
        std::fs::write(&path, large).unwrap();
        assert_eq!(measure("content").await.text.map(|t| t.len()), Some(LONGEST));
        assert_eq!(measure("size").await.number, Some((LONGEST + 1) as f64));
    }

    #[tokio::test]
    async fn what_is_no_file_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let probe = read(&json!({ "path": folder.path() })).unwrap();
        let said = probe.measure().await.unwrap_err().to_string();
        assert_eq!(said, format!("the file {}: is not a regular file", folder.path().display()));
        assert!(probe.targets().is_empty());
        for (settings, expected) in [
            (json!({}), "probe[0].path: is required: The file, by its absolute path."),
            (json!({ "path": "x" }), "probe[0].path: is `x`; expected an absolute path"),
            (
                json!({ "path": "/x", "measure": "mode" }),
                "probe[0].measure: is `mode`; expected one of `content`, `size`, `age`",
            ),
        ] {
            assert_eq!(read(&settings).err().unwrap(), expected);
        }
    }
}
