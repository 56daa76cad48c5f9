//! One object of a resource, from its creation to its end.

use super::{TestProvider, core, message, shaped, told};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::path::Path;
use crate::proto::tfplugin6 as proto;
use crate::proto::tfplugin6::provider_server::Provider as _;
use crate::provider::{DeferReason, ImportTarget};
use crate::rpc::convert;
use crate::schema::Schema;
use crate::value::{Type, Value, json};

/// One object, and what Terraform keeps of it between calls.
pub struct TestResource {
    provider: TestProvider,
    type_name: String,
    schema: Schema,
    r#type: Type,
    state: Value,
    private: Vec<u8>,
    identity: Option<proto::ResourceIdentityData>,
    tainted: bool,
}

/// What a plan would do.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedChange {
    /// The state after it, with what is known only then as unknown.
    pub planned: Value,
    /// The attributes whose change needs a new object.
    pub requires_replace: Vec<Path>,
    /// Whether nothing would change.
    pub is_empty: bool,
    /// Why the provider put the plan off, if it did.
    pub deferred: Option<DeferReason>,
    /// What the user is warned of.
    pub warnings: Diagnostics,
    private: Vec<u8>,
    identity: Option<proto::ResourceIdentityData>,
}

impl TestResource {
    pub(super) fn new(provider: TestProvider, type_name: &str) -> TestResource {
        let (schema, r#type) = match provider.server.inner.parts.resource(type_name) {
            Ok(entry) => (entry.schema.clone(), entry.r#type.clone()),
            Err(unknown) => panic!("{unknown}"),
        };
        let (private, identity) = (Vec::new(), None);
        let (state, type_name) = (Value::Null, type_name.to_owned());
        TestResource { provider, type_name, schema, r#type, state, private, identity, tainted: false }
    }

    /// The state; null while there is no object.
    pub fn state(&self) -> &Value {
        &self.state
    }

    /// The part of the state at `path`.
    pub fn get(&self, path: impl Into<Path>) -> &Value {
        self.state.get(&path.into()).unwrap_or(&Value::Null)
    }

    /// Whether the object came out of a failed creation, so that the next apply replaces it.
    pub fn is_tainted(&self) -> bool {
        self.tainted
    }

    /// Checks a configuration; answers all diagnostics.
    pub async fn validate(&self, config: Value) -> Diagnostics {
        let config = match message(config, &self.schema, &self.r#type) {
            Ok(config) => Some(config),
            Err(misfit) => return misfit,
        };
        let client_capabilities = Some(self.provider.terraform);
        let request =
            proto::validate_resource_config::Request { type_name: self.type_name.clone(), config, client_capabilities };
        match self.provider.call(request, async |server, it| server.validate_resource_config(it).await).await {
            Ok(answer) => told(answer.diagnostics).unwrap_or_else(|failed| failed),
            Err(refused) => refused,
        }
    }

    /// Checks a configuration, and plans to bring the object there.
    ///
    /// # Errors
    /// The provider's diagnostics, or one that says which of Terraform's rules the plan breaks.
    pub async fn plan(&self, config: Value) -> Result<PlannedChange, Diagnostics> {
        let found = self.validate(config.clone()).await;
        if found.has_error() {
            return Err(found);
        }
        let config = shaped(config, &self.schema, &self.r#type)?;
        let prior = if self.tainted { &Value::Null } else { &self.state };
        let mut plan = self.plan_from(prior, &config).await?;
        if !plan.requires_replace.is_empty() && !prior.is_null() {
            let replace = std::mem::take(&mut plan.requires_replace);
            plan = self.plan_from(&Value::Null, &config).await?;
            plan.requires_replace = replace;
        }
        plan.warnings = found.into_iter().chain(plan.warnings).collect();
        Ok(plan)
    }

    async fn plan_from(&self, prior: &Value, config: &Value) -> Result<PlannedChange, Diagnostics> {
        let proposed = core::proposed(&self.schema, prior, config);
        let plan = self.plan_call(prior, &proposed, config).await?;
        if plan.deferred.is_none() {
            core::check_plan(&self.schema, config, prior, &plan.planned)?;
        }
        Ok(plan)
    }

    async fn plan_call(&self, prior: &Value, proposed: &Value, config: &Value) -> Result<PlannedChange, Diagnostics> {
        let to_message = |value: &Value| convert::message(value, &self.r#type).map(Some);
        let request = proto::plan_resource_change::Request {
            type_name: self.type_name.clone(),
            prior_state: to_message(prior)?,
            proposed_new_state: to_message(proposed)?,
            config: to_message(config)?,
            prior_private: if prior.is_null() { Vec::new() } else { self.private.clone() },
            client_capabilities: Some(self.provider.terraform),
            prior_identity: self.identity.clone().filter(|_| !prior.is_null()),
            ..proto::plan_resource_change::Request::default()
        };
        let answer = self.provider.call(request, async |server, it| server.plan_resource_change(it).await).await?;
        let warnings = told(answer.diagnostics)?;
        let planned = convert::value(answer.planned_state.as_ref(), &self.r#type)?;
        Ok(PlannedChange {
            is_empty: planned == *prior,
            planned,
            requires_replace: answer.requires_replace.into_iter().map(super::path).collect(),
            deferred: answer.deferred.map(|deferred| reason(deferred.reason())),
            warnings,
            private: answer.planned_private,
            identity: answer.planned_identity,
        })
    }

    /// Plans and applies as `terraform apply` does: twice planned, replaced if need be; then planned once more, which has
    /// to find nothing to do. Answers the warnings.
    ///
    /// # Errors
    /// The provider's diagnostics, or one that says which of Terraform's rules was broken. The state holds what exists.
    pub async fn apply(&mut self, config: Value) -> Result<Diagnostics, Diagnostics> {
        let first = self.plan(config.clone()).await?;
        let again = self.plan(config.clone()).await?;
        core::check_same(&self.schema, &first.planned, &again.planned, "the plan made while applying")?;
        let mut warnings = again.warnings.clone();
        if again.is_empty && !self.tainted {
            return Ok(warnings);
        }
        if self.tainted || !again.requires_replace.is_empty() {
            warnings.extend(self.destroy().await?);
        }
        let shaped = shaped(config.clone(), &self.schema, &self.r#type)?;
        warnings.extend(self.apply_planned(&again, &shaped).await?);
        let second = self.plan(config).await?;
        if !second.is_empty {
            let at = self.state.first_difference(&second.planned).unwrap_or_default();
            let detail = format!("`{at}` differs though nothing was changed.");
            return Err(Diagnostic::error("The plan after the apply is not empty", detail).at(at).into());
        }
        Ok(warnings)
    }

    async fn apply_planned(&mut self, plan: &PlannedChange, config: &Value) -> Result<Diagnostics, Diagnostics> {
        let creates = self.state.is_null();
        let to_message = |value: &Value| convert::message(value, &self.r#type).map(Some);
        let request = proto::apply_resource_change::Request {
            type_name: self.type_name.clone(),
            prior_state: to_message(&self.state)?,
            planned_state: to_message(&plan.planned)?,
            config: to_message(config)?,
            planned_private: plan.private.clone(),
            provider_meta: None,
            planned_identity: plan.identity.clone(),
        };
        let answer = self.provider.call(request, async |server, it| server.apply_resource_change(it).await).await?;
        let state = convert::value(answer.new_state.as_ref(), &self.r#type)?;
        let result = told(answer.diagnostics);
        (self.private, self.identity) = (answer.private, answer.new_identity);
        self.tainted = result.is_err() && creates && !state.is_null();
        self.state = state;
        let warnings = result?;
        core::check_same(&self.schema, &plan.planned, &self.state, "the state after the apply")?;
        if plan.planned.is_null() || self.state.is_wholly_known() {
            Ok(warnings)
        } else {
            Err(Diagnostics::error("The state after the apply holds unknown values", ""))
        }
    }

    /// Reads the object; answers the warnings. The state is null if it is gone.
    ///
    /// # Errors
    /// The provider's diagnostics; the state stays.
    pub async fn refresh(&mut self) -> Result<Diagnostics, Diagnostics> {
        let request = proto::read_resource::Request {
            type_name: self.type_name.clone(),
            current_state: Some(convert::message(&self.state, &self.r#type)?),
            private: self.private.clone(),
            provider_meta: None,
            client_capabilities: Some(self.provider.terraform),
            current_identity: self.identity.clone(),
        };
        let answer = self.provider.call(request, async |server, it| server.read_resource(it).await).await?;
        let warnings = told(answer.diagnostics)?;
        self.state = convert::value(answer.new_state.as_ref(), &self.r#type)?;
        (self.private, self.identity) = (answer.private, answer.new_identity);
        Ok(warnings)
    }

    /// Imports an object and reads it, as Terraform does.
    ///
    /// # Errors
    /// The provider's diagnostics, or one that there is no such object.
    pub async fn import(&mut self, target: ImportTarget) -> Result<Diagnostics, Diagnostics> {
        let parts = self.provider.server.inner.parts.resource(&self.type_name)?;
        let (id, identity) = match (target, &parts.identity) {
            (ImportTarget::Id(id), _) => (id, None),
            (ImportTarget::Identity(value), Some(entry)) => {
                let value = super::shaped(value, &entry.schema, &entry.r#type)?;
                let identity_data = Some(convert::message(&value, &entry.r#type)?);
                (String::new(), Some(proto::ResourceIdentityData { identity_data }))
            }
            (ImportTarget::Identity(_), None) => return Err(Diagnostics::error("The resource has no identity", "")),
        };
        let client_capabilities = Some(self.provider.terraform);
        let type_name = self.type_name.clone();
        let request = proto::import_resource_state::Request { type_name, id, client_capabilities, identity };
        let answer = self.provider.call(request, async |server, it| server.import_resource_state(it).await).await?;
        let mut warnings = told(answer.diagnostics)?;
        let [imported] = answer.imported_resources.as_slice() else {
            return Err(Diagnostics::error("The import did not give exactly one object", ""));
        };
        self.state = convert::value(imported.state.as_ref(), &self.r#type)?;
        (self.private, self.identity) = (imported.private.clone(), imported.identity.clone());
        warnings.extend(self.refresh().await?);
        if self.state.is_null() {
            return Err(Diagnostics::error("The imported object does not exist", ""));
        }
        Ok(warnings)
    }

    /// The identity that Terraform keeps beside the state.
    pub fn identity(&self) -> Option<Value> {
        let parts = self.provider.server.inner.parts.resource(&self.type_name).ok()?;
        convert::value(self.identity.as_ref()?.identity_data.as_ref(), &parts.identity.as_ref()?.r#type).ok()
    }

    /// Takes over state that another version of the provider wrote, as JSON text.
    ///
    /// # Errors
    /// The provider's diagnostics.
    pub async fn upgrade(&mut self, version: i64, json: &str) -> Result<Diagnostics, Diagnostics> {
        let raw_state = Some(proto::RawState { json: json.as_bytes().to_vec(), ..proto::RawState::default() });
        let type_name = self.type_name.clone();
        let request = proto::upgrade_resource_state::Request { type_name, version, raw_state };
        let answer = self.provider.call(request, async |server, it| server.upgrade_resource_state(it).await).await?;
        let warnings = told(answer.diagnostics)?;
        self.state = convert::value(answer.upgraded_state.as_ref(), &self.r#type)?;
        Ok(warnings)
    }

    /// Writes the state and reads it again, as between two runs of Terraform.
    ///
    /// # Errors
    /// The provider's diagnostics, or one that the state did not survive.
    pub async fn store_and_load(&mut self) -> Result<Diagnostics, Diagnostics> {
        let before = self.state.clone();
        let warnings = self.upgrade(self.schema.version, &json::encode(&before, &self.r#type)).await?;
        core::check_same(&self.schema, &before, &self.state, "the state read again")?;
        Ok(warnings)
    }

    /// Plans to destroy the object, and does; answers the warnings.
    ///
    /// # Errors
    /// The provider's diagnostics; the state holds what is left.
    pub async fn destroy(&mut self) -> Result<Diagnostics, Diagnostics> {
        if self.state.is_null() {
            return Ok(Diagnostics::new());
        }
        let plan = self.plan_call(&self.state, &Value::Null, &Value::Null).await?;
        if !plan.planned.is_null() {
            return Err(Diagnostics::error("The plan to destroy plans an object", ""));
        }
        let mut warnings = plan.warnings.clone();
        warnings.extend(self.apply_planned(&plan, &Value::Null).await?);
        self.tainted = false;
        Ok(warnings)
    }
}

fn reason(reason: proto::deferred::Reason) -> DeferReason {
    match reason {
        proto::deferred::Reason::ProviderConfigUnknown => DeferReason::ProviderConfigUnknown,
        proto::deferred::Reason::AbsentPrereq => DeferReason::AbsentPrerequisite,
        proto::deferred::Reason::ResourceConfigUnknown | proto::deferred::Reason::Unknown => {
            DeferReason::ResourceConfigUnknown
        }
    }
}
