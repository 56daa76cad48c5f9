//! What the proxy can be told.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use stormglass_chaos::{Kind, Problem, Setting, Settings};

use super::chance::{Delay, Distribution};
use super::glob;

const DISTRIBUTIONS: &[&str] = &["uniform", "normal", "exponential", "pareto"];
const HTTP_CHANGES: &[&str] = &["http_status", "http_delay", "http_headers", "http_remove_headers", "http_body"];

/// Every setting, in the order of the documentation.
pub(super) const SETTINGS: &[Setting] = &[
    Setting::required("listen", Kind::Address, "Address to listen on; the client is pointed at it."),
    Setting::required("upstream", Kind::Address, "Address of the server that connections are passed on to."),
    Setting::optional(
        "direction",
        Kind::Word(&["both", "in", "out"]),
        "in",
        "Which bytes are hit, seen from the client: those that come to it (`in`), those that it sends (`out`), or both.",
    ),
    Setting::optional("share", Kind::Share, "1", "Share of the connections that are hit; the others pass as they are."),
    Setting::optional("latency", Kind::Duration, "0ms", "How much later bytes arrive; their order stays."),
    Setting::optional("jitter", Kind::Duration, "0ms", "How much the latency varies, as `distribution` says."),
    Setting::optional(
        "distribution",
        Kind::Word(DISTRIBUTIONS),
        "uniform",
        "Of the latency: `uniform` between latency - jitter and latency + jitter; `normal` with the jitter as standard \
         deviation, cut at 0; `exponential` and `pareto` (shape 3) never below the latency, the jitter being the mean of \
         what is added.",
    ),
    Setting::optional(
        "loss",
        Kind::Share,
        "0",
        "Share of the messages (what one read of a socket gives) that are lost.",
    ),
    Setting::optional(
        "loss_mode",
        Kind::Word(&["stalled", "reset"]),
        "stalled",
        "What a lost message does to its connection: nothing arrives any more (`stalled`), or it is reset.",
    ),
    Setting::open("bandwidth", Kind::Bytes, "Most bytes a second of a connection in one direction, at least 1B."),
    Setting::open("slow_close", Kind::Duration, "How much later the end of a connection arrives."),
    Setting::open("limit_data", Kind::Bytes, "Bytes after which a connection is closed."),
    Setting::open("timeout", Kind::Duration, "No bytes pass, and the connection is closed after this time."),
    Setting::optional(
        "blackhole",
        Kind::Flag,
        "false",
        "Connections are accepted, never answered and never closed; the server does not hear of them.",
    ),
    Setting::open("reset", Kind::Duration, "Time after which a connection is reset (RST)."),
    Setting::open(
        "http_status",
        Kind::Integer,
        "Status that HTTP/1 requests are answered with, 200 to 599; the server does not hear of them.",
    ),
    Setting::open("http_delay", Kind::Duration, "How much later HTTP/1 requests are passed on or answered."),
    Setting::open("http_headers", Kind::TextMap, "Headers that answers are given, in place of theirs."),
    Setting::open("http_remove_headers", Kind::Texts, "Headers that answers lose."),
    Setting::open("http_body", Kind::Text, "Body that answers are given, in place of theirs."),
    Setting::optional("http_share", Kind::Share, "1", "Share of the matching HTTP requests that are hit."),
    Setting::open(
        "http_paths",
        Kind::Texts,
        "Paths whose requests are hit, without the query, `*` standing for any characters; all by default.",
    ),
    Setting::optional("seed", Kind::Integer, "1", "Seed of everything random; the experiment's where it is not set."),
];

/// The fault with its settings.
#[derive(Debug, Clone)]
pub(super) struct TcpProxy {
    /// As the user wrote it.
    pub(super) listen: String,
    /// As the user wrote it.
    pub(super) upstream: String,
    /// What connections suffer.
    pub(super) toxics: Toxics,
}

