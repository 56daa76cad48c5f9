//! Functions: pure computations that configurations call as `provider::notes::words("...")`. Terraform 1.8 and newer.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::value::Type;

/// A function. It has to be pure: the same arguments give the same result, without clock or network.
pub trait Function: Send + Sync + 'static {
    /// The arguments as a tuple, for example `(Vec<f64>, i64)`; a variadic parameter is one last `Vec`.
    type Arguments: DeserializeOwned + Send;
    /// The result.
    type Output: Serialize + Send;

    /// The name, without the provider's.
    fn name(&self) -> &'static str;

    /// Parameters and result.
    fn signature(&self) -> Signature;

    /// Computes.
    ///
    /// # Errors
    /// What is wrong, and with which argument.
    fn call(&self, arguments: Self::Arguments) -> Result<Self::Output, FunctionError>;
}

/// What a function takes and gives.
#[derive(Debug, Clone)]
pub struct Signature {
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) deprecated: Option<String>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) variadic: Option<Parameter>,
    pub(crate) returns: Type,
}

/// One parameter of a function.
#[derive(Debug, Clone)]
pub struct Parameter {
    pub(crate) name: String,
    pub(crate) r#type: Type,
    pub(crate) description: String,
    pub(crate) allow_null: bool,
    pub(crate) allow_unknown: bool,
}

/// A parameter that takes known values of `type`.
pub fn parameter(name: impl Into<String>, r#type: Type) -> Parameter {
    Parameter { name: name.into(), r#type, description: String::new(), allow_null: false, allow_unknown: false }
}

impl Parameter {
    /// Markdown for the documentation.
    #[must_use]
    pub fn describe(mut self, description: impl Into<String>) -> Parameter {
        self.description = description.into();
        self
    }

    /// Takes null too; the argument is an `Option` then.
    #[must_use]
    pub fn allow_null(mut self) -> Parameter {
        self.allow_null = true;
        self
    }

    /// Takes unknown values too; the argument is a [`Field`](crate::model::Field) then.
    #[must_use]
    pub fn allow_unknown(mut self) -> Parameter {
        self.allow_unknown = true;
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type.
    pub fn value_type(&self) -> &Type {
        &self.r#type
    }

    /// Markdown for the documentation.
    pub fn description(&self) -> &str {
        &self.description
    }
}

impl Signature {
    /// A function of no parameters that gives a value of `returns`; `summary` is one sentence.
    pub fn new(summary: impl Into<String>, returns: Type) -> Signature {
        Signature {
            summary: summary.into(),
            description: String::new(),
            deprecated: None,
            parameters: Vec::new(),
            variadic: None,
            returns,
        }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn parameter(mut self, parameter: Parameter) -> Signature {
        self.parameters.push(parameter);
        self
    }

    /// Any number of further arguments.
    #[must_use]
    pub fn variadic(mut self, parameter: Parameter) -> Signature {
        self.variadic = Some(parameter);
        self
    }

    /// Markdown for the documentation.
    #[must_use]
    pub fn describe(mut self, description: impl Into<String>) -> Signature {
        self.description = description.into();
        self
    }

    /// Marks the function as deprecated; `message` says what to use instead.
    #[must_use]
    pub fn deprecated(mut self, message: impl Into<String>) -> Signature {
        self.deprecated = Some(message.into());
        self
    }

    /// One sentence.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// Markdown for the documentation.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The parameters in order, without the variadic one.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The parameter that takes any number of further arguments.
    pub fn variadic_parameter(&self) -> Option<&Parameter> {
        self.variadic.as_ref()
    }

    /// The type of the result.
    pub fn returns(&self) -> &Type {
        &self.returns
    }
}

/// Why a function has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct FunctionError {
    /// What was found, what was expected, what to do.
    pub text: String,
    /// The argument at fault, counted from 0.
    pub argument: Option<usize>,
}

impl FunctionError {
    /// An error of the whole call.
    pub fn new(text: impl Into<String>) -> FunctionError {
        FunctionError { text: text.into(), argument: None }
    }

    /// An error of one argument, counted from 0.
    pub fn argument(argument: usize, text: impl Into<String>) -> FunctionError {
        FunctionError { text: text.into(), argument: Some(argument) }
    }
}
