//! `UpgradeResourceState`, which comes for every stored object, and `UpgradeResourceIdentity`.

use std::cmp::Ordering;

use super::apply::identity_message;
use super::{Answer, Inner, Token, convert, planning};
use crate::diagnostics::Diagnostics;
use crate::proto::tfplugin6::{RawState as RawStateMessage, upgrade_resource_identity, upgrade_resource_state};
use crate::provider::RawState;

impl Inner {
    pub(super) async fn upgrade_resource_state(
        &self,
        request: upgrade_resource_state::Request,
        token: Token,
    ) -> upgrade_resource_state::Response {
        self.upgrade_state(request, token).await.unwrap_or_else(upgrade_resource_state::Response::failed)
    }

    async fn upgrade_state(
        &self,
        request: upgrade_resource_state::Request,
        token: Token,
    ) -> Result<upgrade_resource_state::Response, Diagnostics> {
        let entry = self.parts.resource(&request.type_name)?;
        let raw = raw_state(request.version, request.raw_state)?;
        let cx = self.context(token, None);
        let state = match raw.version.cmp(&entry.schema.version) {
            Ordering::Equal => raw.decode(&entry.r#type)?,
            Ordering::Less => entry.part.upgrade(&cx, raw, &entry.r#type).await?,
            Ordering::Greater => return Err(newer(&request.type_name, raw.version, entry.schema.version)),
        };
        let state = planning::null_write_only(&entry.schema, planning::without_unknowns(state));
        Ok(upgrade_resource_state::Response {
            upgraded_state: Some(convert::message(&state, &entry.r#type)?),
            diagnostics: convert::diagnostics(cx.take_diagnostics()),
        })
    }

    pub(super) async fn upgrade_resource_identity(
        &self,
        request: upgrade_resource_identity::Request,
        _: Token,
    ) -> upgrade_resource_identity::Response {
        self.upgrade_identity(request).unwrap_or_else(upgrade_resource_identity::Response::failed)
    }

    fn upgrade_identity(
        &self,
        request: upgrade_resource_identity::Request,
    ) -> Result<upgrade_resource_identity::Response, Diagnostics> {
        let entry = self.parts.resource(&request.type_name)?;
        let Some(identity) = &entry.identity else {
            let detail =
                format!("{} has no identity; remove it from the state and import it again.", request.type_name);
            return Err(Diagnostics::error("Identity cannot be read", detail));
        };
        let raw = raw_state(request.version, request.raw_identity)?;
        if raw.version > identity.schema.version {
            return Err(newer(&request.type_name, raw.version, identity.schema.version));
        }
        // An identity keeps its meaning; attributes that came later are null until the next read fills them.
        let value = raw.decode(&identity.r#type)?;
        Ok(upgrade_resource_identity::Response {
            upgraded_identity: identity_message(Some(&value), Some(&identity.r#type)),
            diagnostics: Vec::new(),
        })
    }
}

fn raw_state(version: i64, message: Option<RawStateMessage>) -> Result<RawState, Diagnostics> {
    let bytes = message.unwrap_or_default().json;
    match String::from_utf8(bytes) {
        Ok(json) if !json.is_empty() => Ok(RawState { version, json }),
        _ => {
            let detail = "The state was written by Terraform 0.11 or older, or is damaged. \
                          Remove the object from the state and import it.";
            Err(Diagnostics::error("State cannot be read", detail))
        }
    }
}

fn newer(name: &str, found: i64, known: i64) -> Diagnostics {
    let detail = format!(
        "The state of {name} has version {found}, this version of the provider knows versions up to {known}: \
         a newer one wrote it. Use that one or a later one."
    );
    Diagnostics::error("State was written by a newer version of the provider", detail)
}
