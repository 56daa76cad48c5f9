//! A long-lived `nft` that owns one table.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use stormglass_chaos::FaultError;

use super::namespace::{Namespace, program};

/// Time that a command of `nft` has.
const PATIENCE: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(5);

/// `nft`, without a place to keep a history of what it was told.
pub(super) fn nft(what: &str) -> Result<Command, FaultError> {
    let mut command = Command::new(program(what, "nft", "nftables")?);
    command.env("HOME", "/dev/null").env("LC_ALL", "C").stdin(Stdio::null());
    Ok(command)
}

/// Whether the namespace has the table.
pub(super) fn exists(what: &str, namespace: &Namespace, table: &str) -> Result<bool, FaultError> {
    let output = namespace.output(nft(what)?.args(["list", "tables", "inet"]))?;
    if !output.status.success() {
        return Err(failed("listing the tables", &String::from_utf8_lossy(&output.stderr)));
    }
    let line = format!("table inet {table}");
    Ok(String::from_utf8_lossy(&output.stdout).lines().any(|l| l.trim() == line))
}

/// An owner and its table.
pub(super) struct Owner {
    what: &'static str,
    namespace: Namespace,
    table: String,
    child: Child,
    stdin: Option<ChildStdin>,
    said: Arc<Mutex<String>>,
}

impl Owner {
    /// Starts an owner that makes the table by this command, and waits until it stands.
    ///
    /// # Errors
    /// `nft` refuses; nothing is left then.
    pub(super) fn start(
        what: &'static str,
        namespace: Namespace,
        table: &str,
        command: &str,
    ) -> Result<Self, FaultError> {
        let mut nft = nft(what)?;
        nft.arg("-i").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = namespace.spawn(&mut nft)?;
        let said = Arc::new(Mutex::new(String::new()));
        if let Some(mut stderr) = child.stderr.take() {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                let mut buffer = [0; 1024];
                while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                    if let Ok(mut said) = said.lock() {
                        said.push_str(&String::from_utf8_lossy(&buffer[..read]));
                    }
                }
            });
        }
        let stdin = child.stdin.take();
        let mut owner = Self { what, namespace, table: table.to_owned(), child, stdin, said };
        owner.tell(command)?;
        let until = Instant::now() + PATIENCE;
        while !exists(what, &owner.namespace, table)? {
            let gone = owner.child.try_wait().ok().flatten().is_some();
            if gone || owner.has_said() || Instant::now() >= until {
                let reason = owner.said();
                owner.end()?;
                return Err(failed("making a table", &reason));
            }
            std::thread::sleep(TICK);
        }
        Ok(owner)
    }

    /// Has the owner carry out a command.
    ///
    /// # Errors
    /// It is gone.
    pub(super) fn tell(&mut self, command: &str) -> Result<(), FaultError> {
        let written = self.stdin.as_mut().map(|stdin| writeln!(stdin, "{command}").and_then(|()| stdin.flush()));
        match written {
            Some(Ok(())) => Ok(()),
            _ => Err(failed("speaking to the table's owner", &self.said())),
        }
    }

    /// Packets and bytes that the table's rules hit.
    pub(super) fn hit(&self) -> Option<(u64, u64)> {
        let mut nft = nft(self.what).ok()?;
        let output = self.namespace.output(nft.args(["-j", "list", "counter", "inet", &self.table, "hit"])).ok()?;
        let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
        let counter = answer["nftables"].as_array()?.iter().find_map(|entry| entry.get("counter"))?;
        Some((counter["packets"].as_u64()?, counter["bytes"].as_u64()?))
    }

    /// Ends the owner, and its table with it.
    ///
    /// # Errors
    /// The table still stands.
    pub(super) fn end(mut self) -> Result<(), FaultError> {
        drop(self.stdin.take());
        let until = Instant::now() + PATIENCE / 2;
        while self.child.try_wait().ok().flatten().is_none() {
            if Instant::now() >= until {
                // The kernel removes the table also then.
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
            std::thread::sleep(TICK);
        }
        if exists(self.what, &self.namespace, &self.table)? {
            return Err(failed(
                &format!("removing the table inet {}", self.table),
                "it stands although its owner ended",
            ));
        }
        Ok(())
    }

    fn said(&self) -> String {
        self.said.lock().map(|said| said.clone()).unwrap_or_default()
    }

    fn has_said(&self) -> bool {
        !self.said().is_empty()
    }
}

/// An error with what `nft` said, on one line.
pub(super) fn failed(step: &str, said: &str) -> FaultError {
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = if said.is_empty() { "no answer".to_owned() } else { said };
    FaultError::System { step: format!("nft, {step}"), reason: said }
}
