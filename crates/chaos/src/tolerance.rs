//! What a reading is held against: a range, a pattern, a place in a JSON answer, the value before.

use regex::Regex;
use serde_json::{Map, Value};
use serde_json_path::JsonPath;

use crate::probe::Reading;
use crate::settings::{Kind, Problem, Setting, Settings};

/// A probe's tolerance; without any part the probe's own judgment holds.
#[derive(Debug, Default, Clone)]
pub struct Tolerance {
    path: Option<JsonPath>,
    equals: Option<Value>,
    range: Option<(f64, f64)>,
    relative: Option<f64>,
    regex: Option<Regex>,
}

/// What `tolerance` takes; every part that is set has to hold.
pub const TOLERANCE: &[Setting] = &[
    Setting::open("status", Kind::Numbers, "One number, or the lowest and the highest, that the probe may measure."),
    Setting::open("range", Kind::Numbers, "The same as `status`, for probes whose number is no status."),
    Setting::open("relative", Kind::Number, "Share by which the number may differ from the one before the faults."),
    Setting::open("regex", Kind::Text, "Regular expression that the text has to match somewhere."),
    Setting::open(
        "json_path",
        Kind::Text,
        "JSONPath (RFC 9535) into the text; the other parts hold what it selects first.",
    ),
    Setting::open(
        "equals",
        Kind::Text,
        "Value that `json_path` has to select; without it, selecting anything is enough.",
    ),
];

impl Tolerance {
    /// Reads `tolerance` at `at`; `None` and null are no tolerance.
    ///
    /// # Errors
    /// All that is wrong in it.
    pub fn read(at: &str, given: Option<&Value>) -> Result<Self, Vec<Problem>> {
        let empty = Map::new();
        let map = match given {
            None | Some(Value::Null) => &empty,
            Some(Value::Object(map)) if map.values().any(|v| !v.is_null()) => map,
            Some(other) => return Err(vec![wrong(at, other)]),
        };
        let mut settings = Settings::new(at, TOLERANCE, map, &["status", "range", "equals"]);
        let status = range(&mut settings, map, "status");
        let measured = range(&mut settings, map, "range");
        if status.is_some() && measured.is_some() {
            settings.problem("range", "is set beside `status`, which is the same; keep one");
        }
        let relative = settings.number("relative");
        if relative.is_some_and(|share| share < 0.0) {
            settings.problem("relative", "is below 0; expected a share such as 0.2");
        }
        let regex = settings.text("regex").and_then(|text| match Regex::new(&text) {
            Ok(regex) => Some(regex),
            Err(error) => {
                let why = error.to_string();
                let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                settings.problem("regex", format!("is `{text}`, which is no regular expression: {last}"));
                None
            }
        });
        let path = settings.text("json_path").and_then(|text| match JsonPath::parse(&text) {
            Ok(path) => Some(path),
            Err(error) => {
                settings.problem("json_path", format!("is `{text}`, which is no JSONPath: {error}"));
                None
            }
        });
        let equals = map.get("equals").filter(|v| !v.is_null()).cloned();
        if equals.is_some() && path.is_none() && !settings.has("json_path") {
            settings.problem("equals", "needs `json_path`, which says where the value stands");
        }
        settings.finish(Some(Self { path, equals, range: status.or(measured), relative, regex }))
    }

    /// Whether the reading is within, and in a few words why not. `before` is the number measured before the faults.
    ///
    /// # Errors
    /// What was measured and what was expected.
    pub fn judge(&self, reading: &Reading, before: Option<f64>) -> Result<(), String> {
        let mut number = reading.number;
        let mut text = reading.text.clone();
        if let Some(path) = &self.path {
            let body = reading.json().ok_or("the answer is no JSON, which `json_path` reads")?;
            let found = path.query(&body).first().ok_or_else(|| format!("`{path}` selects nothing"))?.clone();
            if let Some(expected) = &self.equals
                && !same(&found, expected)
            {
                return Err(format!("`{path}` is {found}; expected {expected}"));
            }
            number = found.as_f64();
            text = Some(found.as_str().map_or_else(|| found.to_string(), str::to_owned));
        }
        if let Some((low, high)) = self.range {
            let value = number.ok_or("no number was measured")?;
            if !(low..=high).contains(&value) {
                return Err(format!("measured {value}; expected {low} to {high}"));
            }
        }
        if let Some(share) = self.relative
            && let Some(before) = before
        {
            let value = number.ok_or("no number was measured")?;
            if (value - before).abs() > share * before.abs() {
                return Err(format!("measured {value}; expected {before} give or take {} %", share * 100.0));
            }
        }
        if let Some(regex) = &self.regex
            && !regex.is_match(text.as_deref().unwrap_or_default())
        {
            return Err(format!("the text does not match `{regex}`"));
        }
        let none = self.path.is_none() && self.range.is_none() && self.relative.is_none() && self.regex.is_none();
        if none && !reading.ok { Err(reading.summary.clone()) } else { Ok(()) }
    }

