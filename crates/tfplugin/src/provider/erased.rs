//! The parts of a provider without their model types: what the calls of the protocol work with.

use std::time::SystemTime;

use async_trait::async_trait;
use serde::de::DeserializeOwned;

use super::{
    Action, Config, Context, Data, DataSource, EphemeralResource, Failure, Function, FunctionError, ImportTarget,
    PlanContext, Progress, Provider, RawState, Resource, Signature,
};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::model::{Model, ModelUse, check_model, from_value, to_value};
use crate::path::{Path, Step};
use crate::schema::Schema;
use crate::value::{Type, Value, ValueError, conform};

/// A part whose model type is forgotten.
pub(crate) struct Erased<T>(pub(crate) T);

/// A state and the identity that belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub state: Value,
    pub identity: Option<Value>,
}

/// An operation that failed, and what exists nevertheless.
#[derive(Debug)]
pub(crate) struct Failed {
    pub reached: Reached,
    pub diagnostics: Diagnostics,
}

/// What exists after a failure.
#[derive(Debug)]
pub(crate) enum Reached {
    /// What was there before: after a creation nothing.
    Prior,
    /// This.
    State(Kept),
    /// Something, but its state does not fit the schema.
    Unclear,
}

/// What became of the provider's configuration.
pub(crate) enum Configuring {
    Done(Data),
    /// Not yet, for want of the value at this path.
    Unknown(Path),
}

#[async_trait]
pub(crate) trait AnyProvider: Send + Sync {
    fn check(&self) -> Vec<String>;
    async fn validate(&self, cx: &Context, config: &Config) -> Diagnostics;
    async fn configure(&self, cx: &Context, config: &Value) -> Result<Configuring, Diagnostics>;
}

