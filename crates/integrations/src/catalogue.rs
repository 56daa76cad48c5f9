//! Every source, target and setting of a connection, in one list: the documentation and the words of errors come from it.
//!
//! A test holds it to the settings' types, so that neither can have what the other lacks.

/// One source or target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its name in configurations.
    pub name: &'static str,
    /// What it is, one sentence.
    pub summary: &'static str,
    /// What can be set.
    pub settings: &'static [Setting],
}

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether it has to be set.
    pub required: bool,
    /// What holds where it is not set; `None` where nothing does.
    pub default: Option<&'static str>,
    /// What it says, one sentence.
    pub description: &'static str,
}

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// One character.
    Character,
    /// A list of texts.
    Texts,
    /// An integer with `s`, `m`, `h` or `d`.
    Duration,
    /// A text that is shown nowhere.
    Secret,
}

/// Every source, by name.
pub const SOURCES: &[Entry] = &[
    Entry {
        name: "csv",
        summary: "A series stored in a file: CSV with a header, or JSON; gzip by suffix.",
        settings: &[
            required("path", Kind::Text, "The file; `.json` is read as JSON, `.gz` is unpacked."),
            TIME_COLUMN,
            VALUE_COLUMN,
            TIME_FORMAT,
            TIME_ZONE,
            SEPARATOR,
            DECIMAL,
        ],
    },
    Entry {
        name: "exec",
        summary: "A program that prints a series as the source `csv` reads it, CSV or JSON; no shell.",
        settings: &[
            required(
                "command",
                Kind::Texts,
                "The program and its arguments; it finds the window in `STORMGLASS_FROM` and `STORMGLASS_TO`.",
            ),
            optional("timeout", Kind::Duration, "1m", "How long it may run; then it is ended with its children."),
            TIME_COLUMN,
            VALUE_COLUMN,
            TIME_FORMAT,
            TIME_ZONE,
            SEPARATOR,
            DECIMAL,
        ],
    },
    Entry {
        name: "prometheus",
        summary: "A range query to Prometheus, or to what speaks its API: Thanos, Mimir, VictoriaMetrics.",
        settings: &[
            open("connection", Kind::Text, "Name of the connection that has the address and the secrets."),
            open("endpoint", Kind::Text, "Base address without `/api/v1`, where no connection has it."),
            required(
                "query",
                Kind::Text,
                "PromQL that yields exactly one series; of a counter its rate, for example `sum(rate(http_requests_total[5m]))`.",
            ),
            open("step", Kind::Duration, "Time between two points; the step of the forecast, or `5m`."),
        ],
    },
];

/// Every target, by name.
pub const TARGETS: &[Entry] = &[Entry {
    name: "file",
    summary: "A schedule file for whatever on the platform reads it; replaced at once, its permissions kept.",
    settings: &[required("path", Kind::Text, "The file; it ends in `.json`, `.yaml` or `.yml`.")],
}];

/// The settings of a connection.
pub const CONNECTION: &[Setting] = &[
    open("endpoint", Kind::Text, "Base address of the service, without user name and password."),
    open("username", Kind::Text, "User name for basic authentication."),
    open("password", Kind::Secret, "Password for basic authentication."),
    open("bearer_token", Kind::Secret, "Token sent as `Authorization: Bearer`, instead of user name and password."),
    open("client_certificate", Kind::Text, "Client certificate for mutual TLS: PEM, or the path of a PEM file."),
    open("client_key", Kind::Secret, "Its private key: PEM, or the path of a PEM file."),
    open("ca_certificate", Kind::Text, "Authorities to trust instead of the system's: PEM, or the path of a PEM file."),
    open("tenant", Kind::Text, "Tenant, sent as `X-Scope-OrgID` (Mimir, Thanos, Loki)."),
    open("proxy", Kind::Secret, "Proxy to go through; else what `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say."),
    open("timeout", Kind::Duration, "How long one request may take, `2m` where it is not set."),
];

const TIME_COLUMN: Setting = optional("time_column", Kind::Text, "timestamp", "Name of the column with times.");
const VALUE_COLUMN: Setting = optional("value_column", Kind::Text, "value", "Name of the column with values.");
const TIME_FORMAT: Setting = optional(
    "time_format",
    Kind::Text,
    "rfc3339",
    "`rfc3339`, `unix` (seconds), `unix_ms`, or a pattern such as `%d.%m.%Y %H:%M`.",
);
const TIME_ZONE: Setting =
    optional("time_zone", Kind::Text, "UTC", "Zone of times without an offset, an IANA name such as `Europe/Berlin`.");
const SEPARATOR: Setting = optional("separator", Kind::Character, ",", "Character between columns.");
const DECIMAL: Setting = optional("decimal", Kind::Character, ".", "Character before the fraction.");

const fn required(name: &'static str, kind: Kind, description: &'static str) -> Setting {
    Setting { name, kind, required: true, default: None, description }
}

const fn open(name: &'static str, kind: Kind, description: &'static str) -> Setting {
    Setting { name, kind, required: false, default: None, description }
}

const fn optional(name: &'static str, kind: Kind, default: &'static str, description: &'static str) -> Setting {
    Setting { name, kind, required: false, default: Some(default), description }
}

