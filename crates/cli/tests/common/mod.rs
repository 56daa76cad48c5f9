//! What the tests of the command share: running it, and making data for it.

// Each test file is a program of its own and uses a part of this.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The command as users get it.
pub(crate) const STORMGLASS: &str = env!("CARGO_BIN_EXE_stormglass");

/// What a run of the command said and how it ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Run {
    /// The run, which has ended with this code.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// The one JSON object on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:#?}");
        assert_eq!(self.stdout.lines().count(), 1, "{self:#?}");
        let value: Value = serde_json::from_str(&self.stdout).expect("standard output is one JSON object");
        assert!(value.is_object());
        value
    }
}

/// Runs the command in a folder of the test's own, which holds what it remembers, too.
pub(crate) fn run_in(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(STORMGLASS);
    command.args(arguments).current_dir(folder).env_remove("NO_COLOR");
    command.env("XDG_CACHE_HOME", folder.join("cache")).env("XDG_STATE_HOME", folder.join("state"));
    ended(&command.output().expect("the command starts"))
}

/// Runs the command, which remembers nothing.
pub(crate) fn run(arguments: &[&str]) -> Run {
    let mut command = Command::new(STORMGLASS);
    command.args(arguments).current_dir(std::env::temp_dir()).env_remove("NO_COLOR");
    command.env("STORMGLASS_CACHE", "off").env("STORMGLASS_ARCHIVE", "off");
    ended(&command.output().expect("the command starts"))
}

fn ended(output: &Output) -> Run {
    Run {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code().unwrap_or(-1),
    }
}

/// A real trace of `tests/data`.
pub(crate) fn trace(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/traces").join(format!("{name}.csv"));
    path.to_str().expect("the path is text").to_owned()
}

/// A folder with the files of one test.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, gives its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path: PathBuf = self.path().join(name);
        std::fs::write(&path, content).expect("the file can be written");
        path.to_str().expect("the path is text").to_owned()
    }

    /// The path of a file that is not there yet.
    pub(crate) fn at(&self, name: &str) -> String {
        self.path().join(name).to_str().expect("the path is text").to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("the file is there")
    }
}

/// A load with a daily season on an hourly grid, `days` long, from Monday, 2026-01-05 on: `timestamp,value`.
pub(crate) fn daily_load(days: usize) -> String {
    let start: jiff::Timestamp = "2026-01-05T00:00:00Z".parse().expect("a time");
    let mut text = String::from("timestamp,value\n");
    for hour in 0..days * 24 {
        let at = jiff::Timestamp::from_second(start.as_second() + hour as i64 * 3600).expect("a time");
        text.push_str(&format!("{at},{}\n", value_at(hour)));
    }
    text
}

/// A value of [`daily_load`]: low at night, high at noon, a little different each day.
pub(crate) fn value_at(hour: usize) -> f64 {
    let of_day = hour % 24;
    let noon = 12usize.abs_diff(of_day) as f64;
    let ripple = ((hour * 7919) % 101) as f64 / 101.0;
    100.0 + 20.0 * (12.0 - noon) + 10.0 * ripple
}
