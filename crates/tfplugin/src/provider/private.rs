//! Private state: bytes that Terraform keeps beside an object and shows to nobody.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes by key. Terraform keeps them in the state: no place for secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Private(BTreeMap<String, Vec<u8>>);

impl Private {
    /// The bytes of `key`.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.get(key).map(Vec::as_slice)
    }

    /// Sets the bytes of `key`.
    pub fn set(&mut self, key: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.insert(key.into(), bytes.into());
    }

    /// Removes `key`.
    pub fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// As the wire carries it: nothing if empty, else a JSON object of base64 texts.
    pub(crate) fn encode(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let texts = self.0.iter().map(|(key, bytes)| (key.clone(), STANDARD.encode(bytes).into()));
        serde_json::Value::Object(texts.collect()).to_string().into_bytes()
    }

    /// What the wire carries; empty for bytes of another making, such as another provider's before a move.
    pub(crate) fn decode(bytes: &[u8]) -> Private {
        let texts: BTreeMap<String, String> = serde_json::from_slice(bytes).unwrap_or_default();
        Private(texts.into_iter().filter_map(|(key, text)| Some((key, STANDARD.decode(text).ok()?))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_state_round_trips() {
        let mut private = Private::default();
        assert_eq!(private.encode(), b"");
        private.set("etag", [0, 255]);
        private.set("b", "text");
        assert_eq!(Private::decode(&private.encode()), private);
        assert_eq!(Private::decode(b"not ours"), Private::default());
        assert_eq!(Private::decode(b""), Private::default());
    }
}
