//! Probe `prometheus`: the value of a PromQL query, now.
//!
//! The client, its sign-in and its words for what goes wrong are those of the source `prometheus`.

use std::sync::OnceLock;

use async_trait::async_trait;
use stormglass_chaos::{Kind, Probe, ProbeError, ProbeKind, Problem, Reading, Setting, Settings, Target};
use stormglass_ops::SourceError;

use crate::connection::{Connections, base_address};
use crate::sources::prometheus::{Prometheus as Source, PrometheusConfig};

/// The kind.
pub(super) struct Prometheus;

const SETTINGS: &[Setting] = &[
    Setting::required(
        "query",
        Kind::Text,
        "PromQL that yields one value; a comparison such as `up == 1` yields it only where it holds.",
    ),
    Setting::open("endpoint", Kind::Text, "Base address of the server, without `/api/v1`; or `connection`."),
    Setting::open(
        "connection",
        Kind::Text,
        "Name of a connection in the environment that has the address and the secrets: of `main` from `STORMGLASS_MAIN_ENDPOINT`.",
    ),
];

impl ProbeKind for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn summary(&self) -> &'static str {
        "Asks Prometheus, or what speaks its API, for the value of a query now; the number is that value."
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn default_tolerance(&self) -> &'static str {
        "the query yields a value"
    }

    fn read(&self, mut settings: Settings<'_>) -> Result<Box<dyn Probe>, Vec<Problem>> {
        let given = |settings: &mut Settings<'_>, name| settings.has(name).then(|| settings.text(name)).flatten();
        let query = given(&mut settings, "query");
        let (endpoint, connection) = (given(&mut settings, "endpoint"), given(&mut settings, "connection"));
        if let Some(Err(reason)) = endpoint.as_deref().map(base_address) {
            settings.problem("endpoint", reason);
        }
        match (settings.has("endpoint"), settings.has("connection")) {
            (false, false) => {
                let reason = "is not set, and `connection` is not either; expected the server's base address such as `http://127.0.0.1:9090`";
                settings.problem("endpoint", reason);
            }
            (true, true) => {
                settings.problem("endpoint", "is set beside `connection`, which has an address; set one of them")
            }
            _ => {}
        }
        let probe = query.map(|query| {
            let config = PrometheusConfig { endpoint, connection, query, step: None };
            Ask { config, source: OnceLock::new() }
        });
        settings.finish(probe).map(|probe| Box::new(probe) as Box<dyn Probe>)
    }
}

/// One query, asked again and again; the client is made with the first one.
struct Ask {
    config: PrometheusConfig,
    source: OnceLock<Result<Source, SourceError>>,
}

impl Ask {
    fn source(&self) -> Result<&Source, ProbeError> {
        let made = self.source.get_or_init(|| Source::new(self.config.clone(), &Connections::default()));
        made.as_ref()
            .map_err(|e| ProbeError { what: format!("the query `{}`", self.config.query), reason: e.to_string() })
    }
}

#[async_trait]
impl Probe for Ask {
    fn describe(&self) -> String {
        let at = self
            .config
            .endpoint
            .clone()
            .or_else(|| Some(format!("the connection `{}`", self.config.connection.as_ref()?)));
        format!("the query `{}` at {}", self.config.query, at.unwrap_or_default())
    }

    fn targets(&self) -> Vec<Target> {
        // Of a connection that is not there nothing is reached.
        self.source().map(|source| Target::Address(source.address())).into_iter().collect()
    }

    async fn measure(&self) -> Result<Reading, ProbeError> {
        let value = self.source()?.instant().await;
        match value.map_err(|e| ProbeError { what: self.describe(), reason: reason(&e) })? {
            Some(value) => {
                let text = Some(value.to_string());
                Ok(Reading { number: Some(value), text, ok: true, summary: format!("value {value}") })
            }
            None => Ok(Reading { number: None, text: None, ok: false, summary: "no value".to_owned() }),
        }
    }
}

/// Without the words that say what was asked: they stand before it.
fn reason(error: &SourceError) -> String {
    match error {
        SourceError::Unreachable { reason, .. } | SourceError::Invalid { reason, .. } => reason.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: &Value) -> Result<Box<dyn Probe>, String> {
        let settings = Settings::new("probe[0]", SETTINGS, value.as_object().unwrap(), &[]);
        Prometheus.read(settings).map_err(|p| p[0].to_string())
    }

    #[test]
    fn the_address_is_what_the_radius_is_held_against() {
        let probe = read(&json!({ "query": "up", "endpoint": "http://127.0.0.1:9090/prometheus" })).unwrap();
        assert_eq!(probe.targets(), [Target::Address("127.0.0.1:9090".to_owned())]);
        assert_eq!(probe.describe(), "the query `up` at http://127.0.0.1:9090/prometheus");
        let probe = read(&json!({ "query": "up", "connection": "no-such-one" })).unwrap();
        assert!(probe.targets().is_empty());
    }

    #[test]
    fn wrong_settings_are_told_apart() {
        for (settings, expected) in [
            (
                json!({ "endpoint": "http://127.0.0.1:1" }),
                "probe[0].query: is required: PromQL that yields one value; a comparison such as `up == 1` yields it only where it holds.",
            ),
            (
                json!({ "query": "up" }),
                "probe[0].endpoint: is not set, and `connection` is not either; expected the server's base address such as `http://127.0.0.1:9090`",
            ),
            (
                json!({ "query": "up", "endpoint": "127.0.0.1:9090" }),
                "probe[0].endpoint: is no address (relative URL without a base); expected a base address such as `https://prometheus.example.com`",
            ),
            (
                json!({ "query": "up", "endpoint": "http://a", "connection": "b" }),
                "probe[0].endpoint: is set beside `connection`, which has an address; set one of them",
            ),
        ] {
            assert_eq!(read(&settings).err().unwrap(), expected);
        }
    }
}
