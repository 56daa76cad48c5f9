//! Source `prometheus`: a range query to Prometheus, or to what speaks its API (Thanos, Mimir, VictoriaMetrics).
//!
//! The instants asked for are the multiples of the step within the window, so that a later reading asks for the same ones.
//! Split into pages under the server's limit of 11,000 points a series. A gap (a stale series) and what is no finite number
//! are missing. API: <https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries>.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use forecast_core::{RawSeries, Sample};
use jiff::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use stormglass_ops::duration::Span;
use stormglass_ops::{MetricSource, SourceError, Window};
use url::Url;

use crate::connection::{Connections, base_address};
use crate::http::{Answer, Http};

/// Points in one page; the server refuses more than 11,000 a series.
const PAGE: i64 = 10_000;
/// Most points of one reading: a year of half minutes.
const MOST: i64 = 1_100_000;

/// Resolution where `step` is not set.
pub const DEFAULT_STEP: Span = Span::seconds(300);

/// Settings of the source `prometheus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrometheusConfig {
    /// Base address, without `/api/v1`; where the connection has none.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Name of the connection that has the address and the secrets.
    #[serde(default)]
    pub connection: Option<String>,
    /// PromQL that yields exactly one series; of a counter its rate.
    pub query: String,
    /// Time between two points; `5m` by default.
    #[serde(default)]
    pub step: Option<Span>,
}

/// A range query.
#[derive(Debug, Clone)]
pub struct Prometheus {
    http: Http,
    base: Url,
    url: Url,
    query: String,
    step: Span,
}

/// What the server answers; an error has no `data`.
#[derive(Deserialize)]
struct Answered<T> {
    status: String,
    data: Option<T>,
    error: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Found>,
}

/// One series of an answer: `[seconds, "value"]` pairs.
#[derive(Deserialize)]
struct Found {
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
    #[serde(default)]
    histograms: Vec<IgnoredAny>,
}

impl Prometheus {
    /// The source of these settings.
    ///
    /// # Errors
    /// `Setting` for an address or a connection that cannot work, an empty query, a step under a second.
    pub fn new(config: PrometheusConfig, connections: &Connections) -> Result<Self, SourceError> {
        let wrong =
            |setting: &str, reason: String| SourceError::Setting { setting: format!("prometheus.{setting}"), reason };
        if config.query.trim().is_empty() {
            return Err(wrong(
                "query",
                "is empty; expected PromQL, for example `sum(rate(http_requests_total[5m]))`".into(),
            ));
        }
        let step = config.step.unwrap_or(DEFAULT_STEP);
        if step.as_secs() == 0 {
            return Err(wrong("step", "is 0s; expected at least 1s".into()));
        }
        let named = config.connection.as_deref().map(|name| connections.open(name)).transpose()?;
        let address = match (&config.endpoint, named.as_ref().and_then(|c| c.endpoint.as_ref())) {
            (Some(_), Some(_)) => {
                let reason = "is set here and in the connection; set it in one place, so that no secret goes elsewhere";
                return Err(wrong("endpoint", reason.into()));
            }
            (Some(own), None) => own,
            (None, Some(of_connection)) => of_connection,
            (None, None) => {
                let reason = "is not set; expected the server's base address such as `http://localhost:9090`, or a `connection` that has it";
                return Err(wrong("endpoint", reason.into()));
            }
        };
        let base = base_address(address).map_err(|reason| wrong("endpoint", reason))?;
        let path = base.path().trim_end_matches('/');
        if path.ends_with("/api/v1") || path.ends_with("/api/v1/query_range") || path.ends_with("/api/v1/query") {
            return Err(wrong("endpoint", format!("ends with `{path}`; expected the base address, without `/api/v1`")));
        }
        let mut url = base.clone();
        url.set_path(&format!("{path}/api/v1/query_range"));
        let http = named.map_or_else(|| connections.anonymous(), |c| Ok(c.http))?;
        Ok(Self { http, base, url, query: config.query, step })
    }

