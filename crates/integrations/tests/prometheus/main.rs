//! The source `prometheus` against the real server: six weeks of history, sign-in, and what goes wrong.

#![allow(clippy::unwrap_used)]

mod probe;
mod server;

use std::time::Duration;

use forecast_core::{RawSeries, Sample};
use jiff::Timestamp;
use stormglass_integrations::connection::{ConnectionConfig, Connections};
use stormglass_integrations::sources::SourceConfig;
use stormglass_ops::{SourceError, Window};

use server::{Authority, Server};

/// Start of the six weeks.
const START: &str = "2026-01-05T00:00:00Z";
const WEEKS: i64 = 6;
const DAY: i64 = 86_400;
/// From here on nothing was scraped for two hours.
const GAP: i64 = 10 * DAY;
/// Here the counter begins again.
const RESET: i64 = 20 * DAY + 30;
/// Here the gauge was `NaN`.
const NAN: i64 = 30 * DAY;

fn start() -> Timestamp {
    START.parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    start() + Duration::from_secs(seconds.unsigned_abs())
}

fn gauge(seconds: i64) -> f64 {
    100.0 + (seconds % DAY / 60) as f64 + (seconds / DAY) as f64 / 64.0
}

/// Six weeks by the minute, as OpenMetrics.
fn history() -> String {
    let begin = start().as_second();
    let minutes = || (0..WEEKS * 7 * DAY).step_by(60).filter(|t| !(GAP..GAP + 7_200).contains(t));
    let mut text = "# TYPE load gauge\n".to_owned();
    for t in minutes() {
        let value = if t == NAN { "NaN".to_owned() } else { gauge(t).to_string() };
        text.push_str(&format!("load {value} {}\n", begin + t));
    }
    text.push_str("# TYPE requests counter\n");
    for t in minutes() {
        let counted = if t < RESET { t } else { t - RESET };
        text.push_str(&format!("requests_total {counted} {}\n", begin + t));
    }
    text.push_str("# TYPE queue_depth gauge\n");
    for pod in ["a", "b"] {
        for t in (0..DAY).step_by(60) {
            text.push_str(&format!("queue_depth{{job=\"web\",pod=\"{pod}\"}} 1 {}\n", begin + t));
        }
    }
    text + "# EOF\n"
}

async fn fetch(
    connections: &Connections,
    settings: serde_json::Value,
    from: i64,
    to: i64,
) -> Result<RawSeries, SourceError> {
    let config: SourceConfig = serde_json::from_value(serde_json::json!({ "prometheus": settings })).unwrap();
    config.source(connections)?.fetch(Some(Window { from: after(from), to: after(to) })).await
}

/// A query of the whole time to a server that needs no sign-in.
async fn read(server: &Server, query: &str, step: &str) -> Result<RawSeries, String> {
    let settings = serde_json::json!({"endpoint": server.address, "query": query, "step": step});
    fetch(&Connections::default(), settings, 0, WEEKS * 7 * DAY).await.map_err(|e| e.to_string())
}

fn one(name: &str, json: serde_json::Value) -> Connections {
    let mut connections = Connections::default();
    connections.insert(name.into(), serde_json::from_value::<ConnectionConfig>(json).unwrap());
    connections
}

/// `vector(1)` over an hour, through the connection `main`.
async fn through(connections: &Connections) -> Result<usize, String> {
    let settings = serde_json::json!({"connection": "main", "query": "vector(1)", "step": "5m"});
    fetch(connections, settings, 0, 3_600).await.map(|series| series.samples.len()).map_err(|e| e.to_string())
}

#[track_caller]
fn check_error(found: Result<impl std::fmt::Debug, String>, wants: &[&str]) {
    let found = found.unwrap_err();
    for want in wants {
        assert!(found.contains(want), "`{found}` lacks `{want}`");
    }
    assert!(!found.contains("horse"), "a secret is told: {found}");
}

#[tokio::test]
async fn six_weeks_are_read_whole_and_as_they_are() {
    let server = Server::start(&[], None, Some(&history())).await;
    let none = Connections::default();

    let mut series = read(&server, "load", "1m").await.unwrap();
    // A value holds for five minutes after it was scraped, the last instant by version; then the series is stale.
    series.samples.retain(|s| s.time != after(GAP + 240));
    let held = |t: i64| if (GAP..GAP + 300).contains(&t) { GAP - 60 } else { t };
    let want: Vec<Sample> = (0..WEEKS * 7 * DAY)
        .step_by(60)
        .filter(|t| !(GAP + 240..GAP + 7_200).contains(t))
        .map(|t| Sample { time: after(t), value: (t != NAN).then(|| gauge(held(t))) })
        .collect();
    assert_eq!(series.samples.len(), want.len());
    assert!(series.samples == want);

    // The window is half open, and a window between two steps holds none.
    let settings = serde_json::json!({"endpoint": server.address, "query": "load"});
    let within = |from, to| fetch(&none, settings.clone(), from, to);
    let times: Vec<i64> =
        within(DAY - 1, DAY + 600).await.unwrap().samples.iter().map(|s| s.time.as_second()).collect();
    assert_eq!(times, [after(DAY).as_second(), after(DAY + 300).as_second()]);
    assert!(matches!(within(1, 299).await, Err(SourceError::NoData { .. })));

    // A counter that begins again is no fall in load.
    let rate = read(&server, "rate(requests_total[5m])", "5m").await.unwrap();
    let around: Vec<f64> = rate
        .samples
        .iter()
        .filter(|s| (after(RESET - 3_600)..after(RESET + 3_600)).contains(&s.time))
        .filter_map(|s| s.value)
        .collect();
    assert_eq!(around.len(), 24);
    assert!(around.iter().all(|v| (0.8..=1.01).contains(v)), "{around:?}");

    let many = fetch(&none, serde_json::json!({"endpoint": server.address, "query": "queue_depth"}), 0, DAY);
    check_error(
        many.await.map_err(|e| e.to_string()),
        &["differ by `pod` (a, b)", "returned 2 series, expected one", "sum()"],
    );
    check_error(read(&server, "sum(load", "5m").await, &["the server refuses the query", "unclosed left parenthesis"]);
    check_error(read(&server, "no_such_metric", "5m").await, &["has no sample from 2026-01-05", "check the query"]);
    let settings = serde_json::json!({"endpoint": format!("{}/prometheus", server.address), "query": "load"});
    let elsewhere = fetch(&none, settings, 0, DAY).await.map_err(|e| e.to_string());
    check_error(elsewhere, &["nothing is there (404)", "without `/api/v1`"]);
}

