//! The lists that are text: our own CSV, geofeeds, and those of Cloudflare.

use super::error::Fault;
use super::format::{ListFormat, unknown};
use super::gather::{Entry, Gathered, told};
use super::regions::{self, Cloud};
use super::{Country, ProviderKind};

pub(super) fn read(bytes: &[u8], name: &str, into: &mut Gathered) -> Result<ListFormat, Fault> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(unknown("is neither JSON nor text"));
    };
    let mut lines = lines(text);
    let Some((number, first)) = lines.next() else {
        return Err(Fault::Whole("holds no prefix: fetch it again".to_owned()));
    };
    let cells = cells(first);
    if cells.join(",").eq_ignore_ascii_case(HEADER) {
        each(lines, into, own)?;
        return Ok(ListFormat::Csv);
    }
    let all = std::iter::once((number, first)).chain(lines);
    match cells.as_slice() {
        [prefix] if is_prefix(prefix) => {
            cloudflare(text, all, into).map(|()| ListFormat::Cloudflare)
        }
        [prefix, ..] if is_prefix(prefix) => {
            each(all, into, |line, entry| geofeed(line, name, entry))?;
            Ok(ListFormat::Geofeed)
        }
        _ => Err(unknown(&format!("begins in line {number} with no prefix"))),
    }
}

/// Reads a line each.
fn each<'a>(
    lines: impl Iterator<Item = (usize, &'a str)>,
    into: &mut Gathered,
    read: impl Fn(&[&str], &mut Gathered) -> Result<(), String>,
) -> Result<(), Fault> {
    let mut is_empty = true;
    for (number, line) in lines {
        let place = || format!("line {number}");
        read(&cells(line), into).map_err(|problem| Fault::at(place(), problem))?;
        is_empty = false;
    }
    if is_empty {
        return Err(Fault::Whole("holds no prefix: add lines to it".to_owned()));
    }
    Ok(())
}

/// `prefix,provider,kind,region,country`, of which the last two may be empty.
fn own(cells: &[&str], into: &mut Gathered) -> Result<(), String> {
    let [prefix, name, kind, region, country] = cells else {
        let count = cells.len();
        return Err(format!("there are {count} cells in place of 5: {HEADER}"));
    };
    if name.is_empty() {
        return Err("the provider has no name".to_owned());
    }
    let kind = ProviderKind::from_name(kind)
        .ok_or_else(|| "the kind is none of feed, cloud, cdn and anycast".to_owned())?;
    let region = Some(*region).filter(|region| !region.is_empty());
    let known = Cloud::from_name(name).zip(region);
    let country = match *country {
        "" => known.and_then(|(cloud, region)| regions::country(cloud, region)),
        code => Some(written(code)?),
    };
    into.add(Entry {
        prefix,
        name,
        kind,
        region,
        country,
    })
}

/// `prefix,country,region,city,postal code`, of which all but the first may be empty (RFC 8805
/// section 2.1.1). A feed does not say whose it is: `name` does.
fn geofeed(cells: &[&str], name: &str, into: &mut Gathered) -> Result<(), String> {
    let cell = |at: usize| cells.get(at).copied().filter(|text| !text.is_empty());
    // Some write small letters. Without a country the holder asks not to be located.
    let country = cell(1).map(|code| written(&code.to_ascii_uppercase()));
    into.add(Entry {
        prefix: cell(0).unwrap_or_default(),
        name,
        kind: ProviderKind::Feed,
        region: cell(2).or(cell(3)),
        country: country.transpose()?,
    })
}

/// Nothing but prefixes, among which are those that only Cloudflare has.
fn cloudflare<'a>(
    text: &str,
    lines: impl Iterator<Item = (usize, &'a str)>,
    into: &mut Gathered,
) -> Result<(), Fault> {
    if !text.contains(CLOUDFLARE_V4) && !text.contains(CLOUDFLARE_V6) {
        return Err(Fault::Whole(format!(
            "has prefixes that are not of Cloudflare, and does not say whose they are: write a \
             CSV that begins with `{HEADER}`"
        )));
    }
    each(lines, into, |cells, into| {
        let [prefix] = cells else {
            return Err("there is more than a prefix".to_owned());
        };
        into.add(Entry {
            prefix,
            name: "Cloudflare",
            kind: ProviderKind::Cdn,
            region: None,
            country: None,
        })
    })
}

/// The lines that say something, from 1 on, without comments.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().zip(1..).map(|(line, number)| {
        let said = line.split_once('#').map_or(line, |(said, _)| said);
        (number, said.trim())
    });
    lines.filter(|(_, line)| !line.is_empty())
}

/// The cells of a line of CSV (RFC 4180) without their quotes: none that is read has a quote
/// inside.
fn cells(line: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let cells = line.split(|letter| {
        is_quoted ^= letter == '"';
        letter == ',' && !is_quoted
    });
    cells
        .take(CELLS_MAX)
        .map(|cell| cell.trim().trim_matches('"').trim())
        .collect()
}

/// Reads a country that a person or a provider wrote.
fn written(code: &str) -> Result<Country, String> {
    Country::from_person(code).map_err(|_| {
        let code = told(code);
        format!("`{code}` is no country: use a code of ISO 3166-1 such as SG, or none")
    })
}

fn is_prefix(text: &str) -> bool {
    let address = text.split_once('/').map_or(text, |(address, _)| address);
    address.parse::<std::net::IpAddr>().is_ok()
}

const HEADER: &str = "prefix,provider,kind,region,country";

/// The first prefixes of both lists of Cloudflare.
const CLOUDFLARE_V4: &str = "173.245.48.0/20";
const CLOUDFLARE_V6: &str = "2400:cb00::/32";

/// Cells of a line that are looked at: one more than any format has.
const CELLS_MAX: usize = 6;