    /// Asks for the instants from `from` to `to`, both included, in seconds.
    async fn page(&self, from: i64, to: i64) -> Result<Vec<Found>, SourceError> {
        let (start, end, step) = (from.to_string(), to.to_string(), self.step.as_secs().to_string());
        let parameters = [("query", self.query.as_str()), ("start", &start), ("end", &end), ("step", &step)];
        let data: Data = self.ask(&self.url, &parameters).await?;
        if data.result.iter().any(|s| !s.histograms.is_empty()) {
            return Err(self.histograms());
        }
        Ok(data.result)
    }

    async fn ask<T: DeserializeOwned>(&self, url: &Url, parameters: &[(&str, &str)]) -> Result<T, SourceError> {
        let answer = self.http.ask(url, parameters).await.map_err(|e| self.unreachable(e.to_string()))?;
        let parsed: Option<Answered<T>> = serde_json::from_slice(&answer.body).ok();
        match parsed {
            Some(Answered { data: Some(data), warnings, .. }) if answer.is_success() => {
                self.complete(&warnings).map(|()| data)
            }
            Some(Answered { status, error: Some(said), .. }) if status == "error" => Err(self.refused(&answer, &said)),
            _ => Err(self.unreachable(foreign(&answer))),
        }
    }

    /// An answer that the server calls partial is none: what is unknown is not forecast.
    fn complete(&self, warnings: &[String]) -> Result<(), SourceError> {
        // Remarks on the query's style come as warnings too.
        match warnings.iter().find(|w| !w.starts_with("PromQL ")) {
            Some(warning) => {
                let said = shortened(warning);
                Err(self.invalid(format!("the answer is not complete, as the server warns: {said}")))
            }
            None => Ok(()),
        }
    }

    fn histograms(&self) -> SourceError {
        self.invalid("yields histograms, expected numbers; use for example histogram_count(rate(...))".into())
    }

    /// What the server says about the query, and what to do.
    fn refused(&self, answer: &Answer, said: &str) -> SourceError {
        let said = shortened(said);
        let advice = if said.contains("too many samples") {
            "; make the source's `step` longer, `history` shorter, record the query by a rule, or raise the server's --query.max-samples"
        } else if said.contains("exceeded maximum resolution") {
            "; make the source's `step` longer"
        } else if said.contains("timed out") || said.contains("timeout") {
            "; make the source's `step` longer, or record the query by a rule"
        } else {
            ""
        };
        match answer.status {
            400 | 422 => self.invalid(format!("the server refuses the query: {said}{advice}")),
            401 | 403 => self.unreachable(format!("{}; it said: {said}", foreign(answer))),
            status => self.unreachable(format!("the server answered {status}: {said}{advice}")),
        }
    }

    fn unreachable(&self, reason: String) -> SourceError {
        SourceError::Unreachable { what: self.describe(), reason }
    }

    fn invalid(&self, reason: String) -> SourceError {
        SourceError::Invalid { what: self.describe(), reason }
    }
}

#[async_trait]
impl MetricSource for Prometheus {
    fn describe(&self) -> String {
        format!("the query `{}` at {}", shortened(&self.query), self.base.as_str().trim_end_matches('/'))
    }

    async fn fetch(&self, window: Option<Window>) -> Result<RawSeries, SourceError> {
        let Some(window) = window else {
            return Err(self.invalid("a server has no last sample; expected a window".into()));
        };
        let pages = pages(window, self.step.as_secs());
        if pages.iter().map(|(from, to)| (to - from) / self.step.as_secs() as i64 + 1).sum::<i64>() > MOST {
            let reason = format!("is {}, more than {MOST} points within `history`; make it longer", self.step);
            return Err(SourceError::Setting { setting: "prometheus.step".into(), reason });
        }
        let mut found: BTreeSet<BTreeMap<String, String>> = BTreeSet::new();
        let mut samples = Vec::new();
        for (from, to) in pages {
            for series in self.page(from, to).await? {
                for (time, value) in &series.values {
                    samples.push(self.sample(*time, value)?);
                }
                found.insert(series.metric);
            }
            if found.len() > 1 {
                let what = format!("{}, which differ by {},", self.describe(), differing(&found));
                return Err(SourceError::ManySeries { what, got: found.len() });
            }
        }
        if samples.iter().all(|s: &Sample| s.value.is_none()) {
            return Err(SourceError::NoData { what: self.describe(), window: Some(window) });
        }
        Ok(RawSeries { name: self.query.clone(), samples })
    }
}

