//! What an experiment showed: the outcome, the times, each fault and each probe's timeline.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::Class;
use crate::state::Outcome;

/// The report of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The experiment's title.
    pub experiment: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, one sentence.
    pub reason: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// From the first injection to the first failing measurement, seconds; null where the steady state never broke.
    pub detection_seconds: Option<f64>,
    /// How long the check that came back last took for it, seconds: from the end of the last undo where it came back after that,
    /// otherwise the length of its last outage; 0 where nothing ever broke, null where it did not come back.
    pub recovery_seconds: Option<f64>,
    /// Each fault of the method, in order.
    pub faults: Vec<FaultReport>,
    /// Each check of the steady state, in order.
    pub probes: Vec<ProbeReport>,
    /// Path of the journal.
    pub journal: String,
}

/// One fault of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultReport {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub fault: String,
    /// Whether what it breaks comes back.
    pub class: Class,
    /// What it did, one sentence.
    pub plan: String,
    /// When it came into force; null where it never did.
    pub injected: Option<Timestamp>,
    /// When it was undone; null where it never came into force, or is left.
    pub undone: Option<Timestamp>,
    /// What went wrong with it.
    pub error: Option<String>,
    /// Counters of its own.
    pub counts: Value,
}

/// One check of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// Its name.
    pub name: String,
    /// What was asked.
    pub asked: String,
    /// Measurements within the tolerance.
    pub passed: u64,
    /// Measurements outside of it, or that could not be made.
    pub failed: u64,
    /// Each measurement, in order.
    pub timeline: Vec<Measurement>,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// When it was asked.
    pub at: Timestamp,
    /// How long it took, seconds.
    pub seconds: f64,
    /// Whether it was within the tolerance.
    pub ok: bool,
    /// The number measured, if there is one.
    pub number: Option<f64>,
    /// In a few words.
    pub summary: String,
}

impl Report {
    /// The report as one JUnit suite: a case a check and a fault, so that a pipeline shows it beside its tests.
    pub fn junit(&self) -> String {
        let seconds = self.ended.duration_since(self.started).as_secs_f64();
        let verdict = match self.outcome {
            Outcome::Passed => String::new(),
            other => format!("<failure message=\"{}\"/>", escaped(&format!("{}: {}", other.name(), self.reason))),
        };
        let mut cases = format!("    <testcase name=\"outcome\" time=\"{seconds:.3}\">{verdict}</testcase>\n");
        let mut failures = usize::from(self.outcome != Outcome::Passed);
        for fault in &self.faults {
            let time = match (fault.injected, fault.undone) {
                (Some(from), Some(to)) => to.duration_since(from).as_secs_f64(),
                _ => 0.0,
            };
            let body = match (&fault.error, fault.injected) {
                (Some(error), _) => format!("<failure message=\"{}\"/>", escaped(error)),
                (None, None) => "<skipped/>".to_owned(),
                (None, Some(_)) => String::new(),
            };
            failures += usize::from(fault.error.is_some());
            let name = escaped(&fault.name);
            cases.push_str(&format!(
                "    <testcase classname=\"fault\" name=\"{name}\" time=\"{time:.3}\">{body}</testcase>\n"
            ));
        }
        let skipped = self.faults.iter().filter(|f| f.error.is_none() && f.injected.is_none()).count();
        let tests = 1 + self.faults.len();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{seconds:.3}\" timestamp=\"{}\">\n{cases}  </testsuite>\n</testsuites>\n",
            escaped(&self.experiment),
            self.started,
        )
    }
}

/// Text for an XML attribute; characters that XML 1.0 forbids become question marks.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junit_tells_verdict_faults_and_what_never_began() {
        let at: Timestamp = "2026-02-02T00:00:00Z".parse().unwrap();
        let fault = |name: &str, injected, error: Option<&str>| FaultReport {
            name: name.to_owned(),
            fault: "cpu_burn".to_owned(),
            class: Class::Reversible,
            plan: String::new(),
            injected,
            undone: injected,
            error: error.map(str::to_owned),
            counts: Value::Null,
        };
        let report = Report {
            experiment: "a \"b\" <c>".to_owned(),
            outcome: Outcome::Failed,
            reason: "not back".to_owned(),
            started: at,
            ended: at,
            detection_seconds: None,
            recovery_seconds: None,
            faults: vec![
                fault("one", Some(at), None),
                fault("two", None, None),
                fault("three", Some(at), Some("x & y")),
            ],
            probes: Vec::new(),
            journal: String::new(),
        };
        let xml = report.junit();
        assert!(xml.contains(
            "<testsuite name=\"a &quot;b&quot; &lt;c&gt;\" tests=\"4\" failures=\"2\" errors=\"0\" skipped=\"1\""
        ));
        assert!(xml.contains("<failure message=\"failed: not back\"/>"));
        assert!(xml.contains("name=\"two\" time=\"0.000\"><skipped/>"));
        assert!(xml.contains("x &amp; y"));
    }
}
