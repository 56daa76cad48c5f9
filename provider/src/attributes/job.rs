//! From the models of the attributes to the settings of the main job, by name: nothing is mapped by hand.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The settings that a model says, with the defaults of the settings where the model is null.
///
/// # Errors
/// Where a text is not in the form of the setting; validators catch that before.
pub(crate) fn settings<S: DeserializeOwned>(model: &impl Serialize) -> Result<S, String> {
    let value = serde_json::to_value(model).map_err(|e| e.to_string())?;
    serde_json::from_value(without_nulls(value)).map_err(|e| e.to_string())
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use stormglass_ops::{CapacitySettings, ForecastSettings};

    use super::*;
    use crate::attributes::capacity::CapacityModel;
    use crate::attributes::forecast::ForecastModel;

    #[test]
    fn an_empty_model_gives_the_defaults() {
        let defaults = CapacitySettings { max: 9, ..CapacitySettings::default() };
        let model = CapacityModel { max: 9, ..CapacityModel::default() };
        assert_eq!(settings::<CapacitySettings>(&model).unwrap(), defaults);
        assert_eq!(settings::<ForecastSettings>(&ForecastModel::default()).unwrap(), ForecastSettings::default());
    }

    #[test]
    fn every_setting_has_an_attribute() {
        let names = |value: Value| value.as_object().map(|m| m.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
        let capacity = serde_json::to_value(CapacityModel::default()).unwrap();
        let settings = serde_json::to_value(CapacitySettings::default()).unwrap();
        let (mut have, mut want) = (names(capacity), names(settings));
        have.sort();
        want.sort();
        assert_eq!(have, want);
    }
}
