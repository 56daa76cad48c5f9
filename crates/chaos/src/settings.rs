//! What a fault or a probe can be told: stated once, read from here by the parser, the documentation and Terraform's schema.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::span::{Span, parse_bytes};

/// One setting of a fault or a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether it has to be set.
    pub required: bool,
    /// What holds where it is not set, as a user would write it; `None` where nothing does.
    pub default: Option<&'static str>,
    /// What it says, one sentence.
    pub description: &'static str,
}

impl Setting {
    /// One that has to be set.
    pub const fn required(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self { name, kind, required: true, default: None, description }
    }

    /// One that may be absent.
    pub const fn open(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self { name, kind, required: false, default: None, description }
    }

    /// One with a value of its own where it is absent.
    pub const fn optional(name: &'static str, kind: Kind, default: &'static str, description: &'static str) -> Self {
        Self { name, kind, required: false, default: Some(default), description }
    }
}

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// Names with texts.
    TextMap,
    /// `host:port`.
    Address,
    /// An integer of at least nought.
    Integer,
    /// A number.
    Number,
    /// A list of numbers.
    Numbers,
    /// A number between 0 and 1.
    Share,
    /// An integer with `ms`, `s`, `m`, `h` or `d`.
    Duration,
    /// An integer with `B`, `KiB`, `MiB` or `GiB`.
    Bytes,
    /// True or false.
    Flag,
}

impl Kind {
    /// What it takes, in a few words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Word(_) => "one word",
            Self::Texts => "list of texts",
            Self::TextMap => "map of texts",
            Self::Address => "address, `host:port`",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Numbers => "list of numbers",
            Self::Share => "share, 0 to 1",
            Self::Duration => "duration",
            Self::Bytes => "bytes, such as `64MiB`",
            Self::Flag => "true or false",
        }
    }
}

/// Something wrong in an experiment: where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Problem {
    /// Where it stands, such as `method[0].latency`.
    pub path: String,
    /// What was found, what was expected, what to do.
    pub reason: String,
}

/// The settings that a user gave to one fault or probe, checked against its list as they are read.
///
/// Every getter notes what is wrong and goes on, so that all problems are told at once: [`Settings::finish`].
#[derive(Debug)]
pub struct Settings<'a> {
    at: String,
    list: &'static [Setting],
    given: BTreeMap<String, &'a Value>,
    problems: Vec<Problem>,
}

impl<'a> Settings<'a> {
    /// The settings at `at` (such as `method[0]`), without those that the engine reads itself.
    ///
    /// Unknown names and missing required ones are noted; a null counts as absent.
    pub fn new(at: &str, list: &'static [Setting], given: &'a Map<String, Value>, of_engine: &[&str]) -> Self {
        let mut settings = Self { at: at.to_owned(), list, given: BTreeMap::new(), problems: Vec::new() };
        for (name, value) in given {
            if of_engine.contains(&name.as_str()) || value.is_null() {
                continue;
            }
            if list.iter().any(|s| s.name == name) {
                settings.given.insert(name.clone(), value);
            } else {
                let known: Vec<String> = list.iter().map(|s| format!("`{}`", s.name)).collect();
                settings.problem(name, format!("is not known here; known: {}", known.join(", ")));
            }
        }
        for setting in list {
            if setting.required && !settings.given.contains_key(setting.name) {
                settings.problem(setting.name, format!("is required: {}", setting.description));
            }
        }
        settings
    }

    /// Notes a problem of the setting `name`.
    pub fn problem(&mut self, name: &str, reason: impl Into<String>) {
        self.problems.push(Problem { path: format!("{}.{name}", self.at), reason: reason.into() });
    }

