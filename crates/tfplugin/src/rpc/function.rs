//! `CallFunction`.

use std::sync::Arc;

use super::{Inner, Token, convert};
use crate::diagnostics::Diagnostics;
use crate::log;
use crate::proto::tfplugin6 as proto;
use crate::proto::tfplugin6::call_function::{Request, Response};
use crate::provider::FunctionError;
use crate::value::Value;

impl Inner {
    pub(super) async fn call_function(self: Arc<Self>, request: Request, _: Token) -> Response {
        // A function computes; calls that wait must not stand behind it.
        let result = tokio::task::spawn_blocking(move || self.compute(&request)).await;
        match result {
            Ok(Ok(result)) => Response { result: Some(result), error: None },
            Ok(Err(error)) => Response { result: None, error: Some(message(&error)) },
            Err(panic) => {
                let error = FunctionError::new(super::panicked(&panic).to_string());
                Response { result: None, error: Some(message(&error)) }
            }
        }
    }

    fn compute(&self, request: &Request) -> Result<proto::DynamicValue, FunctionError> {
        let entry = self.parts.functions.get(request.name.as_str()).ok_or_else(|| {
            let known: Vec<String> = self.parts.functions.keys().map(|name| format!("`{name}`")).collect();
            FunctionError::new(format!("no function `{}`, known: {}", request.name, known.join(", ")))
        })?;
        let fixed = &entry.signature.parameters;
        let enough = request.arguments.len() >= fixed.len();
        if !enough || (entry.signature.variadic.is_none() && request.arguments.len() > fixed.len()) {
            let found = request.arguments.len();
            return Err(FunctionError::new(format!("expected {} arguments, found {found}", fixed.len())));
        }
        let parameters = fixed.iter().chain(std::iter::repeat_with(|| entry.signature.variadic.as_ref()).flatten());
        let argument = |(index, (message, parameter)): (usize, (&proto::DynamicValue, &crate::provider::Parameter))| {
            convert::value(Some(message), &parameter.r#type)
                .map_err(|error| FunctionError::argument(index, text(&error)))
        };
        let arguments: Vec<Value> =
            request.arguments.iter().zip(parameters).enumerate().map(argument).collect::<Result<_, _>>()?;
        let output = entry.part.call(arguments)?;
        convert::message(&output, &entry.signature.returns).map_err(|error| FunctionError::new(text(&error)))
    }
}

fn text(diagnostics: &Diagnostics) -> String {
    diagnostics.iter().map(|diagnostic| diagnostic.detail.as_str()).collect::<Vec<_>>().join(" ")
}

fn message(error: &FunctionError) -> proto::FunctionError {
    proto::FunctionError {
        text: log::redact(&error.text).into_owned(),
        function_argument: error.argument.and_then(|argument| i64::try_from(argument).ok()),
    }
}
