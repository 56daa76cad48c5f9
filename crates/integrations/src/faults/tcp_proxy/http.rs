//! HTTP/1 as far as a proxy has to understand it: where heads and bodies end, so that single requests can be hit.
//!
//! What is no HTTP/1 (TLS, HTTP/2, another protocol, a server that speaks first) passes as it is. Source: RFC 9112.

pub mod body;
pub(super) mod exchange;
pub mod head;
