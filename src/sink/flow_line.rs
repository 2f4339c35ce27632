//! A flow as it is written.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

use super::FlowRecord;
use crate::decode::TunnelPath;
use crate::time::{NANOS_PER_SECOND, SECONDS_PER_DAY, Tick, Timestamp};

/// Writes lines of `flows.jsonl`. Fields that do not apply or are not known are left out.
///
/// There may be a million of them in a second, so the text is put together by hand; a test
/// holds it against what a serialiser makes of the same fields.
#[derive(Debug, Default)]
pub struct FlowWriter {
    date: Date,
    line: Line,
}

/// The day whose date was written last.
#[derive(Debug, Default)]
struct Date {
    /// Counted from the epoch.
    day: u64,
    /// Its date and the letter T, or nothing before the first.
    text: Option<[u8; DATE_BYTES]>,
}

/// `2026-03-02T`.
const DATE_BYTES: usize = 11;

impl FlowWriter {
    /// The line of a flow record, with its line feed. `_src` is the side of the initiator.
    pub fn line(&mut self, flow: &FlowRecord) -> &[u8] {
        self.line.length = 0;
        self.write_ends(flow);
        write_counts(&mut self.line, flow);
        write_rest(&mut self.line, flow);
        &self.line.bytes[..self.line.length]
    }

    fn write_ends(&mut self, flow: &FlowRecord) {
        let Self { date, line } = self;
        let [src, dst] = flow.ends();
        line.text(b"{\"first\":\"");
        date.write(line, flow.first);
        line.text(b"\",\"last\":\"");
        date.write(line, flow.last);
        line.text(b"\",\"src\":\"");
        line.address(src.address);
        line.text(b"\",\"dst\":\"");
        line.address(dst.address);
        line.text(b"\"");
        if flow.has_ports {
            line.text(b",\"src_port\":");
            line.number(src.port.into());
            line.text(b",\"dst_port\":");
            line.number(dst.port.into());
        }
        line.text(b",\"proto\":");
        line.number(flow.key.protocol.into());
        if let Some(vlan) = flow.vlan {
            line.text(b",\"vlan\":");
            line.number(vlan.into());
        }
    }
}

fn write_counts(line: &mut Line, flow: &FlowRecord) {
    let (src, dst) = (&flow.forward, &flow.reverse);
    line.text(b",\"packets_src\":");
    line.number(src.packets);
    line.text(b",\"packets_dst\":");
    line.number(dst.packets);
    line.text(b",\"wire_bytes_src\":");
    line.number(src.wire_bytes);
    line.text(b",\"wire_bytes_dst\":");
    line.number(dst.wire_bytes);
    line.text(b",\"ip_bytes_src\":");
    line.number(src.ip_bytes);
    line.text(b",\"ip_bytes_dst\":");
    line.number(dst.ip_bytes);
    line.text(b",\"payload_bytes_src\":");
    line.number(src.payload_bytes);
    line.text(b",\"payload_bytes_dst\":");
    line.number(dst.payload_bytes);
    line.text(b",\"unique_bytes_src\":");
    line.number(src.unique_bytes);
    line.text(b",\"unique_bytes_dst\":");
    line.number(dst.unique_bytes);
    if src.missing_bytes > 0 {
        line.text(b",\"missing_bytes_src\":");
        line.number(src.missing_bytes);
    }
    if dst.missing_bytes > 0 {
        line.text(b",\"missing_bytes_dst\":");
        line.number(dst.missing_bytes);
    }
}

fn write_rest(line: &mut Line, flow: &FlowRecord) {
    line.text(b",\"end\":\"");
    line.bytes(flow.end.name().as_bytes());
    line.text(b"\"");
    if flow.midstream {
        line.text(b",\"midstream\":true");
    }
    if flow.overlap {
        line.text(b",\"overlap\":true");
    }
    if flow.forward.packets == 0 || flow.reverse.packets == 0 {
        line.text(b",\"one_way\":true");
    }
    if flow.tunnel != TunnelPath::default() {
        line.text(b",\"tunnel\":\"");
        // Its names have no letter that JSON escapes.
        line.show(flow.tunnel);
        line.text(b"\"");
    }
    if let Some(nanos) = flow.round_trip_nanos {
        line.text(b",\"rtt_ms\":");
        line.thousandths(nanos / 1_000);
    }
    let [src, dst] = &flow.places;
    if let Some(country) = &src.country {
        line.text(b",\"country_src\":\"");
        line.bytes(country.code().as_bytes());
        line.text(b"\"");
    }
    if let Some(country) = &dst.country {
        line.text(b",\"country_dst\":\"");
        line.bytes(country.code().as_bytes());
        line.text(b"\"");
    }
    if src.asn > 0 {
        line.text(b",\"asn_src\":");
        line.number(src.asn.into());
    }
    if dst.asn > 0 {
        line.text(b",\"asn_dst\":");
        line.number(dst.asn.into());
    }
    line.text(b"}\n");
}

