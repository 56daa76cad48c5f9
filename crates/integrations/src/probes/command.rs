//! Probe `command`: runs a program; the number is its exit status, the text what it prints.
//!
//! No shell: an argument list. The program runs in a process group of its own, which is ended as a whole when the time is over.

use std::process::Stdio;

use async_trait::async_trait;
use stormglass_chaos::{Kind, Probe, ProbeError, ProbeKind, Problem, Reading, Setting, Settings, Target};
use tokio::io::AsyncReadExt as _;

use super::LONGEST;
use crate::process_group::Group;

/// The kind.
pub(super) struct Command;

const SETTINGS: &[Setting] =
    &[Setting::required("command", Kind::Texts, "The program and its arguments; no shell reads them.")];

impl ProbeKind for Command {
    fn name(&self) -> &'static str {
        "command"
    }

    fn summary(&self) -> &'static str {
        "Runs a program; the number is its exit status, the text what it prints, of which 1 MiB is kept."
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn default_tolerance(&self) -> &'static str {
        "exit status 0"
    }

    fn read(&self, mut settings: Settings<'_>) -> Result<Box<dyn Probe>, Vec<Problem>> {
        let command = settings.texts("command");
        let empty = command.first().is_none_or(String::is_empty);
        if empty && settings.has("command") {
            settings
                .problem("command", "names no program; expected for example `[\"pg_isready\", \"-h\", \"127.0.0.1\"]`");
        }
        settings.finish((!empty).then_some(Run { command })).map(|run| Box::new(run) as Box<dyn Probe>)
    }
}

struct Run {
    command: Vec<String>,
}

#[async_trait]
impl Probe for Run {
    fn describe(&self) -> String {
        format!("run `{}`", self.command.join(" "))
    }

    /// None: the program is a process that the experiment starts itself, with the rights of whoever runs the experiment.
    fn targets(&self) -> Vec<Target> {
        Vec::new()
    }

    async fn measure(&self) -> Result<Reading, ProbeError> {
        let error = |reason: String| ProbeError { what: self.describe(), reason };
        let mut command = tokio::process::Command::new(&self.command[0]);
        command.args(&self.command[1..]).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|e| error(format!("it does not start: {e}")))?;
        let group = Group::of(child.id());
        let mut text = Vec::new();
        if let Some(out) = child.stdout.take() {
            let mut out = out.take(LONGEST as u64);
            out.read_to_end(&mut text).await.map_err(|e| error(e.to_string()))?;
            // What it prints beyond is thrown away, so that it does not wait for a reader.
            let mut rest = out.into_inner();
            tokio::io::copy(&mut rest, &mut tokio::io::sink()).await.map_err(|e| error(e.to_string()))?;
        }
        let status = child.wait().await.map_err(|e| error(format!("its end was missed: {e}")))?;
        group.forget();
        let (number, summary) = match status.code() {
            Some(code) => (Some(f64::from(code)), format!("exit status {code}")),
            None => (None, status.to_string()),
        };
        let text = Some(String::from_utf8_lossy(&text).into_owned());
        Ok(Reading { number, text, ok: status.success(), summary })
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn probe(command: &[&str]) -> Result<Box<dyn Probe>, Vec<Problem>> {
        let given = json!({"command": command});
        Command.read(Settings::new("p", SETTINGS, given.as_object().unwrap(), &[]))
    }

    #[tokio::test]
    async fn status_and_output_are_read() {
        let reading = probe(&["sh", "-c", "echo hello; exit 3"]).unwrap().measure().await.unwrap();
        assert_eq!((reading.number, reading.text.as_deref(), reading.ok), (Some(3.0), Some("hello\n"), false));
        let error = probe(&["/no/such/program"]).unwrap().measure().await.unwrap_err();
        assert!(error.reason.starts_with("it does not start"), "{error}");
        assert!(probe(&[]).err().unwrap()[0].reason.contains("names no program"));
    }

    #[tokio::test]
    async fn a_measurement_that_is_given_up_leaves_no_process() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", file.display());
        let probe = probe(&["sh", "-c", &script]).unwrap();
        // Given up only once the inner process is there.
        let begun = async {
            while !std::fs::read_to_string(&file).is_ok_and(|t| t.ends_with('\n')) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! { _ = probe.measure() => panic!("it sleeps"), () = begun => {} }
        let pid = std::fs::read_to_string(&file).unwrap().trim().to_owned();
        let ended = || std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |s| s.contains(") Z "));
        for _ in 0..1_000 {
            if ended() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("process {pid} still runs");
    }
}
