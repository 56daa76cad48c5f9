//! Named connections: where a service is and how one signs in. Secrets live here alone; a source names its connection.
//!
//! What a connection does not set is looked for in the environment, as `STORMGLASS_<NAME>_<SETTING>`, or in the file that
//! `STORMGLASS_<NAME>_<SETTING>_FILE` names: the bearer token of the connection `main-eu` in
//! `STORMGLASS_MAIN_EU_BEARER_TOKEN`. A connection may live in the environment alone.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use stormglass_ops::SourceError;
use stormglass_ops::duration::Span;
use url::Url;

use crate::http::Http;
use crate::secret::Secret;

/// How long one request may take where `timeout` is not set: as long as Prometheus lets a query run.
pub const DEFAULT_TIMEOUT: Span = Span::seconds(120);

/// Settings of a connection, the same in the provider's `connection` and in the environment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionConfig {
    /// Base address of the service, without user name and password.
    pub endpoint: Option<String>,
    /// User name for basic authentication.
    pub username: Option<String>,
    /// Password for basic authentication.
    pub password: Option<Secret>,
    /// Token sent as `Authorization: Bearer`.
    pub bearer_token: Option<Secret>,
    /// Client certificate for mutual TLS: PEM, or the path of a PEM file.
    pub client_certificate: Option<String>,
    /// Its private key: PEM, or the path of a PEM file.
    pub client_key: Option<Secret>,
    /// Certificates of the authorities to trust instead of the system's: PEM, or the path of a PEM file.
    pub ca_certificate: Option<String>,
    /// Tenant, sent as `X-Scope-OrgID` (Mimir, Thanos, Loki).
    pub tenant: Option<String>,
    /// Proxy to go through, which may hold a password; by default what `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say.
    pub proxy: Option<Secret>,
    /// How long one request may take; `2m` by default.
    pub timeout: Option<Span>,
}

/// A setting of a connection that cannot work; it never tells a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {reason}")]
pub struct ConnectionError {
    /// Setting at fault, for example `connection.main.password`.
    pub setting: String,
    /// What was found, what was expected and what to do.
    pub reason: String,
}

impl ConnectionError {
    pub(crate) fn new(name: &str, setting: &str, reason: impl Into<String>) -> Self {
        let setting = if name.is_empty() { setting.to_owned() } else { format!("connection.{name}.{setting}") };
        Self { setting, reason: reason.into() }
    }
}

impl From<ConnectionError> for SourceError {
    fn from(error: ConnectionError) -> Self {
        SourceError::Setting { setting: error.setting, reason: error.reason }
    }
}

/// All connections by name, and one client for each that its users share.
#[derive(Default)]
pub struct Connections {
    configured: BTreeMap<String, ConnectionConfig>,
    opened: Mutex<BTreeMap<String, Connection>>,
}

/// A connection whose settings are checked, and its client.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Its base address, if it has one.
    pub endpoint: Option<String>,
    /// Its client.
    pub http: Http,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.configured).finish()
    }
}

impl Connections {
    /// Adds a connection, or replaces the one of this name; it is checked when it is opened.
    pub fn insert(&mut self, name: String, config: ConnectionConfig) {
        self.opened.get_mut().unwrap_or_else(PoisonError::into_inner).remove(&name);
        self.configured.insert(name, config);
    }

    /// The connection of this name, completed by the environment.
    ///
    /// # Errors
    /// A name that neither the configuration nor the environment has, and settings that cannot work.
    pub fn open(&self, name: &str) -> Result<Connection, ConnectionError> {
        self.kept(name, || self.resolve(name, &|variable| std::env::var(variable).ok()))
    }

    /// A client that signs in nowhere.
    ///
    /// # Errors
    /// Where no client can be made at all.
    pub fn anonymous(&self) -> Result<Http, ConnectionError> {
        // No connection has the empty name.
        self.kept("", || Ok(ConnectionConfig::default())).map(|connection| connection.http)
    }

    fn kept(
        &self,
        name: &str,
        config: impl FnOnce() -> Result<ConnectionConfig, ConnectionError>,
    ) -> Result<Connection, ConnectionError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = opened.get(name) {
            return Ok(connection.clone());
        }
        let config = config()?;
        let connection = Connection { http: Http::new(name, &config)?, endpoint: config.endpoint };
        opened.insert(name.to_owned(), connection.clone());
        Ok(connection)
    }

    fn resolve(
        &self,
        name: &str,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<ConnectionConfig, ConnectionError> {
        if name.is_empty() {
            return Err(ConnectionError::new("", "connection", "is empty; expected the name of a connection"));
        }
        let variables = Variables { name, environment };
        let config = variables.complete(self.configured.get(name).cloned().unwrap_or_default())?;
        if config == ConnectionConfig::default() && !self.configured.contains_key(name) {
            let known: Vec<&str> = self.configured.keys().map(String::as_str).collect();
            let known =
                if known.is_empty() { "there is none".into() } else { format!("there is `{}`", known.join("`, `")) };
            let variable = variables.variable("endpoint");
            let reason = format!(
                "no connection has this name, {known}; add it to the provider's `connection`, or set {variable}"
            );
            return Err(ConnectionError { setting: format!("connection.{name}"), reason });
        }
        check(name, &config)?;
        Ok(config)
    }
}