/// What connections suffer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Toxics {
    /// Bytes to the server are hit.
    pub(super) up: bool,
    /// Bytes to the client are hit.
    pub(super) down: bool,
    /// Share of connections.
    pub(super) share: f64,
    /// Latency, if there is one.
    pub(super) delay: Option<Delay>,
    /// Share of messages.
    pub(super) loss: f64,
    /// A lost message resets its connection.
    pub(super) loss_resets: bool,
    /// Bytes a second.
    pub(super) bandwidth: Option<u64>,
    /// Time from the end to its arrival.
    pub(super) slow_close: Duration,
    /// Bytes until the end.
    pub(super) limit_data: Option<u64>,
    /// Time to the end.
    pub(super) timeout: Option<Duration>,
    /// Nothing is answered.
    pub(super) blackhole: bool,
    /// Time to the reset.
    pub(super) reset: Option<Duration>,
    /// What HTTP requests suffer.
    pub(super) http: Option<HttpToxics>,
    /// Seed of all that is drawn.
    pub(super) seed: u64,
}

/// What HTTP requests suffer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct HttpToxics {
    /// Status in place of the server's answer.
    pub(super) status: Option<u16>,
    /// Time before the request is passed on.
    pub(super) delay: Duration,
    /// Headers of the answer.
    pub(super) set: BTreeMap<String, String>,
    /// Headers that the answer loses.
    pub(super) remove: Vec<String>,
    /// Body of the answer.
    pub(super) body: Option<String>,
    /// Share of matching requests.
    pub(super) share: f64,
    /// Globs; empty for all.
    pub(super) paths: Vec<String>,
}

impl Toxics {
    /// Whether bytes of a hit connection go through a [`super::line`].
    pub(super) fn shapes(&self) -> bool {
        self.delay.is_some()
            || self.loss > 0.0
            || self.bandwidth.is_some()
            || !self.slow_close.is_zero()
            || self.limit_data.is_some()
            || self.timeout.is_some()
    }
}

/// Reads the settings; no I/O.
pub(super) fn read(mut settings: Settings<'_>) -> Result<TcpProxy, Vec<Problem>> {
    let (listen, upstream) = (settings.text("listen"), settings.text("upstream"));
    if listen.is_some() && listen == upstream {
        settings.problem("upstream", "is where the proxy itself would listen; name the server behind it");
    }
    for (name, address) in [("listen", &listen), ("upstream", &upstream)] {
        if address.as_ref().is_some_and(|a| a.ends_with(":0")) {
            settings.problem(name, "has the port 0; expected the port that the client or the server uses");
        }
    }
    let toxics = toxics(&mut settings);
    let fault = match (listen, upstream, toxics) {
        (Some(listen), Some(upstream), Some(toxics)) => Some(TcpProxy { listen, upstream, toxics }),
        _ => None,
    };
    settings.finish(fault)
}

fn toxics(settings: &mut Settings<'_>) -> Option<Toxics> {
    let direction = settings.text("direction");
    let share = settings.number("share");
    let delay = delay(settings);
    let loss = settings.number("loss");
    let loss_mode = settings.text("loss_mode");
    let bandwidth = settings.bytes("bandwidth");
    if bandwidth == Some(0) {
        settings.problem("bandwidth", "is nought; expected at least `1B`, or `blackhole` where nothing shall pass");
    }
    let slow_close = settings.duration("slow_close").map_or(Duration::ZERO, |s| s.0);
    let limit_data = settings.bytes("limit_data");
    let timeout = settings.duration("timeout").map(|s| s.0);
    let blackhole = settings.flag("blackhole");
    let reset = settings.duration("reset").map(|s| s.0);
    let http = http(settings);
    let seed = settings.integer("seed");
    let direction = direction?;
    Some(Toxics {
        up: direction != "in",
        down: direction != "out",
        share: share?,
        delay: delay?,
        loss: loss?,
        loss_resets: loss_mode? == "reset",
        bandwidth,
        slow_close,
        limit_data,
        timeout,
        blackhole,
        reset,
        http: http?,
        seed: seed?,
    })
}

fn delay(settings: &mut Settings<'_>) -> Option<Option<Delay>> {
    let (latency, jitter) = (settings.duration("latency")?, settings.duration("jitter")?);
    let distribution = match settings.text("distribution")?.as_str() {
        "normal" => Distribution::Normal,
        "exponential" => Distribution::Exponential,
        "pareto" => Distribution::Pareto,
        _ => Distribution::Uniform,
    };
    if distribution == Distribution::Uniform && jitter > latency {
        let reason =
            format!("is {jitter}, more than the latency of {latency}; expected at most that, as nothing arrives early");
        settings.problem("jitter", reason);
    }
    let some = !latency.0.is_zero() || !jitter.0.is_zero();
    Some(some.then_some(Delay { latency: latency.0, jitter: jitter.0, distribution }))
}

