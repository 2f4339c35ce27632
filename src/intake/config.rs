//! The configuration of flow input: `[flow_input]`.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;

/// Where flow records come from, and how they are counted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlowInputConfig {
    /// UDP addresses on which NetFlow v5 and v9, IPFIX and sFlow v5 are taken.
    pub listen: Vec<SocketAddr>,
    /// Who may send them, beside this host itself.
    pub exporter: Vec<ExporterConfig>,
    /// Files that Zeek appends connections to.
    pub conn_logs: Vec<PathBuf>,
    /// How long after it happened traffic counts of which records tell.
    pub delay_seconds: u64,
    /// Whether a flow that several places tell of counts where it was told first alone.
    pub counts_once: bool,
    /// Exporters, each with its observation domains, that are listened to at once.
    pub exporters_max: usize,
    /// An exporter that sends nothing for so many seconds raises an alarm; 0 is never.
    pub silence_seconds: u64,
    /// What the kernel holds of each address that is listened on.
    pub buffer_bytes: usize,
}

/// Exporters that are listened to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExporterConfig {
    /// What metrics and lines call them.
    pub name: String,
    /// Their addresses.
    pub prefix: IpNet,
    /// Packets of which they count one, where they do not say it themselves or are wrong.
    pub sampling: Option<NonZeroU32>,
}

impl Default for FlowInputConfig {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            exporter: Vec::new(),
            conn_logs: Vec::new(),
            // An active timeout of a minute, and half a minute on the way.
            delay_seconds: 90,
            counts_once: true,
            exporters_max: 64,
            silence_seconds: 300,
            buffer_bytes: 8 << 20,
        }
    }
}

/// Entries of `[[flow_input.exporter]]`, each of which has series of its own.
pub const EXPORTER_ENTRIES_MAX: usize = 64;

/// Bytes of the longest name of one.
const NAME_BYTES_MAX: usize = 64;

/// The longest time that records may be waited for, in seconds.
const DELAY_SECONDS_MAX: u64 = 3_600;

impl FlowInputConfig {
    /// Whether anything is to be taken.
    pub fn is_on(&self) -> bool {
        !self.listen.is_empty() || !self.conn_logs.is_empty()
    }

    /// Paths that are relative to the folder of the configuration.
    pub fn resolve_paths(&mut self, folder: &Path) {
        for path in &mut self.conn_logs {
            *path = folder.join(&*path);
        }
    }

    /// Whether the values make sense.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn check(&self) -> Result<(), String> {
        if self.exporter.len() > EXPORTER_ENTRIES_MAX {
            return Err(format!(
                "flow_input.exporter: more than {EXPORTER_ENTRIES_MAX} of them; put neighbours \
                 into one prefix"
            ));
        }
        let is_plain =
            |name: &str| !name.is_empty() && name.chars().all(|letter| !letter.is_control());
        let mut names = self.exporter.iter().map(|one| &one.name);
        if let Some(name) = names.find(|name| name.len() > NAME_BYTES_MAX || !is_plain(name)) {
            let name: String = name.chars().take(16).collect();
            return Err(format!(
                "flow_input.exporter.name {name:?}: write 1 to {NAME_BYTES_MAX} letters"
            ));
        }
        if self.delay_seconds > DELAY_SECONDS_MAX {
            return Err(format!(
                "flow_input.delay_seconds: more than {DELAY_SECONDS_MAX}; set the active timeout \
                 of the exporters to a minute instead"
            ));
        }
        if !(1..=EXPORTERS_MAX).contains(&self.exporters_max) {
            return Err(format!(
                "flow_input.exporters_max: write a number from 1 to {EXPORTERS_MAX}"
            ));
        }
        Ok(())
    }

    /// The entry that an address belongs to, the longest prefix of several; nothing if it may
    /// not export. This host itself always may.
    pub fn admit(&self, address: IpAddr) -> Option<Admitted> {
        let address = address.to_canonical();
        let entries = self.exporter.iter().enumerate();
        let of_address = entries.filter(|(_, one)| one.prefix.contains(&address));
        let entry = of_address.max_by_key(|(_, one)| one.prefix.prefix_len());
        match entry {
            Some((place, one)) => Some(Admitted {
                entry: Some(place),
                sampling: one.sampling.map(NonZeroU32::get),
            }),
            None => address.is_loopback().then_some(Admitted {
                entry: None,
                sampling: None,
            }),
        }
    }
}

/// The most exporters that may be listened to.
const EXPORTERS_MAX: usize = 4_096;

/// An address that may export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Which of the entries it belongs to; none is this host itself.
    pub entry: Option<usize>,
    /// What the operator says of its sampling.
    pub sampling: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, prefix: &str, sampling: u32) -> ExporterConfig {
        ExporterConfig {
            name: name.to_owned(),
            prefix: prefix.parse().unwrap(),
            sampling: NonZeroU32::new(sampling),
        }
    }

    #[test]
    fn the_longest_prefix_names_an_exporter_and_strangers_are_refused() {
        let config = FlowInputConfig {
            exporter: vec![
                entry("core", "192.0.2.0/24", 0),
                entry("edge", "192.0.2.7/32", 1_000),
            ],
            ..FlowInputConfig::default()
        };
        let admit = |text: &str| config.admit(text.parse().unwrap());
        let named = |entry, sampling| {
            let entry = Some(entry);
            Some(Admitted { entry, sampling })
        };
        assert_eq!(admit("192.0.2.7"), named(1, Some(1_000)));
        assert_eq!(admit("::ffff:192.0.2.8"), named(0, None));
        assert_eq!(admit("198.51.100.1"), None);
        assert_eq!(admit("::1").and_then(|one| one.entry), None);
        assert!(admit("127.0.0.9").is_some() && config.check().is_ok());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let with = |change: fn(&mut FlowInputConfig)| {
            let mut config = FlowInputConfig::default();
            change(&mut config);
            config.check().unwrap_err()
        };
        assert!(with(|config| config.exporters_max = 0).contains("exporters_max"));
        assert!(with(|config| config.delay_seconds = 9_999).contains("delay_seconds"));
        let unnamed = with(|config| config.exporter = vec![entry("a\nb", "192.0.2.0/24", 0)]);
        assert!(unnamed.contains("a\\nb"), "{unnamed}");
        let many = |config: &mut FlowInputConfig| {
            config.exporter = vec![entry("a", "192.0.2.0/24", 0); EXPORTER_ENTRIES_MAX + 1];
        };
        assert!(with(many).contains("more than"));
    }
}
