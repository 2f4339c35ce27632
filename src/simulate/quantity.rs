//! The quantities of a scenario as they are written: `"8GB"`, `"40m"`, `"day 16 02:30"`.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::civil::{Time, Weekday};
use serde::Deserialize;

/// Bytes, written in decimal units: `"900B"`, `"60kB"`, `"1.2GB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Bytes(pub(super) u64);

/// A length of time in nanoseconds, written `"90s"`, `"40m"`, `"5h"` or `"4d"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Span(pub(super) u64);

/// A moment: a day of the scenario and a local time, or RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Moment {
    /// `"day 16 02:30"`; the first day is day 1.
    Local(u32, Time),
    /// `"2026-03-17T02:30:00+08:00"`.
    Absolute(jiff::Timestamp),
}

/// A day of the scenario, written `"day 16"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Day(pub(super) u32);

/// A local time of day, written `"01:30"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Clock(pub(super) Time);

/// How often something runs: `"day"`, or the name of a day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Every(pub(super) Option<Weekday>);

/// Where a destination listens, written `"tcp/443"` or `"udp/53"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Service {
    pub(super) is_tcp: bool,
    pub(super) port: u16,
}

/// The name of a host in lower case, such as `"files.example.org"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct HostName(pub(super) String);

/// A network, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Prefix(pub(super) IpNet);

/// An upper-case country code.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct CountryCode(pub(super) String);

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let units = [
            ("kB", 1e3),
            ("MB", 1e6),
            ("GB", 1e9),
            ("TB", 1e12),
            ("B", 1.0),
        ];
        match number_with_unit(&text, &units) {
            Some(bytes) if bytes <= BYTES_MAX => Ok(Self(bytes as u64)),
            _ => Err(format!(
                "`{text}` is not an amount of bytes up to 1000TB, such as \"60MB\""
            )),
        }
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let units = [("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0)];
        match number_with_unit(&text, &units) {
            Some(seconds) if seconds <= SECONDS_MAX => Ok(Self((seconds * 1e9) as u64)),
            _ => Err(format!(
                "`{text}` is not a length of time such as \"90s\", \"40m\" or \"4d\""
            )),
        }
    }
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some((day, time)) = text.rsplit_once(' ')
            && let (Some(day), Some(time)) = (parse_day(day), parse_time(time))
        {
            return Ok(Self::Local(day, time));
        }
        text.parse().map(Self::Absolute).map_err(|_| {
            format!("`{text}` is not a moment: write \"day 16 02:30\" or RFC 3339 with an offset")
        })
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse_day(&text)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a day: write \"day 16\""))
    }
}

impl TryFrom<String> for Clock {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = parse_time(&text);
        time.map(Self)
            .ok_or_else(|| format!("`{text}` is not a time of day: write \"01:30\""))
    }
}

impl TryFrom<String> for Every {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let weekday = match text.as_str() {
            "day" => return Ok(Self(None)),
            "Monday" => Weekday::Monday,
            "Tuesday" => Weekday::Tuesday,
            "Wednesday" => Weekday::Wednesday,
            "Thursday" => Weekday::Thursday,
            "Friday" => Weekday::Friday,
            "Saturday" => Weekday::Saturday,
            "Sunday" => Weekday::Sunday,
            _ => {
                return Err(format!(
                    "`{text}` is neither \"day\" nor a weekday such as \"Sunday\""
                ));
            }
        };
        Ok(Self(Some(weekday)))
    }
}

impl TryFrom<String> for Service {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let (transport, port) = text.split_once('/')?;
            let is_tcp = match transport {
                "tcp" => true,
                "udp" => false,
                _ => return None,
            };
            let port = port.parse().ok().filter(|port| *port != 0)?;
            Some(Self { is_tcp, port })
        };
        read().ok_or_else(|| format!("`{text}` is not a service: write \"tcp/443\" or \"udp/53\""))
    }
}

