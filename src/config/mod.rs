//! The configuration file: TOML to the settings of every stage.
//!
//! Unknown keys are refused, and every complaint names file, line and column.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::alert::AlertConfig;
use crate::baseline::BaselineConfig;
use crate::capture::Method;
use crate::dissect::DissectConfig;
use crate::flow::FlowConfig;
use crate::geo::{GeoConfig, Jurisdictions};
use crate::history::HistoryConfig;
use crate::inspect::InspectConfig;
use crate::intake::FlowInputConfig;
use crate::inventory::{AssetConfig, ListError, Listed, one_line};
use crate::policy::{Policy, PolicyConfig, PolicyError, PolicySite};
use crate::privacy::PrivacyConfig;
use crate::sink::SinkSettings;
use crate::time::{Calendar, CalendarError};

/// The largest configuration file that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

/// The settings of every stage.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where home is and what its calendar says.
    pub site: SiteConfig,
    /// What assets are told apart by.
    pub asset: AssetConfig,
    /// Databases and overrides.
    pub geo: GeoConfig,
    /// What is read of conversations.
    pub dissect: DissectConfig,
    /// When flows end.
    pub flow: FlowConfig,
    /// What was approved, and by what law exports are judged.
    pub policy: PolicyConfig,
    /// How content is looked into.
    pub inspect: InspectConfig,
    /// How normal is learned.
    pub baseline: BaselineConfig,
    /// What is told: how many false alerts are worth having, and what is too much at all.
    pub alert: AlertConfig,
    /// Live capture.
    pub capture: CaptureConfig,
    /// Flow records of others.
    pub flow_input: FlowInputConfig,
    /// Bounds.
    pub limits: LimitsConfig,
    /// What outlives a restart.
    pub state: StateConfig,
    /// A record that can be proved.
    pub ledger: LedgerConfig,
    /// Systems that alerts are handed to.
    pub sink: Vec<SinkSettings>,
    /// What a running sensor may do.
    pub sandbox: SandboxConfig,
    /// What the console shows.
    pub history: HistoryConfig,
    /// The HTTP port.
    pub http: HttpConfig,
    /// What is hidden of who is watched.
    pub privacy: PrivacyConfig,
    /// SHA-256 of the text, 64 hexadecimal digits; nothing where there is none.
    #[serde(skip)]
    pub sha256: Option<String>,
}

/// Where home is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SiteConfig {
    /// Networks whose addresses are assets of the site.
    pub networks: Vec<IpNet>,
    /// Countries, `EU` or `EEA`, between which data crosses no border.
    pub jurisdictions: Home,
    /// IANA time zone of the site.
    pub time_zone: String,
    /// Dates that are no working days, as `2026-10-01`.
    pub holidays: Vec<String>,
}

/// The jurisdictions of the site, at least one.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Home(pub Jurisdictions);

/// How live interfaces are captured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaptureConfig {
    /// Bytes captured of each frame. It never changes what is counted.
    pub snap_length_bytes: u32,
    /// Size of the ring that the kernel fills, per interface and worker; with XDP, of all
    /// rings of an interface.
    pub buffer_bytes: u32,
    /// Whether frames for other hosts are captured, as on a mirrored port they must be.
    pub promiscuous: bool,
    /// What captures them.
    pub method: Method,
    /// Whether an interface that is removed is waited for, instead of ending the run.
    pub wait_for_interface: bool,
    /// An interface that brings no frame for so many seconds raises an alarm; 0 is never.
    pub silence_seconds: u64,
    /// Whether a packet that is captured twice within a millisecond counts once.
    pub deduplicate: bool,
    /// Whether bytes that TCP or fragments carry twice are compared.
    pub compare_overlaps: bool,
    /// Processors that the workers are kept on, in turn; the system chooses if there are none.
    pub processors: Vec<usize>,
}

/// Bounds that the operator sets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Flows that are followed at once.
    pub flows: usize,
}

/// What outlives a restart.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateConfig {
    /// Folder for the learned baseline; without it every start learns anew.
    pub dir: Option<PathBuf>,
}

/// What a running sensor may do beside its work.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// Account that a sensor goes on as that was started by root.
    pub user: Option<String>,
    /// Whether Landlock keeps it to the folders that it needs.
    pub landlock: bool,
    /// Whether seccomp keeps it to the system calls that it needs.
    pub seccomp: bool,
}

/// A record that can be proved.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LedgerConfig {
    /// Folder of the ledger; without it none is kept.
    pub dir: Option<PathBuf>,
    /// File of the key by which its heads are signed.
    pub key: Option<PathBuf>,
}

