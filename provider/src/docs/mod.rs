//! Pages of the registry, written from schemas and examples.

mod page;
