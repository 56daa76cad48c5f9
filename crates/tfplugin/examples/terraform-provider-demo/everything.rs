//! `demo_everything`: every kind of attribute, kept in the state alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tfplugin::provider::{Context, Failure, Resource, async_trait};
use tfplugin::schema::{
    Attribute, Schema, block_list, block_set, boolean, dynamic, float64, int64, list, map, nested, nested_list,
    nested_map, nested_set, number, object, set, string,
};
use tfplugin::{Diagnostics, Field, Number, Type, Value};

/// The resource.
pub(crate) struct Everything;

/// Its model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EverythingModel {
    id: Field<String>,
    share: Option<f64>,
    count_of: Option<i64>,
    exact: Option<Number>,
    yes: Field<bool>,
    texts: Option<Vec<String>>,
    tags: Option<BTreeSet<String>>,
    sizes: Option<BTreeMap<String, f64>>,
    pair: Option<Pair>,
    any: Value,
    one: Option<Inner>,
    several: Option<Vec<Inner>>,
    unordered: Option<Vec<Inner>>,
    keyed: Option<BTreeMap<String, Inner>>,
    plan: Field<Planned>,
    rule: Vec<Rule>,
    label: Vec<Rule>,
}

/// An object of plain attributes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pair {
    left: String,
    right: f64,
}

/// Nested attributes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Inner {
    name: String,
    size: Field<i64>,
    made: Field<String>,
    deeper: Option<Deeper>,
}

/// Nested further.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Deeper {
    note: Option<String>,
}

/// A nested attribute that may be configured as a whole, or is computed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Planned {
    peak: f64,
    steps: Vec<Pair>,
}

/// A block.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Rule {
    port: i64,
}

fn inner() -> [Attribute; 4] {
    [
        string("name").required(),
        int64("size").default(3),
        string("made").computed(),
        nested("deeper", [string("note").optional()]).optional(),
    ]
}

#[async_trait]
impl Resource for Everything {
    type Model = EverythingModel;

    fn name(&self) -> &'static str {
        "demo_everything"
    }

    fn schema(&self) -> Schema {
        let steps = nested_list("steps", [string("left").required(), float64("right").required()]).required();
        let plan = nested("plan", [float64("peak").required(), steps]).optional().computed();
        Schema::new("Has every kind of attribute.")
            .attribute(string("id").computed().keep_prior())
            .attribute(float64("share").optional())
            .attribute(int64("count_of").optional())
            .attribute(number("exact").optional())
            .attribute(boolean("yes").default(true))
            .attribute(list("texts", Type::String).optional())
            .attribute(set("tags", Type::String).optional())
            .attribute(map("sizes", Type::Number).optional())
            .attribute(object("pair", [("left", Type::String), ("right", Type::Number)]).optional())
            .attribute(dynamic("any").optional())
            .attribute(nested("one", inner()).optional())
            .attribute(nested_list("several", inner()).optional())
            .attribute(nested_set("unordered", inner()).optional())
            .attribute(nested_map("keyed", inner()).optional())
            .attribute(plan)
            .block(block_list("rule").attribute(int64("port").required()))
            .block(block_set("label").attribute(int64("port").required()))
    }

    async fn create(&self, _: &Context, plan: EverythingModel) -> Result<EverythingModel, Failure<EverythingModel>> {
        Ok(EverythingModel { id: Field::Known("made".to_owned()), ..made(plan) })
    }

    async fn read(&self, _: &Context, state: EverythingModel) -> Result<Option<EverythingModel>, Diagnostics> {
        Ok(Some(state))
    }

    async fn update(
        &self,
        _: &Context,
        _: EverythingModel,
        plan: EverythingModel,
    ) -> Result<EverythingModel, Failure<EverythingModel>> {
        Ok(made(plan))
    }

    async fn delete(&self, _: &Context, _: EverythingModel) -> Result<(), Failure<EverythingModel>> {
        Ok(())
    }
}

/// The plan with everything unknown made known.
fn made(mut plan: EverythingModel) -> EverythingModel {
    let several = plan.several.iter_mut().flatten();
    let unordered = plan.unordered.iter_mut().flatten();
    let keyed = plan.keyed.iter_mut().flat_map(BTreeMap::values_mut);
    for inner in plan.one.iter_mut().chain(several).chain(unordered).chain(keyed) {
        if inner.made.is_unknown() {
            inner.made = Field::Known(format!("made-{}", inner.name));
        }
    }
    if plan.plan.is_unknown() {
        let step = Pair { left: "07:30".to_owned(), right: 0.1 };
        plan.plan = Field::Known(Planned { peak: 9.5, steps: vec![step] });
    }
    plan
}
