//! Pages of faults and probes, from the lists of settings that the engine reads.

use std::fmt::Write as _;

use stormglass_chaos::experiment::{CHECK, STEP};
use stormglass_chaos::tolerance::TOLERANCE;
use stormglass_chaos::{Ending, FaultKind, ProbeKind, Setting};

/// The page of a fault.
pub(super) fn fault(kind: &dyn FaultKind, example: &str) -> String {
    let ending = match kind.ending() {
        Ending::WithHolder => {
            "What it holds, the kernel ends with the process that holds it: nothing of it outlives its holder, even where everything else was killed."
        }
        Ending::BySomebody => {
            "Somebody has to end it: its holder, the watchdog, `stormglass chaos undo`, or the next run. It is refused without a \
             `journal_dir` that outlives a restart of the machine."
        }
    };
    let mut out = format!("# Fault `{}`\n\n{}\n\n{ending}\n\n", kind.name(), kind.summary());
    out.push_str(
        "What an experiment may touch is said by whoever runs it: [what may be touched](../guides/first-experiment.md#3-what-may-be-touched).\n\n",
    );
    let _ = write!(out, "```yaml\n{example}```\n\n## Settings\n\n{}", table(kind.settings()));
    let _ = write!(out, "\n## Settings of every fault\n\n{}", table(STEP));
    out
}

/// The page of a probe.
pub(super) fn probe(kind: &dyn ProbeKind, example: &str) -> String {
    let mut out = format!(
        "# Probe `{}`\n\n{}\n\nWithout a `tolerance` it passes where: {}.\n\n",
        kind.name(),
        kind.summary(),
        kind.default_tolerance()
    );
    let _ = write!(out, "```yaml\n{example}```\n\n## Settings\n\n{}", table(kind.settings()));
    let _ = write!(out, "\n## Settings of every check\n\n{}", table(CHECK));
    let _ = write!(out, "\n## `tolerance`\n\nEvery part that is set has to hold.\n\n{}", table(TOLERANCE));
    out
}

fn table(settings: &[Setting]) -> String {
    let mut out = "| setting | takes | default | what it says |\n|---|---|---|---|\n".to_owned();
    for s in settings {
        let takes = match s.kind {
            stormglass_chaos::Kind::Word(words) => {
                words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
            }
            kind => kind.words().to_owned(),
        };
        let default = match (s.required, s.default) {
            (true, _) => "required".to_owned(),
            (false, Some(default)) => format!("`{default}`"),
            (false, None) => "none".to_owned(),
        };
        let _ = writeln!(out, "| `{}` | {takes} | {default} | {} |", s.name, s.description);
    }
    out
}