/// The HTTP port, of which the address is an argument.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Names of the host beside `localhost` by which it may be asked.
    pub names: Vec<String>,
    /// File of the token by which the console takes feedback; without it it takes none.
    pub feedback_token_file: Option<PathBuf>,
    /// Certificate and users, in the format of the exporters of Prometheus.
    pub web_config: Option<PathBuf>,
}

/// Why a configuration was refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is too large to be a configuration.
    #[error("{0}: larger than a configuration can be (16 MiB)")]
    TooLarge(String),
    /// The text is not what is expected.
    #[error("{path}:{line}:{column}: {message}")]
    Text {
        /// The file.
        path: String,
        /// Line, the first being 1.
        line: usize,
        /// Column in characters, the first being 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A list that the file names.
    #[error(transparent)]
    List(#[from] ListError),
    /// The calendar cannot be made.
    #[error("{path}: site: {source}")]
    Calendar {
        /// The file.
        path: String,
        /// What is wrong.
        source: CalendarError,
    },
}

impl Config {
    /// Reads a file. Relative paths in it are relative to its folder.
    ///
    /// # Errors
    /// Names the file, and where it can the line and column.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let error = |source| ConfigError::Read {
            path: name.clone(),
            source,
        };
        let file = File::open(path).map_err(error)?;
        let mut text = String::new();
        // One byte more than may be, so that a device without an end is found out too.
        let mut bounded = file.take(FILE_BYTES_MAX + 1);
        bounded.read_to_string(&mut text).map_err(error)?;
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(ConfigError::TooLarge(name));
        }
        let mut config = Self::parse(&text, &name)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        config.geo.resolve_paths(folder);
        config.state.dir = config.state.dir.map(|dir| folder.join(dir));
        for path in [
            &mut config.ledger.dir,
            &mut config.ledger.key,
            &mut config.history.dir,
            &mut config.http.feedback_token_file,
            &mut config.http.web_config,
        ] {
            *path = path.take().map(|path| folder.join(path));
        }
        config.sha256 = Some(sha256(&text));
        config.policy.resolve_paths(folder);
        let sinks = config.sink.iter_mut();
        sinks.for_each(|sink| sink.resolve_paths(folder));
        config.inspect.resolve_paths(folder);
        config.privacy.resolve_paths(folder);
        config.flow_input.resolve_paths(folder);
        if let Some(inventory) = &config.asset.inventory {
            let known = std::mem::take(&mut config.asset.known);
            let mut listed = Listed::of_text(known, &text, &name);
            listed.extend(Listed::read(&folder.join(inventory))?);
            Listed::check(&listed, config.asset.by)?;
            config.asset.known = listed.into_iter().map(|one| one.known).collect();
        }
        Ok(config)
    }

    /// By what exports are judged.
    ///
    /// # Errors
    /// Names the pack or the list that cannot be used, and the fix.
    pub fn open_policy(&self) -> Result<Policy, PolicyError> {
        let has_declared = |known: &crate::inventory::Known| {
            let declared = &known.declared;
            declared.grade.is_some() || !declared.categories.is_empty()
        };
        let zone = jiff::tz::TimeZone::get(&self.site.time_zone);
        self.policy.open(&PolicySite {
            jurisdictions: &self.site.jurisdictions.0,
            zone: &zone.unwrap_or(jiff::tz::TimeZone::UTC),
            has_declared: self.asset.known.iter().any(has_declared),
        })
    }

    /// Reads a text; `name` stands for the file in errors. A byte order mark is passed over.
    ///
    /// # Errors
    /// Names the line and column.
    pub fn parse(text: &str, name: &str) -> Result<Self, ConfigError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let error = |offset: usize, message: &str| {
            let before = text.get(..offset.min(text.len())).unwrap_or_default();
            let line_start = before.rfind('\n').map_or(0, |at| at + 1);
            ConfigError::Text {
                path: name.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
                message: one_line(message),
            }
        };
        let config: Self = toml::from_str(text)
            .map_err(|said| error(said.span().map_or(0, |span| span.start), said.message()))?;
        let known = config.asset.check();
        known.map_err(|wrong| error(wrong.offset, &wrong.message))?;
        let sinks = SinkSettings::check(&config.sink);
        sinks.map_err(|wrong| error(wrong.offset, &wrong.message))?;
        let flow_input = config.flow_input.check();
        flow_input.map_err(|wrong| error(text.find("flow_input").unwrap_or(0), &wrong))?;
        config
            .site
            .calendar()
            .map_err(|source| ConfigError::Calendar {
                path: name.to_owned(),
                source,
            })?;
        Ok(config)
    }
}

/// The digest of a text, as hexadecimal digits.
fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl SiteConfig {
    /// The calendar of the site.
    ///
    /// # Errors
    /// Names the time zone or the date that could not be read.
    pub fn calendar(&self) -> Result<Calendar, CalendarError> {
        Calendar::new(&self.time_zone, &self.holidays)
    }
}

