//! Source `exec`: a program that prints a series, CSV or JSON, as the source `csv` reads it.
//!
//! No shell: an argument list. The program runs in a process group of its own, which is ended as a whole when the time is
//! over or the caller gives up. It finds the window in `STORMGLASS_FROM` and `STORMGLASS_TO`.

use std::process::Stdio;

use async_trait::async_trait;
use forecast_core::RawSeries;
use serde::{Deserialize, Serialize};
use stormglass_ops::duration::Span;
use stormglass_ops::{MetricSource, SourceError, Window};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::table::{self, Format};
use crate::process_group::Group;

/// Most bytes kept of what the program says on standard error.
const KEPT_OF_STDERR: usize = 2_000;
/// Most bytes that the program may print.
const LARGEST: usize = 1 << 30;

/// Settings of the source `exec`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Map<String, serde_json::Value>")]
pub struct ExecConfig {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How long it may run.
    pub timeout: Span,
    /// How it prints the series.
    #[serde(flatten)]
    pub format: Format,
}

/// How long a program may run where `timeout` is not set.
pub const DEFAULT_TIMEOUT: Span = Span::seconds(60);

impl TryFrom<serde_json::Map<String, serde_json::Value>> for ExecConfig {
    type Error = serde_json::Error;

    fn try_from(mut map: serde_json::Map<String, serde_json::Value>) -> Result<Self, Self::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Own {
            command: Vec<String>,
            timeout: Option<Span>,
        }
        let format = Format::split_off(&mut map)?;
        let own: Own = serde_json::from_value(serde_json::Value::Object(map))?;
        Ok(Self { command: own.command, timeout: own.timeout.unwrap_or(DEFAULT_TIMEOUT), format })
    }
}

/// A program that prints a series.
#[derive(Debug, Clone)]
pub struct Exec {
    config: ExecConfig,
}

impl Exec {
    /// The source of these settings.
    ///
    /// # Errors
    /// `Setting` for an empty command, and for no time to run.
    pub fn new(config: ExecConfig) -> Result<Self, SourceError> {
        if config.command.first().is_none_or(|program| program.is_empty()) {
            let reason =
                "is empty; expected a program and its arguments, for example [\"fetch-load\", \"--days\", \"56\"]";
            return Err(SourceError::Setting { setting: "exec.command".into(), reason: reason.into() });
        }
        if config.timeout.0.is_zero() {
            let reason = "is 0s; expected a time that the program can keep, for example 60s";
            return Err(SourceError::Setting { setting: "exec.timeout".into(), reason: reason.into() });
        }
        Ok(Self { config })
    }
}

#[async_trait]
impl MetricSource for Exec {
    fn describe(&self) -> String {
        format!("the program `{}`", self.config.command[0])
    }

    async fn fetch(&self, window: Option<Window>) -> Result<RawSeries, SourceError> {
        let what = self.describe();
        let unreachable = |reason: String| SourceError::Unreachable { what: what.clone(), reason };
        let mut command = Command::new(&self.config.command[0]);
        command.args(&self.config.command[1..]).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        command.process_group(0);
        if let Some(window) = window {
            command.env("STORMGLASS_FROM", window.from.to_string()).env("STORMGLASS_TO", window.to.to_string());
        }
        let mut child = command.spawn().map_err(|e| unreachable(format!("it does not start: {e}")))?;
        let group = Group::of(child.id());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let run = async {
            let (out, err) = tokio::join!(all(stdout), tail(stderr));
            // A program that prints on and on is not waited for.
            if out.len() > LARGEST { None } else { Some((child.wait().await, out, err)) }
        };
        let Ok(ended) = tokio::time::timeout(self.config.timeout.0, run).await else {
            return Err(unreachable(format!("it ran longer than `timeout`, {}; it was ended", self.config.timeout)));
        };
        let Some((status, out, err)) = ended else {
            return Err(unreachable(format!("it printed more than {} MiB; it was ended", LARGEST >> 20)));
        };
        group.forget();
        let status = status.map_err(|e| unreachable(format!("its end was missed: {e}")))?;
        if !status.success() {
            return Err(unreachable(format!("it ended with {status}{}", said(&err))));
        }
        let json = out.iter().find(|b| !b.is_ascii_whitespace()).is_some_and(|b| *b == b'[');
        let mut series = table::read(&what, out.as_slice(), json, &self.config.format)
            .map_err(|e| SourceError::Invalid { what: format!("what {what} prints"), reason: e.to_string() })?;
        if let Some(window) = window {
            series.samples.retain(|s| s.time >= window.from && s.time < window.to);
        }
        if series.samples.is_empty() { Err(SourceError::NoData { what, window }) } else { Ok(series) }
    }
}

