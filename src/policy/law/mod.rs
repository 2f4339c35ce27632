//! What law says of an export, as data with dates.
//!
//! A [`Pack`] is the law of one jurisdiction as rules in TOML. [`judge`] holds an export
//! against a pack at the time of its packets, so that an old capture is judged by the law of
//! its day. A sensor counts lower bounds, so that no verdict says that all is well: the best
//! is that an approval of the operator's register matches.

mod cite;
mod examine;
mod explain;
mod facts;
mod judge;
mod labels;
mod pack;
mod parse;
mod rule;
mod severity;
mod source;
mod terms;
#[cfg(test)]
mod tests;
mod what_if;

pub use cite::cite_in_chinese;
pub use examine::{Failure, examine};
pub use explain::{Difference, diff, explain, grouped, list};
pub use facts::{Amount, Declared, Facts, Question, Standing, Tally};
pub use judge::{
    Applied, Basis, Declaration, Judged, Measure, Outcome, Undetermined, Verdict, judge,
};
pub use labels::{category_label, grade_label, route_label};
pub use pack::{Adequacy, Pack, PackStatus};
pub use parse::PackError;
pub use rule::{Destination, Expectation, Read, Rule, RuleId, RuleTest, Threshold};
pub use severity::{Approval, Cover, Oddness, Sensitivity, Weighing, severity};
pub use source::{EMBEDDED_PACKS, FILE_BYTES_MAX};
pub use terms::{
    Day, Effect, Language, Operator, Recipient, Rung, Rungs, Scope, Severity, Text, Unit, Window,
    WrittenCountry,
};
pub use what_if::{Case, Changed, what_if};
