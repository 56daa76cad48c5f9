//! Two network namespaces joined by a cable, made for one test and removed with it.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Address of the namespace whose network breaks.
pub(crate) const NEAR: &str = "10.99.7.1";
/// Address of the other side.
pub(crate) const FAR: &str = "10.99.7.2";

/// The two namespaces.
pub(crate) struct Net {
    /// The one whose network breaks.
    pub(crate) near: String,
    /// The other side.
    pub(crate) far: String,
}

/// Whether namespaces can be made: as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a program of the system's administration and returns what it prints.
pub(crate) fn run(line: &str) -> String {
    let mut words = line.split_whitespace();
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new("env").env("PATH", path).arg(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl Net {
    /// Makes them.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = |side: &str| format!("sgtest-{}-{number}-{side}", std::process::id());
        let net = Self { near: name("near"), far: name("far") };
        for name in [&net.near, &net.far] {
            run(&format!("ip netns add {name}"));
            run(&format!("ip -n {name} link set lo up"));
        }
        run(&format!("ip link add wire netns {} type veth peer name wire netns {}", net.near, net.far));
        for (name, address) in [(&net.near, NEAR), (&net.far, FAR)] {
            run(&format!("ip -n {name} address add {address}/24 dev wire"));
            run(&format!("ip -n {name} link set wire up"));
        }
        net
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for name in [&self.near, &self.far] {
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
    }
}

/// Does something in a namespace; what it opens stays there.
pub(crate) fn inside<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> T {
    let file = File::open(format!("/run/netns/{namespace}")).unwrap();
    let enter = || move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            enter();
            work()
        });
        thread.join().unwrap()
    })
}
