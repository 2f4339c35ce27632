//! The inventory in a file of its own: a table, or TOML with `[[asset]]`.

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::Vlan;
use super::config::{AssetBy, Known, Name, WrittenMac, WrittenPrefix, first_error};
use super::declared::{BytesPerRecord, Declared, Term, Uscc, WrittenCountry};
use super::table::without_mark;
use super::table::{Lines, ListError, ROWS_MAX, Row, Table, read_list, read_toml, utf8};
use super::{Category, Grade};

/// An asset of the inventory, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The file.
    pub file: Arc<str>,
    /// The line, the first being 1.
    pub line: usize,
    /// What is said of it.
    pub known: Known,
}

/// All that may be said of an asset in TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenKnown {
    name: Spanned<Name>,
    #[serde(default)]
    addresses: Vec<Spanned<WrittenPrefix>>,
    mac: Option<Spanned<WrittenMac>>,
    ceiling_bytes_per_hour: Option<NonZeroU64>,
    organisation: Option<Term>,
    uscc: Option<Uscc>,
    sector: Option<Term>,
    zone: Option<Term>,
    #[serde(default)]
    is_critical_infrastructure: bool,
    #[serde(default)]
    categories: Vec<Category>,
    grade: Option<Grade>,
    scenario: Option<Term>,
    owner: Option<Term>,
    bytes_per_record: Option<BytesPerRecord>,
    home: Option<WrittenCountry>,
    vlan: Option<Vlan>,
    #[serde(default)]
    is_inspected: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenList {
    asset: Vec<Known>,
}

/// The columns of the table.
pub const ASSET_COLUMNS: &[&str] = &[
    "name",
    "addresses",
    "mac",
    "ceiling_bytes_per_hour",
    "organisation",
    "uscc",
    "sector",
    "zone",
    "is_critical_infrastructure",
    "categories",
    "grade",
    "scenario",
    "owner",
    "bytes_per_record_minimum",
    "bytes_per_record_typical",
    "home",
    "vlan",
    "is_inspected",
];

impl From<WrittenKnown> for Known {
    fn from(written: WrittenKnown) -> Self {
        Self {
            name: written.name,
            addresses: written.addresses,
            mac: written.mac,
            ceiling_bytes_per_hour: written.ceiling_bytes_per_hour,
            declared: Declared {
                organisation: written.organisation,
                uscc: written.uscc,
                sector: written.sector,
                zone: written.zone,
                is_critical_infrastructure: written.is_critical_infrastructure,
                categories: written.categories.into(),
                grade: written.grade,
                scenario: written.scenario,
                owner: written.owner,
                bytes_per_record: written.bytes_per_record,
                home: written.home,
                vlan: written.vlan,
                is_inspected: written.is_inspected,
            },
        }
    }
}

impl Listed {
    /// Assets of a text in TOML, such as the `[[asset.known]]` of a configuration.
    pub fn of_text(known: Vec<Known>, text: &str, file: &str) -> Vec<Self> {
        let (lines, file) = (Lines::of(without_mark(text)), Arc::from(file));
        let listed = known.into_iter().map(|known| Self {
            file: Arc::clone(&file),
            line: lines.at(known.name.span().start),
            known,
        });
        listed.collect()
    }

    /// Reads an inventory: TOML if its name ends in `.toml`, else a table.
    ///
    /// # Errors
    /// Names the file, the line, the column and the fix.
    pub fn read(path: &Path) -> Result<Vec<Self>, ListError> {
        let (bytes, file) = (read_list(path)?, path.display().to_string());
        match path.extension().is_some_and(|end| end == "toml") {
            true => Self::read_toml(utf8(&bytes, &file)?, &file),
            false => Self::read_table(&bytes, &file),
        }
    }

    /// Reads TOML with one `[[asset]]` for each.
    ///
    /// # Errors
    /// Names the line, the column and the fix.
    pub fn read_toml(text: &str, file: &str) -> Result<Vec<Self>, ListError> {
        let list: WrittenList = read_toml(text, file)?;
        let assets = Self::of_text(list.asset, text, file);
        match assets.get(ROWS_MAX) {
            Some(first) => {
                let message = format!("more than {ROWS_MAX} assets: split the list");
                Err(ListError::of_line(file, first.line, message))
            }
            None => Ok(assets),
        }
    }

    /// Reads a table (RFC 4180) whose header names some of [`ASSET_COLUMNS`], `name` among
    /// them. Several items of a cell have `;` between them.
    ///
    /// # Errors
    /// Names the line, the column and the fix.
    pub fn read_table(bytes: &[u8], file: &str) -> Result<Vec<Self>, ListError> {
        let mut table = Table::open(bytes, file, ASSET_COLUMNS, &["name"])?;
        let file = Arc::clone(table.file());
        let mut assets = Vec::new();
        while let Some(row) = table.next_row()? {
            assets.push(Self {
                file: Arc::clone(&file),
                line: row.line,
                known: known(&row)?,
            });
        }
        Ok(assets)
    }

    /// Holds assets of all lists against each other.
    ///
    /// # Errors
    /// The first that is named twice, that shares a prefix or a card with another, or that
    /// nothing can be told by.
    pub fn check(assets: &[Self], by: AssetBy) -> Result<(), ListError> {
        let all = assets.iter().map(|listed| &listed.known);
        let Some((place, error)) = first_error(by, all) else {
            return Ok(());
        };
        let (file, line) = assets
            .get(place)
            .map_or(("", 0), |listed| (&*listed.file, listed.line));
        Err(ListError::of_line(file, line, error.message))
    }
}

/// What a row says of an asset.
fn known(row: &Row<'_>) -> Result<Known, ListError> {
    let at = |line: usize| line..line;
    let addresses = row.list::<WrittenPrefix>("addresses")?.into_iter();
    let mac = row.get::<WrittenMac>("mac")?;
    Ok(Known {
        name: Spanned::new(at(row.line), row.need("name")?),
        addresses: addresses
            .map(|prefix| Spanned::new(at(row.line), prefix))
            .collect(),
        mac: mac.map(|mac| Spanned::new(at(row.line), mac)),
        ceiling_bytes_per_hour: row.number("ceiling_bytes_per_hour")?,
        declared: declared(row)?,
    })
}

fn declared(row: &Row<'_>) -> Result<Declared, ListError> {
    let [least, usual] = ["bytes_per_record_minimum", "bytes_per_record_typical"];
    let bytes_per_record = match (row.number(least)?, row.number(usual)?) {
        (None, None) => None,
        (Some(minimum), Some(typical)) => {
            let both = BytesPerRecord::new(minimum, typical);
            Some(both.map_err(|said| row.error(usual, said))?)
        }
        (Some(_), None) => return Err(row.error(usual, "is empty: fill it too")),
        (None, Some(_)) => return Err(row.error(least, "is empty: fill it too")),
    };
    let vlan = row.number("vlan")?.map(|number: u16| {
        let vlan = Vlan::try_from(number);
        vlan.map_err(|said| row.error("vlan", said))
    });
    Ok(Declared {
        organisation: row.get("organisation")?,
        uscc: row.get("uscc")?,
        sector: row.get("sector")?,
        zone: row.get("zone")?,
        is_critical_infrastructure: row.is_yes("is_critical_infrastructure")?,
        categories: row.list::<Category>("categories")?.into(),
        grade: row.get("grade")?,
        scenario: row.get("scenario")?,
        owner: row.get("owner")?,
        bytes_per_record,
        home: row.get("home")?,
        vlan: vlan.transpose()?,
        is_inspected: row.is_yes("is_inspected")?,
    })
}

#[cfg(test)]
mod tests;