impl Default for SiteConfig {
    fn default() -> Self {
        Self {
            networks: PRIVATE_NETWORKS
                .iter()
                .filter_map(|text| text.parse().ok())
                .collect(),
            jurisdictions: Home::default(),
            time_zone: "UTC".to_owned(),
            holidays: Vec::new(),
        }
    }
}

impl Default for Home {
    #[expect(clippy::expect_used, reason = "the code is a constant")]
    fn default() -> Self {
        Self(Jurisdictions::new(&["CN"]).expect("a country code"))
    }
}

impl TryFrom<Vec<String>> for Home {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        if names.is_empty() {
            return Err("no jurisdiction: name at least one, such as \"CN\" or \"EU\"".to_owned());
        }
        Jurisdictions::new(&names)
            .map(Self)
            .map_err(|error| error.to_string())
    }
}

impl Default for CaptureConfig {
    fn default() -> Self {
        Self {
            snap_length_bytes: 2_048,
            buffer_bytes: 64 << 20,
            promiscuous: true,
            method: Method::Auto,
            wait_for_interface: true,
            silence_seconds: 300,
            deduplicate: false,
            compare_overlaps: false,
            processors: Vec::new(),
        }
    }
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            user: None,
            landlock: true,
            seccomp: true,
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { flows: 1_000_000 }
    }
}

