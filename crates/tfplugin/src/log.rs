//! Logs as Terraform reads them from a provider: one JSON object a line on standard error, in the form of hclog.
//!
//! Written with the macros of [`tracing`]. The level is the first set of `TF_LOG_PROVIDER_<NAME>`, `TF_LOG_PROVIDER` and
//! `TF_LOG`; unset, warnings and errors are written. Libraries below the provider are heard from `warn` on, unless the
//! level is `trace`. No line ever holds a secret that was given to [`hide`].
//!
//! Source of the form: go-hclog 1.6, `intlogger.go`; of the variables: Terraform's documentation, "Debugging".

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    io::{self, Write},
    panic,
    sync::{Mutex, PoisonError, RwLock},
};

use serde_json::{Map, Value};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};

/// Replaces a secret in a line.
const HIDDEN: &str = "(hidden)";
/// Crates whose everyday events say nothing about the provider.
const PLUMBING: [&str; 8] = ["h2", "hyper", "hyper_util", "tonic", "tower", "rustls", "tokio_rustls", "mio"];

static SECRETS: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// Starts logging for the provider of this name, and turns panics into log lines; later calls change nothing.
pub fn init(name: &str) {
    let level = level(name, |variable| std::env::var(variable).ok());
    let subscriber = HclogSubscriber { name: name.to_owned(), level, out: Mutex::new(io::stderr()) };
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        panic::set_hook(Box::new(|panic| {
            let message = panic.payload_as_str().unwrap_or("a value that is no text");
            let place = panic.location().map(ToString::to_string);
            tracing::error!(place, "panic: {message}");
        }));
    }
}

/// Hides a secret from now on in every log line and in [`redact`]; also as it looks when escaped or in a URL.
pub fn hide(secret: &str) {
    if secret.is_empty() {
        return;
    }
    let mut secrets = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
    for form in [secret.to_owned(), escaped(secret), percent_encoded(secret)] {
        if !secrets.contains(&form) {
            secrets.push(form);
        }
    }
    // The longest first: one secret may be part of another.
    secrets.sort_by_key(|form| std::cmp::Reverse(form.len()));
}

/// The text with every hidden secret replaced; for texts of others, such as errors, on their way to a person.
pub fn redact(text: &str) -> Cow<'_, str> {
    let secrets = SECRETS.read().unwrap_or_else(PoisonError::into_inner);
    let mut redacted = Cow::Borrowed(text);
    for secret in secrets.iter().filter(|secret| text.contains(secret.as_str())) {
        redacted = Cow::Owned(redacted.replace(secret.as_str(), HIDDEN));
    }
    redacted
}

fn escaped(secret: &str) -> String {
    secret.escape_debug().collect()
}

fn percent_encoded(secret: &str) -> String {
    secret.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

fn level(name: &str, variable: impl Fn(&str) -> Option<String>) -> LevelFilter {
    let own = format!("TF_LOG_PROVIDER_{}", name.to_uppercase().replace('-', "_"));
    let set =
        [own.as_str(), "TF_LOG_PROVIDER", "TF_LOG"].into_iter().find_map(|v| variable(v).filter(|s| !s.is_empty()));
    match set.map(|value| value.to_uppercase()).as_deref() {
        None | Some("WARN") => LevelFilter::WARN,
        Some("ERROR") => LevelFilter::ERROR,
        Some("INFO") => LevelFilter::INFO,
        Some("DEBUG") => LevelFilter::DEBUG,
        Some("OFF") => LevelFilter::OFF,
        // `JSON` is Terraform's word for everything; what it does not know it takes for that as well.
        Some(_) => LevelFilter::TRACE,
    }
}

struct HclogSubscriber<W> {
    name: String,
    level: LevelFilter,
    out: Mutex<W>,
}

impl<W: Write + Send + 'static> Subscriber for HclogSubscriber<W> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let crate_name = metadata.target().split("::").next().unwrap_or_default();
        let limit = if self.level < LevelFilter::TRACE && PLUMBING.contains(&crate_name) {
            self.level.min(LevelFilter::WARN)
        } else {
            self.level
        };
        metadata.is_event() && *metadata.level() <= limit
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(Map::new());
        line.0.insert("@level".into(), level_name(event.metadata().level()).into());
        line.0
            .insert("@module".into(), format!("{}.{}", self.name, event.metadata().target().replace("::", ".")).into());
        line.0.insert("@timestamp".into(), format!("{:.6}", jiff::Timestamp::now()).into());
        event.record(&mut line);
        let mut text = Value::Object(line.0).to_string();
        text.push('\n');
        // One write per line keeps lines whole; a reader that is gone is no reason to fail.
        let _ = self.out.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes());
    }

    // Spans are not written, so that one identity serves all of them.
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

