//! Options of the main job; each one is a setting of the file under a shorter name, and wins over it.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use stormglass_ops::duration::Span;

use crate::error::CliError;

/// Settings of the main job: a file, options, or both.
#[derive(Debug, Clone, Args)]
pub(crate) struct JobArgs {
    /// Settings, YAML or JSON, with the names of the Terraform data source
    #[arg(value_name = "SETTINGS")]
    pub(crate) settings: Option<PathBuf>,
    /// Read the load from this series file [source.csv.path]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["exec", "prometheus"])]
    csv: Option<String>,
    /// Read the load from what this program prints [source.exec.command]
    #[arg(long, value_name = "PROGRAM", num_args = 1.., value_terminator = ";", allow_hyphen_values = true)]
    exec: Vec<String>,
    /// Read the load from this Prometheus server [source.prometheus.endpoint]
    #[arg(long, value_name = "URL", requires = "query", conflicts_with = "exec")]
    prometheus: Option<String>,
    /// PromQL that yields exactly one series [source.prometheus.query]
    #[arg(long, value_name = "PROMQL", requires = "prometheus")]
    query: Option<String>,
    /// How far ahead [forecast.horizon]
    #[arg(long, value_name = "SPAN")]
    horizon: Option<Span>,
    /// Name of the model [forecast.model]
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// `fast`, `standard` or `thorough` [forecast.preset]
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Load that one unit serves at full utilization [capacity.per_unit]
    #[arg(long, value_name = "LOAD")]
    per_unit: Option<f64>,
    /// Fewest units [capacity.min]
    #[arg(long, value_name = "N")]
    min: Option<u32>,
    /// Most units [capacity.max]
    #[arg(long, value_name = "N")]
    max: Option<u32>,
    /// Utilization that units are sized for [capacity.target_utilization]
    #[arg(long, value_name = "SHARE")]
    target_utilization: Option<f64>,
    /// Time until a new unit serves [capacity.warm_up]
    #[arg(long, value_name = "SPAN")]
    warm_up: Option<Span>,
    /// Least time between two changes [capacity.dwell]
    #[arg(long, value_name = "SPAN")]
    dwell: Option<Span>,
    /// Time zone of seasons and days [time_zone]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Fixed clock, for stored data [as_of]
    #[arg(long, value_name = "TIME")]
    as_of: Option<jiff::Timestamp>,
    /// Any setting by its path, for example capacity.ramp_up=4
    #[arg(long, value_name = "PATH=VALUE", value_parser = assignment)]
    set: Vec<(String, Value)>,
}

impl JobArgs {
    /// The options as paths of settings with their values, in the order in which they win.
    pub(crate) fn overrides(&self) -> Result<Vec<(&str, Value)>, CliError> {
        let text = |span: &Option<Span>| span.map(|s| Value::from(s.to_string()));
        let number = |value: Option<f64>| value.map(Value::from);
        let all = [
            ("source.csv.path", self.csv.clone().map(Value::from)),
            ("source.exec.command", (!self.exec.is_empty()).then(|| Value::from(self.exec.clone()))),
            ("source.prometheus.endpoint", self.prometheus.clone().map(Value::from)),
            ("source.prometheus.query", self.query.clone().map(Value::from)),
            ("forecast.horizon", text(&self.horizon)),
            ("forecast.model", self.model.clone().map(Value::from)),
            ("forecast.preset", self.preset.clone().map(Value::from)),
            ("capacity.per_unit", number(self.per_unit)),
            ("capacity.min", self.min.map(Value::from)),
            ("capacity.max", self.max.map(Value::from)),
            ("capacity.target_utilization", number(self.target_utilization)),
            ("capacity.warm_up", text(&self.warm_up)),
            ("capacity.dwell", text(&self.dwell)),
            ("time_zone", self.timezone.clone().map(Value::from)),
            ("as_of", self.as_of.map(|at| Value::from(at.to_string()))),
        ];
        let mut out: Vec<(&str, Value)> = all.into_iter().filter_map(|(path, value)| Some((path, value?))).collect();
        out.extend(self.set.iter().map(|(path, value)| (path.as_str(), value.clone())));
        Ok(out)
    }

    /// Whether an option names the source, which then replaces that of the file whole.
    pub(crate) fn names_source(&self) -> bool {
        self.csv.is_some() || self.prometheus.is_some() || !self.exec.is_empty()
    }
}

/// `capacity.ramp_up=4`: the value as YAML, so that numbers, truths and lists are what they look like.
fn assignment(text: &str) -> Result<(String, Value), String> {
    let (path, value) = text.split_once('=').ok_or("expected PATH=VALUE, for example capacity.ramp_up=4")?;
    let known =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !path.split('.').all(known) {
        return Err(format!("`{path}` is no path of a setting; expected one such as capacity.ramp_up"));
    }
    let value = serde_yaml_ng::from_str(value).map_err(|e| format!("the value of {path} cannot be read: {e}"))?;
    Ok((path.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_paths_and_values() {
        assert_eq!(assignment("capacity.ramp_up=4"), Ok(("capacity.ramp_up".into(), Value::from(4))));
        assert_eq!(assignment("capacity.paused=true"), Ok(("capacity.paused".into(), Value::from(true))));
        assert_eq!(assignment("source.exec.command=[a, b]").unwrap().1, serde_json::json!(["a", "b"]));
        for wrong in ["capacity", "=4", "a..b=1", "a b=1"] {
            assert!(assignment(wrong).is_err(), "{wrong}");
        }
    }
}
