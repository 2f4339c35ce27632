//! Vectors behind their length, as TLS and SSH write them.
//!
//! What is written here is far shorter than its length field can say.

/// Bytes behind one byte of their length.
pub(super) fn sized8(bytes: &[u8]) -> Vec<u8> {
    [&[bytes.len() as u8], bytes].concat()
}

/// Bytes behind two bytes of their length.
pub(super) fn sized16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

/// Bytes behind three bytes of their length.
pub(super) fn sized24(bytes: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = (bytes.len() as u32).to_be_bytes();
    [&length, bytes].concat()
}

/// Bytes behind four bytes of their length.
pub(super) fn sized32(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

/// Numbers one behind the other.
pub(super) fn numbers(values: &[u16]) -> Vec<u8> {
    values.iter().copied().flat_map(u16::to_be_bytes).collect()
}
