//! The configuration of this stage: `[geo]`.

use std::fmt;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::Country;

/// Where places come from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeoConfig {
    /// An MMDB file with a country per network, in place of the built-in one.
    pub country: Option<PathBuf>,
    /// A second opinion: an MMDB file with a country per network. It changes how sure a
    /// country is, and never the country.
    pub country_second: Option<PathBuf>,
    /// Where the site is, so that a round trip can refute a country.
    pub location: Option<Location>,
    /// An MMDB file with an autonomous system per network, in place of the built-in one.
    pub asn: Option<PathBuf>,
    /// Lists of prefixes as clouds and networks publish them. They change how sure a country
    /// is, and never the country; a later one outranks those before.
    pub providers: Vec<PathBuf>,
    /// Whether the built-in lists of anycast prefixes are used too.
    pub shipped_providers: bool,
    /// What the operator knows better, under the key `override`.
    #[serde(rename = "override")]
    pub overrides: Vec<GeoOverride>,
}

impl Default for GeoConfig {
    fn default() -> Self {
        Self {
            country: None,
            country_second: None,
            location: None,
            asn: None,
            providers: Vec::new(),
            shipped_providers: true,
            overrides: Vec::new(),
        }
    }
}

impl GeoConfig {
    /// Reads relative paths as relative to the folder `base`, that of the config file.
    pub fn resolve_paths(&mut self, base: &Path) {
        let paths = [&mut self.country, &mut self.country_second, &mut self.asn];
        let paths = paths.into_iter().flatten();
        for path in paths.chain(&mut self.providers) {
            *path = base.join(&*path);
        }
    }
}

/// A point on the map, in degrees: as `[39.9, 116.4]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "[f64; 2]")]
pub struct Location {
    /// -90 (south) to 90.
    pub latitude: f64,
    /// -180 (west) to 180.
    pub longitude: f64,
}

impl TryFrom<[f64; 2]> for Location {
    type Error = &'static str;

    fn try_from([latitude, longitude]: [f64; 2]) -> Result<Self, Self::Error> {
        let is_sound = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        let location = Self {
            latitude,
            longitude,
        };
        is_sound.then_some(location).ok_or(
            "a location is latitude (-90 to 90) and longitude (-180 to 180) in degrees, as \
             [39.9, 116.4]",
        )
    }
}

/// One prefix, the country in which it is used, and who uses it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeoOverride {
    /// The prefix. Where several hold an address, the longest counts.
    pub prefix: IpNet,
    /// Its country. `ZZ` says that it is unknown, whatever the database holds.
    #[serde(deserialize_with = "written_country")]
    pub country: Country,
    /// Its autonomous system, as for a private line whose addresses no database knows. The
    /// database says where there is none; 0 says that it is unknown.
    #[serde(default)]
    pub asn: Option<u32>,
    /// The name of who uses it. Without one the database says, unless `asn` is given: the
    /// name of another system would be wrong.
    #[serde(default)]
    pub organisation: Option<String>,
}

impl GeoOverride {
    /// A prefix of which only the country is stated.
    pub const fn new(prefix: IpNet, country: Country) -> Self {
        Self {
            prefix,
            country,
            asn: None,
            organisation: None,
        }
    }

    /// Whether both say the same of their prefixes.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        self.country == other.country
            && self.asn == other.asn
            && self.organisation == other.organisation
    }
}

/// What it says of its prefix.
impl fmt::Display for GeoOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.country)?;
        if let Some(asn) = self.asn {
            write!(f, " AS{asn}")?;
        }
        match &self.organisation {
            Some(name) => write!(f, " {name:?}"),
            None => Ok(()),
        }
    }
}

fn written_country<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Country, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == Country::UNKNOWN.code() {
        return Ok(Country::UNKNOWN);
    }
    Country::from_person(&text).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_toml_and_resolves_paths() {
        let text = r#"
            country = "geo/country.mmdb"
            asn = "/var/lib/asn.mmdb"
            providers = ["geo/ip-ranges.json", "/var/lib/cloud.json"]
            shipped_providers = false
            [[override]]
            prefix = "10.9.0.0/16"
            country = "SG"
            [[override]]
            prefix = "10.8.0.0/16"
            country = "JP"
            asn = 4_200_000_001
            organisation = "Branch"
        "#;
        let mut config: GeoConfig = toml::from_str(text).unwrap();
        config.resolve_paths(Path::new("/etc/borderflow"));
        assert_eq!(
            config.country,
            Some("/etc/borderflow/geo/country.mmdb".into())
        );
        assert_eq!(config.asn, Some("/var/lib/asn.mmdb".into()));
        assert_eq!(
            config.providers,
            ["/etc/borderflow/geo/ip-ranges.json", "/var/lib/cloud.json"].map(PathBuf::from)
        );
        assert!(!config.shipped_providers && GeoConfig::default().shipped_providers);
        let [first, second] = &config.overrides[..] else {
            panic!("two overrides")
        };
        assert_eq!(
            *first,
            GeoOverride::new("10.9.0.0/16".parse().unwrap(), "SG".parse().unwrap())
        );
        assert_eq!(second.asn, Some(4_200_000_001));
        assert_eq!(second.to_string(), "JP AS4200000001 \"Branch\"");
        assert!(!first.agrees(second) && second.agrees(second));
        assert_eq!(
            toml::from_str::<GeoConfig>("").unwrap(),
            GeoConfig::default()
        );
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for wrong in [
            "contry = \"x\"",
            "[[override]]\nprefix = \"10.9.0.0/16\"\ncountry = \"sg\"",
            "[[override]]\nprefix = \"10.9.0.0/33\"\ncountry = \"SG\"",
            "[[override]]\nprefix = \"10.9.0.0/16\"",
            "[[override]]\nprefix = \"10.9.0.0/16\"\ncountry = \"SG\"\nasn = -1",
            "[[override]]\nprefix = \"10.9.0.0/16\"\ncountry = \"SG\"\nas = 1",
        ] {
            assert!(toml::from_str::<GeoConfig>(wrong).is_err(), "{wrong}");
        }
    }
}
