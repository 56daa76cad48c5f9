//! What `/proc` says about one process or thread.

use std::fs;

/// The fields of `/proc/PID/stat` that are needed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// `R`, `S`, `D`, `T` (stopped), `t` (stopped by a tracer), `Z` (ended), ...
    pub(crate) state: char,
    /// Clock ticks since boot when it started.
    pub(crate) started: u64,
}

impl Stat {
    /// Of a process; `None` where there is none.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Of a thread of a process.
    pub(crate) fn of_thread(pid: u32, thread: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/task/{thread}/stat")).ok()?)
    }

    /// Whether it runs, other than as an entry that waits for its parent.
    pub(crate) fn runs(self) -> bool {
        !matches!(self.state, 'Z' | 'X' | 'x')
    }

    /// The name, in brackets, may itself have brackets and blanks: what counts comes after the last one.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.rsplit_once(')')?.1.split_whitespace();
        Some(Self { state: fields.next()?.chars().next()?, started: fields.nth(18)?.parse().ok()? })
    }
}

/// The threads of a process.
pub(crate) fn threads(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

/// A field of `/proc/PID/status`, without its name.
pub(crate) fn status(pid: u32, field: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(field)?.strip_prefix(':')?.trim().to_owned()))
}

/// Whether this process has a capability, by its number: capabilities(7).
pub(crate) fn has_capability(number: u32) -> bool {
    let rights = status(std::process::id(), "CapEff").and_then(|c| u64::from_str_radix(&c, 16).ok()).unwrap_or(0);
    rights & (1 << number) != 0
}

#[cfg(test)]
mod tests {
    use stormglass_chaos::engine::process::Identity;

    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let text = "42 (a) S (x) t 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 77123 0 0\n";
        assert_eq!(Stat::parse(text), Some(Stat { state: 't', started: 77_123 }));
        assert_eq!(Stat::parse("42 (a) S 1"), None);
    }

    #[test]
    fn this_process_runs() {
        let own = std::process::id();
        let stat = Stat::of(own).unwrap();
        let runs = |pid, started| Identity { pid, started }.alive();
        assert!(runs(own, stat.started) && !runs(own, stat.started + 1));
        assert!(threads(own).contains(&own));
        assert_eq!(status(own, "TracerPid").as_deref(), Some("0"));
    }
}
