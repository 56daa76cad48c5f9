//! A model field whose value may not be known yet.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, EnumAccess, VariantAccess};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(super) const FIELD_TOKEN: &str = "$tfplugin::Field";
pub(super) const FIELD_VARIANTS: &[&str] = &["known", "null", "unknown"];

/// A value that is known, null, or known only after apply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Field<T> {
    /// Known.
    Known(T),
    /// Not set.
    #[default]
    Null,
    /// Known only after apply.
    Unknown,
}

impl<T> Field<T> {
    /// The known value.
    pub fn known(&self) -> Option<&T> {
        match self {
            Field::Known(value) => Some(value),
            Field::Null | Field::Unknown => None,
        }
    }

    /// The known value, taken out.
    pub fn into_known(self) -> Option<T> {
        match self {
            Field::Known(value) => Some(value),
            Field::Null | Field::Unknown => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Field::Null)
    }

    /// Whether it is known only after apply.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Field::Unknown)
    }

    /// A borrowed view.
    pub fn as_ref(&self) -> Field<&T> {
        match self {
            Field::Known(value) => Field::Known(value),
            Field::Null => Field::Null,
            Field::Unknown => Field::Unknown,
        }
    }

    /// The same with `convert` applied to a known value.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Field<U> {
        match self {
            Field::Known(value) => Field::Known(convert(value)),
            Field::Null => Field::Null,
            Field::Unknown => Field::Unknown,
        }
    }
}

impl<T> From<T> for Field<T> {
    fn from(value: T) -> Field<T> {
        Field::Known(value)
    }
}

impl<T> From<Option<T>> for Field<T> {
    fn from(option: Option<T>) -> Field<T> {
        option.map_or(Field::Null, Field::Known)
    }
}

impl<T: Serialize> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Field::Known(value) => serializer.serialize_newtype_variant(FIELD_TOKEN, 0, FIELD_VARIANTS[0], value),
            Field::Null => serializer.serialize_unit_variant(FIELD_TOKEN, 1, FIELD_VARIANTS[1]),
            Field::Unknown => serializer.serialize_unit_variant(FIELD_TOKEN, 2, FIELD_VARIANTS[2]),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Field<T>, D::Error> {
        deserializer.deserialize_enum(FIELD_TOKEN, FIELD_VARIANTS, Visitor(PhantomData))
    }
}

struct Visitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, null or unknown")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Field<T>, A::Error> {
        let (variant, access) = data.variant::<String>()?;
        match variant.as_str() {
            "known" => access.newtype_variant().map(Field::Known),
            "null" => access.unit_variant().map(|()| Field::Null),
            "unknown" => access.unit_variant().map(|()| Field::Unknown),
            other => Err(de::Error::unknown_variant(other, FIELD_VARIANTS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_values_become_fields() {
        assert_eq!(Field::from(3), Field::Known(3));
        assert_eq!(Field::<i64>::from(None), Field::Null);
        assert_eq!(Field::Known(3).map(|n| n + 1).into_known(), Some(4));
        assert!(Field::<i64>::Unknown.map(|n| n + 1).is_unknown());
    }
}
