//! A holder for tests: this test program once more, told by its environment what to inject.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Map, Value};
use stormglass_chaos::{Fault, FaultKind, Settings, Touch};
use stormglass_integrations::faults::CATALOGUE;

const ORDER: &str = "STORMGLASS_TEST_ORDER";

/// The kind of this name.
pub(crate) fn kind(name: &str) -> &'static dyn FaultKind {
    CATALOGUE.fault(name).unwrap()
}

/// A fault with these settings, or all that is wrong with them.
pub(crate) fn read(name: &str, settings: &Value) -> Result<Box<dyn Fault>, String> {
    let map = settings.as_object().unwrap();
    kind(name)
        .read(Settings::new("method[0]", kind(name).settings(), map, &[]))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// What resolving says is wrong.
pub(crate) fn refused(name: &str, settings: &Value) -> String {
    read(name, settings).unwrap().resolve().unwrap_err().to_string()
}

/// A process that holds a fault.
pub(crate) struct Holder {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// What the fault touches.
    pub(crate) touch: Touch,
    kind: &'static dyn FaultKind,
}

impl Holder {
    /// Resolves here and injects there.
    pub(crate) fn inject(name: &str, settings: &Value) -> Self {
        let touch = read(name, settings).unwrap().resolve().unwrap();
        Self::inject_resolved(name, settings, touch).unwrap()
    }

    /// Injects what was resolved before; an error is the holder's.
    pub(crate) fn inject_resolved(name: &str, settings: &Value, touch: Touch) -> Result<Self, String> {
        let order = serde_json::json!({ "fault": name, "settings": settings, "touch": touch });
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "holder::as_a_child", "--nocapture"])
            .env(ORDER, order.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut holder = Self { child, stdin, stdout, touch, kind: kind(name) };
        let said = holder.hear();
        if said == "injected" { Ok(holder) } else { Err(said) }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to set the strength of a ramp.
    pub(crate) fn ramp(&mut self, strength: f64) {
        self.say(&format!("ramp {strength}"));
        assert_eq!(self.hear(), "ramped");
    }

    /// Its counters.
    pub(crate) fn counts(&mut self) -> Value {
        self.say("counts");
        serde_json::from_str(&self.hear()).unwrap()
    }

    /// Undoes there, leaves the process alive and calls `look` before it ends.
    pub(crate) fn undo(mut self, look: impl FnOnce(u32)) {
        self.say("undo");
        assert_eq!(self.hear(), "undone");
        look(self.pid());
        self.kind.undo(&self.touch.undo).unwrap();
        self.kind.undo(&self.touch.undo).unwrap();
    }

    /// Kills it, with no chance to undo anything, calls `look` at what the kernel leaves, and undoes from data as whoever
    /// survives would, twice.
    pub(crate) fn kill(mut self, look: impl FnOnce(u32)) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        look(self.pid());
        self.kind.undo(&self.touch.undo).unwrap();
        self.kind.undo(&self.touch.undo).unwrap();
    }

    fn say(&mut self, what: &str) {
        writeln!(self.stdin, "{what}").unwrap();
    }

    /// The next line that is for us; the test runner prints others.
    fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.stdout.read_line(&mut line).unwrap() > 0, "the holder ended");
            if let Some((_, said)) = line.split_once("holder: ") {
                return said.trim_end().to_owned();
            }
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something holds; the test's runner ends a test that waits for ever.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("never came: {what}");
}

/// Whether the process exists, other than as a zombie.
pub(crate) fn alive(pid: u32) -> bool {
    std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

#[test]
fn as_a_child() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let order: Map<String, Value> = serde_json::from_str(&order).unwrap();
    let touch = serde_json::from_value(order["touch"].clone()).unwrap();
    let fault = read(order["fault"].as_str().unwrap(), &order["settings"]).unwrap();
    let mut injected = match fault.inject(&touch) {
        Ok(injected) => Some(injected),
        Err(error) => {
            println!("holder: {error}");
            return;
        }
    };
    println!("holder: injected");
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let answer = match line.split_once(' ').unwrap_or((&line, "")) {
            ("ramp", strength) => {
                injected.as_mut().unwrap().ramp(strength.parse().unwrap());
                "ramped".to_owned()
            }
            ("counts", _) => injected.as_ref().unwrap().counts().to_string(),
            ("undo", _) => injected.take().unwrap().undo().map_or_else(|e| e.to_string(), |()| "undone".to_owned()),
            other => panic!("{other:?}"),
        };
        println!("holder: {answer}");
    }
}