impl Date {
    /// RFC 3339 in UTC with nine digits, as a timestamp is shown.
    fn write(&mut self, line: &mut Line, moment: Timestamp) {
        let nanos = moment.as_nanos() % NANOS_PER_SECOND;
        let second = moment.as_nanos() / NANOS_PER_SECOND;
        let (day, of_day) = (second / SECONDS_PER_DAY, second % SECONDS_PER_DAY);
        let known = self.text.filter(|_| self.day == day);
        let date = known.unwrap_or_else(|| {
            let text = Tick(day * SECONDS_PER_DAY).to_string();
            text.as_bytes().first_chunk().copied().unwrap_or_default()
        });
        (self.day, self.text) = (day, Some(date));
        line.text(&date);
        let [hour, minute, second] = [of_day / 3_600, of_day / 60 % 60, of_day % 60].map(pair);
        line.text(&[
            hour[0], hour[1], b':', minute[0], minute[1], b':', second[0], second[1], b'.',
        ]);
        let (upper, lower) = (nanos / 10_000, nanos % 10_000);
        let [a, b] = [upper / 1_000, upper / 10 % 100].map(pair);
        let [c, d] = [upper % 10 * 10 + lower / 1_000, lower / 10 % 100].map(pair);
        let last = b'0' + (lower % 10) as u8;
        line.text(&[a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1], last, b'Z']);
    }
}

/// The text of a line, in memory that is used again.
#[derive(Debug)]
struct Line {
    bytes: Box<[u8; LINE_BYTES_MAX]>,
    length: usize,
}

/// Room for a line. A test writes the longest one, which takes less than half.
const LINE_BYTES_MAX: usize = 2_048;

impl Default for Line {
    fn default() -> Self {
        Self {
            bytes: Box::new([0; LINE_BYTES_MAX]),
            length: 0,
        }
    }
}

impl Line {
    /// Adds a text whose length is known ahead, which is a move or two.
    #[inline]
    fn text<const N: usize>(&mut self, text: &[u8; N]) {
        if let Some(place) = self.bytes.get_mut(self.length..self.length + N) {
            place.copy_from_slice(text);
            self.length += N;
        }
    }

    fn bytes(&mut self, text: &[u8]) {
        if let Some(place) = self.bytes.get_mut(self.length..self.length + text.len()) {
            place.copy_from_slice(text);
            self.length += text.len();
        }
    }

    fn show(&mut self, value: impl std::fmt::Display) {
        let mut room = &mut self.bytes[self.length..];
        let before = room.len();
        // There is room.
        let _ = write!(room, "{value}");
        self.length += before - room.len();
    }

    #[inline]
    fn number(&mut self, number: u64) {
        // Most are small.
        let [c, d] = pair(number % 100);
        if number < 10 {
            self.text(&[d]);
        } else if number < 100 {
            self.text(&[c, d]);
        } else if number < 10_000 {
            let [a, b] = pair(number / 100);
            if number < 1_000 {
                self.text(&[b, c, d]);
            } else {
                self.text(&[a, b, c, d]);
            }
        } else {
            self.long_number(number);
        }
    }

    fn long_number(&mut self, mut number: u64) {
        let digits = number.checked_ilog10().unwrap_or(0) as usize + 1;
        let Some(place) = self.bytes.get_mut(self.length..self.length + digits) else {
            return;
        };
        let mut pairs = place.rchunks_exact_mut(2);
        for digits in &mut pairs {
            digits.copy_from_slice(&pair(number % 100));
            number /= 100;
        }
        if let [first] = pairs.into_remainder() {
            *first = b'0' + number as u8;
        }
        self.length += digits;
    }

    /// Thousandths as the shortest decimal that has a point.
    fn thousandths(&mut self, thousandths: u32) {
        self.number((thousandths / 1_000).into());
        let [tens, units] = pair(u64::from(thousandths % 100));
        let digits = [b'.', b'0' + (thousandths / 100 % 10) as u8, tens, units];
        let zeros = digits[2..].iter().rev().take_while(|digit| **digit == b'0');
        self.bytes(&digits[..digits.len() - zeros.count()]);
    }

    /// As RFC 5952 has it.
    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => self.ipv4(v4),
            IpAddr::V6(v6) => self.show(v6),
        }
    }

    fn ipv4(&mut self, address: Ipv4Addr) {
        for byte in address.octets() {
            let [tens, units] = pair(u64::from(byte % 100));
            // Each byte with a point behind it, and what is too much is written over.
            let (digits, length) = if byte >= 100 {
                ([b'0' + byte / 100, tens, units, b'.'], 4)
            } else if byte >= 10 {
                ([tens, units, b'.', b'.'], 3)
            } else {
                ([units, b'.', b'.', b'.'], 2)
            };
            self.text(&digits);
            self.length -= digits.len() - length;
        }
        self.length -= 1;
    }
}

/// The two digits of a number below 100.
#[inline]
const fn pair(number: u64) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}

#[cfg(test)]
mod tests;