    /// The number that a later reading is compared with: what `relative` looks at.
    pub fn number(&self, reading: &Reading) -> Option<f64> {
        match &self.path {
            Some(path) => path.query(&reading.json()?).first()?.as_f64(),
            None => reading.number,
        }
    }
}

/// `x` or `[low, high]`.
fn range(settings: &mut Settings<'_>, map: &Map<String, Value>, name: &'static str) -> Option<(f64, f64)> {
    let value = map.get(name).filter(|v| !v.is_null())?;
    let bounds: Option<Vec<f64>> = match value {
        Value::Array(items) => items.iter().map(Value::as_f64).collect(),
        one => one.as_f64().map(|v| vec![v]),
    };
    match bounds.as_deref() {
        Some([one]) => Some((*one, *one)),
        Some([low, high]) if low <= high => Some((*low, *high)),
        _ => {
            settings.problem(
                name,
                format!("is `{value}`; expected one number, or the lowest and the highest, `[200, 299]`"),
            );
            None
        }
    }
}

/// Equal, with numbers compared as numbers and a text accepted for a number or a flag that reads the same (HCL and shells
/// have texts alone).
fn same(found: &Value, expected: &Value) -> bool {
    match (found.as_f64(), expected.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => found == expected || expected.as_str().map(str::to_owned) == Some(found.to_string()),
    }
}

fn wrong(at: &str, found: &Value) -> Problem {
    let known: Vec<&str> = TOLERANCE.iter().map(|s| s.name).collect();
    Problem { path: at.to_owned(), reason: format!("is `{found}`; expected some of {}", known.join(", ")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reading(number: f64, text: &str) -> Reading {
        Reading { number: Some(number), text: Some(text.to_owned()), ok: true, summary: format!("status {number}") }
    }

    fn tolerance(value: Value) -> Tolerance {
        Tolerance::read("t", Some(&value)).unwrap()
    }

    #[test]
    fn every_part_has_to_hold() {
        let both = tolerance(json!({"status": [200, 299], "regex": "^ok"}));
        assert_eq!(both.judge(&reading(204.0, "ok"), None), Ok(()));
        assert_eq!(both.judge(&reading(503.0, "ok"), None), Err("measured 503; expected 200 to 299".to_owned()));
        assert_eq!(both.judge(&reading(200.0, "no"), None), Err("the text does not match `^ok`".to_owned()));
    }

    #[test]
    fn a_json_path_selects_what_the_rest_holds() {
        let body = r#"{"db": {"state": "up", "lag": 3}, "n": true}"#;
        assert_eq!(
            tolerance(json!({"json_path": "$.db.lag", "range": [0, 5]})).judge(&reading(500.0, body), None),
            Ok(())
        );
        let state = tolerance(json!({"json_path": "$.db.state", "equals": "down"}));
        assert_eq!(
            state.judge(&reading(200.0, body), None),
            Err("`$.db.state` is \"up\"; expected \"down\"".to_owned())
        );
        assert_eq!(tolerance(json!({"json_path": "$.n", "equals": "true"})).judge(&reading(1.0, body), None), Ok(()));
        assert!(tolerance(json!({"json_path": "$.none"})).judge(&reading(1.0, body), None).is_err());
        assert!(tolerance(json!({"json_path": "$.n"})).judge(&reading(1.0, "<html>"), None).is_err());
    }

    #[test]
    fn relative_looks_at_the_value_before() {
        let near = tolerance(json!({"relative": 0.5}));
        assert_eq!(near.judge(&reading(14.0, ""), Some(10.0)), Ok(()));
        assert!(near.judge(&reading(16.0, ""), Some(10.0)).unwrap_err().contains("expected 10 give or take 50 %"));
        assert_eq!(near.judge(&reading(16.0, ""), None), Ok(()));
    }

    #[test]
    fn without_a_tolerance_the_probe_judges() {
        let bad = Reading { ok: false, ..reading(503.0, "") };
        assert_eq!(Tolerance::default().judge(&bad, None), Err("status 503".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_told_where_it_stands() {
        let problems = |v: Value| {
            let problems = Tolerance::read("p.tolerance", Some(&v)).unwrap_err();
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        assert!(
            problems(json!({"status": [300, 200]}))
                .starts_with("p.tolerance.status: is `[300,200]`; expected one number")
        );
        assert!(problems(json!({"regex": "("})).contains("no regular expression: unclosed group"));
        assert!(problems(json!({"json_path": "db"})).contains("p.tolerance.json_path: is `db`, which is no JSONPath"));
        assert!(problems(json!({"equals": 1})).contains("needs `json_path`"));
        assert!(problems(json!({"sattus": 200})).contains("is not known here; known: `status`"));
        assert!(problems(json!({})).contains("expected some of status, range"));
        assert!(problems(json!("200")).contains("is `\"200\"`"));
    }
}
