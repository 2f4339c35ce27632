//! A flow as it is written.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::community_id::community_id;
use super::{FlowEvent, FlowLines, FlowRecord};
use crate::decode::TunnelPath;
use crate::dissect::{Application, Protection, Said};
use crate::flow::FlowConfig;
use crate::privacy::Veil;
use crate::time::{NANOS_PER_SECOND, SECONDS_PER_DAY, Tick, Timestamp};

/// Writes lines of `flows.jsonl`. Fields that do not apply or are not known are left out.
///
/// There may be a million of them in a second, so the text is put together by hand; a test
/// holds it against what a serialiser makes of the same fields.
#[derive(Debug)]
pub struct FlowWriter {
    second: Second,
    lines: FlowLines,
    /// The seed of Community IDs, where flows are told with theirs.
    community_seed: Option<u16>,
    veil: Arc<Veil>,
    /// Whether lines are written, and whether events are made for other systems.
    writes_lines: bool,
    makes_events: bool,
}

impl Default for FlowWriter {
    fn default() -> Self {
        Self::new(&FlowConfig::default(), Arc::default())
    }
}

/// The second that was written last: most that follow are of the same day, and many the same.
#[derive(Debug)]
struct Second {
    /// Counted from the epoch.
    second: u64,
    text: [u8; 20],
}

impl Default for Second {
    fn default() -> Self {
        Self {
            second: 0,
            text: *b"1970-01-01T00:00:00.",
        }
    }
}

/// `2026-03-02T`.
const DATE_BYTES: usize = 11;

impl FlowWriter {
    /// A writer of what is to be told of flows. What is veiled has no Community ID: who knows
    /// one end could try all others.
    pub fn new(config: &FlowConfig, veil: Arc<Veil>) -> Self {
        let has_id = config.community_id && veil.is_off();
        Self {
            second: Second::default(),
            lines: FlowLines::with_room(),
            community_seed: has_id.then_some(config.community_id_seed),
            veil,
            writes_lines: true,
            makes_events: false,
        }
    }

    /// The same, for a file or other systems or both.
    #[must_use]
    pub fn with(self, writes_lines: bool, makes_events: bool) -> Self {
        Self {
            writes_lines,
            makes_events,
            ..self
        }
    }

    /// Adds the line of a flow record, with its line feed. `_src` is the side of the
    /// initiator. Says whether the lines are enough to go on.
    pub fn add(&mut self, flow: &FlowRecord) -> bool {
        if self.makes_events {
            let event = FlowEvent::new(flow, &self.veil, self.community_seed);
            self.lines.events.push(event);
        }
        if self.writes_lines {
            self.write_line(flow);
        }
        self.lines.ends.push((flow.key, self.lines.bytes.len()));
        self.lines.is_full()
    }

    fn write_line(&mut self, flow: &FlowRecord) {
        let mut line = Line(std::mem::take(&mut self.lines.bytes));
        self.write_ends(&mut line, flow);
        write_counts(&mut line, flow);
        write_rest(&mut line, flow, &self.veil);
        self.write_community_id(&mut line, flow);
        line.text(b"}\n");
        self.lines.bytes = line.0;
    }

    /// The lines that were added since they were last cleared or replaced.
    pub const fn lines(&mut self) -> &mut FlowLines {
        &mut self.lines
    }

    /// Gives the lines away, and goes on in the memory of others that are needed no more.
    pub fn replace(&mut self, used: Option<FlowLines>) -> FlowLines {
        let mut next = used.unwrap_or_else(FlowLines::with_room);
        next.clear();
        std::mem::replace(&mut self.lines, next)
    }

    fn write_community_id(&self, line: &mut Line, flow: &FlowRecord) {
        let seed = self.community_seed;
        if let Some(id) = seed.and_then(|seed| community_id(seed, &flow.key, flow.has_ports)) {
            line.text(b",\"community_id\":\"");
            line.text(&id);
            line.text(b"\"");
        }
    }

