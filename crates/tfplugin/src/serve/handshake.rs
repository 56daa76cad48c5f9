//! The first words between go-plugin and a plugin: what the environment says, and the one line on standard output.
//!
//! Source: go-plugin 1.8, `server.go` and `client.go`; the values of the magic cookie are Terraform's.

use std::{fmt, net::SocketAddr};

const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");
const PROTOCOL: u32 = 6;

/// What go-plugin passes in environment variables.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment {
    cookie: Option<String>,
    protocol_versions: Option<String>,
    /// The client's certificate as PEM; without it the connection is plain.
    pub(super) client_certificate: Option<String>,
    /// First and last TCP port to try.
    pub(super) ports: Option<(u16, u16)>,
    /// Folder to make the socket's folder in.
    #[cfg(unix)]
    pub(super) socket_folder: Option<std::path::PathBuf>,
    /// The client reads a seventh field, on multiplexing its broker.
    asks_for_multiplexing: bool,
}

/// Why no handshake takes place.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Started by something other than Terraform.
    #[error("not started by Terraform")]
    ByHand,
    /// A client from before versions were negotiated.
    #[error("PLUGIN_PROTOCOL_VERSIONS is not set, expected a list with 6; use Terraform 1.0 or newer")]
    NoVersions,
    /// A client that speaks other protocols only.
    #[error("PLUGIN_PROTOCOL_VERSIONS is `{offered}`, expected a list with 6; use Terraform 1.0 or newer")]
    Version {
        /// The list as it came.
        offered: String,
    },
}

/// Where the server listens, in go-plugin's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    #[cfg(unix)]
    Unix(std::path::PathBuf),
    Tcp(SocketAddr),
}

impl Environment {
    /// Reads through `get` the variables that matter.
    pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let port = |name: &str| get(name).and_then(|value| value.parse().ok());
        Self {
            cookie: get(COOKIE.0),
            protocol_versions: get("PLUGIN_PROTOCOL_VERSIONS"),
            client_certificate: get("PLUGIN_CLIENT_CERT"),
            ports: port("PLUGIN_MIN_PORT").zip(port("PLUGIN_MAX_PORT")),
            #[cfg(unix)]
            socket_folder: get("PLUGIN_UNIX_SOCKET_DIR").map(std::path::PathBuf::from),
            asks_for_multiplexing: get("PLUGIN_MULTIPLEX_GRPC").is_some(),
        }
    }

    /// Whether a client that speaks protocol 6 is there.
    pub(super) fn check(&self) -> Result<(), HandshakeError> {
        if self.cookie.as_deref() != Some(COOKIE.1) {
            return Err(HandshakeError::ByHand);
        }
        let offered = self.protocol_versions.as_deref().ok_or(HandshakeError::NoVersions)?;
        if offered.split(',').any(|version| version.trim().parse() == Ok(PROTOCOL)) {
            Ok(())
        } else {
            Err(HandshakeError::Version { offered: offered.to_owned() })
        }
    }

    /// The line by which the client finds the server; `certificate` is empty on a plain connection.
    pub(super) fn line(&self, address: &Address, certificate: &str) -> String {
        // The first field is the version of go-plugin's own protocol.
        let mut line = format!("1|{PROTOCOL}|{}|{address}|grpc|{certificate}", address.network());
        if self.asks_for_multiplexing {
            line.push_str("|false");
        }
        line
    }
}

impl Address {
    pub(super) fn network(&self) -> &'static str {
        match self {
            #[cfg(unix)]
            Self::Unix(_) => "unix",
            Self::Tcp(_) => "tcp",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp(address) => write!(f, "{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(extra: &[(&str, &str)]) -> Environment {
        Environment::read(|name| extra.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    fn check_versions(versions: &str, want: Result<(), HandshakeError>) {
        assert_eq!(environment(&[COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", versions)]).check(), want, "{versions}");
    }

    #[test]
    fn version_6_must_be_on_offer() {
        check_versions("6", Ok(()));
        check_versions("5,6", Ok(()));
        check_versions("5", Err(HandshakeError::Version { offered: "5".into() }));
        check_versions("16,60", Err(HandshakeError::Version { offered: "16,60".into() }));
        check_versions("", Err(HandshakeError::NoVersions));
    }

    #[test]
    fn without_the_cookie_it_was_run_by_hand() {
        assert_eq!(environment(&[]).check(), Err(HandshakeError::ByHand));
        assert_eq!(
            environment(&[(COOKIE.0, "no"), ("PLUGIN_PROTOCOL_VERSIONS", "6")]).check(),
            Err(HandshakeError::ByHand)
        );
    }

    #[test]
    fn the_line_has_six_fields_and_a_seventh_on_request() {
        let tcp = Address::Tcp(([127, 0, 0, 1], 10001).into());
        assert_eq!(environment(&[]).line(&tcp, "AbC"), "1|6|tcp|127.0.0.1:10001|grpc|AbC");
        assert_eq!(
            environment(&[("PLUGIN_MULTIPLEX_GRPC", "true")]).line(&tcp, ""),
            "1|6|tcp|127.0.0.1:10001|grpc||false"
        );
    }

    #[test]
    fn ports_count_only_as_a_pair() {
        assert_eq!(
            environment(&[("PLUGIN_MIN_PORT", "10000"), ("PLUGIN_MAX_PORT", "25000")]).ports,
            Some((10000, 25000))
        );
        assert_eq!(environment(&[("PLUGIN_MIN_PORT", "10000"), ("PLUGIN_MAX_PORT", "x")]).ports, None);
    }
}
