//! The lists that are JSON: AWS, Google, Azure, Oracle and Fastly.
//!
//! One description holds the fields of all of them, and the fields that are there tell whose
//! list it is. Unknown fields are skipped without being kept.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::error::Fault;
use super::format::{ListFormat, unknown};
use super::gather::{Entry, Gathered};
use super::regions::{self, Cloud};
use super::{LIST_PREFIXES_MAX, ProviderKind};

pub(super) fn read(bytes: &[u8], name: &str, into: &mut Gathered) -> Result<ListFormat, Fault> {
    let published: Published<'_> = serde_json::from_slice(bytes).map_err(Fault::Json)?;
    let before = into.entries();
    let format = match &published {
        Published {
            values: Some(tags), ..
        } => azure(tags, into).map(|()| ListFormat::Azure),
        Published {
            regions: Some(regions),
            ..
        } => oracle(regions, into).map(|()| ListFormat::Oracle),
        Published {
            prefixes: Some(listed),
            ipv6_prefixes,
            ..
        } if ipv6_prefixes.is_some() || listed.iter().any(|one| one.ip_prefix.is_some()) => {
            aws("prefixes", listed, into)
                .and_then(|()| aws("ipv6_prefixes", all(ipv6_prefixes), into))
                .map(|()| ListFormat::Aws)
        }
        Published {
            prefixes: Some(listed),
            ..
        } => google(listed, name, into).map(|()| ListFormat::Google),
        Published {
            addresses: Some(ipv4),
            ipv6_addresses,
            ..
        } => fastly("addresses", ipv4, into)
            .and_then(|()| fastly("ipv6_addresses", all(ipv6_addresses), into))
            .map(|()| ListFormat::Fastly),
        _ => Err(unknown("is JSON of an unknown form")),
    }?;
    if into.entries() == before {
        return Err(Fault::Whole("holds no prefix: fetch it again".to_owned()));
    }
    Ok(format)
}

