//! Attributes: the leaves of a schema, and nested attributes that hold further ones.

use std::sync::Arc;

use crate::modifiers::{self, PlanModifier};
use crate::validators::{self, Validator};
use crate::value::{Type, Value};

/// One attribute: its name, what it holds, who sets it, and what is checked.
#[derive(Clone)]
pub struct Attribute {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) description: String,
    pub(crate) required: bool,
    pub(crate) optional: bool,
    pub(crate) computed: bool,
    pub(crate) sensitive: bool,
    pub(crate) write_only: bool,
    pub(crate) deprecated: Option<String>,
    pub(crate) required_for_import: bool,
    pub(crate) optional_for_import: bool,
    pub(crate) default: Option<Value>,
    pub(crate) examples: Vec<Value>,
    pub(crate) validators: Vec<Arc<dyn Validator>>,
    pub(crate) modifiers: Vec<Arc<dyn PlanModifier>>,
}

/// What an attribute holds.
#[derive(Clone)]
pub enum Kind {
    /// A value of a type.
    Plain(Type),
    /// Objects with a schema of their own.
    Nested(Nesting, Vec<Attribute>),
}

/// How nested attributes are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// One object.
    Single,
    /// Objects in order.
    List,
    /// Objects without order.
    Set,
    /// Objects by key.
    Map,
}

/// A text.
pub fn string(name: impl Into<String>) -> Attribute {
    plain(name, Type::String)
}

/// A truth value.
pub fn boolean(name: impl Into<String>) -> Attribute {
    plain(name, Type::Bool)
}

/// A whole number that an `i64` holds.
pub fn int64(name: impl Into<String>) -> Attribute {
    plain(name, Type::Number).validate(validators::whole_number())
}

/// A number that an `f64` holds nearly enough.
pub fn float64(name: impl Into<String>) -> Attribute {
    plain(name, Type::Number).validate(validators::finite_float())
}

/// A number of any precision, for models with a [`Number`](crate::value::Number).
pub fn number(name: impl Into<String>) -> Attribute {
    plain(name, Type::Number)
}

/// A list of values of one type.
pub fn list(name: impl Into<String>, element: Type) -> Attribute {
    plain(name, Type::list(element))
}

/// A set of values of one type.
pub fn set(name: impl Into<String>, element: Type) -> Attribute {
    plain(name, Type::set(element))
}

/// A map of values of one type.
pub fn map(name: impl Into<String>, element: Type) -> Attribute {
    plain(name, Type::map(element))
}

/// An object whose attributes all have to be given; [`nested`] allows optional ones and describes each.
pub fn object<N: Into<String>>(name: impl Into<String>, attributes: impl IntoIterator<Item = (N, Type)>) -> Attribute {
    plain(name, Type::object(attributes))
}

/// A value of any type.
pub fn dynamic(name: impl Into<String>) -> Attribute {
    plain(name, Type::Dynamic)
}

/// One object of nested attributes.
pub fn nested(name: impl Into<String>, attributes: impl IntoIterator<Item = Attribute>) -> Attribute {
    Attribute::new(name, Kind::Nested(Nesting::Single, attributes.into_iter().collect()))
}

/// A list of objects of nested attributes.
pub fn nested_list(name: impl Into<String>, attributes: impl IntoIterator<Item = Attribute>) -> Attribute {
    Attribute::new(name, Kind::Nested(Nesting::List, attributes.into_iter().collect()))
}

/// A set of objects of nested attributes.
pub fn nested_set(name: impl Into<String>, attributes: impl IntoIterator<Item = Attribute>) -> Attribute {
    Attribute::new(name, Kind::Nested(Nesting::Set, attributes.into_iter().collect()))
}

/// A map of objects of nested attributes.
pub fn nested_map(name: impl Into<String>, attributes: impl IntoIterator<Item = Attribute>) -> Attribute {
    Attribute::new(name, Kind::Nested(Nesting::Map, attributes.into_iter().collect()))
}

/// A text out of a closed list.
pub fn one_of<T: Into<String>>(name: impl Into<String>, allowed: impl IntoIterator<Item = T>) -> Attribute {
    string(name).validate(validators::one_of(allowed))
}

/// A duration: an integer with `s`, `m`, `h` or `d`.
pub fn duration(name: impl Into<String>) -> Attribute {
    string(name).validate(validators::duration())
}

