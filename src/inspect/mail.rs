//! E-mail addresses.
//!
//! A local part of ordinary characters, and a domain of labels that ends in a suffix of the public
//! suffix list, so that `user@host` and `icon@2x.png` are none. There is no check digit. On random
//! bytes fewer than 1 in a gigabyte have the form. Addresses in lines that machines write into
//! mail are not counted: a line that begins with one of [`MACHINE_HEADERS`], as far as its
//! beginning is at most [`BEFORE_BYTES`] before the sign.
//!
//! Blind spots: quoted local parts, addresses in other scripts, and headers that are folded into
//! a second line.

use std::borrow::Cow;

use super::character;
use super::found::Kind;
use super::sight::{Sight, View};

/// Judges what is around the sign at a place, which is so many bytes long.
pub(super) fn judge(view: &View<'_>, place: usize, length: usize, sight: &mut Sight<'_>) {
    if !has_neighbours(view, place, length) {
        return;
    }
    let raw_before = view.before(place, BEFORE_BYTES);
    let raw_behind = view.from(place + length, BEHIND_BYTES);
    let behind = if ends_plainly(raw_behind.iter().copied(), is_domain) {
        Cow::Borrowed(raw_behind)
    } else {
        character::plain(raw_behind, BEHIND_BYTES)
    };
    let Some(domain) = domain(&behind) else {
        return;
    };
    let before = if ends_plainly(raw_before.iter().rev().copied(), is_local) {
        Cow::Borrowed(raw_before)
    } else {
        character::plain(raw_before, BEFORE_BYTES)
    };
    let Some(local) = local(&before) else {
        return;
    };
    if is_of_machines(&character::plain(raw_before, BEFORE_BYTES)) {
        return;
    }
    let mut address = local.to_vec();
    address.push(b'@');
    address.extend_from_slice(domain);
    address.make_ascii_lowercase();
    sight.sure(Kind::Email, &address);
}

/// Whether a part of an address is written as it is, and not in UTF-16 or with escapes.
fn ends_plainly(mut bytes: impl Iterator<Item = u8>, is_part: fn(u8) -> bool) -> bool {
    let end = bytes.find(|byte| !is_part(*byte));
    !end.is_some_and(character::is_coding)
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-')
}

fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
}

/// Whether a letter or digit can be on both sides. Most signs in noise fail here.
fn has_neighbours(view: &View<'_>, place: usize, length: usize) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let before = view.before(place, 2);
    let behind = view.from(place + length, 2);
    let left = match before {
        [.., last] if *last != 0 => is_word(Some(last)),
        [first, 0] => is_word(Some(first)),
        _ => false,
    };
    left && match behind {
        [0, second] => is_word(Some(second)),
        [first, ..] => is_word(Some(first)),
        [] => false,
    }
}

fn local(before: &[u8]) -> Option<&[u8]> {
    let count = before
        .iter()
        .rev()
        .take_while(|byte| is_local(**byte))
        .count();
    let local = before.get(before.len() - count..)?;
    let ends_well = local.first()?.is_ascii_alphanumeric() && local.last()?.is_ascii_alphanumeric();
    let is_dotted_well = !local.windows(2).any(|pair| pair == b"..");
    ((2..=64).contains(&count) && ends_well && is_dotted_well).then_some(local)
}

fn domain(behind: &[u8]) -> Option<&[u8]> {
    let count = behind.iter().take_while(|byte| is_domain(**byte)).count();
    // A sentence may end behind it.
    let mut domain = behind.get(..count)?;
    while let [rest @ .., b'.' | b'-'] = domain {
        domain = rest;
    }
    let is_label = |label: &[u8]| {
        let ends = label.first().is_some_and(u8::is_ascii_alphanumeric)
            && label.last().is_some_and(u8::is_ascii_alphanumeric);
        ends && label.len() <= 63
    };
    let is_whole = count < BEHIND_BYTES
        && domain.split(|byte| *byte == b'.').all(is_label)
        && behind
            .get(domain.len())
            .is_none_or(|byte| *byte != b'_' && *byte != b'@');
    if !is_whole || !domain.contains(&b'.') {
        return None;
    }
    let mut room = [0; BEHIND_BYTES];
    let lower = room.get_mut(..domain.len())?;
    lower.copy_from_slice(domain);
    lower.make_ascii_lowercase();
    let suffix = psl::suffix(lower).filter(psl::Suffix::is_known)?;
    let suffix = suffix.as_bytes().len();
    let label = domain.len().checked_sub(suffix + 1)?;
    (label >= 2 && is_one_case(domain, suffix)).then_some(domain)
}

/// Whether a suffix is written in small or in capital letters, as people do and noise does not.
fn is_one_case(domain: &[u8], suffix: usize) -> bool {
    let suffix = domain
        .get(domain.len().saturating_sub(suffix)..)
        .unwrap_or_default();
    let has = |is: fn(&u8) -> bool| suffix.iter().any(is);
    !(has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase))
}

fn is_of_machines(before: &[u8]) -> bool {
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let start = before.iter().rposition(is_end).map_or(0, |end| end + 1);
    let line = before.get(start..).unwrap_or_default();
    MACHINE_HEADERS.iter().any(|header| {
        line.get(..header.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(header))
    })
}

/// Beginnings of header lines whose addresses name messages and machines (RFC 5322 section
/// 3.6.4, RFC 5321 section 4.4, RFC 6376, RFC 8601, RFC 2369), and of a crawler in HTTP.
const MACHINE_HEADERS: &[&[u8]] = &[
    b"message-id:",
    b"references:",
    b"in-reply-to:",
    b"return-path:",
    b"received:",
    b"dkim-signature:",
    b"authentication-results:",
    b"arc-",
    b"list-",
    b"x-",
    b"errors-to:",
    b"content-id:",
    b"resent-message-id:",
    b"feedback-id:",
    b"user-agent:",
];

/// Bytes before the sign that are looked at.
const BEFORE_BYTES: usize = 150;
/// Bytes behind the sign that are looked at, at most those of a domain that is likely.
const BEHIND_BYTES: usize = 160;