#[async_trait]
pub(crate) trait AnyResource: Send + Sync {
    fn name(&self) -> &'static str;
    fn schema(&self) -> Schema;
    fn identity_schema(&self) -> Option<Schema>;
    fn check(&self) -> Vec<String>;
    async fn validate(&self, cx: &Context, config: &Config) -> Diagnostics;
    /// The planned value; `planned` as it is while the model cannot be made from it for what is unknown.
    fn plan(&self, cx: Context, prior: &Value, planned: Value, r#type: &Type) -> (Context, Result<Value, Diagnostics>);
    fn plan_destroy(&self, cx: Context, prior: &Value) -> (Context, Diagnostics);
    async fn create(&self, cx: &Context, planned: &Value, r#type: &Type) -> Result<Kept, Failed>;
    async fn read(&self, cx: &Context, state: &Value, r#type: &Type) -> Result<Option<Kept>, Diagnostics>;
    async fn update(&self, cx: &Context, prior: &Value, planned: &Value, r#type: &Type) -> Result<Kept, Failed>;
    async fn delete(&self, cx: &Context, state: &Value, r#type: &Type) -> Result<(), Failed>;
    async fn import(&self, cx: &Context, target: ImportTarget, r#type: &Type) -> Result<Kept, Diagnostics>;
    async fn upgrade(&self, cx: &Context, old: RawState, r#type: &Type) -> Result<Value, Diagnostics>;
}

#[async_trait]
pub(crate) trait AnyDataSource: Send + Sync {
    fn name(&self) -> &'static str;
    fn schema(&self) -> Schema;
    fn check(&self) -> Vec<String>;
    async fn validate(&self, cx: &Context, config: &Config) -> Diagnostics;
    async fn read(&self, cx: &Context, config: &Value, r#type: &Type) -> Result<Value, Diagnostics>;
}

#[async_trait]
pub(crate) trait AnyEphemeralResource: Send + Sync {
    fn name(&self) -> &'static str;
    fn schema(&self) -> Schema;
    fn check(&self) -> Vec<String>;
    async fn validate(&self, cx: &Context, config: &Config) -> Diagnostics;
    async fn open(
        &self,
        cx: &Context,
        config: &Value,
        r#type: &Type,
    ) -> Result<(Value, Option<SystemTime>), Diagnostics>;
    async fn renew(&self, cx: &Context) -> Result<Option<SystemTime>, Diagnostics>;
    async fn close(&self, cx: &Context) -> Result<(), Diagnostics>;
}

#[async_trait]
pub(crate) trait AnyAction: Send + Sync {
    fn name(&self) -> &'static str;
    fn schema(&self) -> Schema;
    fn check(&self) -> Vec<String>;
    async fn validate(&self, cx: &Context, config: &Config) -> Diagnostics;
    async fn plan(&self, cx: &Context, config: &Config) -> Result<(), Diagnostics>;
    async fn invoke(&self, cx: &Context, config: &Value, progress: &Progress) -> Result<(), Diagnostics>;
}

pub(crate) trait AnyFunction: Send + Sync {
    fn name(&self) -> &'static str;
    fn signature(&self) -> Signature;
    fn call(&self, arguments: Vec<Value>) -> Result<Value, FunctionError>;
}

/// A model from what the user or the state says.
fn take<M: DeserializeOwned>(value: &Value) -> Result<M, Diagnostics> {
    from_value(value).map_err(|error| {
        let detail = format!("`{}`: expected {}, found {}.", error.path, error.expected, error.found);
        Diagnostic::error("Invalid value", detail).at(error.path).into()
    })
}

/// A value from what the provider says, with numbers as in `reference` where they are the same.
fn give<M: Model>(model: &M, r#type: &Type, reference: &Value) -> Result<Value, Diagnostics> {
    let value = to_value(model, r#type).map_err(|error| misfit(&error))?;
    Ok(conform::reconcile(value, reference))
}

fn misfit(error: &ValueError) -> Diagnostics {
    let detail = format!("{error}. This is a bug in the provider; please report it to its maintainers.");
    Diagnostic::error("Provider returned an invalid value", detail).at(error.path.clone()).into()
}

impl<R: Resource> Erased<R> {
    fn keep(&self, model: &R::Model, r#type: &Type, reference: &Value) -> Result<Kept, Diagnostics> {
        Ok(Kept { state: give(model, r#type, reference)?, identity: self.0.identity(model) })
    }

    /// What an operation answers; a value that does not fit is an error on top, not a loss of what exists.
    fn finish(
        &self,
        result: Result<R::Model, Failure<R::Model>>,
        r#type: &Type,
        reference: &Value,
    ) -> Result<Kept, Failed> {
        let (model, mut diagnostics) = match result {
            Ok(model) => {
                return self
                    .keep(&model, r#type, reference)
                    .map_err(|diagnostics| Failed { reached: Reached::Unclear, diagnostics });
            }
            Err(Failure { reached, diagnostics }) => (reached, diagnostics),
        };
        let reached = match model.map(|model| self.keep(&model, r#type, reference)) {
            None => Reached::Prior,
            Some(Ok(kept)) => Reached::State(kept),
            Some(Err(more)) => {
                diagnostics.extend(more);
                Reached::Unclear
            }
        };
        Err(Failed { reached, diagnostics })
    }
}

#[async_trait]
impl<P: Provider> AnyProvider for Erased<P> {
    fn check(&self) -> Vec<String> {
        check_model::<P::Model>(&self.0.schema(), ModelUse::Read)
    }

    async fn validate(&self, cx: &Context, config: &Config) -> Diagnostics {
        self.0.validate(cx, config).await
    }

    async fn configure(&self, cx: &Context, config: &Value) -> Result<Configuring, Diagnostics> {
        match (from_value::<P::Model>(config), config.first_unknown()) {
            (Ok(model), _) => self.0.configure(cx, model).await.map(Configuring::Done),
            (Err(_), Some(path)) => Ok(Configuring::Unknown(path)),
            (Err(_), None) => Err(take::<P::Model>(config).err().unwrap_or_default()),
        }
    }
}

#[async_trait]
impl<R: Resource> AnyResource for Erased<R> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn schema(&self) -> Schema {
        self.0.schema()
    }

    fn identity_schema(&self) -> Option<Schema> {
        self.0.identity_schema()
    }

    fn check(&self) -> Vec<String> {
        check_model::<R::Model>(&self.0.schema(), ModelUse::Resource)
    }

    async fn validate(&self, cx: &Context, config: &Config) -> Diagnostics {
        self.0.validate(cx, config).await
    }

    fn plan(
        &self,
        cx: Context,
        prior_value: &Value,
        planned: Value,
        r#type: &Type,
    ) -> (Context, Result<Value, Diagnostics>) {
        let prior = match prior_value.is_null() {
            true => None,
            false => match take::<R::Model>(prior_value) {
                Ok(prior) => Some(prior),
                Err(diagnostics) => return (cx, Err(diagnostics)),
            },
        };
        let model = match from_value::<R::Model>(&planned) {
            Ok(model) => model,
            Err(error) => {
                // A part of a set has no address to look at.
                let at_fault = planned.get(&error.path);
                let unknown = at_fault.map_or(!planned.is_wholly_known(), Value::is_unknown);
                let result = if unknown { Ok(planned) } else { take::<R::Model>(&planned).map(|_| planned) };
                return (cx, result);
            }
        };
        let cx = PlanContext { context: cx, prior };
        let result = self.0.plan(&cx, model).and_then(|model| {
            // A value kept from the state is written as there, one taken from the configuration as there.
            let value = give(&model, r#type, prior_value)?;
            Ok(conform::reconcile(value, &planned))
        });
        (cx.context, result)
    }

    fn plan_destroy(&self, cx: Context, prior: &Value) -> (Context, Diagnostics) {
        match take::<R::Model>(prior) {
            Ok(prior) => {
                let cx = PlanContext { context: cx, prior: Some(prior) };
                let diagnostics = self.0.plan_destroy(&cx);
                (cx.context, diagnostics)
            }
            Err(diagnostics) => (cx, diagnostics),
        }
    }

    async fn create(&self, cx: &Context, planned: &Value, r#type: &Type) -> Result<Kept, Failed> {
        let plan = take(planned).map_err(|diagnostics| Failed { reached: Reached::Prior, diagnostics })?;
        self.finish(self.0.create(cx, plan).await, r#type, planned)
    }

    async fn read(&self, cx: &Context, state: &Value, r#type: &Type) -> Result<Option<Kept>, Diagnostics> {
        match self.0.read(cx, take(state)?).await? {
            Some(model) => self.keep(&model, r#type, state).map(Some),
            None => Ok(None),
        }
    }

    async fn update(&self, cx: &Context, prior: &Value, planned: &Value, r#type: &Type) -> Result<Kept, Failed> {
        let failed = |diagnostics| Failed { reached: Reached::Prior, diagnostics };
        let (before, plan) = (take(prior).map_err(failed)?, take(planned).map_err(failed)?);
        self.finish(self.0.update(cx, before, plan).await, r#type, planned)
    }

    async fn delete(&self, cx: &Context, state: &Value, r#type: &Type) -> Result<(), Failed> {
        let before = take(state).map_err(|diagnostics| Failed { reached: Reached::Prior, diagnostics })?;
        match self.0.delete(cx, before).await {
            Ok(()) => Ok(()),
            Err(failure) => self.finish(Err(failure), r#type, state).map(drop),
        }
    }

    async fn import(&self, cx: &Context, target: ImportTarget, r#type: &Type) -> Result<Kept, Diagnostics> {
        let model = self.0.import(cx, target).await?;
        self.keep(&model, r#type, &Value::Null)
    }

    async fn upgrade(&self, cx: &Context, old: RawState, r#type: &Type) -> Result<Value, Diagnostics> {
        let model = self.0.upgrade(cx, old).await?;
        give(&model, r#type, &Value::Null)
    }
}

#[async_trait]
impl<D: DataSource> AnyDataSource for Erased<D> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn schema(&self) -> Schema {
        self.0.schema()
    }

    fn check(&self) -> Vec<String> {
        check_model::<D::Model>(&self.0.schema(), ModelUse::Read)
    }

    async fn validate(&self, cx: &Context, config: &Config) -> Diagnostics {
        self.0.validate(cx, config).await
    }

    async fn read(&self, cx: &Context, config: &Value, r#type: &Type) -> Result<Value, Diagnostics> {
        let model = self.0.read(cx, take(config)?).await?;
        give(&model, r#type, config)
    }
}

#[async_trait]
impl<E: EphemeralResource> AnyEphemeralResource for Erased<E> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn schema(&self) -> Schema {
        self.0.schema()
    }

    fn check(&self) -> Vec<String> {
        check_model::<E::Model>(&self.0.schema(), ModelUse::Read)
    }

    async fn validate(&self, cx: &Context, config: &Config) -> Diagnostics {
        self.0.validate(cx, config).await
    }

    async fn open(
        &self,
        cx: &Context,
        config: &Value,
        r#type: &Type,
    ) -> Result<(Value, Option<SystemTime>), Diagnostics> {
        let opened = self.0.open(cx, take(config)?).await?;
        Ok((give(&opened.result, r#type, config)?, opened.renew_at))
    }

    async fn renew(&self, cx: &Context) -> Result<Option<SystemTime>, Diagnostics> {
        self.0.renew(cx).await
    }

    async fn close(&self, cx: &Context) -> Result<(), Diagnostics> {
        self.0.close(cx).await
    }
}

#[async_trait]
impl<A: Action> AnyAction for Erased<A> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn schema(&self) -> Schema {
        self.0.schema()
    }

    fn check(&self) -> Vec<String> {
        check_model::<A::Model>(&self.0.schema(), ModelUse::Read)
    }

    async fn validate(&self, cx: &Context, config: &Config) -> Diagnostics {
        self.0.validate(cx, config).await
    }

    async fn plan(&self, cx: &Context, config: &Config) -> Result<(), Diagnostics> {
        self.0.plan(cx, config).await
    }

    async fn invoke(&self, cx: &Context, config: &Value, progress: &Progress) -> Result<(), Diagnostics> {
        self.0.invoke(cx, take(config)?, progress).await
    }
}

impl<F: Function> AnyFunction for Erased<F> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn signature(&self) -> Signature {
        self.0.signature()
    }

    fn call(&self, mut arguments: Vec<Value>) -> Result<Value, FunctionError> {
        let signature = self.0.signature();
        let fixed = signature.parameters.len();
        if signature.variadic.is_some() {
            let rest = arguments.split_off(fixed.min(arguments.len()));
            arguments.push(Value::Tuple(rest));
        }
        let arguments =
            from_value::<F::Arguments>(&Value::Tuple(arguments)).map_err(|error| at_argument(error, fixed))?;
        let output = self.0.call(arguments)?;
        to_value(&output, &signature.returns).map_err(|error| {
            FunctionError::new(format!(
                "the function returned an invalid value: {error}; this is a bug in the provider"
            ))
        })
    }
}

/// The error of the argument that the path begins with; those of a variadic parameter count on.
fn at_argument(error: ValueError, fixed: usize) -> FunctionError {
    let mut steps = error.path.steps().iter();
    let argument = match (steps.next(), steps.as_slice().first()) {
        (Some(Step::Index(first)), Some(Step::Index(further))) if *first == fixed => {
            steps.next();
            Some(first + further)
        }
        (Some(Step::Index(first)), _) => Some(*first),
        _ => None,
    };
    let within = ValueError { path: steps.cloned().collect::<Vec<_>>().into(), ..error };
    FunctionError { text: within.to_string(), argument }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::parameter;

    struct Join;

    impl Function for Join {
        type Arguments = (String, Vec<i64>);
        type Output = String;

        fn name(&self) -> &'static str {
            "join"
        }

        fn signature(&self) -> Signature {
            Signature::new("Joins numbers.", Type::String)
                .parameter(parameter("separator", Type::String))
                .variadic(parameter("numbers", Type::Number))
        }

        fn call(&self, (separator, numbers): Self::Arguments) -> Result<String, FunctionError> {
            Ok(numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(&separator))
        }
    }

    fn check_call(arguments: Vec<Value>, expected: Result<&str, (usize, &str)>) {
        let expected = match expected {
            Ok(text) => Ok(text.into()),
            Err((argument, text)) => Err(FunctionError::argument(argument, text)),
        };
        assert_eq!(Erased(Join).call(arguments), expected);
    }

    #[test]
    fn arguments_of_a_variadic_parameter_are_counted_on() {
        check_call(vec!["-".into(), 1.into(), 2.into()], Ok("1-2"));
        check_call(vec!["-".into()], Ok(""));
        check_call(vec![1.into(), 2.into()], Err((0, "expected a string, found a number")));
        check_call(vec!["-".into(), 1.into(), 0.5.into()], Err((2, "expected a whole number, found 0.5")));
    }
}
