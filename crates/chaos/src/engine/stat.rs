//! What `/proc/PID/stat` says of a process or of one thread. Source: proc_pid_stat(5).

use std::fs;

/// The fields that are needed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// `R`, `S`, `D`, `T` (stopped), `t` (stopped by a tracer), `Z` (ended), ...
    pub state: char,
    /// Process id of the parent; 0 for the first process.
    pub parent: u32,
    /// Process id of the session's leader; 0 for the kernel's own.
    pub session: u32,
    /// Clock ticks since boot when it started.
    pub started: u64,
}

impl Stat {
    /// Of a process; `None` where there is none.
    pub fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Of a thread of a process.
    pub fn of_thread(pid: u32, thread: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/task/{thread}/stat")).ok()?)
    }

    /// Whether it runs, other than as an entry that waits for its parent.
    pub fn runs(self) -> bool {
        !matches!(self.state, 'Z' | 'X' | 'x')
    }

    /// Whether it stands still until somebody lets it go on.
    pub fn stopped(self) -> bool {
        matches!(self.state, 'T' | 't')
    }

    /// The name, in brackets, may itself have brackets and blanks: what counts comes after the last one.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let session = fields.nth(1)?.parse().ok()?;
        Some(Self { state, parent, session, started: fields.nth(15)?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let text = "42 (a) S (x) t 1 42 41 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 77123 0 0\n";
        assert_eq!(Stat::parse(text), Some(Stat { state: 't', parent: 1, session: 41, started: 77_123 }));
        assert_eq!(Stat::parse("42 (a) S 1"), None);
    }

    #[test]
    fn this_process_runs() {
        let own = std::process::id();
        let stat = Stat::of(own).unwrap();
        assert!(stat.runs() && !stat.stopped() && stat.parent != 0);
        assert_eq!(Stat::of_thread(own, own).map(|s| s.started), Some(stat.started));
    }
}
