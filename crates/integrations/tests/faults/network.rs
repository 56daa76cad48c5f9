//! The faults of a network namespace, on real packets; as root.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use serde_json::json;
use stormglass_chaos::{Class, Ending, Target};

use crate::holder::{Holder, kind, read, refused, until};
use crate::net::{FAR, NEAR, Net, inside, is_root, run};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);

/// A listener on the far side, with its address.
fn listener(net: &Net) -> (TcpListener, String) {
    let listener = inside(&net.far, || TcpListener::bind((FAR, 0)).unwrap());
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// Connects from the near side.
fn connect(net: &Net, address: &str, within: Duration) -> Result<(), ErrorKind> {
    let address = address.parse().unwrap();
    inside(&net.near, || TcpStream::connect_timeout(&address, within).map(drop).map_err(|e| e.kind()))
}

/// Names of the tables of the near side.
fn tables(net: &Net) -> Vec<String> {
    let text = run(&format!("ip netns exec {} nft list tables", net.near));
    text.lines().map(|line| line.split_whitespace().last().unwrap().to_owned()).collect()
}

/// Without root there is one thing to see.
fn without_root(settings: &serde_json::Value) -> bool {
    if is_root() {
        return false;
    }
    let expected = "`network_partition` needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN)";
    assert_eq!(refused("network_partition", settings), expected);
    true
}

#[test]
fn a_partition_cuts_one_peer_and_nothing_of_others_is_touched() {
    if without_root(&json!({ "namespace": "any" })) {
        return;
    }
    let net = Net::new();
    run(&format!("ip netns exec {} nft add table inet of_others", net.near));
    let (_listener, address) = listener(&net);
    assert_eq!(connect(&net, &address, LONG), Ok(()));
    let settings = json!({ "namespace": net.near, "peer": FAR });
    let mut holder = Holder::inject("network_partition", &settings);
    assert_eq!(holder.touch.targets, [Target::Namespace(net.near.clone())]);
    let plan = format!("lose all packets of the network namespace {}, from and to {FAR}/32", net.near);
    assert_eq!(holder.touch.plan, plan);
    assert!(connect(&net, &address, SHORT).is_err());
    let own = inside(&net.near, || TcpListener::bind((NEAR, 0)).unwrap());
    assert_eq!(connect(&net, &own.local_addr().unwrap().to_string(), LONG), Ok(()), "only the peer is cut");
    assert!(holder.counts()["packets"].as_u64() >= Some(1));
    assert_eq!(tables(&net).len(), 2);
    holder.undo(|_| {
        assert_eq!(tables(&net), ["of_others"]);
        assert_eq!(connect(&net, &address, LONG), Ok(()));
    });
    assert_eq!(tables(&net), ["of_others"]);
}

#[test]
fn the_kernel_removes_the_rules_when_the_holder_is_killed() {
    if without_root(&json!({ "namespace": "any" })) {
        return;
    }
    let net = Net::new();
    let (_listener, address) = listener(&net);
    let holder = Holder::inject("network_partition", &json!({ "namespace": net.near }));
    assert!(connect(&net, &address, SHORT).is_err());
    let other = std::process::Command::new("ip")
        .args(["netns", "exec", &net.near, "nft", "flush", "ruleset"])
        .status()
        .unwrap();
    assert!(other.success() && tables(&net).len() == 1, "others can neither remove nor change it");
    holder.kill(|_| until("the table is gone", || tables(&net).is_empty()));
    assert_eq!(connect(&net, &address, LONG), Ok(()));
}

#[test]
fn what_is_refused_is_refused_at_once_and_only_on_its_port() {
    if without_root(&json!({ "namespace": "any" })) {
        return;
    }
    let net = Net::new();
    let ((_one, refused_address), (_other, address)) = (listener(&net), listener(&net));
    let port: u16 = refused_address.rsplit_once(':').unwrap().1.parse().unwrap();
    let settings = json!({ "namespace": net.near, "port": port, "protocol": "tcp" });
    let holder = Holder::inject("network_reject", &settings);
    assert_eq!(connect(&net, &refused_address, LONG), Err(ErrorKind::ConnectionRefused));
    assert_eq!(connect(&net, &address, LONG), Ok(()));
    holder.undo(|_| assert_eq!(connect(&net, &refused_address, LONG), Ok(())));
}

#[test]
fn a_share_is_lost_and_a_ramp_begins_at_nothing() {
    const PACKETS: u64 = 2_000;
    if without_root(&json!({ "namespace": "any" })) {
        return;
    }
    let net = Net::new();
    let socket = inside(&net.near, || UdpSocket::bind((NEAR, 0)).unwrap());
    // Where a rule loses what this host sends, the sender is told.
    let lost = || {
        (0..PACKETS)
            .filter(|_| socket.send_to(b"x", (FAR, 9)).is_err_and(|e| e.kind() == ErrorKind::PermissionDenied))
            .count()
    };
    let settings = json!({ "namespace": net.near, "share": 0.5, "protocol": "udp", "direction": "out" });
    let mut holder = Holder::inject("network_drop", &settings);
    // Six standard deviations of a fair coin: 6 sqrt(2000) / 2.
    let half = lost();
    assert!((866..=1134).contains(&half), "{half}");
    assert_eq!(holder.counts()["packets"], half as u64);
    holder.ramp(0.0);
    until("nothing is lost", || lost() == 0);
    holder.ramp(0.2);
    until("a tenth is lost", || (100..300).contains(&lost()));
    holder.undo(|_| assert_eq!(lost(), 0));
}

#[test]
fn what_cannot_be_undone_or_is_the_hosts_own_is_refused() {
    if without_root(&json!({ "namespace": "any" })) {
        return;
    }
    let net = Net::new();
    assert_eq!(
        refused("network_partition", &json!({ "namespace": "no-such-one" })),
        "`namespace` no-such-one: does not exist; expected a name that `ip netns list` shows"
    );
    let own = format!("{}-own", net.near);
    run(&format!("ip netns attach {own} {}", std::process::id()));
    let said = refused("network_partition", &json!({ "namespace": own }));
    run(&format!("ip netns delete {own}"));
    let expected = format!(
        "`namespace` {own}: is the host's own network, where a fault could lock out whoever has to end it; name another"
    );
    assert_eq!(said, expected);
    let settings = json!({ "namespace": net.near });
    let fault = read("network_partition", &settings).unwrap();
    let kind = kind("network_partition");
    assert_eq!((fault.class(), kind.ending()), (Class::Reversible, Ending::WithHolder));
    let mut touch = fault.resolve().unwrap();
    assert!(tables(&net).is_empty(), "resolving touches nothing");
    kind.undo(&touch.undo).unwrap();
    touch.undo["inode"] = json!(1);
    let said = Holder::inject_resolved("network_partition", &settings, touch.clone()).err().unwrap();
    assert!(said.ends_with("is another one since it was looked at; nothing was injected"), "{said}");
    touch.undo["table"] = json!("of_others");
    let said = kind.undo(&touch.undo).unwrap_err().to_string();
    assert_eq!(said, "the journal's entry: names the table `of_others`, which is none of ours");
    touch.undo = json!({ "namespace": "gone", "inode": 5, "table": "stormglass_0" });
    assert_eq!(kind.undo(&touch.undo), Ok(()), "with its namespace a table is gone");
}

#[test]
fn wrong_settings_are_told_apart() {
    for (name, settings, expected) in [
        (
            "network_partition",
            json!({}),
            "method[0].namespace: is required: Network namespace, by its name as `ip netns` has it; never the host's own.",
        ),
        (
            "network_partition",
            json!({ "namespace": "../host" }),
            "method[0].namespace: is `../host`; expected a name as `ip netns list` shows it",
        ),
        (
            "network_reject",
            json!({ "namespace": "a", "peer": "db.example" }),
            "method[0].peer: is `db.example`; expected an address or a network, such as `10.1.2.3` or `10.0.0.0/8`",
        ),
        (
            "network_reject",
            json!({ "namespace": "a", "port": 0 }),
            "method[0].port: is not a port; expected 1 to 65535",
        ),
        (
            "network_reject",
            json!({ "namespace": "a", "port": 5, "protocol": "icmp" }),
            "method[0].port: is set beside the protocol `icmp`, which has no ports",
        ),
        (
            "network_reject",
            json!({ "namespace": "a", "protocol": "sctp" }),
            "method[0].protocol: is `sctp`; expected one of `tcp`, `udp`, `icmp`",
        ),
        (
            "network_partition",
            json!({ "namespace": "a", "direction": "up" }),
            "method[0].direction: is `up`; expected one of `both`, `in`, `out`",
        ),
        (
            "network_drop",
            json!({ "namespace": "a" }),
            "method[0].share: is required: Share of packets to lose, above 0.",
        ),
        (
            "network_drop",
            json!({ "namespace": "a", "share": 0 }),
            "method[0].share: is `0`; expected a share above 0 and at most 1",
        ),
    ] {
        assert_eq!(read(name, &settings).err().unwrap(), expected, "{settings}");
    }
}
