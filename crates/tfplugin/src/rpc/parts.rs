//! The provider's parts by name, each with its schema made once.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostics::Diagnostics;
use crate::provider::erased::{
    AnyAction, AnyDataSource, AnyEphemeralResource, AnyFunction, AnyProvider, AnyResource, Erased,
};
use crate::provider::{Parts, Provider, Signature};
use crate::schema::Schema;
use crate::value::Type;

/// A part beside its schema and the type of its values.
pub(crate) struct Entry<P: ?Sized> {
    pub part: Arc<P>,
    pub schema: Schema,
    pub r#type: Type,
    pub identity: Option<IdentityEntry>,
}

/// The shape of a resource's identity.
pub(crate) struct IdentityEntry {
    pub schema: Schema,
    pub r#type: Type,
}

/// A function beside its signature.
pub(crate) struct FunctionEntry {
    pub part: Arc<dyn AnyFunction>,
    pub signature: Signature,
}

/// All parts.
pub(crate) struct PartsTable {
    pub provider: Box<dyn AnyProvider>,
    pub schema: Schema,
    pub r#type: Type,
    pub resources: BTreeMap<&'static str, Entry<dyn AnyResource>>,
    pub data_sources: BTreeMap<&'static str, Entry<dyn AnyDataSource>>,
    pub ephemeral: BTreeMap<&'static str, Entry<dyn AnyEphemeralResource>>,
    pub functions: BTreeMap<&'static str, FunctionEntry>,
    pub actions: BTreeMap<&'static str, Entry<dyn AnyAction>>,
    /// What is wrong with names and schemas.
    pub problems: Vec<String>,
}

impl PartsTable {
    pub(crate) fn new<P: Provider>(provider: P) -> PartsTable {
        let Parts { resources, data_sources, ephemeral_resources, functions, actions } = provider.parts();
        let prefix = format!("{}_", provider.name());
        let schema = provider.schema();
        let mut problems: Vec<String> =
            schema.provider_problems().into_iter().map(|it| format!("provider: {it}")).collect();
        let mut check = |kind: &str, name: &str, prefixed: bool, seen: bool, schema: Option<&Schema>| {
            if seen {
                problems.push(format!("{kind} `{name}`: the name stands twice"));
            }
            if prefixed && !name.starts_with(&prefix) {
                problems.push(format!("{kind} `{name}`: expected a name that begins with `{prefix}`"));
            }
            let of_schema = schema.map(Schema::problems).unwrap_or_default();
            problems.extend(of_schema.into_iter().map(|problem| format!("{kind} `{name}`: {problem}")));
        };
        let mut table = PartsTable {
            r#type: schema.value_type(),
            schema,
            provider: Box::new(Erased(provider)),
            resources: BTreeMap::new(),
            data_sources: BTreeMap::new(),
            ephemeral: BTreeMap::new(),
            functions: BTreeMap::new(),
            actions: BTreeMap::new(),
            problems: Vec::new(),
        };
        for part in resources {
            let (name, schema) = (part.name(), part.schema());
            check("resource", name, true, table.resources.contains_key(name), Some(&schema));
            let identity = part.identity_schema().map(|schema| IdentityEntry { r#type: schema.value_type(), schema });
            if let Some(identity) = &identity {
                check("identity of resource", name, true, false, Some(&identity.schema));
            }
            table.resources.insert(name, Entry { r#type: schema.value_type(), part, schema, identity });
        }
        for part in data_sources {
            let (name, schema) = (part.name(), part.schema());
            check("data source", name, true, table.data_sources.contains_key(name), Some(&schema));
            table.data_sources.insert(name, Entry { r#type: schema.value_type(), part, schema, identity: None });
        }
        for part in ephemeral_resources {
            let (name, schema) = (part.name(), part.schema());
            check("ephemeral resource", name, true, table.ephemeral.contains_key(name), Some(&schema));
            table.ephemeral.insert(name, Entry { r#type: schema.value_type(), part, schema, identity: None });
        }
        for part in functions {
            let (name, signature) = (part.name(), part.signature());
            check("function", name, false, table.functions.contains_key(name), None);
            table.functions.insert(name, FunctionEntry { part, signature });
        }
        for part in actions {
            let (name, schema) = (part.name(), part.schema());
            check("action", name, true, table.actions.contains_key(name), Some(&schema));
            table.actions.insert(name, Entry { r#type: schema.value_type(), part, schema, identity: None });
        }
        table.problems = problems;
        table
    }

    /// Where models and schemas differ.
    pub(crate) fn check_models(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut add = |kind: &str, name: &str, problems: Vec<String>| {
            found.extend(problems.into_iter().map(|problem| format!("{kind} `{name}`: {problem}")));
        };
        add("provider", "", self.provider.check());
        self.resources.iter().for_each(|(name, it)| add("resource", name, it.part.check()));
        self.data_sources.iter().for_each(|(name, it)| add("data source", name, it.part.check()));
        self.ephemeral.iter().for_each(|(name, it)| add("ephemeral resource", name, it.part.check()));
        self.actions.iter().for_each(|(name, it)| add("action", name, it.part.check()));
        found
    }

    pub(crate) fn resource(&self, name: &str) -> Result<&Entry<dyn AnyResource>, Diagnostics> {
        self.resources.get(name).ok_or_else(|| unknown("resource", name, self.resources.keys()))
    }

    pub(crate) fn data_source(&self, name: &str) -> Result<&Entry<dyn AnyDataSource>, Diagnostics> {
        self.data_sources.get(name).ok_or_else(|| unknown("data source", name, self.data_sources.keys()))
    }

    pub(crate) fn ephemeral_resource(&self, name: &str) -> Result<&Entry<dyn AnyEphemeralResource>, Diagnostics> {
        self.ephemeral.get(name).ok_or_else(|| unknown("ephemeral resource", name, self.ephemeral.keys()))
    }

    pub(crate) fn action(&self, name: &str) -> Result<&Entry<dyn AnyAction>, Diagnostics> {
        self.actions.get(name).ok_or_else(|| unknown("action", name, self.actions.keys()))
    }
}

fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a &'static str>) -> Diagnostics {
    let known: Vec<String> = known.map(|name| format!("`{name}`")).collect();
    let detail = format!("The provider has no {kind} `{name}`, known: {}.", known.join(", "));
    Diagnostics::error(format!("Unknown {kind}"), detail)
}
