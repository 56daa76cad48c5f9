//! Forms of JSON that the answers share: maps in the order given, and numbers that are never NaN.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Names and values, printed as an object in this order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Pairs<T>(pub(crate) Vec<(String, T)>);

impl<T: Serialize> Serialize for Pairs<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<T> FromIterator<(String, T)> for Pairs<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// A number, or nothing where there is none: JSON knows neither NaN nor infinities.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_keep_their_order() {
        let pairs: Pairs<Option<f64>> =
            [("0.9".to_owned(), finite(1.5)), ("0.1".to_owned(), finite(f64::NAN))].into_iter().collect();
        assert_eq!(serde_json::to_string(&pairs).unwrap(), r#"{"0.9":1.5,"0.1":null}"#);
    }
}