fn aws(array: &str, listed: &[Listed<'_>], into: &mut Gathered) -> Result<(), Fault> {
    for (at, one) in listed.iter().enumerate() {
        let place = |field: &str| format!("{array}[{at}]{field}");
        let (prefix, field) = match one {
            Listed {
                ip_prefix: Some(prefix),
                ..
            } => (prefix, ".ip_prefix"),
            Listed {
                ipv6_prefix: Some(prefix),
                ..
            } => (prefix, ".ipv6_prefix"),
            _ => return Err(missing(place(""), "ip_prefix` or `ipv6_prefix")),
        };
        let region = text(&one.region).filter(|region| *region != "GLOBAL");
        // A local zone may be in another country than its region. The border group tells it.
        let zone = text(&one.network_border_group).filter(|group| *group != "GLOBAL");
        let (kind, is_placed) = match (text(&one.service).unwrap_or_default(), region) {
            ("CLOUDFRONT", _) => (ProviderKind::Cdn, false),
            ("ROUTE53", _) | ("GLOBALACCELERATOR", None) => (ProviderKind::Anycast, false),
            // Edges in the area of a region, which is larger than a country.
            ("GLOBALACCELERATOR", Some(_)) => (ProviderKind::Cloud, false),
            _ => (ProviderKind::Cloud, true),
        };
        let region = zone.or(region);
        let entry = Entry {
            prefix: &prefix.0,
            name: Cloud::Aws.name(),
            kind,
            region,
            country: region
                .filter(|_| is_placed)
                .and_then(|region| regions::country(Cloud::Aws, region)),
        };
        into.add(entry)
            .map_err(|problem| Fault::at(place(field), problem))?;
    }
    Ok(())
}

/// Others publish lists of the same form. They have no `service`, and are named by their file.
fn google(listed: &[Listed<'_>], name: &str, into: &mut Gathered) -> Result<(), Fault> {
    for (at, one) in listed.iter().enumerate() {
        let place = |field: &str| format!("prefixes[{at}]{field}");
        let (prefix, field) = match one {
            Listed {
                google_ipv4: Some(prefix),
                ..
            } => (prefix, ".ipv4Prefix"),
            Listed {
                google_ipv6: Some(prefix),
                ..
            } => (prefix, ".ipv6Prefix"),
            _ => return Err(missing(place(""), "ipv4Prefix` or `ipv6Prefix")),
        };
        let region = text(&one.scope);
        // Global addresses are those of load balancers, which the nearest edge answers for.
        let kind = match region {
            Some("global") => ProviderKind::Anycast,
            _ => ProviderKind::Cloud,
        };
        let entry = Entry {
            prefix: &prefix.0,
            name: text(&one.service).unwrap_or(name),
            kind,
            region: region.filter(|_| kind == ProviderKind::Cloud),
            country: region.and_then(|region| regions::country(Cloud::Google, region)),
        };
        into.add(entry)
            .map_err(|problem| Fault::at(place(field), problem))?;
    }
    Ok(())
}

/// A prefix stands under the tag of its region, under that of all regions, and under those of
/// services.
fn azure(tags: &[Tag<'_>], into: &mut Gathered) -> Result<(), Fault> {
    for (at, tag) in tags.iter().enumerate() {
        let Some(properties) = &tag.properties else {
            return Err(missing(format!("values[{at}]"), "properties"));
        };
        // What clients reach the network of caches by; its other tags are of single machines.
        let is_edge = text(&tag.name) == Some("AzureFrontDoor.Frontend");
        let region = text(&properties.region).filter(|_| !is_edge);
        for (index, prefix) in all(&properties.address_prefixes).iter().enumerate() {
            let entry = Entry {
                prefix: &prefix.0,
                name: Cloud::Azure.name(),
                kind: if is_edge {
                    ProviderKind::Cdn
                } else {
                    ProviderKind::Cloud
                },
                region,
                country: region.and_then(|region| regions::country(Cloud::Azure, region)),
            };
            let place = || format!("values[{at}].properties.addressPrefixes[{index}]");
            into.add(entry)
                .map_err(|problem| Fault::at(place(), problem))?;
        }
    }
    Ok(())
}

fn oracle(listed: &[OracleRegion<'_>], into: &mut Gathered) -> Result<(), Fault> {
    for (at, one) in listed.iter().enumerate() {
        let region = text(&one.region);
        let country = region.and_then(|region| regions::country(Cloud::Oracle, region));
        for (index, range) in all(&one.cidrs).iter().enumerate() {
            let place = || format!("regions[{at}].cidrs[{index}]");
            let Some(prefix) = &range.cidr else {
                return Err(missing(place(), "cidr"));
            };
            let entry = Entry {
                prefix: &prefix.0,
                name: Cloud::Oracle.name(),
                kind: ProviderKind::Cloud,
                region,
                country,
            };
            into.add(entry)
                .map_err(|problem| Fault::at(place() + ".cidr", problem))?;
        }
    }
    Ok(())
}

fn fastly(array: &str, listed: &[Text<'_>], into: &mut Gathered) -> Result<(), Fault> {
    for (at, prefix) in listed.iter().enumerate() {
        let entry = Entry {
            prefix: &prefix.0,
            name: "Fastly",
            kind: ProviderKind::Cdn,
            region: None,
            country: None,
        };
        into.add(entry)
            .map_err(|problem| Fault::at(format!("{array}[{at}]"), problem))?;
    }
    Ok(())
}

fn missing(place: String, field: &str) -> Fault {
    Fault::at(
        place,
        format!("there is no `{field}`: fetch the list again"),
    )
}

/// The entries of an array, none where it is missing.
fn all<T>(array: &Option<Vec<T>>) -> &[T] {
    array.as_deref().unwrap_or_default()
}

/// What a field says, if anything.
fn text<'a>(field: &'a Option<Text<'_>>) -> Option<&'a str> {
    let text = field.as_ref()?.0.as_ref();
    Some(text).filter(|text| !text.is_empty())
}

/// The fields of all lists.
#[derive(Deserialize)]
struct Published<'a> {
    /// AWS and Google.
    #[serde(borrow, default, deserialize_with = "bounded")]
    prefixes: Option<Vec<Listed<'a>>>,
    /// AWS.
    #[serde(borrow, default, deserialize_with = "bounded")]
    ipv6_prefixes: Option<Vec<Listed<'a>>>,
    /// Azure.
    #[serde(borrow, default, deserialize_with = "bounded")]
    values: Option<Vec<Tag<'a>>>,
    /// Oracle.
    #[serde(borrow, default, deserialize_with = "bounded")]
    regions: Option<Vec<OracleRegion<'a>>>,
    /// Fastly.
    #[serde(borrow, default, deserialize_with = "bounded")]
    addresses: Option<Vec<Text<'a>>>,
    #[serde(borrow, default, deserialize_with = "bounded")]
    ipv6_addresses: Option<Vec<Text<'a>>>,
}

/// A prefix of AWS or Google.
#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    ip_prefix: Option<Text<'a>>,
    #[serde(borrow)]
    ipv6_prefix: Option<Text<'a>>,
    #[serde(borrow, rename = "ipv4Prefix")]
    google_ipv4: Option<Text<'a>>,
    #[serde(borrow, rename = "ipv6Prefix")]
    google_ipv6: Option<Text<'a>>,
    #[serde(borrow)]
    region: Option<Text<'a>>,
    #[serde(borrow)]
    network_border_group: Option<Text<'a>>,
    #[serde(borrow)]
    service: Option<Text<'a>>,
    #[serde(borrow)]
    scope: Option<Text<'a>>,
}

/// A service tag of Azure.
#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    properties: Option<TagProperties<'a>>,
}

#[derive(Deserialize)]
struct TagProperties<'a> {
    #[serde(borrow)]
    region: Option<Text<'a>>,
    #[serde(
        borrow,
        default,
        rename = "addressPrefixes",
        deserialize_with = "bounded"
    )]
    address_prefixes: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
struct OracleRegion<'a> {
    #[serde(borrow)]
    region: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "bounded")]
    cidrs: Option<Vec<OracleRange<'a>>>,
}

#[derive(Deserialize)]
struct OracleRange<'a> {
    #[serde(borrow)]
    cidr: Option<Text<'a>>,
}

/// A text that is copied only where it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads an array of as many entries as there may be prefixes, so that a file of nothing but
/// `{}` does not grow in memory to many times its size.
fn bounded<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_seq(Entries(PhantomData)).map(Some)
}

struct Entries<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Vec<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = array.next_element()? {
            if entries.len() == LIST_PREFIXES_MAX {
                let problem = format!("an array of more than {LIST_PREFIXES_MAX} entries");
                return Err(A::Error::custom(problem));
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}
