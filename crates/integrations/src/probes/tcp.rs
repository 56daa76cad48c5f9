//! Probe `tcp`: connects and closes; the number is how long the connection took, in seconds.

use std::time::Instant;

use async_trait::async_trait;
use stormglass_chaos::{Kind, Probe, ProbeError, ProbeKind, Problem, Reading, Setting, Settings, Target};
use tokio::net::TcpStream;

/// The kind.
pub(super) struct Tcp;

const SETTINGS: &[Setting] = &[Setting::required("address", Kind::Address, "Address to connect to.")];

impl ProbeKind for Tcp {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn summary(&self) -> &'static str {
        "Connects to an address and closes; the number is how long connecting took, in seconds."
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn default_tolerance(&self) -> &'static str {
        "somebody accepts the connection"
    }

    fn read(&self, mut settings: Settings<'_>) -> Result<Box<dyn Probe>, Vec<Problem>> {
        let address = settings.text("address");
        settings.finish(address).map(|address| Box::new(Connect { address }) as Box<dyn Probe>)
    }
}

struct Connect {
    address: String,
}

#[async_trait]
impl Probe for Connect {
    fn describe(&self) -> String {
        format!("connect to {}", self.address)
    }

    fn targets(&self) -> Vec<Target> {
        vec![Target::Address(self.address.clone())]
    }

    async fn measure(&self) -> Result<Reading, ProbeError> {
        let begin = Instant::now();
        let connected = TcpStream::connect(&self.address).await;
        connected.map_err(|e| ProbeError { what: self.describe(), reason: e.to_string() })?;
        let seconds = begin.elapsed().as_secs_f64();
        let summary = format!("connected in {:.1} ms", seconds * 1e3);
        Ok(Reading { number: Some(seconds), text: None, ok: true, summary })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_listener_accepts_and_a_free_port_refuses() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let given = json!({"address": address});
        let probe = Tcp.read(Settings::new("p", SETTINGS, given.as_object().unwrap(), &[])).unwrap();
        let reading = probe.measure().await.unwrap();
        assert!(reading.ok && reading.number.is_some_and(|s| s > 0.0));
        drop(listener);
        assert!(probe.measure().await.unwrap_err().reason.contains("refused"));
    }
}
