//! A place to run experiments in: a service that listens, a folder of journals, and looks at what is there from outside.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use acceptance_tests::stormglass;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Words of the hidden arguments, as they stand in a command line.
pub(crate) const HOLDER: &str = "__stormglass-chaos-holder";
pub(crate) const WATCHDOG: &str = "__stormglass-chaos-watchdog";

/// The place.
pub(crate) struct Lab {
    folder: TempDir,
    /// Address of the service whose answers are the steady state.
    pub(crate) service: String,
    open: Arc<AtomicBool>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("stormglass-lab-").expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let service = listener.local_addr().expect("an address").to_string();
        let open = Arc::new(AtomicBool::new(true));
        let on = Arc::clone(&open);
        std::thread::spawn(move || {
            while on.load(Ordering::Relaxed) {
                let _ = listener.accept();
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        Self { folder, service, open }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A folder of the lab's, made now.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("a folder");
        path
    }

    pub(crate) fn journals(&self) -> PathBuf {
        self.path("journals")
    }

    /// Ends the service: nobody listens any more.
    pub(crate) fn close(&self) {
        self.open.store(false, Ordering::Relaxed);
        eventually("the service's end", || std::net::TcpStream::connect(&self.service).is_err());
    }

    /// An experiment with this method, on the service's steady state.
    pub(crate) fn experiment(&self, method: Value) -> Value {
        json!({
            "title": "Lab",
            "steady_state": [{"name": "answers", "type": "tcp", "address": self.service, "interval": "100ms"}],
            "method": method,
            "lease": "1s",
            "lock_timeout": "10m",
            "recovery_objective": "10s",
        })
    }

    pub(crate) fn write(&self, experiment: &Value) -> PathBuf {
        let path = self.path("experiment.json");
        fs::write(&path, experiment.to_string()).expect("the experiment is written");
        path
    }

    /// `stormglass chaos ARGUMENTS --journal-dir ...`, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(stormglass());
        command.arg("chaos").args(arguments).arg("--journal-dir").arg(self.journals());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub(crate) fn chaos(&self, arguments: &[&str]) -> Done {
        finish(self.command(arguments).spawn().expect("the command starts"))
    }

    /// Runs an experiment to its end.
    pub(crate) fn run(&self, experiment: &Value, more: &[&str]) -> Done {
        let path = self.write(experiment);
        let mut arguments = vec!["run", path.to_str().expect("a text path"), "--json"];
        arguments.extend(more);
        self.chaos(&arguments)
    }

    /// Starts an experiment.
    pub(crate) fn start(&self, experiment: &Value, more: &[&str]) -> Child {
        let path = self.write(experiment);
        let mut arguments = vec!["run", path.to_str().expect("a text path"), "--json"];
        arguments.extend(more);
        self.command(&arguments).spawn().expect("the command starts")
    }

    /// The only journal, once it is there.
    pub(crate) fn journal(&self) -> Option<PathBuf> {
        let mut all: Vec<PathBuf> = fs::read_dir(self.journals()).ok()?.flatten().map(|e| e.path()).collect();
        all.retain(|p| p.extension().is_some_and(|e| e == "jsonl"));
        all.sort();
        all.pop()
    }

    /// The records of the last journal.
    pub(crate) fn records(&self) -> Vec<String> {
        let text = self.journal().and_then(|p| fs::read(p).ok()).unwrap_or_default();
        let lines = String::from_utf8_lossy(&text).into_owned();
        let record = |line: &str| Some(serde_json::from_str::<Value>(line).ok()?["record"].as_str()?.to_owned());
        lines.lines().filter_map(record).collect()
    }

    /// Helper processes of this lab's journals, by role.
    pub(crate) fn helpers(&self, role: &str) -> Vec<u32> {
        helpers(&self.journals(), role)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.open.store(false, Ordering::Relaxed);
    }
}

/// Ids of all processes.
pub(crate) fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").expect("/proc is there").flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok())
}

/// Helpers whose journal lies in `folder`.
fn helpers(folder: &Path, role: &str) -> Vec<u32> {
    let matches = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<String> = line.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
        words.get(1).is_some_and(|w| w == role) && words.get(2).is_some_and(|w| Path::new(w).starts_with(folder))
    };
    processes().filter(matches).collect()
}

/// Waits for a command's end.
pub(crate) fn finish(mut child: Child) -> Done {
    let (mut out, mut err) = (String::new(), String::new());
    let mut stderr = child.stderr.take().expect("a pipe");
    let reader = std::thread::spawn(move || {
        let _ = stderr.read_to_string(&mut err);
        err
    });
    let _ = child.stdout.take().expect("a pipe").read_to_string(&mut out);
    let code = child.wait().expect("the command ends").code();
    Done { code, out, err: reader.join().expect("a reader") }
}

impl Done {
    /// The JSON object on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// Sends a signal to a process, if it is there.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Waits until something holds; a generous bound, so that a slow machine does not fail the test.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not happen within a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The state letter and the tracer of a process: `/proc/PID/status`.
pub(crate) fn state(pid: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).map(|l| l.trim().to_owned());
    Some((field("State:")?.chars().next()?, field("TracerPid:")?.parse().ok()?))
}
