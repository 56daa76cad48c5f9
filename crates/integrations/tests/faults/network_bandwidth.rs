//! `network_bandwidth` on a real device; as root.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use serde_json::json;
use stormglass_chaos::{Class, Ending, Target};

use crate::holder::{Holder, kind, read, refused};
use crate::net::{FAR, Net, inside, is_root, run};

/// What stands at the root of the near side's device: its kind, and the handle in front of the colon.
fn root(net: &Net) -> (String, String) {
    let text = run(&format!("ip netns exec {} tc -j qdisc show dev wire", net.near));
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let root = all.as_array().unwrap().iter().find(|q| q["root"] == true).unwrap().clone();
    let handle = root["handle"].as_str().unwrap().trim_end_matches(':').to_owned();
    (root["kind"].as_str().unwrap().to_owned(), handle)
}

fn default_root() -> (String, String) {
    ("noqueue".to_owned(), "0".to_owned())
}

/// Sends so many bytes from near to far, and says how many came a second.
fn rate(net: &Net, bytes: usize) -> f64 {
    let listener = inside(&net.far, || TcpListener::bind((FAR, 0)).unwrap());
    let address = listener.local_addr().unwrap();
    let mut stream = inside(&net.near, || TcpStream::connect(address).unwrap());
    let (mut other, _) = listener.accept().unwrap();
    let sender = std::thread::spawn(move || stream.write_all(&vec![1; bytes]).unwrap());
    let begin = Instant::now();
    let mut all = Vec::new();
    other.read_to_end(&mut all).unwrap();
    sender.join().unwrap();
    assert_eq!(all.len(), bytes);
    bytes as f64 / begin.elapsed().as_secs_f64()
}

fn without_root() -> bool {
    if is_root() {
        return false;
    }
    let settings = json!({ "namespace": "any", "device": "eth0", "rate": "1MiB" });
    let expected = "`network_bandwidth` needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN)";
    assert_eq!(refused("network_bandwidth", &settings), expected);
    true
}

#[test]
fn a_device_sends_no_faster_than_asked() {
    if without_root() {
        return;
    }
    let net = Net::new();
    let settings = json!({ "namespace": net.near, "device": "wire", "rate": "1MiB", "queue": "200ms" });
    let mut holder = Holder::inject("network_bandwidth", &settings);
    assert_eq!(holder.touch.targets, [Target::Namespace(net.near.clone())]);
    let plan = format!("let the device wire of the network namespace {} send 1MiB a second at most", net.near);
    assert_eq!(holder.touch.plan, plan);
    assert_eq!(root(&net).0, "tbf");
    // The bucket begins full; a busy machine makes it slower, never faster.
    let (bytes, whole) = (600 << 10, f64::from(1 << 20));
    let allowed = whole * bytes as f64 / (bytes as f64 - f64::from(64 << 10));
    let found = rate(&net, bytes);
    assert!(found <= allowed, "{found} of {allowed}");
    assert!(holder.counts()["bytes"].as_u64() >= Some(bytes as u64), "{}", holder.counts());
    holder.ramp(0.1);
    let text = run(&format!("ip netns exec {} tc -j qdisc show dev wire", net.near));
    assert!(text.contains("\"rate\":10485760"), "{text}");
    holder.undo(|_| assert_eq!(root(&net), default_root()));
    assert_eq!(root(&net), default_root());
}

#[test]
fn whoever_has_the_journal_ends_it_and_nothing_else() {
    if without_root() {
        return;
    }
    let net = Net::new();
    let settings = json!({ "namespace": net.near, "device": "wire", "rate": "1MiB" });
    assert_eq!(kind("network_bandwidth").ending(), Ending::BySomebody);
    let holder = Holder::inject("network_bandwidth", &settings);
    holder.kill(|_| assert_eq!(root(&net).0, "tbf", "the kernel keeps it"));
    assert_eq!(root(&net), default_root());

    let fault = read("network_bandwidth", &settings).unwrap();
    assert_eq!(fault.class(), Class::Reversible);
    let mut touch = fault.resolve().unwrap();
    assert_eq!(root(&net), default_root(), "resolving touches nothing");
    run(&format!("ip netns exec {} tc qdisc add dev wire root handle 7: pfifo", net.near));
    let expected = "`device` wire: has a `pfifo` with the handle 7: at its root already, which is somebody's own; remove it first, or name another device";
    assert_eq!(refused("network_bandwidth", &settings), expected);
    let said = Holder::inject_resolved("network_bandwidth", &settings, touch.clone()).err().unwrap();
    assert!(said.starts_with("tc qdisc add dev wire root handle "), "{said}");
    kind("network_bandwidth").undo(&touch.undo).unwrap();
    assert_eq!(root(&net), ("pfifo".to_owned(), "7".to_owned()));
    touch.undo["handle"] = json!(7);
    let said = kind("network_bandwidth").undo(&touch.undo).unwrap_err().to_string();
    assert_eq!(said, "the journal's entry: names the handle 7:, which is none of ours");
    touch.undo = json!({ "namespace": "gone", "inode": 5, "device": "wire", "handle": 0x4001 });
    assert_eq!(kind("network_bandwidth").undo(&touch.undo), Ok(()));
    touch.undo = json!({ "namespace": net.near, "inode": 5, "device": "wire", "handle": 0x4001 });
    assert_eq!(kind("network_bandwidth").undo(&touch.undo), Ok(()), "another namespace of the name");
    let none = json!({ "namespace": net.near, "device": "eth7", "rate": "1MiB" });
    let said = refused("network_bandwidth", &none);
    assert!(said.starts_with("`device` eth7: is none in the namespace, or is down; there is "), "{said}");
}

#[test]
fn wrong_settings_are_told_apart() {
    for (settings, expected) in [
        (
            json!({ "namespace": "a", "rate": "1MiB" }),
            "method[0].device: is required: Network device in the namespace, for example `eth0`.",
        ),
        (
            json!({ "namespace": "a", "device": "eth0/../x", "rate": "1MiB" }),
            "method[0].device: is `eth0/../x`; expected a name as `ip link` shows it",
        ),
        (
            json!({ "namespace": "a", "device": "eth0", "rate": "5B" }),
            "method[0].rate: is below 1000 bytes a second; expected at least that",
        ),
        (
            json!({ "namespace": "a", "device": "eth0", "rate": "1MiB", "queue": "1m" }),
            "method[0].queue: is not between 1ms and 10s",
        ),
    ] {
        assert_eq!(read("network_bandwidth", &settings).err().unwrap(), expected, "{settings}");
    }
}
