//! What the provider offers: `GetMetadata`, `GetProviderSchema`, `GetResourceIdentitySchemas`, `GetFunctions`.

use super::{Inner, Token, convert};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::proto::tfplugin6 as proto;
use crate::proto::tfplugin6::{
    StringKind, get_functions, get_metadata, get_provider_schema, get_resource_identity_schemas,
};
use crate::provider::{Parameter, Signature};
use crate::schema::{Attribute, Block, BlockNesting, Kind, Nesting, Schema};

impl Inner {
    pub(super) async fn get_metadata(&self, _: get_metadata::Request, _: Token) -> get_metadata::Response {
        let parts = &self.parts;
        get_metadata::Response {
            server_capabilities: Some(capabilities()),
            diagnostics: convert::diagnostics(self.broken()),
            data_sources: names(&parts.data_sources, |type_name| get_metadata::DataSourceMetadata { type_name }),
            resources: names(&parts.resources, |type_name| get_metadata::ResourceMetadata { type_name }),
            functions: names(&parts.functions, |name| get_metadata::FunctionMetadata { name }),
            ephemeral_resources: names(&parts.ephemeral, |type_name| get_metadata::EphemeralMetadata { type_name }),
            actions: names(&parts.actions, |type_name| get_metadata::ActionMetadata { type_name }),
        }
    }

    pub(super) async fn get_provider_schema(
        &self,
        _: get_provider_schema::Request,
        _: Token,
    ) -> get_provider_schema::Response {
        let parts = &self.parts;
        get_provider_schema::Response {
            provider: Some(without_computed(schema(&parts.schema))),
            resource_schemas: parts.resources.iter().map(|(name, it)| ((*name).into(), schema(&it.schema))).collect(),
            data_source_schemas: parts
                .data_sources
                .iter()
                .map(|(name, it)| ((*name).into(), schema(&it.schema)))
                .collect(),
            diagnostics: convert::diagnostics(self.broken()),
            provider_meta: None,
            server_capabilities: Some(capabilities()),
            functions: parts.functions.iter().map(|(name, it)| ((*name).into(), function(&it.signature))).collect(),
            ephemeral_resource_schemas: parts
                .ephemeral
                .iter()
                .map(|(name, it)| ((*name).into(), schema(&it.schema)))
                .collect(),
            action_schemas: parts
                .actions
                .iter()
                .map(|(name, it)| {
                    let schema = Some(without_computed(schema(&it.schema)));
                    ((*name).into(), proto::ActionSchema { schema })
                })
                .collect(),
        }
    }

    pub(super) async fn get_resource_identity_schemas(
        &self,
        _: get_resource_identity_schemas::Request,
        _: Token,
    ) -> get_resource_identity_schemas::Response {
        let with_identity =
            self.parts.resources.iter().filter_map(|(name, it)| Some((*name, &it.identity.as_ref()?.schema)));
        get_resource_identity_schemas::Response {
            identity_schemas: with_identity.map(|(name, schema)| (name.into(), identity_schema(schema))).collect(),
            diagnostics: Vec::new(),
        }
    }

    pub(super) async fn get_functions(&self, _: get_functions::Request, _: Token) -> get_functions::Response {
        get_functions::Response {
            functions: self
                .parts
                .functions
                .iter()
                .map(|(name, it)| ((*name).into(), function(&it.signature)))
                .collect(),
            diagnostics: Vec::new(),
        }
    }

    /// What makes the provider unusable as a whole.
    fn broken(&self) -> Diagnostics {
        let one = |problem: &String| {
            let detail = format!("{problem}. This is a bug in the provider; please report it to its maintainers.");
            Diagnostic::error("The provider's schema is not sound", detail)
        };
        self.parts.problems.iter().map(one).collect()
    }
}

fn names<T, U>(parts: &std::collections::BTreeMap<&'static str, T>, metadata: impl Fn(String) -> U) -> Vec<U> {
    parts.keys().map(|name| metadata((*name).to_owned())).collect()
}

fn capabilities() -> proto::ServerCapabilities {
    proto::ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: false,
        generate_resource_config: false,
    }
}

fn schema(schema: &Schema) -> proto::Schema {
    let block = proto::schema::Block {
        version: schema.version,
        attributes: schema.attributes.iter().map(attribute).collect(),
        block_types: schema.blocks.iter().map(nested_block).collect(),
        description: schema.description.clone(),
        description_kind: StringKind::Markdown.into(),
        deprecated: schema.deprecated.is_some(),
        deprecation_message: schema.deprecated.clone().unwrap_or_default(),
    };
    proto::Schema { version: schema.version, block: Some(block) }
}