/// A point in time as RFC 3339 writes it.
pub fn timestamp(name: impl Into<String>) -> Attribute {
    string(name).validate(validators::rfc3339())
}

fn plain(name: impl Into<String>, r#type: Type) -> Attribute {
    Attribute::new(name, Kind::Plain(r#type))
}

impl Attribute {
    fn new(name: impl Into<String>, kind: Kind) -> Attribute {
        Attribute {
            name: name.into(),
            kind,
            description: String::new(),
            required: false,
            optional: false,
            computed: false,
            sensitive: false,
            write_only: false,
            deprecated: None,
            required_for_import: false,
            optional_for_import: false,
            default: None,
            examples: Vec::new(),
            validators: Vec::new(),
            modifiers: Vec::new(),
        }
    }

    /// The configuration has to set it.
    #[must_use]
    pub fn required(mut self) -> Attribute {
        self.required = true;
        self
    }

    /// The configuration may set it.
    #[must_use]
    pub fn optional(mut self) -> Attribute {
        self.optional = true;
        self
    }

    /// The provider sets it, where the configuration does not.
    #[must_use]
    pub fn computed(mut self) -> Attribute {
        self.computed = true;
        self
    }

    /// Terraform hides it, and it never reaches a log.
    #[must_use]
    pub fn sensitive(mut self) -> Attribute {
        self.sensitive = true;
        self
    }

    /// It reaches the provider and is kept in neither plan nor state; needs Terraform 1.11.
    #[must_use]
    pub fn write_only(mut self) -> Attribute {
        self.write_only = true;
        self
    }

    /// Terraform warns when it is set; `message` says what to use instead.
    #[must_use]
    pub fn deprecated(mut self, message: impl Into<String>) -> Attribute {
        self.deprecated = Some(message.into());
        self
    }

    /// Markdown for the documentation.
    #[must_use]
    pub fn describe(mut self, description: impl Into<String>) -> Attribute {
        self.description = description.into();
        self
    }

    /// The value where the configuration has none; makes the attribute optional and computed, as Terraform requires.
    #[must_use]
    pub fn default(mut self, value: impl Into<Value>) -> Attribute {
        self.default = Some(value.into());
        self.optional = true;
        self.computed = true;
        self
    }

    /// A value that is accepted: shown in the documentation, and tried on the model by
    /// [`check_model`](crate::model::check_model).
    #[must_use]
    pub fn example(mut self, value: impl Into<Value>) -> Attribute {
        self.examples.push(value.into());
        self
    }

    /// Adds a check on the configured value.
    #[must_use]
    pub fn validate(mut self, validator: impl Validator + 'static) -> Attribute {
        self.validators.push(Arc::new(validator));
        self
    }

    /// Adds a plan modifier; they run in the order in which they were added.
    #[must_use]
    pub fn modify(mut self, modifier: impl PlanModifier + 'static) -> Attribute {
        self.modifiers.push(Arc::new(modifier));
        self
    }

    /// A change of it replaces the resource.
    #[must_use]
    pub fn requires_replace(self) -> Attribute {
        self.modify(modifiers::requires_replace())
    }

    /// An update keeps the prior value of this computed attribute instead of showing `(known after apply)`.
    #[must_use]
    pub fn keep_prior(self) -> Attribute {
        self.modify(modifiers::keep_prior())
    }

    /// In an identity: needed to import.
    #[must_use]
    pub fn required_for_import(mut self) -> Attribute {
        self.required_for_import = true;
        self
    }

    /// In an identity: may be left out when importing.
    #[must_use]
    pub fn optional_for_import(mut self) -> Attribute {
        self.optional_for_import = true;
        self
    }

    /// The attribute's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it holds.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The type of its value.
    pub fn value_type(&self) -> Type {
        match &self.kind {
            Kind::Plain(r#type) => r#type.clone(),
            Kind::Nested(nesting, attributes) => {
                let object = Type::object(attributes.iter().map(|inner| (inner.name.clone(), inner.value_type())));
                match nesting {
                    Nesting::Single => object,
                    Nesting::List => Type::list(object),
                    Nesting::Set => Type::set(object),
                    Nesting::Map => Type::map(object),
                }
            }
        }
    }

    /// The nested attributes; none for a plain attribute.
    pub fn nested_attributes(&self) -> &[Attribute] {
        match &self.kind {
            Kind::Plain(_) => &[],
            Kind::Nested(_, attributes) => attributes,
        }
    }
}
