//! Faults `network_partition`, `network_drop`, `network_reject`: packets that a network namespace loses or refuses; and
//! `network_bandwidth`, in a file of its own.
//!
//! The rules stand in a table of their own with the flag `owner`, which belongs to a long-lived `nft` whose input is a pipe from
//! the holder: with the holder the pipe ends, with the pipe `nft`, and with `nft` the kernel removes the table. No rule of
//! anybody else is touched, and nobody else can change these. The host's own namespace is refused: a rule there could lock out
//! whoever has to end the experiment. Source: nft(8), "TABLES", flag `owner`.

mod bandwidth;
#[cfg(target_os = "linux")]
mod bucket;
#[cfg(target_os = "linux")]
mod namespace;
#[cfg(target_os = "linux")]
mod nft;
mod rules;
#[cfg(target_os = "linux")]
mod table;

use serde_json::Value;
use stormglass_chaos::{Ending, Fault, FaultError, FaultKind, Kind, Problem, Setting, Settings};

pub(super) use bandwidth::BandwidthKind;
use rules::{Action, Direction, Filter, Peer, Protocol};

/// The setting `namespace`.
const NAMESPACE: Setting = Setting::required(
    "namespace",
    Kind::Text,
    "Network namespace, by its name as `ip netns` has it; never the host's own.",
);
const PEER: Setting = Setting::open(
    "peer",
    Kind::Text,
    "Address or network, such as `10.1.2.3` or `10.0.0.0/8`, on the other side; everyone but loopback by default.",
);
const PORT: Setting =
    Setting::open("port", Kind::Integer, "Only packets from or to this TCP or UDP port, on either side.");
const PROTOCOL: Setting =
    Setting::open("protocol", Kind::Word(&["tcp", "udp", "icmp"]), "Only packets of this protocol; all by default.");
const DIRECTION: Setting = Setting::optional(
    "direction",
    Kind::Word(&["both", "in", "out"]),
    "both",
    "Which packets are hit, seen from the namespace: those that come from the peer (`in`), that go to it (`out`), or both.",
);

/// Kinds that differ in what becomes of a packet.
pub(super) struct NetworkKind {
    name: &'static str,
    summary: &'static str,
    settings: &'static [Setting],
    action: Action,
}

/// The kind `network_partition`.
pub(super) const PARTITION: &NetworkKind = &NetworkKind {
    name: "network_partition",
    summary: "Loses all packets between a network namespace and a peer, or everyone; needs root.",
    settings: &[NAMESPACE, PEER, PORT, PROTOCOL, DIRECTION],
    action: Action::Lose,
};

/// The kind `network_drop`.
pub(super) const DROP: &NetworkKind = &NetworkKind {
    name: "network_drop",
    summary: "Loses a share of the packets of a network namespace, by chance; a ramp raises the share from nought; needs root.",
    settings: &[
        NAMESPACE,
        Setting::required("share", Kind::Share, "Share of packets to lose, above 0."),
        PEER,
        PORT,
        PROTOCOL,
        DIRECTION,
    ],
    action: Action::LoseShare,
};

/// The kind `network_reject`.
pub(super) const REJECT: &NetworkKind = &NetworkKind {
    name: "network_reject",
    summary: "Refuses packets of a network namespace: TCP is reset, all else is answered as prohibited; needs root.",
    settings: &[NAMESPACE, PEER, PORT, PROTOCOL, DIRECTION],
    action: Action::Refuse,
};

impl FaultKind for NetworkKind {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn settings(&self) -> &'static [Setting] {
        self.settings
    }

    fn ending(&self) -> Ending {
        Ending::WithHolder
    }

    fn read(&self, mut settings: Settings<'_>) -> Result<Box<dyn Fault>, Vec<Problem>> {
        let namespace = namespace_name(&mut settings);
        let share = if self.action == Action::LoseShare { settings.number("share") } else { Some(1.0) };
        if share == Some(0.0) {
            settings.problem("share", "is `0`; expected a share above 0 and at most 1");
        }
        let filter = filter(&mut settings);
        let (name, action) = (self.name, self.action);
        let fault = namespace.zip(share).zip(filter);
        let fault = fault.map(|((namespace, share), filter)| Network { name, namespace, action, share, filter });
        settings.finish(fault).map(|f| Box::new(f) as Box<dyn Fault>)
    }

    #[cfg(target_os = "linux")]
    fn undo(&self, undo: &Value) -> Result<(), FaultError> {
        table::undo(undo)
    }

    #[cfg(not(target_os = "linux"))]
    fn undo(&self, _: &Value) -> Result<(), FaultError> {
        // Never injected on this system.
        Ok(())
    }
}

/// Which packets of which namespace, and what becomes of them.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has namespaces"))]
struct Network {
    name: &'static str,
    namespace: String,
    action: Action,
    share: f64,
    filter: Filter,
}

/// The setting `namespace`; a name is a file in `/run/netns`, so that it has no folders.
fn namespace_name(settings: &mut Settings<'_>) -> Option<String> {
    let name = if settings.has("namespace") { settings.text("namespace")? } else { return None };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.chars().all(plain) || name.starts_with('.') || name.starts_with('-') {
        settings.problem("namespace", format!("is `{name}`; expected a name as `ip netns list` shows it"));
        return None;
    }
    Some(name)
}

/// The settings `peer`, `port`, `protocol` and `direction`.
fn filter(settings: &mut Settings<'_>) -> Option<Filter> {
    let peer = match settings.has("peer").then(|| settings.text("peer")).flatten().map(|text| text.parse::<Peer>()) {
        Some(Err(reason)) => {
            settings.problem("peer", reason);
            None
        }
        Some(Ok(peer)) => Some(peer),
        None => None,
    };
    let port = match settings.has("port").then(|| settings.integer("port")).flatten().map(u16::try_from) {
        Some(Ok(port)) if port > 0 => Some(port),
        Some(_) => {
            settings.problem("port", "is not a port; expected 1 to 65535");
            None
        }
        None => None,
    };
    let protocol = settings.has("protocol").then(|| settings.text("protocol")).flatten();
    let protocol = protocol.and_then(|word| Protocol::of(&word));
    if settings.has("port") && protocol == Some(Protocol::Icmp) {
        settings.problem("port", "is set beside the protocol `icmp`, which has no ports");
    }
    let direction = Direction::of(&settings.text("direction")?);
    Some(Filter { peer, port, protocol, direction })
}

#[cfg(not(target_os = "linux"))]
impl Fault for Network {
    fn class(&self) -> stormglass_chaos::Class {
        stormglass_chaos::Class::Reversible
    }

    fn resolve(&self) -> Result<stormglass_chaos::Touch, FaultError> {
        Err(FaultError::Unsupported {
            what: format!("`{}`", self.name),
            needs: "Linux; run the experiment there".to_owned(),
        })
    }

    fn inject(&self, _: &stormglass_chaos::Touch) -> Result<Box<dyn stormglass_chaos::Injected>, FaultError> {
        Err(self.resolve().expect_err("this system cannot resolve it"))
    }
}