impl TryFrom<String> for HostName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let is_label = |label: &str| {
            (1..=LABEL_BYTES_MAX).contains(&label.len())
                && label.bytes().all(is_letter)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let is_name = text.contains('.') && text.split('.').all(is_label);
        if is_name && text.len() <= NAME_BYTES_MAX {
            return Ok(Self(text));
        }
        Err(format!(
            "`{text}` is not the name of a host in lower case such as \"files.example.org\""
        ))
    }
}

impl TryFrom<String> for Prefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let network = text.parse::<IpNet>().map(|network| network.trunc());
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        network.or_else(|_| address()).map(Self).map_err(|_| {
            format!("`{text}` is neither an address nor a network such as \"10.20.0.0/16\"")
        })
    }
}

impl TryFrom<String> for CountryCode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_uppercase()) {
            return Ok(Self(text));
        }
        Err(format!(
            "`{text}` is not an upper-case ISO 3166-1 country code such as \"SG\""
        ))
    }
}

/// Reads a number that is not negative and the unit behind it, and multiplies.
fn number_with_unit(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let (digits, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let digits = digits.trim_end();
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let number: f64 = digits.parse().ok()?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    Some((number * factor).round())
}

fn parse_day(text: &str) -> Option<u32> {
    text.strip_prefix("day ")?
        .parse()
        .ok()
        .filter(|day| *day > 0)
}

fn parse_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// Longest label and longest name (RFC 1035 section 2.3.4): a byte stands before each label,
/// and one at the end.
const LABEL_BYTES_MAX: usize = 63;
const NAME_BYTES_MAX: usize = 253;

/// Largest amount of bytes, which leaves room for sums of many.
const BYTES_MAX: f64 = 1e15;

/// Longest length of time, seconds: ten years.
const SECONDS_MAX: f64 = 315_360_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_spans_have_units() {
        assert_eq!(
            Bytes::try_from("1.2GB".to_owned()),
            Ok(Bytes(1_200_000_000))
        );
        assert_eq!(Bytes::try_from("900 B".to_owned()), Ok(Bytes(900)));
        assert_eq!(
            Span::try_from("40m".to_owned()),
            Ok(Span(2_400_000_000_000))
        );
        for wrong in ["", "8", "GB", "-8GB", "8gb", "1e400GB", "8 G B", "infGB"] {
            assert!(Bytes::try_from(wrong.to_owned()).is_err(), "{wrong}");
            assert!(Span::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn moments_are_local_or_absolute() {
        let time = Time::new(2, 30, 0, 0).unwrap();
        assert_eq!(
            Moment::try_from("day 16 02:30".to_owned()),
            Ok(Moment::Local(16, time))
        );
        let absolute = Moment::try_from("2026-03-17T02:30:00+08:00".to_owned()).unwrap();
        assert_eq!(
            absolute,
            Moment::Absolute("2026-03-16T18:30:00Z".parse().unwrap())
        );
        for wrong in [
            "day 0 02:30",
            "day 1 2:30",
            "day 1 24:00",
            "day 1",
            "02:30",
            "é 02:30",
        ] {
            assert!(Moment::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn services_and_prefixes_are_read() {
        let https = Service {
            is_tcp: true,
            port: 443,
        };
        assert_eq!(Service::try_from("tcp/443".to_owned()), Ok(https));
        assert!(Service::try_from("tcp/0".to_owned()).is_err());
        assert!(Service::try_from("https".to_owned()).is_err());
        let prefix = Prefix::try_from("192.0.2.7".to_owned()).unwrap();
        assert_eq!(prefix.0.to_string(), "192.0.2.7/32");
        assert!(CountryCode::try_from("cn".to_owned()).is_err());
    }

    #[test]
    fn names_of_hosts_are_in_lower_case() {
        for right in ["a.example", "xn--4ca.example.org", "7-eins.example.net"] {
            assert_eq!(HostName::try_from(right.to_owned()).unwrap().0, right);
        }
        let long = format!("{}.example", "a".repeat(64));
        for wrong in [
            "",
            "localhost",
            ".example",
            "A.example",
            "-a.example",
            "a b.example",
            &long,
        ] {
            assert!(HostName::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