/// The words for a name that is not in the list.
///
/// ```
/// use stormglass_integrations::catalogue::{SOURCES, unknown};
/// assert_eq!(unknown("source", "promtheus", SOURCES), "unknown source `promtheus`, known: `csv`, `exec`, `prometheus`");
/// ```
pub fn unknown(what: &str, name: &str, known: &[Entry]) -> String {
    let names: Vec<String> = known.iter().map(|entry| format!("`{}`", entry.name)).collect();
    format!("unknown {what} `{name}`, known: {}", names.join(", "))
}

/// The list as a page of documentation, in Markdown.
pub fn markdown() -> String {
    let mut page =
        "# Sources, targets and connections\n\nWhere load is measured, and where capacity is set. Settings have \
        these names wherever they are written: in Terraform, in the command's settings file, in JSON.\n"
            .to_owned();
    for (title, entries) in [("Sources", SOURCES), ("Targets", TARGETS)] {
        page.push_str(&format!("\n## {title}\n"));
        for Entry { name, summary, settings } in entries {
            page.push_str(&format!("\n### `{name}`\n\n{summary}\n\n"));
            table(&mut page, settings);
        }
    }
    page.push_str(
        "\n## Connections\n\nA connection has a name, an address and the way to sign in; a source names it and holds no \
         secret. What a connection does not set is taken from the environment: the `bearer_token` of the connection \
         `main-eu` from `STORMGLASS_MAIN_EU_BEARER_TOKEN`, or from the file that `STORMGLASS_MAIN_EU_BEARER_TOKEN_FILE` \
         names. A connection may live in the environment alone.\n\n",
    );
    table(&mut page, CONNECTION);
    page
}

fn table(page: &mut String, settings: &[Setting]) {
    page.push_str("| setting | takes | default | |\n|---|---|---|---|\n");
    for Setting { name, kind, required, default, description } in settings {
        let default = match (required, default) {
            (true, _) => "required".to_owned(),
            (false, Some(default)) => format!("`{default}`"),
            (false, None) => String::new(),
        };
        page.push_str(&format!("| `{name}` | {} | {default} | {description} |\n", kind.words()));
    }
}

impl Kind {
    /// What it takes, in a word or two.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Character => "one character",
            Self::Texts => "list of texts",
            Self::Duration => "duration",
            Self::Secret => "secret text",
        }
    }

    #[cfg(test)]
    fn example(self) -> serde_json::Value {
        match self {
            Self::Text | Self::Secret => "x.json".into(),
            Self::Character => ";".into(),
            Self::Texts => vec!["x"].into(),
            Self::Duration => "9m".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::connection::ConnectionConfig;
    use crate::sources::SourceConfig;
    use crate::targets::TargetConfig;

    /// Reads the settings that an entry names, and gives back all that their type has.
    fn read<T: DeserializeOwned + Serialize>(
        entry: &Entry,
        chosen: impl Fn(&Setting) -> bool,
    ) -> Result<Map<String, Value>, String> {
        let settings: Map<String, Value> =
            entry.settings.iter().filter(|s| chosen(s)).map(|s| (s.name.to_owned(), s.kind.example())).collect();
        let config: T =
            serde_json::from_value(json!({ entry.name: settings })).map_err(|e| format!("{}: {e}", entry.name))?;
        let text = serde_json::to_value(&config).unwrap();
        Ok(text[entry.name].as_object().unwrap().clone())
    }

    fn check_settings<T: DeserializeOwned + Serialize>(entries: &[Entry]) {
        for entry in entries {
            let all = read::<T>(entry, |_| true).unwrap();
            let of_type: BTreeSet<&str> = all.keys().map(String::as_str).collect();
            let listed: BTreeSet<&str> = entry.settings.iter().map(|s| s.name).collect();
            assert_eq!(listed, of_type, "{}", entry.name);
            let least = read::<T>(entry, |s| s.required).unwrap();
            for setting in entry.settings {
                if setting.required {
                    assert!(
                        read::<T>(entry, |s| s.required && s.name != setting.name).is_err(),
                        "{}.{}",
                        entry.name,
                        setting.name
                    );
                } else {
                    let default = setting.default.map_or(Value::Null, Value::from);
                    assert_eq!(least[setting.name], default, "{}.{}", entry.name, setting.name);
                }
            }
        }
    }

    fn check_names<T: DeserializeOwned>(entries: &[Entry]) {
        let Err(error) = serde_json::from_value::<T>(json!({"no such": {}})) else { panic!("an unknown name is read") };
        let known: Vec<String> = error.to_string().split('`').skip(3).step_by(2).map(str::to_owned).collect();
        let listed: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
        assert_eq!(listed, known, "{error}");
    }

    #[test]
    fn the_list_has_what_the_types_have() {
        check_settings::<SourceConfig>(SOURCES);
        check_settings::<TargetConfig>(TARGETS);
        let connection = serde_json::to_value(ConnectionConfig::default()).unwrap();
        let of_type: BTreeSet<&str> = connection.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(CONNECTION.iter().map(|s| s.name).collect::<BTreeSet<_>>(), of_type);
        check_names::<SourceConfig>(SOURCES);
        check_names::<TargetConfig>(TARGETS);
    }

    #[test]
    fn the_page_of_documentation_is_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, markdown()).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == markdown(),
            "docs/settings.md is not what the catalogue says; run the test with UPDATE_DOCS=1"
        );
    }
}