fn attribute(attribute: &Attribute) -> proto::schema::Attribute {
    let (r#type, nested_type) = match &attribute.kind {
        Kind::Plain(r#type) => (r#type.to_json_bytes(), None),
        Kind::Nested(nesting, attributes) => {
            use proto::schema::object::NestingMode;
            let nesting = match nesting {
                Nesting::Single => NestingMode::Single,
                Nesting::List => NestingMode::List,
                Nesting::Set => NestingMode::Set,
                Nesting::Map => NestingMode::Map,
            };
            let attributes = attributes.iter().map(self::attribute).collect();
            (Vec::new(), Some(proto::schema::Object { attributes, nesting: nesting.into() }))
        }
    };
    proto::schema::Attribute {
        name: attribute.name.clone(),
        r#type,
        description: attribute.description.clone(),
        required: attribute.required,
        optional: attribute.optional,
        computed: attribute.computed,
        sensitive: attribute.sensitive,
        description_kind: StringKind::Markdown.into(),
        deprecated: attribute.deprecated.is_some(),
        nested_type,
        write_only: attribute.write_only,
        deprecation_message: attribute.deprecated.clone().unwrap_or_default(),
    }
}

fn nested_block(block: &Block) -> proto::schema::NestedBlock {
    use proto::schema::nested_block::NestingMode;
    let nesting = match block.nesting {
        BlockNesting::Single => NestingMode::Single,
        BlockNesting::List => NestingMode::List,
        BlockNesting::Set => NestingMode::Set,
    };
    let body = proto::schema::Block {
        version: 0,
        attributes: block.attributes.iter().map(attribute).collect(),
        block_types: block.blocks.iter().map(nested_block).collect(),
        description: block.description.clone(),
        description_kind: StringKind::Markdown.into(),
        deprecated: block.deprecated.is_some(),
        deprecation_message: block.deprecated.clone().unwrap_or_default(),
    };
    proto::schema::NestedBlock {
        type_name: block.name.clone(),
        block: Some(body),
        nesting: nesting.into(),
        min_items: block.min_items,
        max_items: block.max_items,
    }
}

/// Nothing keeps what a provider or an action would compute; defaults made their attributes computed.
fn without_computed(mut schema: proto::Schema) -> proto::Schema {
    fn clear(attributes: &mut [proto::schema::Attribute]) {
        for attribute in attributes {
            attribute.computed = false;
            if let Some(nested) = &mut attribute.nested_type {
                clear(&mut nested.attributes);
            }
        }
    }
    fn clear_block(block: &mut proto::schema::Block) {
        clear(&mut block.attributes);
        block.block_types.iter_mut().filter_map(|it| it.block.as_mut()).for_each(clear_block);
    }
    if let Some(block) = &mut schema.block {
        clear_block(block);
    }
    schema
}

fn identity_schema(schema: &Schema) -> proto::ResourceIdentitySchema {
    let attribute = |attribute: &Attribute| proto::resource_identity_schema::IdentityAttribute {
        name: attribute.name.clone(),
        r#type: attribute.value_type().to_json_bytes(),
        required_for_import: attribute.required_for_import,
        optional_for_import: attribute.optional_for_import,
        description: attribute.description.clone(),
    };
    proto::ResourceIdentitySchema {
        version: schema.version,
        identity_attributes: schema.attributes.iter().map(attribute).collect(),
    }
}

fn function(signature: &Signature) -> proto::Function {
    let parameter = |parameter: &Parameter| proto::function::Parameter {
        name: parameter.name.clone(),
        r#type: parameter.r#type.to_json_bytes(),
        allow_null_value: parameter.allow_null,
        allow_unknown_values: parameter.allow_unknown,
        description: parameter.description.clone(),
        description_kind: StringKind::Markdown.into(),
    };
    proto::Function {
        parameters: signature.parameters.iter().map(parameter).collect(),
        variadic_parameter: signature.variadic.as_ref().map(parameter),
        r#return: Some(proto::function::Return { r#type: signature.returns.to_json_bytes() }),
        summary: signature.summary.clone(),
        description: signature.description.clone(),
        description_kind: StringKind::Markdown.into(),
        deprecation_message: signature.deprecated.clone().unwrap_or_default(),
    }
}
