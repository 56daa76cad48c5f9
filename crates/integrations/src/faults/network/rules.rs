//! Rules for nftables, as text.
//!
//! They stand before connection tracking, so that a tracked connection is lost like a new one. Source: nft(8).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Lost without a word.
    Lose,
    /// Lost by chance.
    LoseShare,
    /// Answered as refused.
    Refuse,
}

/// Which packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) peer: Option<Peer>,
    pub(super) port: Option<u16>,
    pub(super) protocol: Option<Protocol>,
    pub(super) direction: Direction,
}

/// An address, or a network of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer {
    address: IpAddr,
    bits: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Tcp,
    Udp,
    Icmp,
}

/// Seen from the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Both,
    In,
    Out,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("is `{text}`; expected an address or a network, such as `10.1.2.3` or `10.0.0.0/8`");
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(longest), |bits| bits.parse().map_err(|_| wrong()))?;
        if bits > longest {
            return Err(wrong());
        }
        Ok(Self { address, bits })
    }
}

impl Peer {
    /// `side` is `saddr` or `daddr`.
    fn matched(self, side: &str) -> String {
        let family = if self.address.is_ipv4() { "ip" } else { "ip6" };
        format!("{family} {side} {}/{} ", self.address, self.bits)
    }
}

impl Protocol {
    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "tcp" => Some(Self::Tcp),
            "udp" => Some(Self::Udp),
            "icmp" => Some(Self::Icmp),
            _ => None,
        }
    }

    fn matched(self) -> &'static str {
        match self {
            Self::Tcp => "meta l4proto tcp ",
            Self::Udp => "meta l4proto udp ",
            Self::Icmp => "meta l4proto { icmp, ipv6-icmp } ",
        }
    }
}

impl Direction {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "in" => Self::In,
            "out" => Self::Out,
            _ => Self::Both,
        }
    }
}

/// In words that follow "packets of ...".
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let preposition = match self.direction {
            Direction::Both => "from and to",
            Direction::In => "from",
            Direction::Out => "to",
        };
        match self.peer {
            Some(Peer { address, bits }) => write!(f, ", {preposition} {address}/{bits}")?,
            None => write!(f, ", {preposition} everyone but loopback")?,
        }
        if let Some(protocol) = self.protocol {
            write!(f, ", {}", format!("{protocol:?}").to_uppercase())?;
        }
        if let Some(port) = self.port {
            write!(f, ", port {port}")?;
        }
        Ok(())
    }
}

/// A chain of the table: what comes in, what passes through, what goes out.
const HOOKS: [&str; 3] = ["input", "forward", "output"];

/// One command that makes the table; `share` is of the packets that match.
pub(super) fn table(name: &str, filter: &Filter, action: Action, share: f64) -> String {
    let chains: String = HOOKS
        .into_iter()
        .map(|hook| {
            let rules: String = rules(hook, filter, action, share).into_iter().map(|rule| rule + "; ").collect();
            format!(" chain {hook} {{ type filter hook {hook} priority -300; policy accept; {rules}}};")
        })
        .collect();
    format!("add table inet {name} {{ flags owner; counter hit {{ }};{chains} }}")
}

/// One command that gives all rules another share, in one step.
pub(super) fn again(name: &str, filter: &Filter, action: Action, share: f64) -> String {
    let mut commands = Vec::new();
    for hook in HOOKS {
        commands.push(format!("flush chain inet {name} {hook}"));
        let rules = rules(hook, filter, action, share);
        commands.extend(rules.into_iter().map(|rule| format!("add rule inet {name} {hook} {rule}")));
    }
    commands.join("; ")
}

fn rules(hook: &str, filter: &Filter, action: Action, share: f64) -> Vec<String> {
    let from = filter.direction != Direction::Out && hook != "output";
    let to = filter.direction != Direction::In && hook != "input";
    let mut peers: Vec<String> = Vec::new();
    for (wanted, side, device) in [(from, "saddr", "iifname"), (to, "daddr", "oifname")] {
        match filter.peer {
            _ if !wanted => {}
            Some(peer) => peers.push(peer.matched(side)),
            None => peers.push(format!("{device} != \"lo\" ")),
        }
    }
    if filter.peer.is_none() {
        // A packet that passes through is one packet, whatever it is from and to.
        peers.truncate(1);
    }
    let protocol = filter.protocol.map_or("", Protocol::matched);
    let ports = match filter.port {
        None => vec![protocol.to_owned()],
        Some(port) => {
            let protocol = if protocol.is_empty() { "meta l4proto { tcp, udp } " } else { protocol };
            // A packet between two such ports counts once.
            vec![format!("{protocol}th sport {port} "), format!("{protocol}th dport {port} th sport != {port} ")]
        }
    };
    let verdicts: Vec<String> = match action {
        Action::Lose => vec!["counter name hit drop".to_owned()],
        Action::LoseShare => {
            const WHOLE: f64 = 1_000_000.0;
            vec![format!("numgen random mod {WHOLE} < {} counter name hit drop", (share * WHOLE).round())]
        }
        Action::Refuse => vec![
            "meta l4proto tcp counter name hit reject with tcp reset".to_owned(),
            "counter name hit reject with icmpx admin-prohibited".to_owned(),
        ],
    };
    let mut rules = Vec::new();
    for peer in &peers {
        for port in &ports {
            rules.extend(verdicts.iter().map(|verdict| format!("{peer}{port}{verdict}")));
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(peer: Option<&str>, port: Option<u16>, protocol: Option<Protocol>, direction: Direction) -> Filter {
        Filter { peer: peer.map(|p| p.parse().unwrap()), port, protocol, direction }
    }

    #[test]
    fn a_partition_spares_loopback() {
        let all = filter(None, None, None, Direction::Both);
        assert_eq!(rules("input", &all, Action::Lose, 1.0), ["iifname != \"lo\" counter name hit drop"]);
        assert_eq!(rules("output", &all, Action::Lose, 1.0), ["oifname != \"lo\" counter name hit drop"]);
        assert_eq!(rules("forward", &all, Action::Lose, 1.0).len(), 1);
    }

    #[test]
    fn directions_are_seen_from_the_namespace() {
        let some = filter(Some("10.0.0.0/8"), None, Some(Protocol::Tcp), Direction::In);
        assert_eq!(
            rules("input", &some, Action::Lose, 1.0),
            ["ip saddr 10.0.0.0/8 meta l4proto tcp counter name hit drop"]
        );
        assert!(rules("output", &some, Action::Lose, 1.0).is_empty());
        let some = filter(Some("fd00::1"), Some(53), None, Direction::Out);
        assert!(rules("input", &some, Action::Lose, 1.0).is_empty());
        assert_eq!(
            rules("output", &some, Action::LoseShare, 0.25),
            [
                "ip6 daddr fd00::1/128 meta l4proto { tcp, udp } th sport 53 numgen random mod 1000000 < 250000 counter name hit drop",
                "ip6 daddr fd00::1/128 meta l4proto { tcp, udp } th dport 53 th sport != 53 numgen random mod 1000000 < 250000 counter name hit drop",
            ]
        );
    }

    #[test]
    fn a_peer_is_an_address_or_a_network() {
        for text in ["10.1.2.3", "10.0.0.0/8", "::1", "fd00::/8"] {
            assert!(text.parse::<Peer>().is_ok(), "{text}");
        }
        for text in ["", "db", "10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0.1; drop", "fe80::1%eth0"] {
            let said = text.parse::<Peer>().unwrap_err();
            assert!(said.starts_with(&format!("is `{text}`; expected an address or a network")), "{said}");
        }
    }
}