    fn write_ends(&mut self, line: &mut Line, flow: &FlowRecord) {
        let second = &mut self.second;
        let [src, dst] = flow.ends();
        line.text(b"{\"first\":\"");
        second.write(line, flow.first);
        line.text(b"\",\"last\":\"");
        second.write(line, flow.last);
        line.text(b"\",\"src\":\"");
        line.address(self.veil.address(src.address));
        line.text(b"\",\"dst\":\"");
        line.address(self.veil.address(dst.address));
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

fn write_rest(line: &mut Line, flow: &FlowRecord, veil: &Veil) {
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
    if let Some(said) = &flow.said {
        write_said(line, said, flow.first, veil);
    }
}

fn write_said(line: &mut Line, said: &Said, first: Timestamp, veil: &Veil) {
    if said.application != Application::Unknown {
        line.text(b",\"app\":\"");
        line.bytes(said.application.name().as_bytes());
        line.text(b"\"");
    }
    // Names are printable ASCII, but quotation marks and what escapes them is not excluded.
    if let Some(name) = &said.server_name {
        line.text(b",\"sni\":");
        line.quoted(&veil.text(name));
    }
    if let Some(ja4) = &said.ja4 {
        line.text(b",\"ja4\":");
        line.quoted(ja4);
    }
    if let Some(alpn) = &said.alpn {
        line.text(b",\"alpn\":");
        line.quoted(alpn);
    }
    if let Some(version) = said.tls.and_then(|tls| tls.version_name()) {
        line.text(b",\"tls_version\":\"");
        line.bytes(version.as_bytes());
        line.text(b"\"");
    }
    if let Some(certificate) = &said.certificate {
        let mut certificate = certificate.line(Tick(first.as_nanos() / NANOS_PER_SECOND));
        if let Some(name) = &mut certificate.name {
            veil.hide(name);
        }
        line.text(b",\"certificate\":");
        line.json(&certificate);
    }
    let [src, dst] = said.content;
    if let Some(class) = src {
        line.text(b",\"content_src\":\"");
        line.bytes(class.name().as_bytes());
        line.text(b"\"");
    }
    if let Some(class) = dst {
        line.text(b",\"content_dst\":\"");
        line.bytes(class.name().as_bytes());
        line.text(b"\"");
    }
    if said.protection != Protection::Unseen {
        line.text(b",\"protection\":\"");
        line.bytes(said.protection.name().as_bytes());
        line.text(b"\"");
    }
}

impl Second {
    /// RFC 3339 in UTC with nine digits, as a timestamp is shown.
    fn write(&mut self, line: &mut Line, moment: Timestamp) {
        let nanos = moment.as_nanos() % NANOS_PER_SECOND;
        let second = moment.as_nanos() / NANOS_PER_SECOND;
        if second != self.second {
            self.change(second);
        }
        line.text(&self.text);
        let (upper, lower) = (nanos / 10_000, nanos % 10_000);
        let [a, b] = [upper / 1_000, upper / 10 % 100].map(pair);
        let [c, d] = [upper % 10 * 10 + lower / 1_000, lower / 10 % 100].map(pair);
        let last = b'0' + (lower % 10) as u8;
        line.text(&[a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1], last, b'Z']);
    }

    fn change(&mut self, second: u64) {
        let (day, of_day) = (second / SECONDS_PER_DAY, second % SECONDS_PER_DAY);
        let (date, rest) = self.text.split_at_mut(DATE_BYTES);
        if day != self.second / SECONDS_PER_DAY {
            let shown = Tick(second).to_string();
            if let Some(shown) = shown.as_bytes().get(..DATE_BYTES) {
                date.copy_from_slice(shown);
            }
        }
        let [h, m, s] = [of_day / 3_600, of_day / 60 % 60, of_day % 60].map(pair);
        rest.copy_from_slice(&[h[0], h[1], b':', m[0], m[1], b':', s[0], s[1], b'.']);
        self.second = second;
    }
}

/// The text of lines.
#[derive(Debug, Default)]
struct Line(Vec<u8>);

impl Line {
    /// Adds a text whose length is known ahead, which is a move or two.
    #[inline]
    fn text<const N: usize>(&mut self, text: &[u8; N]) {
        self.0.extend_from_slice(text);
    }

    fn bytes(&mut self, text: &[u8]) {
        self.0.extend_from_slice(text);
    }

    /// A text between quotation marks, with what JSON escapes in it.
    fn quoted(&mut self, text: &str) {
        self.json(text);
    }

    fn json(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        // Memory takes whatever is written.
        let _ = serde_json::to_writer(&mut self.0, value);
    }

    fn show(&mut self, value: impl std::fmt::Display) {
        // Memory takes whatever is written.
        let _ = write!(self.0, "{value}");
    }

    #[inline]
    fn number(&mut self, number: u64) {
        // Most are small.
        if number < 10 {
            self.text(&[b'0' + number as u8]);
        } else if number < 100 {
            self.text(&pair(number));
        } else if number < 1_000 {
            let [b, c] = pair(number % 100);
            self.text(&[b'0' + (number / 100) as u8, b, c]);
        } else {
            self.long_number(number);
        }
    }

    /// Four digits at a time, and what is left of the first.
    fn long_number(&mut self, number: u64) {
        let ([a, b], [c, d]) = (pair(number / 100 % 100), pair(number % 100));
        if number >= 10_000 {
            self.number(number / 10_000);
        }
        self.text(&[a, b, c, d]);
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
        let mut text = [0; 16];
        let mut length = 0;
        for byte in address.octets() {
            let [tens, units] = pair(u64::from(byte % 100));
            // Each byte with a point behind it, and what is too much is written over.
            let (digits, digits_length) = if byte >= 100 {
                ([b'0' + byte / 100, tens, units, b'.'], 4)
            } else if byte >= 10 {
                ([tens, units, b'.', b'.'], 3)
            } else {
                ([units, b'.', b'.', b'.'], 2)
            };
            text[length..][..4].copy_from_slice(&digits);
            length += digits_length;
        }
        self.bytes(&text[..length - 1]);
    }
}

/// The two digits of a number below 100.
#[inline]
const fn pair(number: u64) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}

#[cfg(test)]
mod tests;
