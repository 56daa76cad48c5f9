//! `PlanResourceChange`.

use super::parts::Entry;
use super::{Answer, Inner, Token, convert, planning, secrets};
use crate::diagnostics::Diagnostics;
use crate::path::Path;
use crate::proto::tfplugin6::plan_resource_change::{Request, Response};
use crate::provider::erased::AnyResource;
use crate::provider::{Config, Context, DeferReason, Private};
use crate::value::Value;

impl Inner {
    pub(super) async fn plan_resource_change(&self, request: Request, token: Token) -> Response {
        self.plan(&request, token).unwrap_or_else(Response::failed)
    }

    fn plan(&self, request: &Request, token: Token) -> Result<Response, Diagnostics> {
        let entry = self.parts.resource(&request.type_name)?;
        let prior = convert::value(request.prior_state.as_ref(), &entry.r#type)?;
        let proposed = convert::value(request.proposed_new_state.as_ref(), &entry.r#type)?;
        let config = convert::value(request.config.as_ref(), &entry.r#type)?;
        secrets::hide(&entry.schema, &config);
        let mut cx = self.context(token, request.client_capabilities.as_ref());
        // While applying, Terraform plans again and says that it takes a deferral, but it does not: everything is known
        // then, so that only what is not known may be a reason.
        cx.terraform.deferral &= self.awaits_configuration() || !config.is_wholly_known();
        cx.private = Private::decode(&request.prior_private).into();
        cx.config = Some(Config::new(config));
        if self.awaits_configuration() {
            cx.defer(DeferReason::ProviderConfigUnknown);
        }
        // An object keeps its identity; a new one has none before it is made.
        let planned_identity = request.prior_identity.clone().filter(|_| !prior.is_null());
        if proposed.is_null() { plan_destroy(entry, cx, &prior) } else { plan_change(entry, cx, &prior, proposed) }
            .map(|response| Response { planned_identity, ..response })
    }
}

fn plan_destroy(entry: &Entry<dyn AnyResource>, cx: Context, prior: &Value) -> Result<Response, Diagnostics> {
    let (cx, mut diagnostics) = entry.part.plan_destroy(cx, prior);
    diagnostics.extend(cx.take_diagnostics());
    Ok(Response {
        planned_state: Some(convert::message(&Value::Null, &entry.r#type)?),
        planned_private: cx.private().encode(),
        deferred: cx.deferred().map(convert::deferred),
        diagnostics: convert::diagnostics(diagnostics),
        ..Response::default()
    })
}

fn plan_change(
    entry: &Entry<dyn AnyResource>,
    cx: Context,
    prior: &Value,
    proposed: Value,
) -> Result<Response, Diagnostics> {
    let config = cx.config.as_ref().map_or(&Value::Null, Config::value);
    let planned = planning::plan(&entry.schema, config, prior, proposed)?;
    let (cx, value) = entry.part.plan(cx, prior, planned.value, &entry.r#type);
    let mut diagnostics = cx.take_diagnostics();
    let value = match value {
        Ok(value) => planning::null_write_only(&entry.schema, value),
        Err(more) => {
            diagnostics.extend(more);
            return Err(diagnostics);
        }
    };
    let replace = replacements(prior, &value, planned.replace, &cx);
    Ok(Response {
        planned_state: Some(convert::message(&value, &entry.r#type)?),
        requires_replace: replace.iter().map(convert::attribute_path).collect(),
        planned_private: cx.private().encode(),
        deferred: cx.deferred().map(convert::deferred),
        diagnostics: convert::diagnostics(diagnostics),
        ..Response::default()
    })
}

/// The attributes that need a new object, sorted, each once; the resource's own plan may have undone the change of one.
fn replacements(prior: &Value, planned: &Value, of_schema: Vec<Path>, cx: &Context) -> Vec<Path> {
    if prior.is_null() {
        return Vec::new();
    }
    let of_resource = std::mem::take(&mut *crate::provider::lock(&cx.replace));
    let mut all: Vec<Path> = of_schema.into_iter().chain(of_resource).collect();
    all.retain(|path| prior.get(path) != planned.get(path));
    all.sort();
    all.dedup();
    all
}
