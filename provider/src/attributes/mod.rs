//! Groups of attributes that several types share, each with its Rust model; the settings of the main job follow from them.

pub(crate) mod capacity;
pub(crate) mod capacity_plan;
pub(crate) mod experiment;
pub(crate) mod forecast;
pub(crate) mod job;
pub(crate) mod load;
