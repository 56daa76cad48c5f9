//! One case a fault: how it is asked for, and how its presence is seen from outside of every process of ours.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::lab::{HOLDER, Lab, processes, signal, state};

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

/// Makes a case in a lab.
type Make = fn(&Lab) -> Box<dyn Case>;

/// Every case, by name; each is made anew for each lab.
pub(crate) const CASES: &[(&str, Make)] = &[
    ("cpu_burn", |_| Box::new(Burn)),
    ("memory", |_| Box::new(Memory)),
    ("disk_fill", |lab| Box::new(Fill { folder: lab.folder("filled") })),
    ("process_pause", |lab| Box::new(Pause::new(lab))),
    ("process_kill", |lab| Box::new(Kill::new(lab))),
    ("tcp_proxy", |lab| Box::new(Proxy::new(lab))),
    ("network_partition", |_| Box::new(Rules::new("network_partition"))),
    ("network_drop", |_| Box::new(Rules::new("network_drop"))),
    ("network_reject", |_| Box::new(Rules::new("network_reject"))),
    ("network_bandwidth", |_| Box::new(Bandwidth::new())),
];

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

struct Memory;

impl Case for Memory {
    fn step(&self, duration: &str) -> Value {
        json!({"fault": "memory", "bytes": "64MiB", "duration": duration})
    }

    /// Memory is the holder's; [`holder_left`] looks for it.
    fn left(&self) -> Option<String> {
        None
    }
}

struct Fill {
    folder: PathBuf,
}

impl Case for Fill {
    fn step(&self, duration: &str) -> Value {
        json!({"fault": "disk_fill", "folder": self.folder, "bytes": "32MiB", "duration": duration})
    }

    fn allow(&self) -> Vec<String> {
        vec![format!("folder:{}", self.folder.display())]
    }

    /// A name in the folder, or a file without a name that some process has open.
    fn left(&self) -> Option<String> {
        let named: Vec<_> = fs::read_dir(&self.folder).ok()?.flatten().map(|e| e.path()).collect();
        let open = fs::read_dir("/proc")
            .ok()?
            .flatten()
            .flat_map(|p| fs::read_dir(p.path().join("fd")).into_iter().flatten().flatten());
        let held: Vec<_> = open
            .filter(|fd| fs::read_link(fd.path()).is_ok_and(|to| to.starts_with(&self.folder)))
            .map(|fd| fd.path())
            .collect();
        (!named.is_empty() || !held.is_empty()).then(|| format!("files {named:?}, held by {held:?}"))
    }
}

/// A process to pause, by its pid file.
struct Pause {
    victim: Child,
    pid_file: PathBuf,
}

impl Pause {
    fn new(lab: &Lab) -> Self {
        let victim = Command::new("sleep").arg("600").spawn().expect("sleep starts");
        let pid_file = lab.path("victim.pid");
        fs::write(&pid_file, format!("{}\n", victim.id())).expect("a pid file");
        Self { victim, pid_file }
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

impl Case for Pause {
    fn step(&self, duration: &str) -> Value {
        json!({"fault": "process_pause", "pid_file": self.pid_file, "duration": duration})
    }

    fn allow(&self) -> Vec<String> {
        vec![format!("pid_file:{}", self.pid_file.display())]
    }

    fn left(&self) -> Option<String> {
        match state(self.victim.id()) {
            Some(('S' | 'R', 0)) => None,
            other => Some(format!("the victim is {other:?}, its state and its tracer")),
        }
    }
}

/// A process to kill, with a command that starts it again.
struct Kill {
    first: Child,
    pid_file: PathBuf,
    /// Seconds that it sleeps, by which it and the one started after it are known from all others.
    seconds: String,
}

impl Kill {
    fn new(lab: &Lab) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let seconds = format!("600.{}{:03}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let first = Command::new("sleep").arg(&seconds).spawn().expect("sleep starts");
        let pid_file = lab.path("victim.pid");
        fs::write(&pid_file, format!("{}\n", first.id())).expect("a pid file");
        Self { first, pid_file, seconds }
    }

    /// Processes that sleep for just so long.
    fn sleeping(&self) -> Vec<u32> {
        let wanted = format!("sleep\0{}\0", self.seconds);
        let sleeps = |pid: &u32| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|c| c == wanted.as_bytes());
        processes().filter(sleeps).collect()
    }
}

impl Drop for Kill {
    fn drop(&mut self) {
        let _ = self.first.kill();
        let _ = self.first.wait();
        self.sleeping().into_iter().for_each(|pid| signal(pid, Signal::KILL));
    }
}

impl Case for Kill {
    fn step(&self, duration: &str) -> Value {
        let start = format!("sleep {} & echo $! > {}", self.seconds, self.pid_file.display());
        json!({"fault": "process_kill", "pid_file": self.pid_file, "start": ["sh", "-c", start], "duration": duration})
    }

