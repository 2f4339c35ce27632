//! Addresses in texts: sentences, names of incidents, names of assets that have no other.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::Pseudonyms;
use crate::decode::Mac;

impl Pseudonyms {
    /// Puts pseudonyms in place of the addresses in a text, in one pass. A run of letters that
    /// addresses are made of begins with one, or has none.
    pub(super) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut veiled = String::new();
        // What stands before this is in `veiled`, where anything was changed.
        let mut told = 0;
        let mut at = 0;
        while let Some(begin) = find(text, at, is_part) {
            let end = find(text, begin, |byte| !is_part(byte)).unwrap_or(text.len());
            at = end;
            let run = text.get(begin..end).unwrap_or_default();
            if let Some((length, pseudonym)) = self.run(run, text.get(begin..).unwrap_or_default())
            {
                veiled.push_str(text.get(told..begin).unwrap_or_default());
                veiled.push_str(&pseudonym);
                told = begin + length;
                at = told.max(end);
            }
        }
        if told == 0 {
            return Cow::Borrowed(text);
        }
        veiled.push_str(text.get(told..).unwrap_or_default());
        Cow::Owned(veiled)
    }

    /// What stands in place of the address that a run begins with, and how long that is; `rest`
    /// is the text from there on. Nothing if there is none, or it is not to be hidden.
    fn run(&self, run: &str, rest: &str) -> Option<(usize, String)> {
        let is_short = (ADDRESS_BYTES_MIN..=RUN_BYTES_MAX).contains(&run.len());
        let has_mark = || run.bytes().any(|byte| matches!(byte, b'.' | b':'));
        if !is_short || !has_mark() {
            return None;
        }
        let own = without_stop(run);
        if let Some(card) = card(own) {
            return Some((own.len(), self.card(card)));
        }
        let (length, address) = address(own)?;
        if !self.is_hidden(address.to_canonical()) {
            return None;
        }
        match network(address, rest.get(length..).unwrap_or_default()) {
            Some((more, network)) => Some((length + more, self.network(network).to_string())),
            None => Some((length, self.address(address).to_string())),
        }
    }
}

/// The first byte from a place on that is as wanted. Between two bytes of ASCII, or before one,
/// a text can be cut.
fn find(text: &str, from: usize, is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let rest = text.as_bytes().get(from..)?;
    let at = rest.iter().position(|byte| is_wanted(*byte))?;
    Some(from + at)
}

const fn is_part(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')
}

/// A run without what ends a sentence or begins a list.
fn without_stop(run: &str) -> &str {
    let run = run.trim_end_matches('.');
    match run.strip_suffix(':') {
        Some(rest) if !rest.ends_with(':') => rest,
        _ => run,
    }
}

fn card(text: &str) -> Option<Mac> {
    let is_written_so = text.len() == 17 && text.bytes().filter(|byte| *byte == b':').count() == 5;
    is_written_so.then(|| text.parse().ok()).flatten()
}

/// An address, or one of IPv4 with something behind it, such as a port: how long it is, and what.
fn address(text: &str) -> Option<(usize, IpAddr)> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((text.len(), address));
    }
    let is_dotted = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let length = text.bytes().take_while(is_dotted).count();
    let before = text.get(..length)?.trim_end_matches('.');
    let address: Ipv4Addr = before.parse().ok()?;
    Some((before.len(), address.into()))
}

/// A network of which an address is the first, if a length stands behind it.
fn network(address: IpAddr, behind: &str) -> Option<(usize, IpNet)> {
    let digits = behind.strip_prefix('/')?;
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let length = digits.get(..count)?.parse().ok()?;
    let network = IpNet::new(address, length).ok()?;
    (network.network() == address).then_some((1 + count, network))
}

/// Bytes of the shortest address, `::1`.
const ADDRESS_BYTES_MIN: usize = 3;

/// Bytes of the longest run that may be an address: `ffff:…:255.255.255.255`, and what may
/// stand behind it.
const RUN_BYTES_MAX: usize = 64;
