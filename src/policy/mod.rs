//! Transfers to verdicts: what was approved, what the law says, how much of it was used.
//!
//! A [`Policy`] is what the operator has set: packs of law ([`law`]), and a [`Register`] of
//! approvals. An [`Account`] is what was exported: by corridor, which is one asset towards one
//! recipient, and on meters, by legal entity. A corridor that is judged gives a [`Judgement`]
//! for each pack. No verdict says that all is well: a sensor sees lower bounds, and the best
//! that it can tell is that an approval covers what was seen.

mod account;
mod approvals;
mod config;
mod content;
mod corridor;
mod coverage;
pub mod law;
mod lint;
mod meters;
mod splitting;
mod standpoint;
mod tally;
#[cfg(test)]
mod tests;
mod verdict_counts;
mod verdicts;

pub use account::{Account, CORRIDORS_MAX, CorridorKey, DayClosed, Export, MeterRow, OTHERS_MAX};
pub use approvals::{
    APPROVAL_COLUMNS, ASSETS_MAX, Approval, CANDIDATES_MAX, Claim, DomainPattern, IDS_MAX, Note,
    RECIPIENTS_MAX, Recipient, Regime, Register, Required, Scope, Seen, Standing, Terms, Why,
    WrittenDate,
};
pub use config::{PolicyConfig, PolicyError, PolicySite};
pub use content::{Content, Findings};
pub use corridor::{Corridor, DaySums};
pub use lint::{
    Judging, REMARKS_MAX, Remark, Severity, ValidityMaximum, has_home, lint, lint_packs, lint_vlans,
};
pub use meters::{
    Amounts, DAYS_MAX, Day, Entity, IDENTIFIER_KINDS, IdentifierKind, KEYS_MAX, Key, Lower,
    MEMBERS_MAX, Member, Meters, Period, RecipientKey, SKETCH_BYTES_MAX, Selection, Split,
    Subjects, Sums, Traits, Unit, Usage, Used, Window,
};
pub use splitting::{Shared, Splitting};
pub use standpoint::{Judgement, Standpoint};
pub use verdict_counts::{PerVerdict, VerdictSums};
pub use verdicts::Policy;
