//! Approvals from TOML and from tables.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::{
    ASSETS_MAX, Approval, DomainPattern, Note, RECIPIENTS_MAX, Recipient, Regime, Required, Terms,
    WrittenDate, canonical,
};
use crate::inventory::{
    Category, Lines, ListError, Name, ROWS_MAX, Route, Row, Table, Term, WrittenCountry,
    WrittenPrefix, read_list, read_toml, utf8, without_mark,
};
use crate::policy::meters::Period;

/// The columns of the table. Rows of one id are one approval: each may name a recipient, and
/// leave empty what the first says.
pub const APPROVAL_COLUMNS: &[&str] = &[
    "id",
    "regime",
    "route",
    "filing_number",
    "organisation",
    "assets",
    "categories",
    "maximum_subjects",
    "maximum_bytes",
    "period",
    "valid_from",
    "valid_to",
    "protection",
    "note",
    "recipient_name",
    "recipient_domain",
    "recipient_prefix",
    "recipient_asn",
    "recipient_country",
];

/// Columns that are about all recipients of an approval: those between the id and the first
/// recipient's.
fn term_columns() -> impl Iterator<Item = &'static str> {
    let columns = APPROVAL_COLUMNS.iter().copied().skip(1);
    columns.take_while(|column| !column.starts_with("recipient_"))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenList {
    approval: Vec<WrittenApproval>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenApproval {
    id: Spanned<Term>,
    regime: Regime,
    route: Route,
    filing_number: Option<Term>,
    organisation: Option<Term>,
    #[serde(default)]
    assets: Vec<Name>,
    #[serde(default)]
    categories: Vec<Category>,
    maximum_subjects: Option<u64>,
    maximum_bytes: Option<u64>,
    period: Option<Period>,
    valid_from: WrittenDate,
    valid_to: Spanned<WrittenDate>,
    protection: Option<Required>,
    note: Option<Note>,
    #[serde(default)]
    recipients: Vec<Spanned<WrittenRecipient>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRecipient {
    name: Option<Term>,
    domain: Option<DomainPattern>,
    prefix: Option<WrittenPrefix>,
    asn: Option<NonZeroU32>,
    country: Option<WrittenCountry>,
}

impl From<WrittenRecipient> for Recipient {
    fn from(written: WrittenRecipient) -> Self {
        Self {
            name: written.name,
            domain: written.domain,
            prefix: written
                .prefix
                .map(|WrittenPrefix(prefix)| canonical(prefix)),
            asn: written.asn,
            country: written.country.map(|WrittenCountry(country)| country),
        }
    }
}

/// What is wrong with terms, and at which key or column.
struct Fault(&'static str, String);

impl Terms {
    fn checked(self) -> Result<Self, Fault> {
        if self.valid_to < self.valid_from {
            let (from, to) = (self.valid_from, self.valid_to);
            let message = format!("{to} is before valid_from {from}: exchange them");
            return Err(Fault("valid_to", message));
        }
        if self.organisation.is_none() && self.assets.is_empty() {
            let message = "nobody may export by it: name an organisation or assets";
            return Err(Fault("organisation", message.to_owned()));
        }
        let has_maximum = self.maximum_bytes.is_some() || self.maximum_subjects.is_some();
        if has_maximum != self.period.is_some() {
            let message = match has_maximum {
                true => "a maximum needs a period: add day, month, year or total",
                false => "a period needs a maximum: add one, or remove the period",
            };
            return Err(Fault("period", message.to_owned()));
        }
        if self.assets.len() > ASSETS_MAX {
            let message = format!("more than {ASSETS_MAX} assets: write a second approval");
            return Err(Fault("assets", message));
        }
        Ok(self)
    }
}

impl Recipient {
    /// Whether nothing tells who it is.
    const fn is_anybody(&self) -> bool {
        self.domain.is_none()
            && self.prefix.is_none()
            && self.asn.is_none()
            && self.country.is_none()
    }
}

const ANYBODY: &str = "nothing tells the recipient: give a domain, prefix, asn or country";

fn too_many() -> String {
    format!("more than {RECIPIENTS_MAX} recipients: write a second approval")
}

impl Approval {
    /// Reads a register: TOML if its name ends in `.toml`, else a table.
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

    /// Reads TOML with one `[[approval]]` for each.
    ///
    /// # Errors
    /// Names the line, the column and the fix.
    pub fn read_toml(text: &str, file: &str) -> Result<Vec<Self>, ListError> {
        let list: WrittenList = read_toml(text, file)?;
        let text = without_mark(text);
        let (lines, file) = (Lines::of(text), Arc::from(file));
        if let Some(first) = list.approval.get(ROWS_MAX) {
            let message = format!("more than {ROWS_MAX} approvals: split the list");
            let line = lines.at(first.id.span().start);
            return Err(ListError::of_line(&file, line, message));
        }
        let approvals = list.approval.into_iter();
        let approvals = approvals.map(|written| written.approval(text, &file, &lines));
        approvals.collect()
    }

    /// Reads a table (RFC 4180) whose header names some of [`APPROVAL_COLUMNS`]. Several items
    /// of a cell have `;` between them.
    ///
    /// # Errors
    /// Names the line, the column and the fix.
    pub fn read_table(bytes: &[u8], file: &str) -> Result<Vec<Self>, ListError> {
        let needed = ["id", "regime", "route", "valid_from", "valid_to"];
        let mut table = Table::open(bytes, file, APPROVAL_COLUMNS, &needed)?;
        let file = Arc::clone(table.file());
        let mut approvals: Vec<Self> = Vec::new();
        // The first approval of each id, which the rows after it add to.
        let mut first_of: HashMap<Term, usize> = HashMap::new();
        while let Some(row) = table.next_row()? {
            let id: Term = row.need("id")?;
            let recipient = recipient(&row)?;
            let known = first_of
                .get(&id)
                .and_then(|place| approvals.get_mut(*place));
            let is_blank = || term_columns().all(|column| row.cell(column).is_empty());
            if let Some(known) = known {
                if is_blank() || terms(&row)? == known.terms {
                    known.add(recipient, &row)?;
                    continue;
                }
            } else {
                first_of.insert(id.clone(), approvals.len());
            }
            approvals.push(Self {
                id,
                terms: terms(&row)?,
                recipients: recipient.into_iter().collect(),
                file: Arc::clone(&file),
                line: row.line,
                repeated_lines: Vec::new(),
            });
        }
        Ok(approvals)
    }

    /// Adds the recipient of a further row.
    fn add(&mut self, recipient: Option<Recipient>, row: &Row<'_>) -> Result<(), ListError> {
        match recipient {
            // One that names nobody would make it an approval for anybody.
            None if !self.recipients.is_empty() => {
                let message = "is empty, but the approval names recipients: name one, or remove \
                               the row";
                Err(row.error("recipient_domain", message))
            }
            Some(_) if self.recipients.is_empty() => {
                let message = format!(
                    "line {} lets anybody receive: name a recipient there too",
                    self.line
                );
                Err(row.error("recipient_domain", message))
            }
            Some(recipient) if !self.recipients.contains(&recipient) => {
                if self.recipients.len() >= RECIPIENTS_MAX {
                    return Err(row.error("id", too_many()));
                }
                self.recipients.push(recipient);
                Ok(())
            }
            Some(_) | None => {
                self.repeated_lines.push(row.line);
                Ok(())
            }
        }
    }
}

impl WrittenApproval {
    fn approval(self, text: &str, file: &Arc<str>, lines: &Lines) -> Result<Approval, ListError> {
        let (id_at, to_at) = (self.id.span().start, self.valid_to.span().start);
        let error =
            |offset: usize, message: &str| Err(ListError::of_offset(file, text, offset, message));
        if self.recipients.len() > RECIPIENTS_MAX {
            return error(id_at, &too_many());
        }
        let mut recipients = Vec::with_capacity(self.recipients.len());
        let mut repeated_lines = Vec::new();
        for written in self.recipients {
            let at = written.span().start;
            let recipient = Recipient::from(written.into_inner());
            if recipient.is_anybody() {
                return error(at, ANYBODY);
            }
            match recipients.contains(&recipient) {
                true => repeated_lines.push(lines.at(at)),
                false => recipients.push(recipient),
            }
        }
        let terms = Terms {
            regime: self.regime,
            route: self.route,
            filing_number: self.filing_number,
            organisation: self.organisation,
            assets: self.assets,
            categories: self.categories.into(),
            maximum_subjects: self.maximum_subjects,
            maximum_bytes: self.maximum_bytes,
            period: self.period,
            valid_from: self.valid_from.0,
            valid_to: self.valid_to.into_inner().0,
            protection: self.protection,
            note: self.note,
        };
        match terms.checked() {
            Err(Fault("valid_to", message)) => error(to_at, &format!("valid_to: {message}")),
            Err(Fault(key, message)) => error(id_at, &format!("{key}: {message}")),
            Ok(terms) => Ok(Approval {
                id: self.id.into_inner(),
                terms,
                recipients,
                file: Arc::clone(file),
                line: lines.at(id_at),
                repeated_lines,
            }),
        }
    }
}

/// What a row says beside to whom.
fn terms(row: &Row<'_>) -> Result<Terms, ListError> {
    let terms = Terms {
        regime: row.need("regime")?,
        route: row.need("route")?,
        filing_number: row.get("filing_number")?,
        organisation: row.get("organisation")?,
        assets: row.list("assets")?,
        categories: row.list::<Category>("categories")?.into(),
        maximum_subjects: row.number("maximum_subjects")?,
        maximum_bytes: row.number("maximum_bytes")?,
        period: row.get("period")?,
        valid_from: row.need::<WrittenDate>("valid_from")?.0,
        valid_to: row.need::<WrittenDate>("valid_to")?.0,
        protection: row.get("protection")?,
        note: row.get("note")?,
    };
    let checked = terms.checked();
    checked.map_err(|Fault(column, message)| row.error(column, message))
}

/// The recipient of a row, unless it names none.
fn recipient(row: &Row<'_>) -> Result<Option<Recipient>, ListError> {
    let prefix = row.get::<WrittenPrefix>("recipient_prefix")?;
    let country = row.get::<WrittenCountry>("recipient_country")?;
    let recipient = Recipient {
        name: row.get("recipient_name")?,
        domain: row.get("recipient_domain")?,
        prefix: prefix.map(|WrittenPrefix(prefix)| canonical(prefix)),
        asn: row.number("recipient_asn")?,
        country: country.map(|WrittenCountry(country)| country),
    };
    match recipient {
        nobody if nobody == Recipient::default() => Ok(None),
        named if named.is_anybody() => Err(row.error("recipient_name", ANYBODY)),
        named => Ok(Some(named)),
    }
}
