//! The one HTTP client: sign-in, time-outs, retries, a bound on requests to one host; no error tells a secret.
//!
//! Retried are refused connections and the answers 429, 502, 503 and 504, at most [`RETRIES`] times with exponential
//! back-off and jitter, or as `Retry-After` says, within half a minute; a request that ran out of time is not, as it would
//! again. A redirect is followed on the same host only: elsewhere there is a login page, and no use for our headers.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Method, Proxy, StatusCode, redirect};
use stormglass_ops::duration::Span;
use tokio::sync::Semaphore;
use url::Url;

use crate::connection::{ConnectionConfig, ConnectionError, DEFAULT_TIMEOUT};

/// Most times that a request is sent again.
pub const RETRIES: u32 = 3;
/// Most requests to one host at a time, over all connections.
pub const PER_HOST: usize = 8;
/// Largest answer that is read, in bytes: a page of Prometheus is under a thousandth of it.
const LARGEST: usize = 256 << 20;
/// Time to connect.
const CONNECT: Duration = Duration::from_secs(10);
/// First pause before a retry; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause before a retry, whatever `Retry-After` says.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Time after which nothing is sent again: what has taken so long will take it once more.
const BUDGET: Duration = Duration::from_secs(30);
/// Longest query string; a longer one is sent as a form.
const LONGEST_QUERY: usize = 4_000;

/// A client of one connection; clones share its pool.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    timeout: Span,
}

/// What a server answered, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Content type, empty if none was sent.
    pub content_type: String,
    /// Body.
    pub body: Vec<u8>,
}

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// Nobody listens there.
    #[error("the connection was refused; is the server running there?")]
    Refused,
    /// The name, the network, or TLS.
    #[error("no connection: {0}")]
    Connect(String),
    /// It took too long.
    #[error("no answer within {0}; ask for less, or set a longer `timeout` in the connection")]
    TimedOut(Span),
    /// It points to another host.
    #[error("it redirects to {0}, as a login page does; use an address that answers itself")]
    Redirected(String),
    /// It answers more than is read.
    #[error("the answer is larger than {} MiB; ask for less", LARGEST >> 20)]
    TooLarge,
    /// The answer broke off.
    #[error("the answer broke off: {0}")]
    Broken(String),
}

impl Http {
    /// The client of these settings; `name` is the connection's, for messages.
    ///
    /// # Errors
    /// Settings that cannot be used: certificates, keys, a proxy, characters that no header takes.
    pub fn new(name: &str, config: &ConnectionConfig) -> Result<Self, ConnectionError> {
        let wrong = |(setting, reason): (&str, String)| ConnectionError::new(name, setting, reason);
        let client = match builder(config).map_err(wrong)?.build() {
            // A machine without certificates of authorities can speak plain HTTP all the same.
            Err(_) if config.ca_certificate.is_none() => builder(config).map_err(wrong)?.tls_certs_only([]).build(),
            built => built,
        };
        let client = client.map_err(|e| wrong(("client_certificate", format!("gives no client: {}", cause(&e)))))?;
        Ok(Self { client, timeout: config.timeout.unwrap_or(DEFAULT_TIMEOUT) })
    }

    /// Asks for what can be asked again: parameters go into the address, or into a form where they are long.
    ///
    /// # Errors
    /// Where there was no answer; any status is one.
    pub async fn ask(&self, url: &Url, parameters: &[(&str, &str)]) -> Result<Answer, HttpError> {
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let limit = limit(url);
        let mut pause = FIRST_PAUSE;
        let mut retries = 0;
        let begun = Instant::now();
        loop {
            let sent = {
                // The semaphore is never closed; were it, there would be no bound, and still an answer.
                let _permit = limit.acquire().await.ok();
                self.send(url, &encoded).await
            };
            let wait = match &sent {
                Ok((answer, after)) if matches!(answer.status, 429 | 502 | 503 | 504) => after.unwrap_or(pause),
                Err(HttpError::Refused) => pause,
                _ => return sent.map(|(answer, _)| answer),
            };
            if retries == RETRIES || begun.elapsed() > BUDGET {
                return sent.map(|(answer, _)| answer);
            }
            retries += 1;
            tokio::time::sleep(wait.min(LONGEST_PAUSE).mul_f64(0.75 + 0.5 * fastrand::f64())).await;
            pause *= 2;
        }
    }