    /// Whether the user set it.
    pub fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// A text, a word or an address.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let setting = self.setting(name);
        let text = match self.given.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => return self.wrong(name, &shown(other), setting.kind.words()),
            None => setting.default?.to_owned(),
        };
        match setting.kind {
            Kind::Word(words) if !words.contains(&text.as_str()) => {
                let known: Vec<String> = words.iter().map(|w| format!("`{w}`")).collect();
                self.wrong(name, &format!("`{text}`"), &format!("one of {}", known.join(", ")))
            }
            Kind::Address if !is_address(&text) => {
                self.wrong(name, &format!("`{text}`"), "`host:port`, for example `127.0.0.1:5432`")
            }
            _ if text.is_empty() => self.wrong(name, "an empty text", setting.kind.words()),
            _ => Some(text),
        }
    }

    /// A list of texts; empty where it is absent.
    pub fn texts(&mut self, name: &'static str) -> Vec<String> {
        match self.given.get(name) {
            None => Vec::new(),
            Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
                items.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
            }
            Some(other) => self.wrong(name, &shown(other), "a list of texts").unwrap_or_default(),
        }
    }

    /// Names with texts; empty where it is absent.
    pub fn text_map(&mut self, name: &'static str) -> BTreeMap<String, String> {
        match self.given.get(name) {
            None => BTreeMap::new(),
            Some(Value::Object(map)) if map.values().all(Value::is_string) => {
                map.iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
            }
            Some(other) => self.wrong(name, &shown(other), "names with texts").unwrap_or_default(),
        }
    }

    /// An integer of at least nought.
    pub fn integer(&mut self, name: &'static str) -> Option<u64> {
        let default = self.setting(name).default.and_then(|d| d.parse().ok());
        match self.given.get(name) {
            None => default,
            Some(value) => match whole(value) {
                Some(n) => Some(n),
                None => self.wrong(name, &shown(value), "an integer of at least 0"),
            },
        }
    }

    /// A number, or a share between 0 and 1.
    pub fn number(&mut self, name: &'static str) -> Option<f64> {
        let setting = self.setting(name);
        let value = match self.given.get(name) {
            None => return setting.default.and_then(|d| d.parse().ok()),
            Some(value) => *value,
        };
        match (value.as_f64().filter(|v| v.is_finite()), setting.kind) {
            (Some(share), Kind::Share) if !(0.0..=1.0).contains(&share) => {
                self.wrong(name, &shown(value), "a share between 0 and 1")
            }
            (Some(number), _) => Some(number),
            (None, kind) => self.wrong(name, &shown(value), kind.words()),
        }
    }

    /// A list of numbers; empty where it is absent.
    pub fn numbers(&mut self, name: &'static str) -> Vec<f64> {
        match self.given.get(name) {
            None => Vec::new(),
            Some(Value::Array(items)) if items.iter().all(Value::is_number) => {
                items.iter().filter_map(Value::as_f64).collect()
            }
            Some(other) => self.wrong(name, &shown(other), "a list of numbers").unwrap_or_default(),
        }
    }

    /// A duration.
    pub fn duration(&mut self, name: &'static str) -> Option<Span> {
        let text = self.plain(name)?;
        text.parse().map_err(|e: crate::span::SpanError| self.problem(name, e.to_string())).ok()
    }

    /// A number of bytes.
    pub fn bytes(&mut self, name: &'static str) -> Option<u64> {
        let text = self.plain(name)?;
        parse_bytes(&text).map_err(|e| self.problem(name, e.to_string())).ok()
    }

    /// True or false; false where it is absent and has no default.
    pub fn flag(&mut self, name: &'static str) -> bool {
        let default = self.setting(name).default == Some("true");
        match self.given.get(name) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => self.wrong(name, &shown(other), "true or false").unwrap_or(default),
        }
    }

    /// The value made of the settings, if nothing was wrong.
    ///
    /// # Errors
    /// All problems noted so far; also where `value` is `None` although none was noted.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<Problem>> {
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => {
                if self.problems.is_empty() {
                    let list: Vec<&str> = self.list.iter().map(|s| s.name).collect();
                    self.problems.push(Problem {
                        path: self.at.clone(),
                        reason: format!("is incomplete; it takes {}", list.join(", ")),
                    });
                }
                Err(self.problems)
            }
        }
    }

    /// The text of a duration or of bytes.
    fn plain(&mut self, name: &'static str) -> Option<String> {
        let setting = self.setting(name);
        match self.given.get(name) {
            None => setting.default.map(str::to_owned),
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => self.wrong(name, &shown(other), setting.kind.words()),
        }
    }

    fn setting(&self, name: &'static str) -> &'static Setting {
        self.list.iter().find(|s| s.name == name).expect("a fault or probe reads only settings of its own list")
    }

    fn wrong<T>(&mut self, name: &str, found: &str, expected: &str) -> Option<T> {
        self.problem(name, format!("is {found}; expected {expected}"));
        None
    }
}

/// A value as users wrote it, cut where it is long.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    let cut: String = text.chars().take(60).collect();
    if cut.len() < text.len() { format!("`{cut}…`") } else { format!("`{text}`") }
}

fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64()?;
        let exact = number.fract() == 0.0 && (0.0..9e15).contains(&number);
        exact.then_some(number as u64)
    })
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}
