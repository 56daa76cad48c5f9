//! One case a fault: how it is asked for, and how its presence is seen from outside of every process of ours.

use serde_json::{Value, json};

use crate::lab::{HOLDER, Lab};

/// A fault to be killed in.
pub(crate) trait Case: Send {
    /// The step of the method.
    fn step(&self, duration: &str) -> Value;

    /// What the caller has to allow.
    fn allow(&self) -> Vec<String> {
        Vec::new()
    }

    /// What is there of the fault, seen from outside; `None` where nothing is.
    fn left(&self) -> Option<String>;
}

/// Every case, by name; each is made anew for each lab.
pub(crate) const CASES: &[(&str, fn(&Lab) -> Box<dyn Case>)] = &[("cpu_burn", |_| Box::new(Burn))];

/// What is there of any fault of the lab: a holder.
pub(crate) fn holder_left(lab: &Lab) -> Option<String> {
    let holders = lab.helpers(HOLDER);
    (!holders.is_empty()).then(|| format!("holders {holders:?}"))
}

struct Burn;

impl Case for Burn {
    fn step(&self, duration: &str) -> Value {
        json!({"fault": "cpu_burn", "share": 0.3, "cores": 1, "duration": duration})
    }

    /// Burning threads are the holder's; [`holder_left`] looks for it.
    fn left(&self) -> Option<String> {
        None
    }
}