    async fn send(&self, url: &Url, encoded: &str) -> Result<(Answer, Option<Duration>), HttpError> {
        let request = if encoded.len() <= LONGEST_QUERY {
            let mut url = url.clone();
            url.set_query((!encoded.is_empty()).then_some(encoded));
            self.client.request(Method::GET, url)
        } else {
            self.client
                .post(url.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(encoded.to_owned())
        };
        let mut response = request.send().await.map_err(|e| self.error(&e))?;
        if response.status().is_redirection()
            && let Some(to) = response.headers().get("location").and_then(|l| url.join(l.to_str().ok()?).ok())
        {
            return Err(HttpError::Redirected(to.host_str().unwrap_or("another address").to_owned()));
        }
        let status = response.status().as_u16();
        let text = |name: HeaderName| response.headers().get(name).and_then(|v| v.to_str().ok());
        let content_type = text(CONTENT_TYPE).unwrap_or_default().to_owned();
        let after = text(RETRY_AFTER).and_then(|v| v.parse().ok()).map(Duration::from_secs);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.error(&e))? {
            if body.len() + chunk.len() > LARGEST {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((Answer { status, content_type, body }, after))
    }

    fn error(&self, error: &reqwest::Error) -> HttpError {
        if error.is_timeout() && !error.is_connect() {
            return HttpError::TimedOut(self.timeout);
        }
        let refused = causes(error)
            .filter_map(|e| e.downcast_ref::<io::Error>())
            .any(|e| e.kind() == io::ErrorKind::ConnectionRefused);
        match cause(error) {
            _ if refused => HttpError::Refused,
            text if error.is_connect() => HttpError::Connect(text),
            text => HttpError::Broken(text),
        }
    }
}

impl Answer {
    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        StatusCode::from_u16(self.status).is_ok_and(|s| s.is_success())
    }
}

/// All of a client but what it trusts by default; an error names the setting.
fn builder(config: &ConnectionConfig) -> Result<ClientBuilder, (&'static str, String)> {
    let mut builder = Client::builder()
        .user_agent(concat!("stormglass/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers(config)?)
        .redirect(redirect::Policy::custom(same_host))
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT)
        .timeout(config.timeout.unwrap_or(DEFAULT_TIMEOUT).0)
        .tcp_nodelay(true);
    if let Some(ca) = &config.ca_certificate {
        let pem = pem(ca).map_err(|reason| ("ca_certificate", reason))?;
        let certificates = Certificate::from_pem_bundle(pem.as_bytes()).unwrap_or_default();
        if certificates.is_empty() {
            return Err(("ca_certificate", "holds no certificate; expected PEM, or the path of a PEM file".into()));
        }
        builder = builder.tls_certs_only(certificates);
    }
    if let (Some(certificate), Some(key)) = (&config.client_certificate, &config.client_key) {
        let certificate = pem(certificate).map_err(|reason| ("client_certificate", reason))?;
        let key = pem(key.expose()).map_err(|reason| ("client_key", reason))?;
        let identity = Identity::from_pem(format!("{certificate}\n{key}").as_bytes()).map_err(|_| {
            let expected = "expected certificates and one private key without a passphrase, in PEM";
            ("client_certificate", format!("and `client_key` hold no identity; {expected}"))
        })?;
        builder = builder.identity(identity);
    }
    if let Some(proxy) = &config.proxy {
        let expected = "is no address of a proxy; expected for example `http://proxy.example.com:3128`";
        builder = builder.proxy(Proxy::all(proxy.expose()).map_err(|_| ("proxy", expected.to_owned()))?);
    }
    Ok(builder)
}

/// Headers of each request; those with secrets are marked so that nothing prints them.
fn headers(config: &ConnectionConfig) -> Result<HeaderMap, (&'static str, String)> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let mut insert = |name: HeaderName, setting: &'static str, value: &str| {
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            (setting, "has characters that a header cannot carry, for example a line break; remove them".to_owned())
        })?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    };
    if let (Some(user), Some(password)) = (&config.username, &config.password) {
        let pair = BASE64.encode(format!("{user}:{}", password.expose()));
        insert(AUTHORIZATION, "password", &format!("Basic {pair}"))?;
    }
    if let Some(token) = &config.bearer_token {
        insert(AUTHORIZATION, "bearer_token", &format!("Bearer {}", token.expose()))?;
    }
    if let Some(tenant) = &config.tenant {
        insert(HeaderName::from_static("x-scope-orgid"), "tenant", tenant)?;
    }
    Ok(headers)
}

