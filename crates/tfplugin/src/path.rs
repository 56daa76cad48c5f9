//! Paths into values: which attribute a diagnostic or a plan decision is about.
//!
//! Written for people as `capacity.min`, `steps[0].time`, `tags["a"]`. An element of a set has no address on the
//! wire, so a path that goes through one stops at the set there.

use std::fmt;

/// One step down from a value into its part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// An attribute of an object, or a block by its name.
    Attribute(String),
    /// An element of a map.
    Key(String),
    /// An element of a list or tuple, counted from 0.
    Index(usize),
    /// Some element of a set.
    Element,
}

/// The way from the root of a configuration or state to one value in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Step>);

impl Path {
    /// The root itself.
    pub fn root() -> Path {
        Path::default()
    }

    /// A path of one attribute.
    pub fn attribute(name: impl Into<String>) -> Path {
        Path(vec![Step::Attribute(name.into())])
    }

    /// The steps from the root on.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// This path and one more step.
    pub fn join(&self, step: Step) -> Path {
        let mut steps = self.0.clone();
        steps.push(step);
        Path(steps)
    }

    /// This path and the attribute `name`.
    pub fn child(&self, name: impl Into<String>) -> Path {
        self.join(Step::Attribute(name.into()))
    }

    /// This path and the list element `index`.
    pub fn index(&self, index: usize) -> Path {
        self.join(Step::Index(index))
    }

    /// This path and the map element `key`.
    pub fn key(&self, key: impl Into<String>) -> Path {
        self.join(Step::Key(key.into()))
    }

    /// The path without its last step; the root stays the root.
    pub fn parent(&self) -> Path {
        Path(self.0[..self.0.len().saturating_sub(1)].to_vec())
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts a step in front, as an error travels up from a part to its whole.
    pub(crate) fn prepend(&mut self, step: Step) {
        self.0.insert(0, step);
    }

    pub(crate) fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }
}

impl From<Vec<Step>> for Path {
    fn from(steps: Vec<Step>) -> Path {
        Path(steps)
    }
}

impl From<&str> for Path {
    /// Attribute names separated by dots; list and map elements are added with [`Path::index`] and [`Path::key`].
    fn from(dotted: &str) -> Path {
        Path(dotted.split('.').filter(|name| !name.is_empty()).map(|name| Step::Attribute(name.to_owned())).collect())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => f.write_str(name)?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Element => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_display(path: Path, expected: &str) {
        assert_eq!(path.to_string(), expected);
    }

    #[test]
    fn paths_read_as_they_are_written_in_configuration() {
        check_display(Path::from("capacity.min"), "capacity.min");
        check_display(Path::attribute("steps").index(0).child("time"), "steps[0].time");
        check_display(Path::attribute("tags").key("a"), "tags[\"a\"]");
        check_display(Path::attribute("rules").join(Step::Element).child("port"), "rules[*].port");
        check_display(Path::root(), "");
    }

    #[test]
    fn the_parent_of_the_root_is_the_root() {
        assert_eq!(Path::root().parent(), Path::root());
        assert_eq!(Path::from("a.b").parent(), Path::from("a"));
    }
}
