//! Whether a model and a schema are equal, found by making the model from sample values of the schema and back.
//!
//! Samples hold every attribute, each alternative of a closed list once, and then as little as may be set. So a field
//! that is missing, misnamed, of another type, or cannot take the null or the unknown that its attribute may be, shows.

use super::{Model, from_value, to_value};
use crate::path::Path;
use crate::schema::{Attribute, Block, BlockNesting, Kind, Nesting, Schema};
use crate::validators::Validate;
use crate::value::{Type, Value, conform};

/// What a model is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelUse {
    /// Configuration, plan and state: computed attributes are unknown in a plan.
    Resource,
    /// Configuration and result: computed attributes are null in a configuration.
    Read,
}

/// The differences between the model `M` and `schema`, one sentence each; empty if there are none.
pub fn check_model<M: Model>(schema: &Schema, r#use: ModelUse) -> Vec<String> {
    let r#type = schema.value_type();
    let variants = body_variants(&schema.attributes, &schema.blocks);
    let mut samples: Vec<(String, Value)> = (0..variants)
        .map(|variant| ("everything set".to_owned(), body(&schema.attributes, &schema.blocks, Sample::Full(variant))))
        .collect();
    let (name, least) = match r#use {
        ModelUse::Resource => ("the plan of a new object", Sample::Plan),
        ModelUse::Read => ("a configuration of required attributes alone", Sample::Config),
    };
    samples.push((name.to_owned(), body(&schema.attributes, &schema.blocks, least)));
    let mut problems = Vec::new();
    for (name, sample) in samples {
        let problem = match conform::conform(sample, &r#type) {
            Ok(sample) => round_trip::<M>(&sample, &r#type).err(),
            Err(error) => Some(format!("the sample does not fit the schema: {error}")),
        };
        if let Some(problem) = problem.map(|problem| format!("{name}: {problem}")).filter(|it| !problems.contains(it)) {
            problems.push(problem);
        }
    }
    problems
}

fn round_trip<M: Model>(sample: &Value, r#type: &Type) -> Result<(), String> {
    let model: M = from_value(sample).map_err(|error| format!("the model cannot be made: {error}"))?;
    let back = to_value(&model, r#type).map_err(|error| format!("the model does not fit the schema: {error}"))?;
    let back = conform::reconcile(back, sample);
    match sample.first_difference(&back) {
        Some(path) => Err(format!("{path}: the model gives back another value than it was made from")),
        None => Ok(()),
    }
}

#[derive(Debug, Clone, Copy)]
enum Sample {
    /// Everything set, closed lists at this alternative.
    Full(usize),
    /// Required attributes set, computed ones unknown, others null.
    Plan,
    /// Required attributes set, others null.
    Config,
}

fn body(attributes: &[Attribute], blocks: &[Block], sample: Sample) -> Value {
    let attributes = attributes.iter().map(|attribute| (attribute.name.clone(), attribute_value(attribute, sample)));
    let blocks = blocks.iter().map(|block| {
        let inner = || body(&block.attributes, &block.blocks, sample);
        let value = match (block.nesting, sample) {
            (BlockNesting::Single, Sample::Full(_)) => inner(),
            (BlockNesting::Single, _) => Value::Null,
            (_, Sample::Full(_)) => Value::List(vec![inner()]),
            _ => Value::List(Vec::new()),
        };
        (block.name.clone(), value)
    });
    Value::object(attributes.chain(blocks))
}

fn attribute_value(attribute: &Attribute, sample: Sample) -> Value {
    match sample {
        // A default is known while planning; where the configuration is unknown, `plan` is not called.
        Sample::Plan if attribute.computed => return attribute.default.clone().unwrap_or(Value::UNKNOWN),
        Sample::Plan | Sample::Config if !attribute.required => return Value::Null,
        _ => {}
    }
    match &attribute.kind {
        Kind::Plain(r#type) => {
            let candidates = candidates(attribute, r#type);
            let variant = if let Sample::Full(variant) = sample { variant } else { 0 };
            candidates[variant % candidates.len()].clone()
        }
        Kind::Nested(nesting, attributes) => {
            let inner = body(attributes, &[], sample);
            match nesting {
                Nesting::Single => inner,
                Nesting::List | Nesting::Set => Value::List(vec![inner]),
                Nesting::Map => Value::map([("key", inner)]),
            }
        }
    }
}

/// Values that the attribute accepts; never empty.
fn candidates(attribute: &Attribute, r#type: &Type) -> Vec<Value> {
    let from_checks = attribute.validators.iter().flat_map(|validator| validator.examples());
    let stated = attribute.examples.iter().chain(&attribute.default).cloned();
    let usual = match r#type {
        // A fraction shows a field that is a whole number by mistake.
        Type::Number => vec![0.5.into(), 1.into()],
        other => vec![sample_of(other)],
    };
    let accepted = |value: &Value| {
        let path = Path::attribute(attribute.name.clone());
        let alone = Value::object([(attribute.name.clone(), value.clone())]);
        let cx = Validate { path: &path, value, parent: &alone, config: &alone };
        !attribute.validators.iter().any(|validator| validator.check(&cx).has_error())
    };
    let mut all: Vec<Value> = stated.chain(from_checks).filter(|value| !value.is_null()).collect();
    // A stated example stands for what the attribute means; only numbers are always tried further.
    if all.is_empty() || *r#type == Type::Number {
        all.extend(usual.iter().cloned());
    }
    let fitting: Vec<Value> = all.into_iter().filter(accepted).collect();
    if fitting.is_empty() { usual } else { fitting }
}

