//! `docs/` of the registry, written from schemas and examples: a page a type, the same on every machine.

mod chaos;
mod function;
mod page;

use std::collections::BTreeMap;
use std::path::Path;

use stormglass_integrations::faults::CATALOGUE;
use tfplugin::provider::{Action, DataSource, Function, Provider as _, Resource};

use crate::actions::run_chaos_experiment::RunChaosExperiment;
use crate::data_sources::backtest::Backtest;
use crate::data_sources::capacity_forecast::CapacityForecast;
use crate::data_sources::chaos_report::ChaosReport;
use crate::functions::cron_from_schedule::CronFromSchedule;
use crate::functions::forecast::Forecast;
use crate::functions::units_for_load::UnitsForLoad;
use crate::provider::Stormglass;
use crate::resources::chaos_experiment::ChaosExperiment;
use crate::resources::predictive_scaling_policy::PredictiveScalingPolicy;
use page::{Kind, Page};

/// An example that is missing: each type has one.
#[derive(Debug, thiserror::Error)]
#[error("the example {path} cannot be read: {source}; every type needs one")]
pub struct DocsError {
    path: String,
    source: std::io::Error,
}

/// All pages: path below `docs/`, and text. `examples` is the folder of examples.
///
/// # Errors
/// A type without an example.
pub fn pages(examples: &Path) -> Result<BTreeMap<String, String>, DocsError> {
    let mut pages = BTreeMap::new();
    let read =
        |path: String| std::fs::read_to_string(examples.join(&path)).map_err(|source| DocsError { path, source });
    let schema = Stormglass.schema().describe();
    let example = read("provider/provider.tf".into())?;
    let index = Page { kind: Kind::Provider, name: "stormglass", schema: &schema, example: &example, import: None };
    pages.insert("index.md".to_owned(), index.render());

    for (name, schema) in [
        (CapacityForecast.name(), DataSource::schema(&CapacityForecast)),
        (Backtest.name(), DataSource::schema(&Backtest)),
        (ChaosReport.name(), DataSource::schema(&ChaosReport)),
    ] {
        let example = read(format!("data-sources/{name}/data-source.tf"))?;
        let page = Page { kind: Kind::DataSource, name, schema: &schema.describe(), example: &example, import: None };
        pages.insert(format!("data-sources/{}.md", short(name)), page.render());
    }

    let name = PredictiveScalingPolicy.name();
    let (example, import) =
        (read(format!("resources/{name}/resource.tf"))?, read(format!("resources/{name}/import.sh"))?);
    let schema = Resource::schema(&PredictiveScalingPolicy).describe();
    let page = Page { kind: Kind::Resource, name, schema: &schema, example: &example, import: Some(&import) };
    pages.insert(format!("resources/{}.md", short(name)), page.render());

    let name = ChaosExperiment.name();
    let example = read(format!("resources/{name}/resource.tf"))?;
    let schema = Resource::schema(&ChaosExperiment).describe();
    let page = Page { kind: Kind::Resource, name, schema: &schema, example: &example, import: None };
    pages.insert(format!("resources/{}.md", short(name)), page.render());

    let name = RunChaosExperiment.name();
    let example = read(format!("actions/{name}/action.tf"))?;
    let schema = Action::schema(&RunChaosExperiment).describe();
    let page = Page { kind: Kind::Action, name, schema: &schema, example: &example, import: None };
    pages.insert(format!("actions/{}.md", short(name)), page.render());

    for (name, signature) in [
        (Forecast.name(), Forecast.signature()),
        (UnitsForLoad.name(), UnitsForLoad.signature()),
        (CronFromSchedule.name(), CronFromSchedule.signature()),
    ] {
        let example = read(format!("functions/{name}/function.tf"))?;
        pages.insert(format!("functions/{name}.md"), function::render(name, &signature, &example));
    }
    for fault in CATALOGUE.faults {
        let path = format!("faults/{}", fault.name());
        let example = read(format!("experiments/{path}.yaml"))?;
        pages.insert(format!("{path}.md"), chaos::fault(*fault, &example));
    }
    for probe in CATALOGUE.probes {
        let path = format!("probes/{}", probe.name());
        let example = read(format!("experiments/{path}.yaml"))?;
        pages.insert(format!("{path}.md"), chaos::probe(*probe, &example));
    }
    Ok(pages)
}

fn short(name: &str) -> &str {
    name.strip_prefix("stormglass_").unwrap_or(name)
}
