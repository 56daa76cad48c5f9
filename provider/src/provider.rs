//! The provider block, and the one list of all that the provider offers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stormglass_chaos::Allowed;
use stormglass_chaos::radius::AllowedError;
use tfplugin::Field;
use tfplugin::diagnostics::Diagnostics;
use tfplugin::provider::{ConfigureContext, Data, Parts, Provider, async_trait};
use tfplugin::schema::{Attribute, Schema, duration, list, nested_map, string};
use tfplugin::value::Type;

use crate::actions::run_chaos_experiment::RunChaosExperiment;
use crate::data_sources::backtest::Backtest;
use crate::data_sources::capacity_forecast::CapacityForecast;
use crate::data_sources::chaos_report::ChaosReport;
use crate::functions::cron_from_schedule::CronFromSchedule;
use crate::functions::forecast::Forecast;
use crate::functions::units_for_load::UnitsForLoad;
use crate::resources::chaos_experiment::ChaosExperiment;
use crate::resources::predictive_scaling_policy::PredictiveScalingPolicy;

/// The provider.
pub struct Stormglass;

/// The model of the provider block.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProviderModel {
    connection: Field<BTreeMap<String, ConnectionModel>>,
    allowed_targets: Field<Vec<String>>,
}

/// One entry of `connection`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ConnectionModel {
    endpoint: Option<String>,
    username: Option<String>,
    password: Option<String>,
    bearer_token: Option<String>,
    client_certificate: Option<String>,
    client_key: Option<String>,
    ca_certificate: Option<String>,
    tenant: Option<String>,
    proxy: Option<String>,
    timeout: Option<String>,
}

impl std::fmt::Debug for ConnectionModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectionModel").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// What every call is handed.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Connections by name.
    pub(crate) connections: stormglass_integrations::connection::Connections,
    /// What experiments may touch.
    pub(crate) allowed: Vec<Allowed>,
}

#[async_trait]
impl Provider for Stormglass {
    type Model = ProviderModel;

    fn name(&self) -> &'static str {
        "stormglass"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Stormglass forecasts load while Terraform plans, shows the capacity schedule in the plan's text, and puts exactly that \
             schedule where the platform scales.",
        )
        .attribute(nested_map("connection", connection()).optional().describe(
            "Servers that sources read, by name. Secrets live here, where ephemeral values are allowed, or in the environment as \
             `STORMGLASS_<NAME>_<SETTING>`; data sources and policies only name a connection.",
        ))
        .attribute(list("allowed_targets", Type::String).optional().describe(
            "What experiments may touch, beside loopback addresses, processes that they start themselves, and this machine's \
             processor and memory: `pid_file:PATH`, `executable:PATH`, `port:N`, `cgroup:PATH`, `folder:PATH`, `namespace:NAME` or \
             `HOST:PORT`. A name in the experiment alone is never enough.",
        ))
    }

    fn parts(&self) -> Parts {
        Parts::new()
            .data_source(CapacityForecast)
            .data_source(Backtest)
            .data_source(ChaosReport)
            .resource(PredictiveScalingPolicy)
            .resource(ChaosExperiment)
            .action(RunChaosExperiment)
            .function(Forecast)
            .function(UnitsForLoad)
            .function(CronFromSchedule)
    }

    async fn configure(&self, _: &ConfigureContext, config: ProviderModel) -> Result<Data, Diagnostics> {
        let mut shared = Shared::default();
        for (name, model) in config.connection.into_known().unwrap_or_default() {
            let config = crate::attributes::job::settings(&model).map_err(|e| {
                tfplugin::Diagnostic::error("Wrong connection", crate::errors::sentence(&e))
                    .at(format!("connection[\"{name}\"]").as_str())
            })?;
            shared.connections.insert(name, config);
        }
        for (i, text) in config.allowed_targets.into_known().unwrap_or_default().iter().enumerate() {
            let allowed = text.parse().map_err(|e: AllowedError| {
                let path = format!("allowed_targets[{i}]");
                tfplugin::Diagnostic::error("Wrong target", format!("{path} {e}.")).at(path.as_str())
            })?;
            shared.allowed.push(allowed);
        }
        Ok(Arc::new(shared))
    }
}

fn connection() -> Vec<Attribute> {
    vec![
        string("endpoint").optional().describe("Base address, for example `https://prometheus.example.com`."),
        string("username").optional().describe("User name of basic authentication."),
        string("password").optional().sensitive().describe("Password of basic authentication."),
        string("bearer_token").optional().sensitive().describe("Bearer token."),
        string("client_certificate").optional().describe("Client certificate for mutual TLS, PEM text or a path."),
        string("client_key").optional().sensitive().describe("Key of the client certificate, PEM text or a path."),
        string("ca_certificate")
            .optional()
            .describe("Certificate authorities to trust instead of the system's, PEM text or a path."),
        string("tenant").optional().describe("Tenant, sent as `X-Scope-OrgID`."),
        string("proxy").optional().sensitive().describe(
            "Proxy for requests; by default the environment's `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are followed.",
        ),
        duration("timeout").optional().describe("How long one request may take; `2m` by default."),
    ]
}
