//! An entry and the one way in which it is written.

use std::fmt;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use thiserror::Error;

use super::hash::{Hash, from_hex};
use crate::time::Timestamp;

/// Bytes of a body as it is written.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a line of `entries.jsonl` without its line feed: a body, and what stands around it.
pub const LINE_BYTES_MAX: usize = BODY_BYTES_MAX + 512;

/// Objects and arrays of a body that stand within each other.
pub const BODY_DEPTH_MAX: usize = 100;

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The sensor began.
    Start,
    /// The sensor ended, as it was told to.
    Stop,
    /// The config in force.
    Config,
    /// A database of countries, by its digest.
    Database,
    /// A policy pack, by its version.
    Pack,
    /// An alert.
    Alert,
    /// The register of approvals and the inventory.
    Register,
    /// What a pack of law says of an export.
    Verdict,
    /// What a person says of an incident.
    Feedback,
    /// Totals of a day.
    Totals,
    /// How well the sensor could see: what it read, dropped and missed.
    Sensor,
    /// How much of what was counted for whom.
    Meter,
    /// Something about the ledger itself, such as a torn line that was cut off.
    Note,
}

/// The body of an entry: JSON in the form in which it is written.
///
/// Members of objects are sorted by the bytes of their names, nothing stands between tokens,
/// strings escape only what JSON demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body(String);

/// Why something cannot be the body of an entry.
#[derive(Debug, Error)]
pub enum BodyError {
    /// It is no JSON.
    #[error("the body of an entry is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is too large.
    #[error("the body of an entry has more than {BODY_BYTES_MAX} bytes; give a digest of it")]
    TooLarge,
    /// It is nested too deeply.
    #[error("the body of an entry has more than {BODY_DEPTH_MAX} objects within each other")]
    TooDeep,
}

/// An entry that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number; the first is 0.
    pub index: u64,
    /// Packet time.
    pub time: Timestamp,
    /// What it is about.
    pub kind: Kind,
    /// The hash of the line before, and [`Hash::NONE`] of the first.
    pub previous: Hash,
    /// JSON as it was written.
    pub body: String,
}

/// The parts of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fields<'a> {
    pub(super) index: u64,
    pub(super) time: Timestamp,
    pub(super) kind: Kind,
    pub(super) previous: Hash,
    pub(super) body: &'a str,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::Start,
        Self::Stop,
        Self::Config,
        Self::Database,
        Self::Pack,
        Self::Alert,
        Self::Verdict,
        Self::Register,
        Self::Feedback,
        Self::Totals,
        Self::Sensor,
        Self::Meter,
        Self::Note,
    ];

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Config => "config",
            Self::Database => "database",
            Self::Pack => "pack",
            Self::Alert => "alert",
            Self::Register => "register",
            Self::Verdict => "verdict",
            Self::Feedback => "feedback",
            Self::Totals => "totals",
            Self::Sensor => "sensor",
            Self::Meter => "meter",
            Self::Note => "note",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Body {
    /// Writes a value down.
    ///
    /// # Errors
    /// Where it is larger or deeper than a body may be.
    pub fn new(value: &Value) -> Result<Self, BodyError> {
        let mut bytes = Vec::new();
        write_value(value, 0, &mut bytes)?;
        let text = String::from_utf8(bytes).map_err(|_| BodyError::TooLarge)?;
        Ok(Self(text))
    }

    /// Writes down whatever can be.
    ///
    /// # Errors
    /// Where it is no JSON, or larger or deeper than a body may be.
    pub fn of(value: &impl Serialize) -> Result<Self, BodyError> {
        Self::new(&serde_json::to_value(value)?)
    }

    /// Takes JSON text and brings it into the form in which it is written. Of members of the
    /// same name the last counts.
    ///
    /// # Errors
    /// Where it is no JSON, or larger or deeper than a body may be.
    pub fn parse(text: &str) -> Result<Self, BodyError> {
        if text.len() > BODY_BYTES_MAX {
            return Err(BodyError::TooLarge);
        }
        Self::new(&serde_json::from_str(text)?)
    }

    /// The JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Sorts members here, for whether [`Value`] does depends on how `serde_json` was built.
fn write_value(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), BodyError> {
    if depth > BODY_DEPTH_MAX {
        return Err(BodyError::TooDeep);
    }
    match value {
        Value::Array(values) => {
            out.push(b'[');
            for (place, value) in values.iter().enumerate() {
                separate(place, out);
                write_value(value, depth + 1, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            out.push(b'{');
            for (place, (name, value)) in members.into_iter().enumerate() {
                separate(place, out);
                serde_json::to_writer(&mut *out, name)?;
                out.push(b':');
                write_value(value, depth + 1, out)?;
            }
            out.push(b'}');
        }
        plain => serde_json::to_writer(&mut *out, plain)?,
    }
    if out.len() > BODY_BYTES_MAX {
        return Err(BodyError::TooLarge);
    }
    Ok(())
}

fn separate(place: usize, out: &mut Vec<u8>) {
    if place > 0 {
        out.push(b',');
    }
}

impl Entry {
    /// Reads a line without its line feed.
    ///
    /// # Errors
    /// Says in what it is not written as an entry is.
    pub fn parse(line: &[u8]) -> Result<Self, &'static str> {
        let fields = Fields::parse(line)?;
        Ok(Self {
            index: fields.index,
            time: fields.time,
            kind: fields.kind,
            previous: fields.previous,
            body: fields.body.to_owned(),
        })
    }
}

impl fmt::Display for Entry {
    /// The line as it stands in the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = Fields {
            index: self.index,
            time: self.time,
            kind: self.kind,
            previous: self.previous,
            body: &self.body,
        };
        f.write_str(&fields.line())
    }
}

