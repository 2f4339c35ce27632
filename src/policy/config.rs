//! The configuration of this stage: `[policy]`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::Deserialize;
use thiserror::Error;

use super::approvals::{Approval, Register};
use super::law::{Pack, PackError};
use super::verdicts::Policy;
use crate::geo::{Country, Jurisdictions};
use crate::inventory::ListError;

/// By what exports are judged.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// Packs of law: names of those that are built in, or files that end in `.toml`. Without
    /// them those of the site's jurisdictions, as soon as anything is declared or approved.
    pub packs: Option<Vec<String>>,
    /// Files of approvals: tables, or TOML if their names end in `.toml`.
    pub approvals: Vec<PathBuf>,
    /// Bytes of a day, from an asset to a recipient, below which a verdict raises no alert.
    pub alert_bytes_per_day: u64,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            packs: None,
            approvals: Vec::new(),
            alert_bytes_per_day: 65_536,
        }
    }
}

/// Why there is nothing to judge by.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// A pack.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A list of approvals.
    #[error(transparent)]
    List(#[from] ListError),
    /// A pack is named twice.
    #[error("policy.packs: `{0}` is named twice: remove one")]
    Twice(String),
    /// A pack is named beside one that extends it.
    #[error("policy.packs: `{0}` is part of `{1}`, which extends it: remove it")]
    Extended(String, String),
}

/// What the site has said that packs judge by.
#[derive(Clone, Copy, Debug)]
pub struct PolicySite<'a> {
    /// Countries between which data crosses no border.
    pub jurisdictions: &'a Jurisdictions,
    /// Where days of totals begin.
    pub zone: &'a TimeZone,
    /// Whether anything is declared of an asset.
    pub has_declared: bool,
}

impl PolicyConfig {
    /// Makes the paths relative to a folder.
    pub fn resolve_paths(&mut self, folder: &Path) {
        for path in &mut self.approvals {
            *path = folder.join(&path);
        }
        for pack in self.packs.iter_mut().flatten() {
            if is_file(pack) {
                *pack = folder.join(&pack).display().to_string();
            }
        }
    }

    /// Reads packs and approvals.
    ///
    /// # Errors
    /// Names the file, line, column and the fix.
    pub fn open(&self, site: &PolicySite<'_>) -> Result<Policy, PolicyError> {
        let mut approvals = Vec::new();
        for path in &self.approvals {
            approvals.extend(Approval::read(path)?);
        }
        refuse_contradictions(&approvals)?;
        let is_asked = site.has_declared || !approvals.is_empty();
        let register = Register::new(approvals)?;
        let packs = match &self.packs {
            Some(named) => named_packs(named)?,
            None if is_asked => of_site(site.jurisdictions)?,
            None => Vec::new(),
        };
        // Where assets are of which nothing else is declared.
        let home = site.jurisdictions.iter().next();
        let home = home.unwrap_or(Country::UNKNOWN);
        let zone = site.zone.clone();
        Ok(Policy::new(
            packs,
            register,
            home,
            zone,
            self.alert_bytes_per_day,
        ))
    }
}

/// Refuses approvals of one id whose terms differ: whatever is told by the id, and counted for
/// its quota, would be told of the wrong one.
fn refuse_contradictions(approvals: &[Approval]) -> Result<(), ListError> {
    let mut first_of: HashMap<&str, &Approval> = HashMap::new();
    for approval in approvals {
        let first = first_of.entry(approval.id.as_str()).or_insert(approval);
        if first.terms != approval.terms {
            let id = &approval.id;
            let message = format!(
                "`{id}` contradicts `{id}` at {}:{}, the terms differ: give one of them another \
                 id, or correct the terms",
                first.file, first.line
            );
            return Err(ListError::of_line(&approval.file, approval.line, message));
        }
    }
    Ok(())
}

fn named_packs(named: &[String]) -> Result<Vec<Pack>, PolicyError> {
    let mut packs: Vec<Pack> = Vec::new();
    for name in named {
        let pack = match is_file(name) {
            true => Pack::read(Path::new(name))?,
            false => Pack::embedded(name)?,
        };
        if packs.iter().any(|known| known.id == pack.id) {
            return Err(PolicyError::Twice(pack.id));
        }
        packs.push(pack);
    }
    for pack in &packs {
        let base = packs.iter().find(|base| pack.extends.contains(&base.id));
        if let Some(base) = base {
            return Err(PolicyError::Extended(base.id.clone(), pack.id.clone()));
        }
    }
    Ok(packs)
}

fn is_file(pack: &str) -> bool {
    pack.ends_with(".toml")
}

/// The packs that are at home in a country of the site, of those that stand for themselves.
fn of_site(jurisdictions: &Jurisdictions) -> Result<Vec<Pack>, PackError> {
    let mut packs = Vec::new();
    for name in HOME_PACKS {
        let pack = Pack::embedded(name)?;
        if jurisdictions.iter().any(|country| pack.is_home(country)) {
            packs.push(pack);
        }
    }
    Ok(packs)
}

/// Packs that judge without being asked for.
const HOME_PACKS: [&str; 11] = [
    "cn-base", "us-dsp", "eu-gdpr", "ru-152fz", "in-dpdp", "vn-pdpl", "id-pdp", "sa-pdpl",
    "kr-pipa", "jp-appi", "br-lgpd",
];
