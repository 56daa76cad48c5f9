//! Quickstart, tests, evidence, docs and rules of the tree.

fn main() {}