/// Follows a redirect within a host, from `http` to `https` too, and stops at all else.
fn same_host(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let to = attempt.url();
    let same = attempt.previous().last().is_some_and(|from| {
        from.host_str() == to.host_str() && (from.scheme() == to.scheme() || to.scheme() == "https")
    });
    if same && attempt.previous().len() < 5 { attempt.follow() } else { attempt.stop() }
}

/// PEM as given, or read from the file of this name; the text is not repeated, as it may be a key.
fn pem(text: &str) -> Result<String, String> {
    if text.contains("-----BEGIN") {
        return Ok(text.to_owned());
    }
    std::fs::read_to_string(text).map_err(|e| {
        format!("is no PEM, and no file of this name can be read ({e}); expected PEM, or the path of a PEM file")
    })
}

/// The requests to one host that may still begin.
fn limit(url: &Url) -> Arc<Semaphore> {
    static LIMITS: Mutex<BTreeMap<String, Arc<Semaphore>>> = Mutex::new(BTreeMap::new());
    let host = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    let mut limits = LIMITS.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(limits.entry(host).or_insert_with(|| Arc::new(Semaphore::new(PER_HOST))))
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |e| (**e).source())
}

/// The innermost causes in words, without the address that was asked.
fn cause(error: &reqwest::Error) -> String {
    let mut texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    texts.dedup();
    let text = texts.split_off(texts.len().saturating_sub(2)).join(": ");
    let advice = if text.contains("UnknownIssuer") {
        "; name the authority in the connection's `ca_certificate`"
    } else if ["BadCertificate", "CertificateRequired", "UnknownCA"].iter().any(|alert| text.ends_with(alert)) {
        "; the server wants a client certificate that it trusts: see `client_certificate` and `client_key` of the connection"
    } else {
        ""
    };
    if text.is_empty() { "nothing more is known".into() } else { format!("{text}{advice}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        let config: ConnectionConfig = serde_json::from_str(json).unwrap();
        Http::new("a", &config).unwrap_err().to_string()
    }

    #[test]
    fn settings_that_cannot_be_used_are_named_without_their_text() {
        for (json, want) in [
            (r#"{"bearer_token": "hunter2\n"}"#, "bearer_token: has characters that a header cannot carry"),
            (r#"{"tenant": "hunter2\u0000"}"#, "tenant: has characters"),
            (r#"{"ca_certificate": "hunter2.pem"}"#, "ca_certificate: is no PEM, and no file of this name can be read"),
            (r#"{"ca_certificate": "-----BEGIN hunter2"}"#, "ca_certificate: holds no certificate"),
            (r#"{"client_certificate": "-----BEGIN", "client_key": "hunter2"}"#, "client_key: is no PEM"),
            (r#"{"client_certificate": "-----BEGIN", "client_key": "-----BEGIN hunter2"}"#, "hold no identity"),
            (r#"{"proxy": "http://u:hunter2@"}"#, "proxy: is no address of a proxy"),
        ] {
            let found = error(json);
            assert!(found.contains(want), "`{found}` lacks `{want}`");
            assert!(!found.contains("hunter2"), "{found}");
        }
    }

    #[test]
    fn a_client_does_not_show_its_headers() {
        let config: ConnectionConfig = serde_json::from_str(r#"{"bearer_token": "hunter2", "tenant": "t"}"#).unwrap();
        let shown = format!("{:?}", Http::new("a", &config).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn one_host_has_one_limit() {
        let of = |text: &str| limit(&Url::parse(text).unwrap());
        assert!(Arc::ptr_eq(&of("http://a.example/x"), &of("http://a.example:80/y")));
        assert!(!Arc::ptr_eq(&of("http://a.example/x"), &of("http://a.example:81/x")));
    }
}