    fn allow(&self) -> Vec<String> {
        vec![format!("pid_file:{}", self.pid_file.display())]
    }

    /// A kill is nothing to undo: more than one of the service would be.
    fn left(&self) -> Option<String> {
        let sleeping = self.sleeping();
        (sleeping.len() > 1).then(|| format!("{} of one service run: {sleeping:?}", sleeping.len()))
    }
}

/// A proxy before the lab's service.
struct Proxy {
    listen: String,
    upstream: String,
}

impl Proxy {
    fn new(lab: &Lab) -> Self {
        // A loopback address of its own: nobody else takes the port before or after the proxy.
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let address = format!("127.{}.{}.{}:0", 64 + std::process::id() % 64, count / 250 % 250, 1 + count % 250);
        let free = TcpListener::bind(address).and_then(|l| l.local_addr()).expect("a free port");
        Self { listen: free.to_string(), upstream: lab.service.clone() }
    }
}

impl Case for Proxy {
    fn step(&self, duration: &str) -> Value {
        json!({"fault": "tcp_proxy", "listen": self.listen, "upstream": self.upstream, "latency": "50ms", "duration": duration})
    }

    fn left(&self) -> Option<String> {
        TcpStream::connect(&self.listen).is_ok().then(|| format!("somebody listens on {}", self.listen))
    }
}

/// A fault by rules in a network namespace that has a table of somebody else's too; needs root, as the fault does.
struct Rules {
    fault: &'static str,
    namespace: String,
}

impl Rules {
    fn new(fault: &'static str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let namespace = format!("storm-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        ip(&["netns", "add", &namespace]);
        ip(&["netns", "exec", &namespace, "nft", "add", "table", "inet", "of_others"]);
        Self { fault, namespace }
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.namespace]).output();
    }
}

impl Case for Rules {
    fn step(&self, duration: &str) -> Value {
        let mut step = json!({"fault": self.fault, "namespace": self.namespace, "duration": duration});
        if self.fault == "network_drop" {
            step["share"] = json!(0.5);
        }
        step
    }

    fn allow(&self) -> Vec<String> {
        vec![format!("namespace:{}", self.namespace)]
    }

    /// Every rule but those of others, which have to be there still.
    fn left(&self) -> Option<String> {
        let rules = ip(&["netns", "exec", &self.namespace, "nft", "list", "ruleset"]);
        let own: String = rules.split_whitespace().collect();
        (own != "tableinetof_others{}").then(|| format!("rules in {}: {rules}", self.namespace))
    }
}

/// A namespace with a device to slow down: the one fault that stays where nobody undoes it.
pub(crate) struct Bandwidth(Rules);

impl Bandwidth {
    pub(crate) fn new() -> Self {
        let rules = Rules::new("network_bandwidth");
        ip(&["-n", &rules.namespace, "link", "add", "near", "type", "veth", "peer", "name", "far"]);
        ip(&["-n", &rules.namespace, "link", "set", "near", "up"]);
        Self(rules)
    }
}

impl Case for Bandwidth {
    fn step(&self, duration: &str) -> Value {
        let namespace = &self.0.namespace;
        json!({"fault": "network_bandwidth", "namespace": namespace, "device": "near", "rate": "256KiB", "duration": duration})
    }

    fn allow(&self) -> Vec<String> {
        self.0.allow()
    }

    /// Every queue but the one that a device has of its own.
    fn left(&self) -> Option<String> {
        let queues = ip(&["netns", "exec", &self.0.namespace, "tc", "qdisc", "show", "dev", "near"]);
        (!queues.starts_with("qdisc noqueue")).then(|| format!("queues in {}: {queues}", self.0.namespace))
    }
}

fn ip(arguments: &[&str]) -> String {
    let out = Command::new("ip").args(arguments).output().expect("`ip` starts");
    assert!(out.status.success(), "ip {arguments:?}, which needs root: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}