impl Prometheus {
    fn sample(&self, seconds: f64, value: &str) -> Result<Sample, SourceError> {
        let time = Timestamp::from_millisecond((seconds * 1_000.0).round() as i64)
            .map_err(|_| self.invalid(format!("the time {seconds} is none; expected seconds since 1970")))?;
        let number: f64 = match value {
            "+Inf" | "-Inf" => f64::INFINITY,
            text => text.parse().map_err(|_| self.invalid(format!("the value `{}` is no number", shortened(text))))?,
        };
        Ok(Sample { time, value: number.is_finite().then_some(number) })
    }
}

/// The value now, for probes. API: <https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries>.
impl Prometheus {
    /// The value of the query now; `None` where it yields no series, as a comparison that does not hold.
    ///
    /// # Errors
    /// The server does not answer; there are several series; the value is no finite number.
    pub(crate) async fn instant(&self) -> Result<Option<f64>, SourceError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/api/v1/query", self.base.path().trim_end_matches('/')));
        let data: Instant = self.ask(&url, &[("query", &self.query)]).await?;
        let (_, text) = match data {
            Instant::Scalar(value) => value,
            Instant::Vector(series) => match series.as_slice() {
                [] => return Ok(None),
                [One { value: Some(value) }] => value.clone(),
                [One { value: None }] => return Err(self.histograms()),
                many => return Err(SourceError::ManySeries { what: self.describe(), got: many.len() }),
            },
            Instant::String(_) => return Err(self.invalid("yields a text, expected a number".into())),
            Instant::Matrix(_) => {
                return Err(self.invalid("yields a range, expected one value; use for example rate(...)".into()));
            }
        };
        match text.parse::<f64>().ok().filter(|number| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(self.invalid(format!("the value is `{}`, expected a finite number", shortened(&text)))),
        }
    }

    /// `host:port` of the server.
    pub(crate) fn address(&self) -> String {
        let port = self.base.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.base.host_str().unwrap_or_default())
    }
}

/// What a query yields at one instant.
#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Instant {
    Vector(Vec<One>),
    Scalar((f64, String)),
    String(IgnoredAny),
    Matrix(IgnoredAny),
}

/// One series at one instant; a histogram has no value.
#[derive(Deserialize)]
struct One {
    value: Option<(f64, String)>,
}

/// First and last instant of each page, in seconds: the multiples of the step within the window.
fn pages(window: Window, step: u64) -> Vec<(i64, i64)> {
    let step = step as i64;
    let up = |t: Timestamp| {
        let whole = t.as_second() + i64::from(t.subsec_nanosecond() > 0);
        whole.div_euclid(step) + i64::from(whole.rem_euclid(step) > 0)
    };
    let (first, end) = (up(window.from), up(window.to));
    (first..end).step_by(PAGE as usize).map(|k| (k * step, (k + PAGE).min(end) * step - step)).collect()
}

/// What an answer is that does not come from Prometheus's API, and what to do.
fn foreign(answer: &Answer) -> String {
    let start = answer.body.iter().find(|b| !b.is_ascii_whitespace());
    let page = answer.content_type.starts_with("text/html") || start == Some(&b'<');
    match answer.status {
        401 => "the server wants a sign-in (401); set `bearer_token`, or `username` and `password`, in the connection".into(),
        403 => "the sign-in may not read this (403); check the connection's token or user, and its `tenant`".into(),
        404 => "nothing is there (404); expected the base address of Prometheus without `/api/v1`, with its prefix if it has one, for example `/prometheus` for Mimir".into(),
        _ if page => format!("a web page answered ({}), not Prometheus's API; check the address, and whether a login page is in front of it", answer.status),
        status if answer.is_success() => format!("the answer ({status}) is not that of Prometheus's API; check the address"),
        status => {
            let text = String::from_utf8_lossy(&answer.body);
            let said = if text.trim().is_empty() { String::new() } else { format!(": {}", shortened(text.trim())) };
            format!("the server answered {status}{said}")
        }
    }
}

