//! One schema type for provider, resources, data sources, ephemeral resources, actions and identities.
//!
//! A schema is stated once, here; what goes over the wire, the checks on configuration, defaults, plan modifiers and
//! the documentation are read from it, and the Rust model is held equal to it by
//! [`check_model`](crate::model::check_model).
//!
//! ```
//! use tfplugin::schema::{Schema, string, nested, int64};
//!
//! let schema = Schema::new("Keeps a note in a file.")
//!     .attribute(string("path").required().describe("Where the file lies."))
//!     .attribute(nested("limits", [int64("max").optional().describe("Most bytes.")]).optional().describe("Limits."));
//! assert_eq!(schema.problems(), Vec::<String>::new());
//! ```

mod attribute;
mod block;
mod check;
mod describe;
mod timeouts;

use std::sync::Arc;

pub use attribute::{
    Attribute, Kind, Nesting, boolean, duration, dynamic, float64, int64, list, map, nested, nested_list, nested_map,
    nested_set, number, object, one_of, set, string, timestamp,
};
pub use block::{Block, BlockNesting, block, block_list, block_set};
pub use describe::{AttributeDescription, SchemaDescription};
pub use timeouts::{Timeouts, timeouts};

use crate::validators::Validator;
use crate::value::Type;

/// The shape of a configuration and of the state kept for it.
#[derive(Clone)]
pub struct Schema {
    pub(crate) version: i64,
    pub(crate) description: String,
    pub(crate) deprecated: Option<String>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) validators: Vec<Arc<dyn Validator>>,
}

impl Schema {
    /// An empty schema; `description` is Markdown for the documentation.
    pub fn new(description: impl Into<String>) -> Schema {
        Schema {
            version: 0,
            description: description.into(),
            deprecated: None,
            attributes: Vec::new(),
            blocks: Vec::new(),
            validators: Vec::new(),
        }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, attribute: Attribute) -> Schema {
        self.attributes.push(attribute);
        self
    }

    /// Adds several attributes.
    #[must_use]
    pub fn attributes(mut self, attributes: impl IntoIterator<Item = Attribute>) -> Schema {
        self.attributes.extend(attributes);
        self
    }

    /// Adds a block. New schemas are better served by nested attributes.
    #[must_use]
    pub fn block(mut self, block: Block) -> Schema {
        self.blocks.push(block);
        self
    }

    /// Adds a check on the whole configuration, such as [`exactly_one_of`](crate::validators::exactly_one_of).
    #[must_use]
    pub fn validator(mut self, validator: impl Validator + 'static) -> Schema {
        self.validators.push(Arc::new(validator));
        self
    }

    /// The version of the state's shape, to be raised when older state has to be upgraded; 0 if not set.
    #[must_use]
    pub fn version(mut self, version: i64) -> Schema {
        self.version = version;
        self
    }

    /// Marks the whole as deprecated; `message` says what to use instead.
    #[must_use]
    pub fn deprecated(mut self, message: impl Into<String>) -> Schema {
        self.deprecated = Some(message.into());
        self
    }

    /// The object type of a value of this schema.
    pub fn value_type(&self) -> Type {
        let attributes = self.attributes.iter().map(|attribute| (attribute.name.clone(), attribute.value_type()));
        let blocks = self.blocks.iter().map(|block| (block.name.clone(), block.value_type()));
        Type::object(attributes.chain(blocks))
    }

    /// What breaks Terraform's rules for schemas or ours; empty for a sound one.
    pub fn problems(&self) -> Vec<String> {
        check::problems(self, false)
    }

    /// The same for the schema of a provider block, where other names are reserved.
    pub fn provider_problems(&self) -> Vec<String> {
        check::problems(self, true)
    }

    /// What documentation needs to know, in a form that serializes.
    pub fn describe(&self) -> SchemaDescription {
        describe::describe(self)
    }

    /// The attribute `name` at the top level.
    pub fn find(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}
