//! A process to break: this test program once more, with several threads, a listener that answers, and an end on stdin's end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

const ORDER: &str = "STORMGLASS_TEST_VICTIM";

/// A running victim.
pub(crate) struct Victim {
    child: Child,
    /// The port that it listens on.
    pub(crate) port: u16,
}

impl Victim {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "victim::as_a_child", "--nocapture"])
            .env(ORDER, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|l| l.split_once("victim: ")?.1.parse().ok()).unwrap();
        Self { child, port }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The states of its threads.
    pub(crate) fn states(&self) -> String {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).into_iter().flatten().flatten();
        let stats = tasks.filter_map(|t| std::fs::read_to_string(t.path().join("stat")).ok());
        stats.filter_map(|s| s.rsplit_once(')')?.1.trim_start().chars().next()).collect()
    }

    /// Whether it answers within the time.
    pub(crate) fn answers(&self, within: Duration) -> bool {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(within)).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).is_ok() && answer == "here"
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn as_a_child() {
    if std::env::var_os(ORDER).is_none() {
        return;
    }
    for _ in 0..3 {
        std::thread::spawn(|| {
            loop {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("victim: {}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            stream.unwrap().write_all(b"here").unwrap();
        }
    });
    // The end of the test that started it is the end of this one.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