fn sample_of(r#type: &Type) -> Value {
    match r#type {
        Type::Bool => true.into(),
        Type::Number => 1.into(),
        Type::String | Type::Dynamic => "sample".into(),
        Type::List(element) => Value::List(vec![sample_of(element)]),
        Type::Set(element) => Value::set(vec![sample_of(element)]),
        Type::Map(element) => Value::map([("key", sample_of(element))]),
        Type::Object(object) => {
            Value::object(object.attributes.iter().map(|(name, r#type)| (name.clone(), sample_of(r#type))))
        }
        Type::Tuple(types) => Value::Tuple(types.iter().map(sample_of).collect()),
    }
}

fn body_variants(attributes: &[Attribute], blocks: &[Block]) -> usize {
    let of_attributes = attributes.iter().map(|attribute| match &attribute.kind {
        Kind::Plain(r#type) => candidates(attribute, r#type).len(),
        Kind::Nested(_, inner) => body_variants(inner, &[]),
    });
    let of_blocks = blocks.iter().map(|block| body_variants(&block.attributes, &block.blocks));
    of_attributes.chain(of_blocks).max().unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::model::Field;
    use crate::schema::{duration, float64, int64, nested_list, one_of, string};

    fn schema() -> Schema {
        Schema::new("")
            .attribute(string("id").computed())
            .attribute(one_of("mode", ["floor", "exact"]).default("floor"))
            .attribute(float64("share").required())
            .attribute(nested_list("steps", [duration("after").required(), int64("units").optional()]).optional())
    }

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        Floor,
        Exact,
    }

    #[derive(Serialize, Deserialize)]
    struct Step {
        after: String,
        units: Option<i64>,
    }

    #[derive(Serialize, Deserialize)]
    struct Fitting {
        id: Field<String>,
        mode: Field<Mode>,
        share: f64,
        steps: Option<Vec<Step>>,
    }

    #[test]
    fn a_fitting_model_has_no_problem() {
        assert_eq!(check_model::<Fitting>(&schema(), ModelUse::Resource), Vec::<String>::new());
        assert_eq!(check_model::<Fitting>(&schema(), ModelUse::Read), Vec::<String>::new());
    }

    fn check_drift<M: Model>(r#use: ModelUse, expected: &str) {
        let found = check_model::<M>(&schema(), r#use);
        assert!(found.iter().any(|problem| problem == expected), "expected {expected:?}, found {found:#?}");
    }

    #[test]
    fn a_missing_or_further_field_is_named() {
        #[derive(Serialize, Deserialize)]
        struct Missing {
            id: Field<String>,
            mode: Field<Mode>,
            share: f64,
        }
        check_drift::<Missing>(
            ModelUse::Resource,
            "everything set: the model cannot be made: \
             expected the model to have the schema's attributes, found no field `steps` in it",
        );
        #[derive(Serialize, Deserialize)]
        struct Further {
            id: Field<String>,
            mode: Field<Mode>,
            share: f64,
            steps: Option<Vec<Step>>,
            more: Option<bool>,
        }
        check_drift::<Further>(
            ModelUse::Resource,
            "everything set: the model cannot be made: \
             expected the schema to have the model's fields, found no attribute `more` in it",
        );
    }

    #[test]
    fn a_field_of_another_type_is_named() {
        #[derive(Serialize, Deserialize)]
        struct Whole {
            id: Field<String>,
            mode: Field<Mode>,
            share: i64,
            steps: Option<Vec<Step>>,
        }
        check_drift::<Whole>(
            ModelUse::Resource,
            "everything set: the model cannot be made: share: expected a whole number, found 0.5",
        );
    }

    #[test]
    fn an_alternative_that_the_model_lacks_is_named() {
        #[derive(Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Short {
            Floor,
        }
        #[derive(Serialize, Deserialize)]
        struct Lacking {
            id: Field<String>,
            mode: Field<Short>,
            share: f64,
            steps: Option<Vec<Step>>,
        }
        check_drift::<Lacking>(
            ModelUse::Resource,
            "everything set: the model cannot be made: mode: expected one of `floor`, found `exact`",
        );
    }

    #[test]
    fn a_field_that_cannot_be_unknown_or_null_is_named() {
        #[derive(Serialize, Deserialize)]
        struct Plain {
            id: String,
            mode: Field<Mode>,
            share: f64,
            steps: Option<Vec<Step>>,
        }
        check_drift::<Plain>(
            ModelUse::Resource,
            "the plan of a new object: the model cannot be made: \
             id: expected a string, found a value known only after apply",
        );
        check_drift::<Plain>(
            ModelUse::Read,
            "a configuration of required attributes alone: the model cannot be made: id: expected a string, found null",
        );
    }
}