#[tokio::test]
async fn basic_authentication_and_a_bound_on_samples() {
    // Of `correct horse`, by htpasswd -nbBC 4.
    let users = "basic_auth_users:\n  reader: $2b$04$VHgG4JodLEZ39ufy32x8P.rlKQhPDrAoT3mo5DnQ9ZYpPe2zK.UwK\n";
    let server = Server::start(&["--query.max-samples=500"], Some(users), None).await;
    let signed = |password: &str| {
        one("main", serde_json::json!({"endpoint": server.address, "username": "reader", "password": password}))
    };
    assert_eq!(through(&signed("correct horse")).await, Ok(12));
    check_error(
        through(&signed("wrong horse")).await,
        &["the server wants a sign-in (401)", "`username` and `password`"],
    );
    check_error(read(&server, "vector(1)", "5m").await, &["(401)", "in the connection"]);
    let settings = serde_json::json!({"connection": "main", "query": "vector(1)", "step": "1m"});
    let long = fetch(&signed("correct horse"), settings, 0, 2 * DAY).await.map_err(|e| e.to_string());
    check_error(long, &["too many samples", "`step` longer", "--query.max-samples"]);
}

#[tokio::test]
async fn mutual_tls() {
    let authority = Authority::new();
    let config = authority.web_config();
    let server = Server::start(&[], Some(&config), None).await;
    let (certificate, key) = authority.client();
    let trusting = serde_json::json!({"endpoint": server.address, "ca_certificate": authority.pem()});
    let with = |more: serde_json::Value| {
        let mut json = trusting.clone();
        json.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        one("main", json)
    };
    let identity = serde_json::json!({"client_certificate": certificate, "client_key": key});
    assert_eq!(through(&with(identity.clone())).await, Ok(12));

    let folder = tempfile::tempdir().unwrap();
    let paths = [("client_certificate", &certificate), ("client_key", &key)].map(|(name, pem)| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        (name.to_owned(), serde_json::Value::from(path.to_str().unwrap()))
    });
    assert_eq!(through(&with(serde_json::Value::Object(paths.into_iter().collect()))).await, Ok(12));

    check_error(through(&with(serde_json::json!({}))).await, &["wants a client certificate", "`client_key`"]);
    let mut untrusting = identity;
    untrusting["endpoint"] = server.address.clone().into();
    check_error(through(&one("main", untrusting)).await, &["UnknownIssuer", "`ca_certificate`"]);
    let (stranger, strange_key) = Authority::new().client();
    let stranger = serde_json::json!({"client_certificate": stranger, "client_key": strange_key});
    check_error(through(&with(stranger)).await, &["wants a client certificate that it trusts"]);
}

#[tokio::test]
async fn what_a_connection_holds_is_sent_and_nothing_else() {
    let server = Server::start(&[], None, None).await;
    let (endpoint, heads) = server::recording(&server).await;
    let full = serde_json::json!({"endpoint": endpoint, "bearer_token": "correct horse", "tenant": "shop"});
    assert_eq!(through(&one("main", full)).await, Ok(12));
    let head = heads.lock().unwrap().pop().unwrap().to_lowercase();
    assert!(
        head.contains("authorization: bearer correct horse\r\n") && head.contains("x-scope-orgid: shop\r\n"),
        "{head}"
    );

    let long = format!("vector(1) # {}", "x".repeat(8_000));
    let settings = serde_json::json!({"endpoint": endpoint, "query": long});
    assert_eq!(fetch(&Connections::default(), settings, 0, 3_600).await.unwrap().samples.len(), 12);
    let head = heads.lock().unwrap().pop().unwrap().to_lowercase();
    assert!(head.starts_with("post /api/v1/query_range http/1.1\r\n"), "{head}");
    assert!(!head.contains("authorization") && !head.contains("x-scope-orgid"), "{head}");
}

#[tokio::test]
async fn servers_that_are_not_there_or_are_something_else() {
    let dead = one("main", serde_json::json!({"endpoint": server::free_address(), "bearer_token": "correct horse"}));
    check_error(
        through(&dead).await,
        &["the query `vector(1)` at http://127.0.0.1:", "the connection was refused; is the server running"],
    );

    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: 22\r\n\r\n<html>Sign in.</html>\n";
    let login = server::answering(page).await;
    check_error(
        through(&one("main", serde_json::json!({"endpoint": login}))).await,
        &["a web page answered (200)", "login page"],
    );

    let away = "HTTP/1.1 302 Found\r\nlocation: https://login.example/?next=x\r\ncontent-length: 0\r\n\r\n";
    let away = server::answering(away).await;
    check_error(through(&one("main", serde_json::json!({"endpoint": away}))).await, &["it redirects to login.example"]);

    let silent = server::answering("").await;
    let silent = one("main", serde_json::json!({"endpoint": silent, "timeout": "1s"}));
    check_error(through(&silent).await, &["no answer within 1s", "`timeout`"]);
}