/// A base address: `http` or `https`, without user name, password, query and fragment.
///
/// # Errors
/// What is wrong with it and what was expected; the text is not repeated, as it may hold a password.
pub fn base_address(text: &str) -> Result<Url, String> {
    const EXPECTED: &str = "expected a base address such as `https://prometheus.example.com`";
    let url = Url::parse(text).map_err(|e| format!("is no address ({e}); {EXPECTED}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!("does not begin with http:// or https://; {EXPECTED}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or a password; put them into a connection's `username` and `password`".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("has a query or a fragment; {EXPECTED}"));
    }
    Ok(url)
}

fn check(name: &str, config: &ConnectionConfig) -> Result<(), ConnectionError> {
    if let Some(Err(reason)) = config.endpoint.as_deref().map(base_address) {
        return Err(ConnectionError::new(name, "endpoint", reason));
    }
    for (one, has_one, other, has_other) in [
        ("username", config.username.is_some(), "password", config.password.is_some()),
        ("client_certificate", config.client_certificate.is_some(), "client_key", config.client_key.is_some()),
    ] {
        if has_one != has_other {
            let (set, missing) = if has_one { (one, other) } else { (other, one) };
            let reason = format!("is not set, but `{set}` is; set both or neither");
            return Err(ConnectionError::new(name, missing, reason));
        }
    }
    if config.bearer_token.is_some() && config.username.is_some() {
        let reason = "is set beside `username`; a request carries one of them, remove the other";
        return Err(ConnectionError::new(name, "bearer_token", reason));
    }
    Ok(())
}

/// What the environment says about one connection.
struct Variables<'a> {
    name: &'a str,
    environment: &'a dyn Fn(&str) -> Option<String>,
}

impl Variables<'_> {
    fn complete(&self, mut config: ConnectionConfig) -> Result<ConnectionConfig, ConnectionError> {
        self.fill(&mut config.endpoint, "endpoint", Ok)?;
        // What is configured wins as a whole: one sign-in is not mixed with another.
        if config.bearer_token.is_none() {
            self.fill(&mut config.username, "username", Ok)?;
            self.fill(&mut config.password, "password", secret)?;
        }
        if config.username.is_none() {
            self.fill(&mut config.bearer_token, "bearer_token", secret)?;
        }
        self.fill(&mut config.client_certificate, "client_certificate", Ok)?;
        self.fill(&mut config.client_key, "client_key", secret)?;
        self.fill(&mut config.ca_certificate, "ca_certificate", Ok)?;
        self.fill(&mut config.tenant, "tenant", Ok)?;
        self.fill(&mut config.proxy, "proxy", secret)?;
        self.fill(&mut config.timeout, "timeout", |text| text.parse().map_err(|e| format!("is wrong: {e}")))?;
        Ok(config)
    }

    fn fill<T>(
        &self,
        slot: &mut Option<T>,
        setting: &str,
        read: impl FnOnce(String) -> Result<T, String>,
    ) -> Result<(), ConnectionError> {
        if slot.is_some() {
            return Ok(());
        }
        let variable = self.variable(setting);
        let wrong = |reason: String| ConnectionError::new(self.name, setting, format!("from {variable} {reason}"));
        let set = |variable: &str| (self.environment)(variable).filter(|text| !text.is_empty());
        let text = match (set(&variable), set(&format!("{variable}_FILE"))) {
            (Some(text), _) => text,
            (None, Some(path)) => std::fs::read_to_string(&path)
                .map_err(|e| wrong(format!("is to be read from {path}, as {variable}_FILE says: {e}")))?
                .trim_end()
                .to_owned(),
            (None, None) => return Ok(()),
        };
        *slot = Some(read(text).map_err(wrong)?);
        Ok(())
    }

    fn variable(&self, setting: &str) -> String {
        let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        format!("STORMGLASS_{}_{}", self.name.chars().map(upper).collect::<String>(), setting.to_ascii_uppercase())
    }
}