/// RFC 1918 and RFC 4193.
const PRIVATE_NETWORKS: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Learn;

    fn error(text: &str) -> String {
        Config::parse(text, "x.toml").unwrap_err().to_string()
    }

    #[test]
    fn an_empty_file_is_the_default() {
        let config = Config::parse("", "x.toml").unwrap();
        assert_eq!(config.site.networks.len(), 4);
        assert_eq!(config.baseline.learn, Learn::Auto);
        assert_eq!(config.limits.flows, 1_000_000);
    }

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        let documented = include_str!("../../docs/borderflow.toml");
        let read = Config::parse(documented, "docs/borderflow.toml").unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", Config::default()));
        // What is commented out must be right too, once it is asked for.
        let commented = [
            "country = \"",
            "asn = ",
            "[[",
            "name = ",
            "addresses = ",
            "mac = ",
            "ceiling_bytes_per_hour = ",
            "organisation = ",
            "uscc = ",
            "sector = ",
            "zone = ",
            "scenario = ",
            "is_critical_infrastructure = ",
            "is_inspected = ",
            "categories = ",
            "grade = ",
            "owner = ",
            "bytes_per_record = ",
            "home = ",
            "inventory = ",
            "packs = ",
            "approvals = ",
            "key = ",
            "prefix = ",
            "organisation = ",
            "dir = ",
            "kind = ",
            "format = ",
            "path = ",
            "rotate_",
            "severity_at_least = ",
            "alerts = ",
            "heads = ",
            "spool_bytes = ",
            "address = ",
            "carrier = ",
            "tls_",
            "url = ",
            "token_file = ",
            "user = ",
            "names = ",
            "feedback_token_file = ",
            "web_config = ",
            "sampling = ",
        ];
        let all: String = documented
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(key) if commented.iter().any(|start| key.starts_with(start)) => key,
                _ => line,
            })
            .fold(String::new(), |text, line| text + line + "\n");
        let read = Config::parse(&all, "docs/borderflow.toml").unwrap();
        assert_eq!(read.asset.known.len(), 1);
        let of_known = read.asset.known[0].ceiling_bytes_per_hour;
        let ceilings = [of_known, read.alert.ceiling_bytes_per_hour];
        assert_eq!(
            ceilings.map(|one| one.unwrap().get()),
            [50_000_000_000, 5_000_000_000]
        );
        assert_eq!(read.sink.len(), 6);
        assert_eq!(read.geo.overrides.len(), 1);
        assert_eq!(read.geo.overrides[0].asn, Some(64_512));
        assert_eq!(read.flow_input.exporter.len(), 1);
        assert!(read.geo.country.is_some() && read.geo.asn.is_some() && read.state.dir.is_some());
    }

    #[test]
    fn a_whole_file_with_a_byte_order_mark_and_carriage_returns_is_read() {
        let text = "\u{feff}[site]\r\nnetworks = [\"10.1.0.0/16\"]\r\njurisdictions = [\"EEA\"]\r\n\
            time_zone = \"Europe/Oslo\"\r\nholidays = [\"2026-05-17\"]\r\n\
            [[geo.override]]\r\nprefix = \"10.1.9.0/24\"\r\ncountry = \"SG\"\r\n\
            [baseline]\r\nlearn = \"14d\"\r\n[alert]\r\nbudget_per_asset_week = 0.1\r\n\
            [limits]\r\nflows = 5000\r\n[state]\r\ndir = \"state\"\r\n";
        let config = Config::parse(text, "x.toml").unwrap();
        assert_eq!(config.baseline.learn, Learn::Hours(336));
        assert_eq!(config.geo.overrides.len(), 1);
        assert!(config.site.jurisdictions.0.contains("NO".parse().unwrap()));
    }

    #[test]
    fn complaints_name_the_line_and_the_column() {
        let unknown = error("[site]\nnetwork = []\n");
        assert!(
            unknown.starts_with("x.toml:2:1: unknown field `network`"),
            "{unknown}"
        );
        let country = error("[[geo.override]]\nprefix = \"10.0.0.0/8\"\ncountry = \"Singapore\"\n");
        assert!(
            country.starts_with("x.toml:3:11: `Singapore` is not a country"),
            "{country}"
        );
        let learn = error("[baseline]\nlearn = \"2 weeks\"");
        assert!(
            learn.starts_with("x.toml:2:9: `2 weeks` is no learning time"),
            "{learn}"
        );
        let budget = error("[alert]\nbudget_per_asset_week = -1.0");
        assert!(
            budget.contains("x.toml:2:") && budget.contains("no alert budget"),
            "{budget}"
        );
        let home = error("[site]\njurisdictions = []");
        assert!(home.contains("name at least one"), "{home}");
        let seconds = error("[flow]\nactive_seconds = 0");
        assert!(seconds.starts_with("x.toml:2:18: "), "{seconds}");
        assert!(seconds.contains("nonzero"), "{seconds}");
        let zone = error("[site]\ntime_zone = \"Beijing\"");
        assert!(
            zone.contains("x.toml: site: unknown time zone `Beijing`"),
            "{zone}"
        );
        for text in [&unknown, &country, &learn, &budget, &home, &zone] {
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    }

    #[test]
    fn a_ceiling_is_a_number_of_bytes_and_not_none() {
        for wrong in ["0", "-5", "\"5 GB\"", "5.5"] {
            let site = error(&format!("[alert]\nceiling_bytes_per_hour = {wrong}"));
            assert!(site.starts_with("x.toml:2:26: invalid "), "{site}");
            let known = "[[asset.known]]\nname = \"nas\"\naddresses = [\"10.0.0.9\"]\n";
            let own = error(&format!("{known}ceiling_bytes_per_hour = {wrong}"));
            assert!(own.starts_with("x.toml:4:26: invalid "), "{own}");
            assert_eq!(site.lines().count(), 1, "{site}");
        }
        let none = Config::parse("[alert]\n", "x.toml").unwrap();
        assert_eq!(none.alert.ceiling_bytes_per_hour, None);
    }

    #[test]
    fn complaints_of_named_assets_do_so_too() {
        let known =
            "[[asset.known]]\nname = \"nas\"\naddresses = [\"10.0.0.9\", \"10.1.0.0/16\"]\n";
        let cases = [
            (
                "mac = \"02:00:00:00:01\"",
                "x.toml:4:7: `02:00:00:00:01` is no MAC address",
            ),
            (
                "mac = \"ff:ff:ff:ff:ff:ff\"",
                "x.toml:4:7: `ff:ff:ff:ff:ff:ff` is the MAC",
            ),
            (
                "[[asset.known]]\nname = \"nas\"\nmac = \"02-00-00-00-00-01\"",
                "x.toml:5:8: `nas` is the name of two assets",
            ),
            (
                "[[asset.known]]\nname = \"b\"\naddresses = [\"10.1.2.3/16\"]",
                "x.toml:6:14: 10.1.2.3/16 is `nas`'s already",
            ),
            (
                "[[asset.known]]\nname = \"b\"",
                "x.toml:5:8: `b` has neither",
            ),
            (
                "[[asset.known]]\nname = \"10.0.0.7\"",
                "x.toml:5:8: `10.0.0.7` is an address",
            ),
            ("[asset]\nby = \"vlan\"", "x.toml:5:6: unknown variant"),
        ];
        for (more, complaint) in cases {
            let said = error(&format!("{known}{more}\n"));
            assert!(said.starts_with(complaint), "{said}");
        }
        let card = error(
            "[asset]\nby = \"address\"\n[[asset.known]]\nname = \"b\"\nmac = \"02:00:00:00:00:01\"",
        );
        assert!(
            card.starts_with("x.toml:5:7: asset.by = \"address\" looks at"),
            "{card}"
        );
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.toml");
        std::fs::write(&path, "[state]\ndir = \"learned\"\n").unwrap();
        let config = Config::read(&path).unwrap();
        assert_eq!(config.state.dir, Some(folder.path().join("learned")));
        let missing = Config::read(&folder.path().join("no.toml"))
            .unwrap_err()
            .to_string();
        assert!(missing.contains("no.toml"), "{missing}");
    }
}
