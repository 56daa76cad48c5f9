//! Bytes as hexadecimal digits: identifiers and what tells one capacity plan from another.

/// Two digits a byte, lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
