//! Fault `tcp_proxy`: a proxy that a client is pointed at, and that is slow, lossy or broken on request.
//!
//! It listens in the holder and ends with it: the kernel closes the listener and every connection, whatever killed the
//! holder, so that there is nothing to undo from data. What a connection suffers is drawn from `seed` and the connection's
//! number in the order of arrival. Names of toxics are those of Toxiproxy's documentation:
//! <https://github.com/Shopify/toxiproxy#toxics>.

mod chance;
mod clock;
mod connection;
mod counters;
mod glob;
pub mod http;
mod line;
mod plain;
mod proxy;
mod settings;

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use serde_json::{Value, json};
use stormglass_chaos::{
    Class, Ending, Fault, FaultError, FaultKind, Injected, Problem, Setting, Settings, Target, Touch,
};

use settings::{SETTINGS, TcpProxy};

/// The kind `tcp_proxy`.
pub(super) struct TcpProxyKind;

impl FaultKind for TcpProxyKind {
    fn name(&self) -> &'static str {
        "tcp_proxy"
    }

    fn summary(&self) -> &'static str {
        "Passes connections on with latency, loss, a bandwidth, resets, or other answers to HTTP requests; a ramp raises \
         how much and how many are hit."
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn ending(&self) -> Ending {
        Ending::WithHolder
    }

    fn read(&self, settings: Settings<'_>) -> Result<Box<dyn Fault>, Vec<Problem>> {
        settings::read(settings).map(|fault| Box::new(fault) as Box<dyn Fault>)
    }

    fn undo(&self, _: &Value) -> Result<(), FaultError> {
        // The listener and the connections are gone with their process. Whoever listens on the address now is somebody else.
        Ok(())
    }
}

impl Fault for TcpProxy {
    fn class(&self) -> Class {
        Class::Reversible
    }

    fn resolve(&self) -> Result<Touch, FaultError> {
        let listen = addresses("listen", &self.listen)?[0];
        let upstream = addresses("upstream", &self.upstream)?;
        if upstream.contains(&listen) {
            let reason = format!("is {listen}, where the proxy itself would listen; name the server behind it");
            return Err(FaultError::Target { what: format!("`upstream` `{}`", self.upstream), reason });
        }
        drop(bind(&self.listen, listen)?);
        Ok(Touch {
            targets: vec![Target::Address(self.listen.clone()), Target::Address(self.upstream.clone())],
            plan: format!("listen on {} and pass connections on to {}: {}", self.listen, self.upstream, self.toxics),
            undo: json!({ "listen": listen, "upstream": upstream }),
        })
    }

    fn inject(&self, touch: &Touch) -> Result<Box<dyn Injected>, FaultError> {
        // What was held against the blast radius, not what a name stands for by now.
        let (Ok(listen), Ok(upstream)) = (
            serde_json::from_value::<SocketAddr>(touch.undo["listen"].clone()),
            serde_json::from_value::<Vec<SocketAddr>>(touch.undo["upstream"].clone()),
        ) else {
            let reason = format!("has `{}`; expected `listen` and `upstream`", touch.undo);
            return Err(FaultError::Target { what: "the journal's entry".to_owned(), reason });
        };
        let proxy = proxy::Proxy::start(bind(&self.listen, listen)?, upstream, self.toxics.clone());
        let proxy =
            proxy.map_err(|e| FaultError::System { step: "starting the proxy".to_owned(), reason: e.to_string() })?;
        Ok(Box::new(proxy))
    }
}

/// The socket addresses that a setting stands for, at least one.
fn addresses(setting: &str, text: &str) -> Result<Vec<SocketAddr>, FaultError> {
    let error = |reason: String| FaultError::Target { what: format!("`{setting}` `{text}`"), reason };
    let found: Vec<SocketAddr> = text
        .to_socket_addrs()
        .map_err(|e| error(format!("cannot be looked up ({e}); use an address, or a name that this host knows")))?
        .collect();
    if found.is_empty() { Err(error("stands for no address; use an address".to_owned())) } else { Ok(found) }
}

fn bind(text: &str, address: SocketAddr) -> Result<TcpListener, FaultError> {
    TcpListener::bind(address).map_err(|e| FaultError::Target {
        what: format!("`listen` `{text}`"),
        reason: match e.kind() {
            io::ErrorKind::AddrInUse => {
                "is in use; choose a free port, and point the client at the proxy rather than at the server".to_owned()
            }
            io::ErrorKind::AddrNotAvailable => "is no address of this host; use one, such as 127.0.0.1".to_owned(),
            io::ErrorKind::PermissionDenied => "is not permitted to this user; choose a port from 1024 on".to_owned(),
            _ => format!("cannot be listened on: {e}"),
        },
    })
}
