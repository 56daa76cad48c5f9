//! Probe `http`: one request, whose status is the number and whose body is the text. No redirect is followed and no proxy of
//! the environment used: what is measured is the address that was named.

use std::sync::OnceLock;

use async_trait::async_trait;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, redirect};
use stormglass_chaos::{Kind, Probe, ProbeError, ProbeKind, Problem, Reading, Setting, Settings, Target};
use url::Url;

use super::LONGEST;

/// The kind.
pub(super) struct Http;

const SETTINGS: &[Setting] = &[
    Setting::required("url", Kind::Text, "Address to ask, `http` or `https`."),
    Setting::optional(
        "method",
        Kind::Word(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
        "GET",
        "Method of the request.",
    ),
    Setting::open("headers", Kind::TextMap, "Headers of the request."),
    Setting::open("body", Kind::Text, "Body of the request."),
];

impl ProbeKind for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn summary(&self) -> &'static str {
        "Asks an HTTP server; the number is the status, the text the body, of which 1 MiB is read."
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn default_tolerance(&self) -> &'static str {
        "a status between 200 and 299"
    }

    fn read(&self, mut settings: Settings<'_>) -> Result<Box<dyn Probe>, Vec<Problem>> {
        let url = settings.text("url").and_then(|text| match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(url),
            _ => {
                settings
                    .problem("url", format!("is `{text}`; expected an address such as `http://127.0.0.1:8080/health`"));
                None
            }
        });
        let method = settings.text("method").and_then(|m| m.parse::<Method>().ok());
        let mut headers = HeaderMap::new();
        for (name, value) in settings.text_map("headers") {
            match (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
                (Ok(name), Ok(mut value)) => {
                    value.set_sensitive(true);
                    headers.insert(name, value);
                }
                // The value may be a secret.
                _ => settings.problem("headers", format!("has `{name}`, which is no header or has no header's value")),
            }
        }
        let body = if settings.has("body") { settings.text("body") } else { None };
        let request =
            url.zip(method).map(|(url, method)| Request { url, method, headers, body, client: OnceLock::new() });
        settings.finish(request).map(|request| Box::new(request) as Box<dyn Probe>)
    }
}

/// One request, sent again and again; the client is made with the first one and keeps its connection.
struct Request {
    url: Url,
    method: Method,
    headers: HeaderMap,
    body: Option<String>,
    client: OnceLock<Client>,
}

#[async_trait]
impl Probe for Request {
    fn describe(&self) -> String {
        let mut shown = self.url.clone();
        // Neither can fail where there is a host.
        let _ = (shown.set_password(None), shown.set_username(""));
        format!("{} {shown}", self.method)
    }

    fn targets(&self) -> Vec<Target> {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or_default();
        vec![Target::Address(format!("{host}:{port}"))]
    }

    async fn measure(&self) -> Result<Reading, ProbeError> {
        let error = |reason: String| ProbeError { what: self.describe(), reason };
        let client = match self.client.get() {
            Some(client) => client.clone(),
            None => {
                let builder = Client::builder()
                    .user_agent(concat!("stormglass/", env!("CARGO_PKG_VERSION")))
                    .no_proxy()
                    .redirect(redirect::Policy::none())
                    .retry(reqwest::retry::never())
                    .tcp_nodelay(true);
                let client = builder.build().map_err(|e| error(e.to_string()))?;
                self.client.get_or_init(|| client).clone()
            }
        };
        let mut request = client.request(self.method.clone(), self.url.clone()).headers(self.headers.clone());
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let mut response = request.send().await.map_err(|e| error(innermost(&e)))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| error(innermost(&e)))? {
            let room = LONGEST - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == LONGEST {
                break;
            }
        }
        Ok(Reading {
            number: Some(f64::from(status.as_u16())),
            text: Some(String::from_utf8_lossy(&body).into_owned()),
            ok: status.is_success(),
            summary: format!("status {}", status.as_u16()),
        })
    }
}

/// What is at the bottom of an error: `Connection refused (os error 111)` rather than `error sending request`.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use serde_json::{Value, json};

    use super::*;

    fn read(value: &Value) -> Result<Box<dyn Probe>, Vec<Problem>> {
        Http.read(Settings::new("p", SETTINGS, value.as_object().unwrap(), &[]))
    }

    /// Answers one request, and hands over what was asked.
    fn serve(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/health", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = [0; 4096];
            let n = stream.read(&mut bytes).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&bytes[..n]).into_owned()
        });
        (url, thread)
    }

    #[tokio::test]
    async fn status_and_body_are_read_and_a_redirect_is_not_followed() {
        let (url, server) = serve("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        let reading = read(&json!({"url": url, "headers": {"x-a": "b"}})).unwrap().measure().await.unwrap();
        assert_eq!((reading.number, reading.text.as_deref(), reading.ok), (Some(200.0), Some("ok"), true));
        assert!(server.join().unwrap().contains("x-a: b"));
        let (url, server) = serve("HTTP/1.1 302 Found\r\nlocation: http://192.0.2.1/\r\ncontent-length: 0\r\n\r\n");
        let reading = read(&json!({"url": url})).unwrap().measure().await.unwrap();
        assert_eq!((reading.number, reading.ok), (Some(302.0), false));
        server.join().unwrap();
    }

    #[tokio::test]
    async fn a_refusal_says_so_and_a_password_is_not_told() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = read(&json!({"url": format!("http://u:hush@{free}/")})).unwrap().measure().await.unwrap_err();
        assert!(error.reason.contains("refused"), "{error}");
        assert!(!error.what.contains("hush"), "{error}");
    }

    #[test]
    fn wrong_settings_are_named() {
        let all = |v: Value| read(&v).err().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert_eq!(
            all(json!({"url": "localhost"})),
            "p.url: is `localhost`; expected an address such as `http://127.0.0.1:8080/health`"
        );
        assert!(
            all(json!({"url": "http://h/", "method": "get"})).contains("p.method: is `get`; expected one of `GET`")
        );
        assert!(all(json!({"url": "http://h/", "headers": {"a b": "c"}})).contains("p.headers: has `a b`"));
    }
}
