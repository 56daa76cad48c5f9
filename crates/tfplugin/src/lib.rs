//! Terraform plugin protocol 6 and a small framework to write providers in Rust.

pub mod log;
pub mod proto;
pub mod serve;
