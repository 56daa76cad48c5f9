//! What may be known of a value before it is known: Terraform's refinements of unknown values.
//!
//! Source: go-cty, `cty/msgpack/unknown.go` (extension type 12, a map from field number to what holds).

use super::Number;

/// A bound of an unknown number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bound {
    /// The limit.
    pub limit: Number,
    /// Whether the limit itself is allowed.
    pub inclusive: bool,
}

/// What is known of an unknown value; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Refinement(Option<Box<Known>>);

/// The facts of a refinement.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Known {
    /// Whether it will be null (`Some(true)`) or never is (`Some(false)`).
    pub null: Option<bool>,
    pub prefix: Option<String>,
    pub min: Option<Bound>,
    pub max: Option<Bound>,
    pub min_length: Option<i64>,
    pub max_length: Option<i64>,
}

impl Refinement {
    /// Nothing is known.
    pub const NONE: Refinement = Refinement(None);

    /// The value will not be null.
    pub fn not_null() -> Refinement {
        Refinement::from_known(Known { null: Some(false), ..Known::default() })
    }

    /// Whether it is certain that the value will not be null.
    pub fn is_not_null(&self) -> bool {
        self.known().is_some_and(|known| known.null == Some(false))
    }

    /// What the text will begin with.
    pub fn prefix(&self) -> Option<&str> {
        self.known()?.prefix.as_deref()
    }

    /// The least that the number will be.
    pub fn min(&self) -> Option<&Bound> {
        self.known()?.min.as_ref()
    }

    /// The most that the number will be.
    pub fn max(&self) -> Option<&Bound> {
        self.known()?.max.as_ref()
    }

    /// The least and the most elements that the collection will have.
    pub fn length(&self) -> (Option<i64>, Option<i64>) {
        self.known().map_or((None, None), |known| (known.min_length, known.max_length))
    }

    pub(crate) fn known(&self) -> Option<&Known> {
        self.0.as_deref()
    }

    pub(crate) fn from_known(known: Known) -> Refinement {
        if known == Known::default() { Refinement::NONE } else { Refinement(Some(Box::new(known))) }
    }
}