/// Names of the labels by which series differ, each with two of its values.
fn differing(found: &BTreeSet<BTreeMap<String, String>>) -> String {
    let names: BTreeSet<&String> = found.iter().flat_map(BTreeMap::keys).collect();
    let mut shown = Vec::new();
    for name in names {
        let values: BTreeSet<&str> = found.iter().map(|labels| labels.get(name).map_or("", String::as_str)).collect();
        if values.len() > 1 {
            let two: Vec<&str> = values.iter().take(2).copied().collect();
            let more = if values.len() > 2 { ", …" } else { "" };
            shown.push(format!("`{name}` ({}{more})", two.join(", ")));
        }
    }
    shown.truncate(5);
    shown.join(", ")
}

fn shortened(text: &str) -> String {
    const KEPT: usize = 300;
    if text.chars().count() <= KEPT { text.to_owned() } else { text.chars().take(KEPT).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::ConnectionConfig;

    fn window(from: &str, to: &str) -> Window {
        Window { from: from.parse().unwrap(), to: to.parse().unwrap() }
    }

    #[test]
    fn pages_cover_the_multiples_of_the_step_within_the_window_once() {
        for (from, to) in [
            ("2026-01-01T00:00:00Z", "2026-02-12T00:00:00Z"),
            ("2026-01-01T00:00:00.5Z", "2026-02-12T00:00:00.5Z"),
            ("2026-01-01T00:00:59Z", "2026-01-01T00:01:00Z"),
            ("2026-01-01T00:01:00Z", "2026-01-01T00:01:00Z"),
            ("1969-12-31T23:59:30Z", "1970-01-01T00:00:01Z"),
        ] {
            let window = window(from, to);
            for step in [1, 7, 60, 300] {
                let pages = pages(window, step);
                let got: Vec<i64> = pages.iter().flat_map(|(a, b)| (*a..=*b).step_by(step as usize)).collect();
                let within = |t: &i64| (window.from..window.to).contains(&Timestamp::from_second(*t).unwrap());
                let first = window.from.as_second() - 1;
                let all: Vec<i64> =
                    (first..=window.to.as_second()).filter(|t| t % step as i64 == 0).filter(within).collect();
                assert_eq!(got, all, "{from} {to} {step}");
                assert!(pages.iter().all(|(a, b)| (b - a) / (step as i64) < 11_000));
            }
        }
    }

    #[test]
    fn settings_that_cannot_work_are_named() {
        let mut connections = Connections::default();
        connections.insert("full".into(), serde_json::from_str(r#"{"endpoint": "http://h"}"#).unwrap());
        connections.insert("bare".into(), ConnectionConfig::default());
        for (json, want) in [
            (r#"{"query": " ", "endpoint": "http://h"}"#, "prometheus.query: is empty"),
            (r#"{"query": "up"}"#, "prometheus.endpoint: is not set"),
            (r#"{"query": "up", "connection": "bare"}"#, "prometheus.endpoint: is not set"),
            (
                r#"{"query": "up", "connection": "none"}"#,
                "connection.none: no connection has this name, there is `bare`, `full`",
            ),
            (r#"{"query": "up", "connection": "full", "endpoint": "http://i"}"#, "set it in one place"),
            (
                r#"{"query": "up", "endpoint": "h:9090"}"#,
                "prometheus.endpoint: does not begin with http:// or https://",
            ),
            (r#"{"query": "up", "endpoint": "http://h/api/v1/"}"#, "expected the base address, without `/api/v1`"),
            (r#"{"query": "up", "endpoint": "http://u:hunter2@h"}"#, "holds a user name or a password"),
            (r#"{"query": "up", "endpoint": "http://h", "step": "0s"}"#, "prometheus.step: is 0s"),
        ] {
            let found = Prometheus::new(serde_json::from_str(json).unwrap(), &connections).unwrap_err().to_string();
            assert!(found.contains(want), "`{found}` lacks `{want}`");
            assert!(!found.contains("hunter2"), "{found}");
        }
    }

    #[test]
    fn series_are_told_apart_by_the_labels_that_differ() {
        let series =
            |pod: &str| BTreeMap::from([("job".to_owned(), "web".to_owned()), ("pod".to_owned(), pod.to_owned())]);
        assert_eq!(differing(&BTreeSet::from([series("a"), series("b")])), "`pod` (a, b)");
        assert_eq!(
            differing(&BTreeSet::from([series("a"), series("b"), BTreeMap::new()])),
            "`job` (, web), `pod` (, a, …)"
        );
    }
}
