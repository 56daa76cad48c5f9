//! `source`: exactly one kind of source with its settings, as `stormglass-integrations` names them.

use serde::{Deserialize, Serialize};
use stormglass_integrations::sources::SourceConfig;
use tfplugin::diagnostics::Diagnostics;
use tfplugin::schema::{Attribute, duration, list, nested, string};
use tfplugin::validators::{self, Validate, Validator};
use tfplugin::value::{Type, Value};

use crate::attributes::job::settings;

/// The model of `source`, of `load.units` and of `borrow_from`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SourceModel {
    csv: Option<CsvModel>,
    exec: Option<ExecModel>,
    prometheus: Option<PrometheusModel>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct CsvModel {
    path: String,
    time_column: Option<String>,
    value_column: Option<String>,
    time_format: Option<String>,
    time_zone: Option<String>,
    separator: Option<String>,
    decimal: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ExecModel {
    command: Vec<String>,
    timeout: Option<String>,
    time_column: Option<String>,
    value_column: Option<String>,
    time_format: Option<String>,
    time_zone: Option<String>,
    separator: Option<String>,
    decimal: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PrometheusModel {
    connection: Option<String>,
    endpoint: Option<String>,
    query: String,
    step: Option<String>,
}

impl SourceModel {
    /// The settings of the one source that is set.
    ///
    /// # Errors
    /// What a setting has, and what was expected.
    pub(crate) fn config(&self) -> Result<SourceConfig, String> {
        settings(self)
    }
}

/// The attribute of this name that takes one source.
pub(crate) fn source_attribute(name: &str) -> Attribute {
    nested(name, [csv(), exec(), prometheus()]).validate(OneKind)
}

fn csv() -> Attribute {
    let mut attributes =
        vec![string("path").required().describe(
            "The file, from the folder in which Terraform runs; `.json` is read as JSON, `.gz` is unpacked.",
        )];
    attributes.extend(format());
    nested("csv", attributes)
        .optional()
        .describe("A stored series: a header and rows of time and value, an empty value where nothing was measured.")
}

fn exec() -> Attribute {
    let mut attributes = vec![
        list("command", Type::String).required().validate(validators::items(1, 1_000)).describe(
            "The program and its arguments; no shell. It finds the window in the environment as `STORMGLASS_FROM` and `STORMGLASS_TO`, and \
             prints what the source `csv` reads, CSV or JSON.",
        ),
        duration("timeout").optional().describe("How long it may run; `60s` by default."),
    ];
    attributes.extend(format());
    nested("exec", attributes).optional().describe("A program that prints the series.")
}

fn prometheus() -> Attribute {
    nested(
        "prometheus",
        [
            string("connection")
                .optional()
                .describe("Name of a `connection` of the provider block, which has the address and the secrets."),
            string("endpoint").optional().describe("Base address without `/api/v1`, where no connection is needed."),
            string("query")
                .required()
                .validate(validators::length(1, 100_000))
                .describe("PromQL that yields exactly one series."),
            duration("step").optional().describe("Resolution of the query; by default the step of the forecast."),
        ],
    )
    .optional()
    .describe("A Prometheus server, or one with its API: Thanos, Mimir, VictoriaMetrics.")
}

fn format() -> Vec<Attribute> {
    let one_character = || validators::length(1, 1);
    vec![
        string("time_column").optional().describe("Name of the column with times; `timestamp` by default."),
        string("value_column").optional().describe("Name of the column with values; `value` by default."),
        string("time_format")
            .optional()
            .describe("`rfc3339` (the default), `unix`, `unix_ms`, or a pattern such as `%d.%m.%Y %H:%M`."),
        string("time_zone").optional().describe("Zone of times without an offset (IANA name); `UTC` by default."),
        string("separator").optional().validate(one_character()).describe("Character between columns; `,` by default."),
        string("decimal")
            .optional()
            .validate(one_character())
            .describe("Character before the fraction; `.` by default."),
    ]
}

/// Accepts an object with exactly one kind.
struct OneKind;

impl Validator for OneKind {
    fn describe(&self) -> String {
        "exactly one kind".into()
    }

    fn check(&self, cx: &Validate<'_>) -> Diagnostics {
        let Value::Object(kinds) = cx.value else { return Diagnostics::new() };
        if kinds.iter().any(|(_, v)| v.is_unknown()) {
            return Diagnostics::new();
        }
        let set: Vec<&str> = kinds.iter().filter(|(_, v)| !v.is_null()).map(|(k, _)| k.as_str()).collect();
        if set.len() == 1 {
            return Diagnostics::new();
        }
        let known: Vec<&str> = kinds.keys().map(String::as_str).collect();
        let found = if set.is_empty() { "none".to_owned() } else { format!("`{}`", set.join("`, `")) };
        cx.invalid(&format!("exactly one of `{}`", known.join("`, `")), &found)
    }
}
