//! Settings of the main job: read from a file, changed by options, checked with the path of what is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use stormglass_integrations::connection::{ConnectionConfig, Connections};
use stormglass_integrations::sources::SourceConfig;
use stormglass_ops::{JobSettings, MetricSource};

use super::JobArgs;
use crate::error::CliError;

/// Everything that the main job is told.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where the load is measured.
    pub(crate) source: Source,
    /// Where the unit count is measured.
    pub(crate) units: Option<Source>,
    /// Where the load of a similar service is measured.
    pub(crate) borrow_from: Option<Source>,
    /// Connections that sources name.
    pub(crate) connections: Connections,
    /// All the rest.
    pub(crate) job: JobSettings,
}

/// Settings of a source.
#[derive(Debug)]
pub(crate) struct Source(SourceConfig);

impl Source {
    /// The source of these settings.
    pub(crate) fn open(self, setting: &str, connections: &Connections) -> Result<Box<dyn MetricSource>, CliError> {
        self.0.source(connections).map_err(|error| CliError::Usage(format!("{setting}: {error}")))
    }
}

impl Settings {
    /// Settings from the file and the options of a command line.
    pub(crate) fn read(arguments: &JobArgs) -> Result<Self, CliError> {
        let file = arguments.settings.as_deref();
        let mut all = file.map_or_else(|| Ok(Map::new()), read_file)?;
        if let Some(folder) = file.and_then(Path::parent) {
            anchor(&mut all, folder);
        }
        if arguments.names_source() {
            all.remove("source");
        }
        for (path, value) in arguments.overrides()? {
            set(&mut all, path, value)?;
        }
        let name = file.map_or_else(|| "the options".to_owned(), |path| path.display().to_string());
        Self::from_map(all).map_err(|reason| CliError::Usage(format!("{name}: {reason}")))
    }

    fn from_map(mut all: Map<String, Value>) -> Result<Self, String> {
        let source = all.remove("source").ok_or(
            "`source` is missing; expected where the load is measured, for example `source: {csv: {path: load.csv}}` or --csv load.csv",
        )?;
        let mut of_load = |name: &str| match all.get_mut("load") {
            Some(Value::Object(load)) => load.remove(name),
            _ => None,
        };
        let (units, borrow_from) = (of_load("units"), of_load("borrow_from"));
        let named: BTreeMap<String, ConnectionConfig> =
            all.remove("connection").map_or_else(|| Ok(BTreeMap::new()), parse_connections)?;
        let mut connections = Connections::default();
        for (name, config) in named {
            connections.insert(name, config);
        }
        Ok(Self {
            source: Source(parse(source, "source")?),
            units: units.map(|value| parse(value, "load.units").map(Source)).transpose()?,
            borrow_from: borrow_from.map(|value| parse(value, "load.borrow_from").map(Source)).transpose()?,
            connections,
            job: parse(Value::Object(all), "")?,
        })
    }
}

/// Reads a settings file; the suffix tells JSON from YAML.
fn read_file(path: &Path) -> Result<Map<String, Value>, CliError> {
    let wrong = |reason: String| CliError::Usage(format!("{}: {reason}", path.display()));
    let text = fs::read_to_string(path).map_err(|e| wrong(format!("the settings cannot be read: {e}")))?;
    let value: Value = if path.extension().is_some_and(|e| e == "json") {
        serde_json::from_str(&text).map_err(|e| wrong(format!("is no JSON: {e}")))?
    } else {
        serde_yaml_ng::from_str(&text).map_err(|e| wrong(format!("is no YAML: {e}")))?
    };
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(wrong(
            "expected settings such as `source: {csv: {path: load.csv}}`; a series file goes with --csv".into(),
        )),
    }
}