fn level_name(level: &Level) -> &'static str {
    match *level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// The object of one line; every value that comes from outside passes [`redact`] before it is escaped as JSON.
struct Line(Map<String, Value>);

impl Line {
    fn text(&mut self, key: &str, text: &str) {
        let key = if key == "message" { "@message" } else { key };
        self.0.insert(key.to_owned(), redact(text).into());
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(level: LevelFilter, log: impl FnOnce()) -> Vec<Value> {
        let out = Captured::default();
        let subscriber = HclogSubscriber { name: "box".into(), level, out: Mutex::new(out.clone()) };
        tracing::subscriber::with_default(subscriber, log);
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn check_level(variables: &[(&str, &str)], want: LevelFilter) {
        let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(level("my-box", get), want, "{variables:?}");
    }

    #[test]
    fn the_level_is_that_of_the_narrowest_variable() {
        check_level(&[], LevelFilter::WARN);
        check_level(&[("TF_LOG", "debug")], LevelFilter::DEBUG);
        check_level(&[("TF_LOG", "JSON")], LevelFilter::TRACE);
        check_level(&[("TF_LOG", "TRACE"), ("TF_LOG_PROVIDER", "error")], LevelFilter::ERROR);
        check_level(&[("TF_LOG_PROVIDER", "TRACE"), ("TF_LOG_PROVIDER_MY_BOX", "off")], LevelFilter::OFF);
        check_level(&[("TF_LOG_PROVIDER", ""), ("TF_LOG", "INFO")], LevelFilter::INFO);
    }

    #[test]
    fn a_line_has_the_form_of_hclog() {
        let lines = lines(LevelFilter::INFO, || {
            tracing::info!(target: "acme::box", units = 3, ready = true, name = "a", "resized");
            tracing::debug!("not written");
            tracing::info!(target: "h2::frame", "not written");
            tracing::warn!(target: "h2::frame", "written");
        });
        assert_eq!(lines.len(), 2);
        let first = lines[0].as_object().unwrap();
        assert_eq!(first["@level"], "info");
        assert_eq!(first["@message"], "resized");
        assert_eq!(first["@module"], "box.acme.box");
        assert_eq!((&first["units"], &first["ready"], &first["name"]), (&"3".into(), &true.into(), &"a".into()));
        let timestamp = first["@timestamp"].as_str().unwrap();
        assert!(timestamp.parse::<jiff::Timestamp>().is_ok() && timestamp.len() == "2026-01-02T03:04:05.000000Z".len());
    }

    #[test]
    fn no_line_holds_a_secret() {
        hide("hunter \"2\"\n");
        hide("hunter");
        hide("");
        #[derive(Debug)]
        struct Login {
            password: &'static str,
        }
        let login = Login { password: "hunter \"2\"\n" };
        let lines = lines(LevelFilter::TRACE, || {
            tracing::error!(password = login.password, ?login, "user:{} failed", login.password);
            tracing::error!("https://user:hunter%20%222%22%0A@host refused");
            tracing::error!("hunters");
        });
        for line in &lines {
            assert!(!line.to_string().contains("hunter"), "{line}");
        }
        assert_eq!(lines[1]["@message"], "https://user:(hidden)@host refused");
        assert_eq!(lines[2]["@message"], "(hidden)s");
        assert_eq!(redact("nothing to hide"), "nothing to hide");
    }
}