impl<'a> Fields<'a> {
    /// The line without its line feed.
    pub(super) fn line(&self) -> String {
        let (index, time, kind) = (self.index, self.time, self.kind);
        let head = format!(r#"{{"index":{index},"time":"{time}","kind":"{kind}""#);
        let (previous, body) = (self.previous, self.body);
        format!(r#"{head},"previous":"{previous}","body":{body}}}"#)
    }

    /// Reads a line that is written exactly as [`Fields::line`] does.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, &'static str> {
        let text = str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
        let rest = text.strip_prefix(r#"{"index":"#);
        let rest = rest.ok_or("it does not begin with `{\"index\":`")?;
        let (index, rest) =
            part(rest, ',', r#""time":""#).ok_or("`time` does not follow `index`")?;
        let (time, rest) =
            part(rest, '"', r#","kind":""#).ok_or("`kind` does not follow `time`")?;
        let (kind, rest) =
            part(rest, '"', r#","previous":""#).ok_or("`previous` does not follow `kind`")?;
        let (previous, rest) =
            part(rest, '"', r#","body":"#).ok_or("`body` does not follow `previous`")?;
        let body = rest.strip_suffix('}').ok_or("it does not end with `}`")?;
        serde_json::from_str::<IgnoredAny>(body).map_err(|_| "its body is no JSON")?;
        if body.len() > BODY_BYTES_MAX {
            return Err("its body is too large");
        }
        let previous = from_hex(previous.as_bytes());
        Ok(Self {
            index: parse_number(index).ok_or("`index` is no number")?,
            time: parse_time(time).ok_or("`time` is no time with nine digits, in UTC")?,
            kind: Kind::from_name(kind).ok_or("`kind` is none that is known")?,
            previous: Hash(previous.ok_or("`previous` is no hash")?),
            body,
        })
    }
}

/// What stands before the first `end`, and what stands behind it, which begins with `next`.
fn part<'a>(text: &'a str, end: char, next: &str) -> Option<(&'a str, &'a str)> {
    let (part, rest) = text.split_once(end)?;
    Some((part, rest.strip_prefix(next)?))
}

/// A number without a sign and without leading zeros.
pub(super) fn parse_number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let leads_with_zero = text.len() > 1 && text.starts_with('0');
    let number = text.parse().ok()?;
    (is_plain && !leads_with_zero).then_some(number)
}

/// A time as [`Timestamp`] is printed, and not otherwise.
pub(super) fn parse_time(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    let nanos = u64::try_from(moment.as_nanosecond()).ok()?;
    let time = Timestamp::from_nanos(nanos);
    (time.to_string() == text).then_some(time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_written_in_one_way() {
        let text = r#" { "b" : [1, 2.50, "x\u000a\u00e9\/"], "a": {"z":null,"y":true}, "B": {} } "#;
        let body = Body::parse(text).unwrap();
        let expected = "{\"B\":{},\"a\":{\"y\":true,\"z\":null},\"b\":[1,2.5,\"x\\né/\"]}";
        assert_eq!(body.as_str(), expected);
        assert_eq!(Body::parse(body.as_str()).unwrap(), body);
        // Beyond 64 bits it is the nearest number with a fraction, and stays that.
        let body = Body::parse("18740496644073715509616").unwrap();
        assert_eq!(Body::parse(body.as_str()).unwrap(), body);
        assert_eq!(Body::of(&[1, 2]).unwrap().as_str(), "[1,2]");
    }

    #[test]
    fn a_body_has_bounds() {
        let of_bytes = |bytes: usize| Body::new(&json!("x".repeat(bytes - 2)));
        assert_eq!(of_bytes(BODY_BYTES_MAX).unwrap().0.len(), BODY_BYTES_MAX);
        assert!(matches!(
            of_bytes(BODY_BYTES_MAX + 1),
            Err(BodyError::TooLarge)
        ));
        let of_depth = |depth| (0..depth).fold(json!(0), |inner, _| json!([inner]));
        assert!(Body::new(&of_depth(BODY_DEPTH_MAX)).is_ok());
        let error = Body::new(&of_depth(BODY_DEPTH_MAX + 1)).unwrap_err();
        assert!(matches!(error, BodyError::TooDeep));
        assert!(matches!(Body::parse("{"), Err(BodyError::Json(_))));
        let spaces = " ".repeat(BODY_BYTES_MAX) + "1";
        assert!(matches!(Body::parse(&spaces), Err(BodyError::TooLarge)));
    }

    #[test]
    fn the_longest_line_is_read() {
        let body = Body::new(&json!("x".repeat(BODY_BYTES_MAX - 2))).unwrap();
        let fields = Fields {
            index: u64::MAX,
            time: Timestamp::from_nanos(u64::MAX),
            kind: Kind::Database,
            previous: Hash::NONE,
            body: body.as_str(),
        };
        let line = fields.line();
        assert!(line.len() <= LINE_BYTES_MAX);
        assert_eq!(Fields::parse(line.as_bytes()), Ok(fields));
    }

    #[test]
    fn a_line_that_is_written_otherwise_is_none() {
        let line = Fields {
            index: 7,
            time: Timestamp::from_nanos(5),
            kind: Kind::Alert,
            previous: Hash::NONE,
            body: r#"{"a":1}"#,
        }
        .line();
        assert_eq!(Entry::parse(line.as_bytes()).unwrap().to_string(), line);
        let otherwise = [
            (":7,", ":07,"),
            (":7,", ":+7,"),
            (":7,", ": 7,"),
            (":7,", ":18446744073709551616,"),
            ("05Z", "05+00:00"),
            ("000000005Z", "000000005z"),
            ("alert", "Alert"),
            (":\"00", ":\"0A"),
            (":\"00", ":\"0"),
            ("{\"a\":1}", "{\"a\":}"),
            ("}}", "}"),
            ("{\"index", " {\"index"),
        ];
        for (from, to) in otherwise {
            let wrong = line.replacen(from, to, 1);
            assert_ne!(wrong, line);
            assert!(Fields::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written(
            line in "\\PC*",
            nanos: u64,
            index: u64,
            kind in 0..10_usize,
        ) {
            let body = Body::new(&json!({ "x": line })).unwrap();
            let fields = Fields {
                index,
                time: Timestamp::from_nanos(nanos),
                kind: Kind::ALL[kind],
                previous: Hash([nanos as u8; 32]),
                body: body.as_str(),
            };
            let written = fields.line();
            prop_assert_eq!(Fields::parse(written.as_bytes()), Ok(fields));
            prop_assert!(!written.contains('\n'));
            // A line that is read is written again the same, whatever it is.
            if let Ok(read) = Fields::parse(line.as_bytes()) {
                prop_assert_eq!(read.line(), line);
            }
        }
    }
}