/// All that a pipe has, up to a byte more than is taken.
async fn all(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read before a failure is judged as it is.
        let _ = pipe.take(LARGEST as u64 + 1).read_to_end(&mut bytes).await;
    }
    bytes
}

/// The last bytes that a pipe has; all of it is read, so that the program never waits for a reader.
async fn tail(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut pipe) = pipe else { return kept };
    let mut chunk = [0; 4_096];
    while let Ok(n @ 1..) = pipe.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..n]);
        kept.drain(..kept.len().saturating_sub(KEPT_OF_STDERR));
    }
    kept
}

fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr).trim().to_owned();
    if text.is_empty() { String::new() } else { format!(" and said: {text}") }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn fetch(command: &[&str], timeout: &str) -> Result<RawSeries, SourceError> {
        let command = command.iter().map(|c| (*c).to_owned()).collect();
        let config = ExecConfig { command, timeout: timeout.parse().unwrap(), format: Format::default() };
        Exec::new(config)?.fetch(None).await
    }

    #[tokio::test]
    async fn what_a_program_prints_is_read() {
        let series = fetch(&["printf", r"timestamp,value\n2026-01-01T00:00:00Z,1\n"], "10s").await.unwrap();
        assert_eq!(series.samples[0].value, Some(1.0));
        let json = fetch(&["echo", r#"[["2026-01-01T00:00:00Z", 1]]"#], "10s").await.unwrap();
        assert_eq!(json.samples, series.samples);
    }

    #[tokio::test]
    async fn failures_say_what_happened() {
        let error = |result: Result<RawSeries, SourceError>| result.unwrap_err().to_string();
        assert!(error(fetch(&[], "1s").await).contains("exec.command: is empty"));
        assert!(error(fetch(&["no-such-program-here"], "1s").await).contains("does not start"));
        assert!(error(fetch(&["sh", "-c", "echo no database >&2; exit 3"], "9s").await).contains("said: no database"));
        assert!(error(fetch(&["echo", "hello"], "9s").await).contains("no column `timestamp`"));
        assert!(error(fetch(&["echo"], "0s").await).contains("exec.timeout: is 0s"));
    }

    #[tokio::test]
    async fn the_end_of_what_it_says_is_kept_however_much_it_says() {
        let script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done >&2; exit 1";
        let error = fetch(&["sh", "-c", script], "60s").await.unwrap_err().to_string();
        assert!(error.ends_with("line 19999") && error.len() < KEPT_OF_STDERR + 200, "{error}");
    }

    #[tokio::test]
    async fn it_is_told_the_window_and_what_lies_outside_is_left_out() {
        let script = r#"printf 'timestamp,value\n%s,1\n%s,2\n' "$STORMGLASS_FROM" "$STORMGLASS_TO""#;
        let config = ExecConfig {
            command: ["sh", "-c", script].map(String::from).into(),
            timeout: DEFAULT_TIMEOUT,
            format: Format::default(),
        };
        let at = |text: &str| text.parse().unwrap();
        let window = Window { from: at("2026-01-01T00:00:00Z"), to: at("2026-01-02T00:00:00Z") };
        let series = Exec::new(config).unwrap().fetch(Some(window)).await.unwrap();
        assert_eq!(series.samples.iter().map(|s| (s.time, s.value)).collect::<Vec<_>>(), [(window.from, Some(1.0))]);
    }

    /// Runs a program with a child that sleeps, gives up on it by `give_up`, and waits for the child's end.
    async fn check_ended<F: Future<Output = ()>>(give_up: impl FnOnce(Vec<String>, std::path::PathBuf) -> F) {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", pid_file.display());
        give_up(vec!["sh".into(), "-c".into(), script], pid_file.clone()).await;
        let pid = std::fs::read_to_string(&pid_file).unwrap();
        let gone =
            || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).map_or(true, |s| s.contains(") Z "));
        for _ in 0..500 {
            if gone() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the program's child {pid} is still there");
    }

    #[tokio::test]
    async fn a_program_that_runs_on_is_ended_with_its_children() {
        check_ended(|command, _| async move {
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            let error = fetch(&command, "1s").await.unwrap_err().to_string();
            assert!(error.contains("ran longer than `timeout`, 1s"), "{error}");
        })
        .await;
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_leaves_nothing_behind() {
        check_ended(|command, pid_file| async move {
            let config = ExecConfig { command, timeout: DEFAULT_TIMEOUT, format: Format::default() };
            let source = Exec::new(config).unwrap();
            let call = tokio::spawn(async move { source.fetch(None).await });
            while !pid_file.exists() {
                tokio::task::yield_now().await;
            }
            call.abort();
            assert!(call.await.unwrap_err().is_cancelled());
        })
        .await;
    }
}
