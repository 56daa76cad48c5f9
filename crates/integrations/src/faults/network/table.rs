//! A table of rules, in force and undone.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stormglass_chaos::{Class, Fault, FaultError, Injected, Target, Touch};

use super::Network;
use super::namespace::{Namespace, permitted};
use super::nft::{Owner, exists, failed, nft};
use super::rules::{Action, again, table};

/// Time that a table has to go with its owner.
const PATIENCE: Duration = Duration::from_secs(3);
/// Begin of every table's name, so that what is left could be found by it.
const PREFIX: &str = "stormglass_";

/// What names a table in the journal.
#[derive(Debug, Serialize, Deserialize)]
struct Named {
    namespace: String,
    inode: u64,
    table: String,
}

impl Fault for Network {
    fn class(&self) -> Class {
        Class::Reversible
    }

    fn resolve(&self) -> Result<Touch, FaultError> {
        permitted(self.name)?;
        nft(self.name)?;
        let namespace = self.open()?;
        let named = Named {
            namespace: self.namespace.clone(),
            inode: namespace.inode,
            table: format!("{PREFIX}{:016x}", fastrand::u64(..)),
        };
        self.check(&namespace, &named.table)?;
        let undo = serde_json::to_value(&named).map_err(|e| FaultError::System {
            step: "writing the journal's entry".to_owned(),
            reason: e.to_string(),
        })?;
        Ok(Touch { targets: vec![Target::Namespace(self.namespace.clone())], plan: self.plan(), undo })
    }

    fn inject(&self, touch: &Touch) -> Result<Box<dyn Injected>, FaultError> {
        let named = named(&touch.undo)?;
        let namespace = self.open()?;
        if namespace.inode != named.inode {
            let reason = "is another one since it was looked at; nothing was injected".to_owned();
            return Err(FaultError::Target { what: format!("`namespace` {}", self.namespace), reason });
        }
        let command = table(&named.table, &self.filter, self.action, self.share);
        let owner = Owner::start(self.name, namespace, &named.table, &command)?;
        Ok(Box::new(InForce { fault: self.clone(), table: named.table, owner, share: self.share }))
    }
}

impl Network {
    fn open(&self) -> Result<Namespace, FaultError> {
        Namespace::open(&self.namespace)?.ok_or_else(|| FaultError::Target {
            what: format!("`namespace` {}", self.namespace),
            reason: "does not exist; expected a name that `ip netns list` shows".to_owned(),
        })
    }

    /// Has `nft` and the kernel check the rules without making them.
    fn check(&self, namespace: &Namespace, name: &str) -> Result<(), FaultError> {
        let mut nft = nft(self.name)?;
        nft.args(["-c", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = namespace.spawn(&mut nft)?;
        let command = table(name, &self.filter, self.action, self.share);
        if let Some(mut stdin) = child.stdin.take() {
            // An `nft` that does not read says why below.
            let _ = writeln!(stdin, "{command}");
        }
        let output = child.wait_with_output().map_err(|e| failed("checking the rules", &e.to_string()))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
        Err(FaultError::Unsupported {
            what: format!("`{}`", self.name),
            needs: format!(
                "a kernel and an nft that take its rules (Linux 5.12 or newer, for tables with an owner): {said}"
            ),
        })
    }

    fn plan(&self) -> String {
        let what = match self.action {
            Action::Lose => "lose all".to_owned(),
            Action::LoseShare => format!("lose {} of the", self.share),
            Action::Refuse => "refuse all".to_owned(),
        };
        format!("{what} packets of the network namespace {}{}", self.namespace, self.filter)
    }
}

fn named(undo: &Value) -> Result<Named, FaultError> {
    let wrong = |reason: String| FaultError::Target { what: "the journal's entry".to_owned(), reason };
    let named: Named = serde_json::from_value(undo.clone())
        .map_err(|e| wrong(format!("has `{undo}`; expected `namespace`, `inode` and `table`: {e}")))?;
    // Nothing that could be another's is ever removed, whatever a journal says.
    let own = named.table.strip_prefix(PREFIX).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_hexdigit()));
    if own { Ok(named) } else { Err(wrong(format!("names the table `{}`, which is none of ours", named.table))) }
}

/// Removes what is left of a table whose owner may have died.
pub(super) fn undo(undo: &Value) -> Result<(), FaultError> {
    const WHAT: &str = "undoing a network fault";
    let named = named(undo)?;
    // With a namespace its tables are gone.
    let Some(namespace) = Namespace::open(&named.namespace)?.filter(|n| n.inode == named.inode) else { return Ok(()) };
    let until = Instant::now() + PATIENCE;
    while exists(WHAT, &namespace, &named.table)? {
        let output = namespace.output(nft(WHAT)?.args(["delete", "table", "inet", &named.table]))?;
        if !output.status.success() && Instant::now() >= until {
            let said = String::from_utf8_lossy(&output.stderr);
            let step = format!(
                "removing the table inet {} in the network namespace {}, whose owner, a process `nft -i`, still runs; end that one",
                named.table, named.namespace
            );
            return Err(failed(&step, &said));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Rules in force.
struct InForce {
    fault: Network,
    table: String,
    owner: Owner,
    share: f64,
}

impl Injected for InForce {
    fn ramp(&mut self, strength: f64) {
        let share = self.fault.share * strength;
        // Rules are made anew only where the share changes by what can be told apart.
        let same = (share - self.share).abs() < 0.001 && strength < 1.0 && share > 0.0;
        if self.fault.action == Action::LoseShare && share != self.share && !same {
            let command = again(&self.table, &self.fault.filter, self.fault.action, share);
            if self.owner.tell(&command).is_ok() {
                self.share = share;
            }
        }
    }

    fn counts(&self) -> Value {
        self.owner.hit().map_or_else(|| json!({}), |(packets, bytes)| json!({ "packets": packets, "bytes": bytes }))
    }

    fn undo(self: Box<Self>) -> Result<(), FaultError> {
        self.owner.end()
    }
}