fn secret(text: String) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(name: &str, json: &str, variables: &[(&str, &str)]) -> Result<ConnectionConfig, String> {
        let mut connections = Connections::default();
        connections.insert("main-eu".into(), serde_json::from_str(json).map_err(|e| e.to_string())?);
        let environment = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        connections.resolve(name, &environment).map_err(|e| e.to_string())
    }

    #[test]
    fn the_environment_fills_what_is_open_and_nothing_else() {
        let variables = [
            ("STORMGLASS_MAIN_EU_BEARER_TOKEN", "t"),
            ("STORMGLASS_MAIN_EU_TENANT", "other"),
            ("STORMGLASS_MAIN_EU_PROXY", ""),
        ];
        let config = resolve("main-eu", r#"{"endpoint": "https://a.example", "tenant": "shop"}"#, &variables).unwrap();
        assert_eq!(config.bearer_token, Some(Secret::new("t")));
        assert_eq!(config.tenant.as_deref(), Some("shop"));
        assert_eq!(config.proxy, None);
    }

    #[test]
    fn a_connection_may_live_in_the_environment_alone_and_its_secrets_in_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "from a file\n").unwrap();
        let path = path.display().to_string();
        let variables = [
            ("STORMGLASS_TEAM_A_ENDPOINT", "http://localhost:9090"),
            ("STORMGLASS_TEAM_A_TIMEOUT", "9s"),
            ("STORMGLASS_TEAM_A_BEARER_TOKEN_FILE", &path),
        ];
        let config = resolve("team-a", "{}", &variables).unwrap();
        assert_eq!(config.endpoint.as_deref(), Some("http://localhost:9090"));
        assert_eq!(config.timeout, Some(Span::seconds(9)));
        assert_eq!(config.bearer_token, Some(Secret::new("from a file")));
    }

    #[test]
    fn a_configured_sign_in_is_not_mixed_with_another() {
        let variables = [("STORMGLASS_MAIN_EU_USERNAME", "u"), ("STORMGLASS_MAIN_EU_PASSWORD", "p")];
        let config = resolve("main-eu", r#"{"bearer_token": "t"}"#, &variables).unwrap();
        assert_eq!((config.username, config.password), (None, None));
    }

    #[test]
    fn what_cannot_work_is_named_by_its_setting() {
        for (json, want) in [
            (
                r#"{"endpoint": "prometheus:9090"}"#,
                "connection.main-eu.endpoint: does not begin with http:// or https://",
            ),
            (r#"{"endpoint": "9090"}"#, "endpoint: is no address"),
            (r#"{"endpoint": "http://u:hunter2@h"}"#, "endpoint: holds a user name or a password"),
            (r#"{"endpoint": "http://h?token=hunter2"}"#, "endpoint: has a query"),
            (r#"{"username": "u"}"#, "password: is not set, but `username` is"),
            (r#"{"password": "hunter2"}"#, "username: is not set"),
            (
                r#"{"username": "u", "password": "hunter2", "bearer_token": "hunter2"}"#,
                "bearer_token: is set beside `username`",
            ),
            (r#"{"client_certificate": "c.pem"}"#, "client_key: is not set"),
            (r#"{"client_key": "hunter2"}"#, "client_certificate: is not set"),
            (r#"{"token": "hunter2"}"#, "unknown field `token`"),
        ] {
            let found = resolve("main-eu", json, &[]).unwrap_err();
            assert!(found.contains(want), "`{found}` lacks `{want}`");
            assert!(!found.contains("hunter2"), "{found}");
        }
        for (name, value, want) in [
            (
                "STORMGLASS_MAIN_EU_TIMEOUT",
                "soon",
                "timeout: from STORMGLASS_MAIN_EU_TIMEOUT is wrong: `soon` is no duration",
            ),
            (
                "STORMGLASS_MAIN_EU_PASSWORD_FILE",
                "/no/such/file",
                "password: from STORMGLASS_MAIN_EU_PASSWORD is to be read from /no/such/file",
            ),
        ] {
            let found = resolve("main-eu", "{}", &[(name, value)]).unwrap_err();
            assert!(found.contains(want), "`{found}` lacks `{want}`");
        }
    }

    #[test]
    fn no_form_of_a_connection_shows_its_secrets() {
        let mut connections = Connections::default();
        let json = r#"{"password": "hunter2", "bearer_token": "hunter2", "client_key": "hunter2", "proxy": "http://u:hunter2@h"}"#;
        let config: ConnectionConfig = serde_json::from_str(json).unwrap();
        let text = serde_json::to_string(&config).unwrap();
        connections.insert("main".into(), config);
        let shown = format!("{connections:?} {text}");
        assert!(shown.contains("main") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = resolve("main-us", "{}", &[]).unwrap_err();
        assert!(error.contains("there is `main-eu`") && error.contains("STORMGLASS_MAIN_US_ENDPOINT"), "{error}");
    }
}
