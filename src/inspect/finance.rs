//! Messages between banks and exchanges: FIX, ISO 20022 and SWIFT FIN.
//!
//! FIX (session layer): from `8=FIX` with a length in `9` to `10` with the sum of all bytes before
//! it modulo 256. ISO 20022: its namespace in XML. SWIFT: the first block of a FIN message with a
//! logical terminal of twelve characters. By chance: fixed strings of five bytes and more.
//! Blind spot: messages of FIX longer than a detector sees, and other separators than SOH and `|`.

use super::digits;
use super::found::Format;
use super::sight::{AHEAD_BYTES, Sight, View};

/// Judges a message of FIX that begins at the place.
pub(super) fn fix(view: &View<'_>, place: usize, sight: &mut Sight<'_>) {
    if is_fix(view.from(place, AHEAD_BYTES)).is_some() {
        sight.found.add(Format::FixMessages, 1);
    }
}

fn is_fix(text: &[u8]) -> Option<()> {
    // Logs write a bar for the separator, which the sum is not made of.
    let separator = *text.iter().take(12).find(|byte| matches!(byte, 1 | b'|'))?;
    let mut fields = text.splitn(3, |byte| *byte == separator);
    let version = fields.next()?;
    let length = fields.next()?.strip_prefix(b"9=")?;
    let begin = version.len() + length.len() + 4;
    let end = begin.checked_add(usize::try_from(digits::number(length)?).ok()?)?;
    let (message, trailer) = text.split_at_checked(end)?;
    let written = digits::number(trailer.strip_prefix(b"10=")?.get(..3)?)?;
    let sum = message
        .iter()
        .map(|byte| if *byte == separator { 1 } else { *byte });
    let sum = sum.fold(0u8, u8::wrapping_add);
    (u32::from(sum) == written).then_some(())
}

/// Judges a namespace that begins at the place.
pub(super) fn iso_20022(view: &View<'_>, place: usize, sight: &mut Sight<'_>) {
    let text = view.from(place + NAMESPACE.len(), 16);
    if text.starts_with(b":tech:xsd:") {
        sight.found.add(Format::Iso20022Messages, 1);
    }
}

/// Judges a message of SWIFT that begins at the place.
pub(super) fn swift(view: &View<'_>, place: usize, sight: &mut Sight<'_>) {
    let terminal = view.from(place + 6, 12);
    let is_terminal = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if terminal.len() == 12 && terminal.iter().all(is_terminal) {
        sight.found.add(Format::SwiftMessages, 1);
    }
}

/// The beginning of a namespace of ISO 20022.
pub(super) const NAMESPACE: &[u8] = b"urn:iso:std:iso:20022";
