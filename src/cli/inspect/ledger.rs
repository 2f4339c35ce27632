//! What packs have said on some days, by the ledger.
//!
//! The rows of a day say what was sent to whom and what each pack said of it by then; entries of
//! verdicts have the rule. Nothing is judged anew: of packs that were not in force then, a ledger
//! knows nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::civil::Date;
use serde::Deserialize;

use crate::geo::Country;
use crate::ledger::{Filter, Kind, show};
use crate::pipeline::StandpointRow;
use crate::policy::Standpoint;
use crate::policy::law::{Severity, Verdict};

use super::{CommandError, finding};

/// Who sent to whom, and which pack said something of it.
type Key = (String, Country, String, String);

/// The rows of a day, as the ledger has them.
#[derive(Deserialize)]
struct Totals {
    day: String,
    rows: Vec<DayRow>,
}

#[derive(Deserialize)]
struct DayRow {
    asset: String,
    jurisdiction: Country,
    #[serde(default)]
    recipient: Option<String>,
    bytes: u64,
    verdicts: BTreeMap<String, Verdict>,
}

/// What a pack said, as the ledger has it.
#[derive(Deserialize)]
struct Said {
    asset: String,
    jurisdiction: Country,
    #[serde(default)]
    recipient: Option<String>,
    pack: String,
    verdict: Verdict,
    severity: Severity,
    #[serde(default)]
    rule: Option<String>,
    #[serde(default)]
    cite: Option<String>,
    #[serde(default)]
    approval: Option<String>,
    splitting: Option<Split>,
}

/// A threshold that is passed together with others.
#[derive(Debug, Deserialize)]
struct Split {
    rule: String,
}

/// What was said so far.
#[derive(Default)]
struct Gathered {
    rows: BTreeMap<Key, StandpointRow>,
    /// The last words of each pack on each verdict.
    words: BTreeMap<(Key, Verdict), Standpoint>,
    /// Packs that have said anything.
    packs: BTreeSet<String>,
    /// Whether a day of the window is there at all.
    has_days: bool,
    /// Whether there were more than there is room for.
    is_full: bool,
}

/// Days that are looked at, both included.
pub(super) fn window(from: Option<&str>, to: Option<&str>) -> Result<[Date; 2], CommandError> {
    let day = |option, text: Option<&str>| {
        let text = text.unwrap_or_default();
        let day: Result<Date, _> = text.parse();
        day.map_err(|_| CommandError::Usage(format!("{option} {text}: no date such as 2026-12-31")))
    };
    let (from, to) = (day("--from", from)?, day("--to", to)?);
    if to < from {
        let why = format!("--to {to} lies before --from {from}: exchange them");
        return Err(CommandError::Usage(why));
    }
    Ok([from, to])
}

/// The worst that each pack said on the days of a window, of all packs if none is named.
pub(super) fn of_ledger(
    folder: &Path,
    window: [Date; 2],
    packs: &[String],
) -> Result<Vec<StandpointRow>, CommandError> {
    let filter = Filter {
        kinds: vec![Kind::Totals, Kind::Verdict],
        ..Filter::default()
    };
    let mut gathered = Gathered::default();
    for entry in show(folder, filter)? {
        let entry = entry?;
        // What another version has written otherwise says nothing here.
        match entry.kind {
            Kind::Verdict => {
                if let Ok(said) = serde_json::from_str::<Said>(&entry.body) {
                    gathered.hear(said);
                }
            }
            _ => {
                if let Ok(totals) = serde_json::from_str::<Totals>(&entry.body) {
                    gathered.count(totals, window, packs);
                }
            }
        }
    }
    if gathered.is_full {
        let why = "more than 200,000 rows: look at fewer days, or a pack at a time".to_owned();
        return Err(CommandError::Usage(why));
    }
    if !gathered.has_days {
        let name = folder.display();
        let why = format!(
            "{name}: no day from {} to {} has ended there",
            window[0], window[1]
        );
        return Err(CommandError::Usage(why));
    }
    let unknown = packs.iter().find(|pack| !gathered.packs.contains(*pack));
    if let Some(pack) = unknown {
        let known: Vec<_> = gathered.packs.into_iter().collect();
        let known = match known.is_empty() {
            true => "none".to_owned(),
            false => known.join(", "),
        };
        return Err(CommandError::Usage(format!(
            "{}: no word of pack `{pack}`, which was not in force (packs: {known}); hold captures \
             against it",
            folder.display()
        )));
    }
    Ok(gathered.rows.into_values().collect())
}

impl Gathered {
    fn hear(&mut self, said: Said) {
        self.packs.insert(said.pack.clone());
        let recipient = said.recipient.unwrap_or_else(|| OTHERS.to_owned());
        let key = (said.asset, said.jurisdiction, recipient, said.pack);
        let standpoint = Standpoint {
            verdict: said.verdict,
            severity: said.severity,
            rule: said.rule,
            cite: said.cite,
            approval: said.approval,
            splitting: said.splitting.map(|split| split.rule),
        };
        self.words.insert((key, said.verdict), standpoint);
        self.is_full |= self.words.len() > ROWS_MAX;
        if self.is_full {
            self.words.clear();
        }
    }

    fn count(&mut self, totals: Totals, [from, to]: [Date; 2], packs: &[String]) {
        let day: Result<Date, _> = totals.day.parse();
        let is_in = day.is_ok_and(|day| from <= day && day <= to);
        self.has_days |= is_in;
        for row in totals.rows.into_iter().filter(|_| is_in) {
            let recipient = row.recipient.unwrap_or_else(|| OTHERS.to_owned());
            for (pack, verdict) in row.verdicts {
                self.packs.insert(pack.clone());
                if !packs.is_empty() && !packs.contains(&pack) {
                    continue;
                }
                let asset = row.asset.clone();
                let key = (asset, row.jurisdiction, recipient.clone(), pack);
                self.add(key, verdict, row.bytes);
            }
        }
    }

    fn add(&mut self, key: Key, verdict: Verdict, bytes: u64) {
        let words = self.words.get(&(key.clone(), verdict)).cloned();
        let said = words.unwrap_or(Standpoint {
            verdict,
            severity: Severity::Info,
            rule: None,
            cite: None,
            approval: None,
            splitting: None,
        });
        let (asset, country, recipient, pack) = key.clone();
        let row = self.rows.entry(key).or_insert_with(|| StandpointRow {
            asset,
            country,
            recipient,
            bytes: 0,
            pack,
            said: said.clone(),
        });
        row.bytes = row.bytes.saturating_add(bytes);
        if finding(&said) >= finding(&row.said) {
            row.said = said;
        }
        self.is_full |= self.rows.len() > ROWS_MAX;
        if self.is_full {
            self.rows.clear();
        }
    }
}

/// Whoever has no name.
const OTHERS: &str = "others";

/// Rows that are told; a year of a large site has fewer.
const ROWS_MAX: usize = 200_000;
