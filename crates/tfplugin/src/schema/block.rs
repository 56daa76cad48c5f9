//! Blocks: the older way to nest, `name { ... }` instead of `name = { ... }`.

use std::sync::Arc;

use super::Attribute;
use crate::validators::Validator;
use crate::value::Type;

/// A nested block.
#[derive(Clone)]
pub struct Block {
    pub(crate) name: String,
    pub(crate) nesting: BlockNesting,
    pub(crate) description: String,
    pub(crate) deprecated: Option<String>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) min_items: i64,
    pub(crate) max_items: i64,
    pub(crate) validators: Vec<Arc<dyn Validator>>,
}

/// How often a block may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockNesting {
    /// At most once.
    Single,
    /// Any number of times, in order.
    List,
    /// Any number of times, without order.
    Set,
}

/// A block that stands at most once.
pub fn block(name: impl Into<String>) -> Block {
    Block::new(name, BlockNesting::Single)
}

/// Blocks in order.
pub fn block_list(name: impl Into<String>) -> Block {
    Block::new(name, BlockNesting::List)
}

/// Blocks without order.
pub fn block_set(name: impl Into<String>) -> Block {
    Block::new(name, BlockNesting::Set)
}

impl Block {
    fn new(name: impl Into<String>, nesting: BlockNesting) -> Block {
        Block {
            name: name.into(),
            nesting,
            description: String::new(),
            deprecated: None,
            attributes: Vec::new(),
            blocks: Vec::new(),
            min_items: 0,
            max_items: 0,
            validators: Vec::new(),
        }
    }

    /// Markdown for the documentation.
    #[must_use]
    pub fn describe(mut self, description: impl Into<String>) -> Block {
        self.description = description.into();
        self
    }

    /// Marks the block as deprecated; `message` says what to use instead.
    #[must_use]
    pub fn deprecated(mut self, message: impl Into<String>) -> Block {
        self.deprecated = Some(message.into());
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, attribute: Attribute) -> Block {
        self.attributes.push(attribute);
        self
    }

    /// Adds a block within the block.
    #[must_use]
    pub fn block(mut self, block: Block) -> Block {
        self.blocks.push(block);
        self
    }

    /// How many there have to be and may be; 0 means no limit. Terraform checks it for lists and sets.
    #[must_use]
    pub fn items(mut self, min: i64, max: i64) -> Block {
        self.min_items = min;
        self.max_items = max;
        self
    }

    /// Adds a check on each such block.
    #[must_use]
    pub fn validate(mut self, validator: impl Validator + 'static) -> Block {
        self.validators.push(Arc::new(validator));
        self
    }

    /// The block's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of its value.
    pub fn value_type(&self) -> Type {
        let attributes = self.attributes.iter().map(|attribute| (attribute.name.clone(), attribute.value_type()));
        let blocks = self.blocks.iter().map(|block| (block.name.clone(), block.value_type()));
        let object = Type::object(attributes.chain(blocks));
        match self.nesting {
            BlockNesting::Single => object,
            BlockNesting::List => Type::list(object),
            BlockNesting::Set => Type::set(object),
        }
    }
}
