//! How a list is written, told by what it holds.

use std::fmt;

use super::error::Fault;
use super::gather::Gathered;
use super::{json, text};

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFormat {
    /// `ip-ranges.json` of AWS.
    Aws,
    /// `cloud.json` and `goog.json` of Google, and others of their form.
    Google,
    /// `ServiceTags_*.json` of Azure.
    Azure,
    /// `public_ip_ranges.json` of Oracle Cloud.
    Oracle,
    /// `public-ip-list` of Fastly.
    Fastly,
    /// `ips-v4` and `ips-v6` of Cloudflare.
    Cloudflare,
    /// A geofeed, RFC 8805.
    Geofeed,
    /// Our own CSV.
    Csv,
}

impl ListFormat {
    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Google => "google",
            Self::Azure => "azure",
            Self::Oracle => "oracle",
            Self::Fastly => "fastly",
            Self::Cloudflare => "cloudflare",
            Self::Geofeed => "geofeed",
            Self::Csv => "csv",
        }
    }
}

impl fmt::Display for ListFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Reads a list, which is `name` where it does not say whose it is.
pub(super) fn read(bytes: &[u8], name: &str, into: &mut Gathered) -> Result<ListFormat, Fault> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    match bytes.trim_ascii_start().first() {
        None => Err(Fault::Whole("is empty: fetch it again".to_owned())),
        Some(b'{') => json::read(bytes, name, into),
        Some(_) => text::read(bytes, name, into),
    }
}

/// A list of none of the known formats.
pub(super) fn unknown(why: &str) -> Fault {
    Fault::Whole(format!("{why}: {READABLE}"))
}

const READABLE: &str = "to be read are the JSON lists of AWS, Google Cloud, Azure, Oracle Cloud \
    and Fastly, the text lists of Cloudflare, geofeeds, and CSV that begins with \
    `prefix,provider,kind,region,country`";

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
