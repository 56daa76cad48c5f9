//! Between the messages of the wire and the framework's own types.

use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::log;
use crate::path::{Path, Step};
use crate::proto::tfplugin6 as proto;
use crate::proto::tfplugin6::attribute_path::step::Selector;
use crate::provider::DeferReason;
use crate::value::{Type, Value, json, msgpack};

/// Reads a value of type `ty`; a missing one is null.
pub(crate) fn value(message: Option<&proto::DynamicValue>, r#type: &Type) -> Result<Value, Diagnostics> {
    let Some(message) = message else { return Ok(Value::Null) };
    let problem = if !message.msgpack.is_empty() {
        match msgpack::decode(&message.msgpack, r#type) {
            Ok(value) => return Ok(value),
            Err(error) => error.to_string(),
        }
    } else if !message.json.is_empty() {
        match json::decode(&String::from_utf8_lossy(&message.json), r#type) {
            Ok(value) => return Ok(value),
            Err(error) => error.to_string(),
        }
    } else {
        return Ok(Value::Null);
    };
    let detail = format!("{problem}. This is a bug in Terraform or in the provider; please report it.");
    Err(Diagnostics::error("Terraform sent a value that does not fit the schema", detail))
}

/// Writes a value of type `ty`.
pub(crate) fn message(value: &Value, r#type: &Type) -> Result<proto::DynamicValue, Diagnostics> {
    match msgpack::encode(value, r#type) {
        Ok(msgpack) => Ok(proto::DynamicValue { msgpack, json: Vec::new() }),
        Err(error) => {
            let detail = format!("{error}. This is a bug in the provider; please report it to its maintainers.");
            Err(Diagnostic::error("Provider returned an invalid value", detail).at(error.path).into())
        }
    }
}

/// Diagnostics as the wire has them, without the secrets that the log hides.
pub(crate) fn diagnostics(all: Diagnostics) -> Vec<proto::Diagnostic> {
    let one = |diagnostic: Diagnostic| proto::Diagnostic {
        severity: match diagnostic.severity {
            Severity::Error => proto::diagnostic::Severity::Error.into(),
            Severity::Warning => proto::diagnostic::Severity::Warning.into(),
        },
        summary: log::redact(&diagnostic.summary).into_owned(),
        detail: log::redact(&diagnostic.detail).into_owned(),
        attribute: diagnostic.path.filter(|path| !path.is_root()).map(|path| attribute_path(&path)),
    };
    all.into_iter().map(one).collect()
}

/// A path as the wire has it: it ends where a set begins.
pub(crate) fn attribute_path(path: &Path) -> proto::AttributePath {
    let selector = |step: &Step| match step {
        Step::Attribute(name) => Some(Selector::AttributeName(name.clone())),
        Step::Key(key) => Some(Selector::ElementKeyString(key.clone())),
        Step::Index(index) => Some(Selector::ElementKeyInt(i64::try_from(*index).unwrap_or(i64::MAX))),
        Step::Element => None,
    };
    let steps = path.steps().iter().map_while(selector);
    proto::AttributePath { steps: steps.map(|it| proto::attribute_path::Step { selector: Some(it) }).collect() }
}

/// The reason for a deferral as the wire has it.
pub(crate) fn deferred(reason: DeferReason) -> proto::Deferred {
    let reason = match reason {
        DeferReason::ResourceConfigUnknown => proto::deferred::Reason::ResourceConfigUnknown,
        DeferReason::ProviderConfigUnknown => proto::deferred::Reason::ProviderConfigUnknown,
        DeferReason::AbsentPrerequisite => proto::deferred::Reason::AbsentPrereq,
    };
    proto::Deferred { reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_where_a_set_begins() {
        let path = Path::attribute("rules").join(Step::Element).child("port");
        assert_eq!(attribute_path(&path).steps.len(), 1);
        let path = Path::attribute("a").index(1).key("k");
        let selectors: Vec<_> = attribute_path(&path).steps.into_iter().filter_map(|step| step.selector).collect();
        assert_eq!(
            selectors,
            [Selector::AttributeName("a".into()), Selector::ElementKeyInt(1), Selector::ElementKeyString("k".into())]
        );
    }

    #[test]
    fn values_come_as_message_pack_or_json_or_not_at_all() {
        let json = proto::DynamicValue { json: b"[1]".to_vec(), msgpack: Vec::new() };
        assert_eq!(value(Some(&json), &Type::list(Type::Number)), Ok(Value::List(vec![1.into()])));
        assert_eq!(value(None, &Type::Bool), Ok(Value::Null));
        assert!(value(Some(&json), &Type::Bool).is_err());
    }
}