/// Paths of series files are relative to the settings that name them.
fn anchor(all: &mut Map<String, Value>, folder: &Path) {
    for source in ["/source", "/load/units", "/load/borrow_from"] {
        let (mut at, steps): (Option<&mut Value>, Vec<&str>) = {
            let mut steps = source.trim_start_matches('/').split('/');
            let first = steps.next().unwrap_or_default();
            (all.get_mut(first), steps.collect())
        };
        for step in steps.into_iter().chain(["csv", "path"]) {
            at = at.and_then(|value| value.get_mut(step));
        }
        if let Some(Value::String(path)) = at
            && Path::new(path.as_str()).is_relative()
        {
            *path = folder.join(path.as_str()).to_string_lossy().into_owned();
        }
    }
}

/// Sets a value by its path, making the maps on the way.
fn set(all: &mut Map<String, Value>, path: &str, value: Value) -> Result<(), CliError> {
    let (folders, name) = path.rsplit_once('.').unwrap_or(("", path));
    let mut map = all;
    for part in folders.split('.').filter(|part| !part.is_empty()) {
        let inner = map.entry(part).or_insert_with(|| Value::Object(Map::new()));
        map = match inner {
            Value::Object(inner) => inner,
            _ => {
                return Err(CliError::Usage(format!("`{part}` of {path} holds a value; expected settings with names")));
            }
        };
    }
    map.insert(name.to_owned(), value);
    Ok(())
}

/// Reads connections; an error names the path at fault and repeats no value, which may be a secret.
fn parse_connections(value: Value) -> Result<BTreeMap<String, ConnectionConfig>, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner().to_string();
        let reason = if reason.starts_with("unknown field") { reason } else { "is no text; put it in quotes".into() };
        format!("connection.{path}: {reason}")
    })
}

/// Reads settings; an error names the path at fault.
fn parse<T: DeserializeOwned>(value: Value, at: &str) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inner = error.path().to_string();
        let path = match (at, inner.as_str()) {
            (at, ".") => at.to_owned(),
            ("", inner) => inner.to_owned(),
            (at, inner) => format!("{at}.{inner}"),
        };
        let reason = error.into_inner();
        if path.is_empty() { reason.to_string() } else { format!("{path}: {reason}") }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn options_win_over_the_file() {
        let mut all = map(json!({"capacity": {"min": 1, "max": 9}}));
        set(&mut all, "capacity.min", json!(3)).unwrap();
        set(&mut all, "source.csv.path", json!("load.csv")).unwrap();
        assert_eq!(all, map(json!({"capacity": {"min": 3, "max": 9}, "source": {"csv": {"path": "load.csv"}}})));
        assert!(set(&mut all, "capacity.min.deep", json!(1)).is_err());
    }

    #[test]
    fn files_are_found_from_the_settings() {
        let mut all =
            map(json!({"source": {"csv": {"path": "load.csv"}}, "load": {"units": {"csv": {"path": "/u.csv"}}}}));
        anchor(&mut all, Path::new("here"));
        assert_eq!(all["source"]["csv"]["path"], json!("here/load.csv"));
        assert_eq!(all["load"]["units"]["csv"]["path"], json!("/u.csv"));
    }

    #[test]
    fn a_secret_of_the_wrong_kind_is_not_repeated() {
        let source = json!({"csv": {"path": "load.csv"}});
        let error = |config: Value| {
            Settings::from_map(map(json!({"source": source, "connection": {"main": config}}))).unwrap_err()
        };
        let text = error(json!({"password": 271_828}));
        assert!(text.starts_with("connection.main.password: ") && !text.contains("271828"), "{text}");
        assert!(error(json!({"pasword": "x"})).contains("unknown field `pasword`"));
    }

    #[test]
    fn errors_name_the_path() {
        let error = |value: Value| Settings::from_map(map(value)).unwrap_err();
        assert!(error(json!({})).contains("`source` is missing"));
        let source = json!({"csv": {"path": "load.csv"}});
        let text = error(json!({"source": source, "capacity": {"mni": 1}}));
        assert!(text.contains("capacity") && text.contains("mni"), "{text}");
        let text = error(json!({"source": source, "capacity": {"warm_up": "soon"}}));
        assert!(text.starts_with("capacity.warm_up:") && text.contains("90s"), "{text}");
        assert!(error(json!({"source": {"graphite": {}}})).starts_with("source"));
    }
}
