//! `ApplyResourceChange`: create, update and delete, after which Terraform knows of all that exists.

use std::sync::Arc;

use super::{Answer, Inner, Token, convert, panicked, planning, secrets};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::proto::tfplugin6::apply_resource_change::{Request, Response};
use crate::proto::tfplugin6::{DynamicValue, ResourceIdentityData};
use crate::provider::erased::{Failed, Kept, Reached};
use crate::provider::{Config, Context, Private};
use crate::schema::Schema;
use crate::validators::parse_duration;
use crate::value::{Type, Value};

impl Inner {
    pub(super) async fn apply_resource_change(self: Arc<Self>, request: Request, token: Token) -> Response {
        match self.apply(&request, token).await {
            Ok(response) => response,
            // Nothing was done: what was there before still is.
            Err(diagnostics) => Response {
                new_state: request.prior_state,
                private: request.planned_private,
                new_identity: request.planned_identity,
                ..Response::failed(diagnostics)
            },
        }
    }

    async fn apply(self: &Arc<Self>, request: &Request, token: Token) -> Result<Response, Diagnostics> {
        let entry = self.parts.resource(&request.type_name)?;
        let prior = convert::value(request.prior_state.as_ref(), &entry.r#type)?;
        let planned = convert::value(request.planned_state.as_ref(), &entry.r#type)?;
        let config = convert::value(request.config.as_ref(), &entry.r#type)?;
        secrets::hide(&entry.schema, &config);
        let operation = Operation::of(&prior, &planned);
        if token.is_cancelled() {
            let detail = "Terraform was interrupted before the operation began. Nothing was changed.";
            return Err(Diagnostics::error("Interrupted", detail));
        }
        let mut cx = self.context(token, None);
        cx.private = Private::decode(&request.planned_private).into();
        cx.config = (!config.is_null()).then(|| Config::new(config));
        let settings = if planned.is_null() { &prior } else { &planned };
        cx.time_limit = time_limit(settings, operation.name());
        let cx = Arc::new(cx);

        // A panic must not lose what exists, so that the operation itself runs in a task within the call's task.
        let task = {
            let (part, r#type) = (entry.part.clone(), entry.r#type.clone());
            let (cx, prior, planned) = (cx.clone(), prior.clone(), planned.clone());
            tokio::spawn(async move {
                match operation {
                    Operation::Create => part.create(&cx, &planned, &r#type).await.map(Some),
                    Operation::Update => part.update(&cx, &prior, &planned, &r#type).await.map(Some),
                    Operation::Delete => part.delete(&cx, &prior, &r#type).await.map(|()| None),
                }
            })
        };
        let result =
            task.await.unwrap_or_else(|error| Err(Failed { reached: Reached::Unclear, diagnostics: panicked(&error) }));

        let mut diagnostics = cx.take_diagnostics();
        let kept = match result {
            Ok(None) => None,
            Ok(Some(kept)) => {
                diagnostics.extend(unknown_left(&entry.schema, &kept.state));
                Some(kept)
            }
            Err(failed) => {
                diagnostics.extend(failed.diagnostics);
                what_exists(operation, failed.reached, prior, planned)
            }
        };
        let (state, identity) = kept.map_or((Value::Null, None), |kept| (kept.state, kept.identity));
        let state = planning::null_write_only(&entry.schema, planning::without_unknowns(state));
        secrets::hide(&entry.schema, &state);
        let identity = identity_message(identity.as_ref(), entry.identity.as_ref().map(|it| &it.r#type));
        Ok(Response {
            new_state: Some(convert::message(&state, &entry.r#type)?),
            private: cx.private().encode(),
            diagnostics: convert::diagnostics(diagnostics),
            new_identity: identity.or_else(|| request.planned_identity.clone().filter(|_| !state.is_null())),
            ..Response::default()
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Create,
    Update,
    Delete,
}

impl Operation {
    fn of(prior: &Value, planned: &Value) -> Operation {
        match (prior.is_null(), planned.is_null()) {
            (true, _) => Operation::Create,
            (false, false) => Operation::Update,
            (false, true) => Operation::Delete,
        }
    }

    /// As the attribute `timeouts` has it.
    fn name(self) -> &'static str {
        match self {
            Operation::Create => "create",
            Operation::Update => "update",
            Operation::Delete => "delete",
        }
    }
}

/// When the operation's time is over, if the user set one.
pub(super) fn time_limit(settings: &Value, operation: &str) -> Option<tokio::time::Instant> {
    let text = settings.get(&crate::Path::attribute("timeouts").child(operation))?.as_str()?;
    tokio::time::Instant::now().checked_add(parse_duration(text)?)
}

/// What Terraform has to keep after a failure. Where it is unclear whether an object exists, it is kept: an object that
/// is not there is gone after the next read, one that was forgotten is there for ever.
fn what_exists(operation: Operation, reached: Reached, prior: Value, planned: Value) -> Option<Kept> {
    match (reached, operation) {
        (Reached::State(kept), _) => Some(kept),
        (Reached::Prior, Operation::Create) => None,
        (Reached::Unclear, Operation::Create) => Some(Kept { state: planned, identity: None }),
        (Reached::Prior | Reached::Unclear, Operation::Update | Operation::Delete) => {
            Some(Kept { state: prior, identity: None })
        }
    }
}

/// Terraform refuses unknown values after apply; this names the attribute.
fn unknown_left(schema: &Schema, state: &Value) -> Option<Diagnostic> {
    let path = planning::null_write_only(schema, state.clone()).first_unknown()?;
    let detail = format!(
        "`{path}` is still unknown after the object was made. This is a bug in the provider; please report it to its \
         maintainers. The object is kept in the state."
    );
    Some(Diagnostic::error("Provider returned an unknown value", detail).at(path))
}

/// The identity as the wire has it, if there is one and it fits.
pub(super) fn identity_message(identity: Option<&Value>, r#type: Option<&Type>) -> Option<ResourceIdentityData> {
    let identity_data: Option<DynamicValue> = convert::message(identity?, r#type?).ok();
    Some(ResourceIdentityData { identity_data: Some(identity_data?) })
}

/// Only for the type of `Context` behind an `Arc`: it is shared between the call's task and the operation's.
const _: fn() = || {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Context>();
};
