//! Fault `process_kill`: ends processes; they have to come back by themselves, or by a start command.
//!
//! The signal goes to a process handle (`pidfd_send_signal`) whose start time was looked at, never to an id that could have
//! become another process. `start` is run once, right after the last of them has ended, in a session of its own: it lives on
//! when the holder dies. There is nothing to undo; a probe says whether the service recovered.

#[cfg(target_os = "linux")]
mod kill;
#[cfg(target_os = "linux")]
mod start;

use serde_json::Value;
use stormglass_chaos::{Ending, Fault, FaultError, FaultKind, Kind, Problem, Setting, Settings};

use crate::processes::{CGROUP, EXECUTABLE, PID_FILE, PORT, Selector};

const NAME: &str = "process_kill";

/// The kind `process_kill`.
pub(super) struct ProcessKillKind;

impl FaultKind for ProcessKillKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "Ends processes, named by one of `pid_file`, `executable`, `port`, `cgroup`; they have to come back by themselves, or by `start`."
    }

    fn settings(&self) -> &'static [Setting] {
        const SETTINGS: &[Setting] = &[
            PID_FILE,
            EXECUTABLE,
            PORT,
            CGROUP,
            Setting::optional(
                "signal",
                Kind::Word(&["KILL", "TERM"]),
                "KILL",
                "`TERM` asks the process to end, and has failed where it has not after 10 s.",
            ),
            Setting::open(
                "start",
                Kind::Texts,
                "A program and its arguments (no shell), run once after the processes have ended; without it they have to come back by themselves.",
            ),
        ];
        SETTINGS
    }

    fn ending(&self) -> Ending {
        Ending::WithHolder
    }

    fn read(&self, mut settings: Settings<'_>) -> Result<Box<dyn Fault>, Vec<Problem>> {
        let selector = Selector::read(&mut settings);
        let signal =
            settings.text("signal").map(|s| if s == Signal::Term.word() { Signal::Term } else { Signal::Kill });
        let start = settings.texts("start");
        if settings.has("start") && start.first().is_none_or(String::is_empty) {
            settings.problem(
                "start",
                "has no program; expected it and its arguments, for example [\"systemctl\", \"start\", \"web\"]",
            );
        }
        if start.iter().any(|part| part.contains('\0')) {
            settings.problem("start", "has a NUL character, which no program can be given");
        }
        let fault = selector.zip(signal).map(|(selector, signal)| ProcessKill { selector, signal, start });
        settings.finish(fault).map(|f| Box::new(f) as Box<dyn Fault>)
    }

    fn undo(&self, _: &Value) -> Result<(), FaultError> {
        // Nobody can bring the process back. `start` is not run here: it could start a second one beside the first, and a
        // command that stands in a file would be run by whoever undoes, root at boot for example.
        Ok(())
    }
}

/// How to end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Kill,
    Term,
}

impl Signal {
    /// As the setting has it.
    const fn word(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Term => "TERM",
        }
    }
}

/// Which processes, how, and what then.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux kills"))]
struct ProcessKill {
    selector: Selector,
    signal: Signal,
    start: Vec<String>,
}

#[cfg(not(target_os = "linux"))]
super::linux_only!(ProcessKill, NAME, stormglass_chaos::Class::SelfHealing);