fn http(settings: &mut Settings<'_>) -> Option<Option<HttpToxics>> {
    let status = settings.integer("http_status");
    if status.is_some_and(|s| !(200..=599).contains(&s)) {
        settings.problem("http_status", "is no status of a final answer; expected 200 to 599");
    }
    let (set, remove) = (settings.text_map("http_headers"), settings.texts("http_remove_headers"));
    let values = set.iter().map(|(name, value)| ("http_headers", name, value.as_str()));
    let names = remove.iter().map(|name| ("http_remove_headers", name, ""));
    for (setting, name, value) in values.chain(names).collect::<Vec<_>>() {
        if let Some(reason) = unfit(name, value) {
            settings.problem(setting, format!("has `{name}`, {reason}"));
        }
    }
    let paths = settings.texts("http_paths");
    if let Some(path) = paths.iter().find(|p| !p.starts_with(['/', '*'])) {
        settings.problem(
            "http_paths",
            format!("has `{path}`; expected paths that begin with `/` or `*`, such as `/api/*`"),
        );
    }
    let share = settings.number("http_share");
    let delay = settings.duration("http_delay").map_or(Duration::ZERO, |s| s.0);
    let body = if settings.has("http_body") { settings.text("http_body") } else { None };
    if !HTTP_CHANGES.iter().any(|name| settings.has(name)) {
        for name in ["http_share", "http_paths"] {
            if settings.has(name) {
                let reason = format!("changes nothing alone; set one of `{}` too", HTTP_CHANGES.join("`, `"));
                settings.problem(name, reason);
            }
        }
        return Some(None);
    }
    let status = status.and_then(|s| u16::try_from(s).ok());
    Some(Some(HttpToxics { status, delay, set, remove, body, share: share?, paths }))
}

/// Why a header cannot be set or removed.
fn unfit(name: &str, value: &str) -> Option<&'static str> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        Some("which is no name of a header; expected for example `retry-after`")
    } else if value.bytes().any(|b| b < b' ' && b != b'\t' || b == 0x7f) {
        Some("whose value has characters that a header cannot carry; remove them")
    } else if ["content-length", "transfer-encoding", "connection"].iter().any(|n| name.eq_ignore_ascii_case(n)) {
        Some("by which the proxy itself tells where an answer ends; leave it out")
    } else {
        None
    }
}

impl HttpToxics {
    /// Whether requests of this path (no query) may be hit.
    pub(super) fn matches(&self, path: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|p| glob::matches(p, path))
    }
}

impl fmt::Display for Toxics {
    /// What a connection suffers, in words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(delay) = &self.delay {
            parts.push(delay.to_string());
        }
        if self.loss > 0.0 {
            let then = if self.loss_resets { "reset" } else { "stalled" };
            parts.push(format!("{} of the messages lost ({then})", self.loss));
        }
        if let Some(rate) = self.bandwidth {
            parts.push(format!("{rate} bytes a second"));
        }
        if !self.slow_close.is_zero() {
            parts.push(format!("the end {:?} later", self.slow_close));
        }
        if let Some(bytes) = self.limit_data {
            parts.push(format!("closed after {bytes} bytes"));
        }
        if let Some(time) = self.timeout {
            parts.push(format!("no bytes, closed after {time:?}"));
        }
        if self.blackhole {
            parts.push("never answered".to_owned());
        }
        if let Some(time) = self.reset {
            parts.push(format!("reset after {time:?}"));
        }
        if let Some(http) = &self.http {
            parts.push(http.to_string());
        }
        if parts.is_empty() {
            return f.write_str("unchanged");
        }
        if self.share < 1.0 {
            write!(f, "{} of the connections: ", self.share)?;
        }
        f.write_str(&parts.join(", "))
    }
}

impl fmt::Display for HttpToxics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of the HTTP requests", self.share)?;
        if !self.paths.is_empty() {
            write!(f, " to {}", self.paths.join(", "))?;
        }
        let mut parts = Vec::new();
        if !self.delay.is_zero() {
            parts.push(format!("{:?} later", self.delay));
        }
        if let Some(status) = self.status {
            parts.push(format!("answered with status {status}"));
        }
        if !self.set.is_empty() || !self.remove.is_empty() {
            parts.push("with other headers".to_owned());
        }
        if self.body.is_some() {
            parts.push("with another body".to_owned());
        }
        write!(f, " {}", parts.join(", "))
    }
}
