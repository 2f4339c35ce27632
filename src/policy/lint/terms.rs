//! Checks of approvals one by one.

use std::collections::HashMap;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::{Found, Known, Severity, ValidityMaximum, suggestion};
use crate::inventory::{Route, Term};
use crate::policy::approvals::Approval;

/// Approvals that have ended or will soon.
pub(super) fn ended(approvals: &[Approval], today: Date) -> Found {
    let mut found = Found::default();
    for approval in approvals {
        let (id, last) = (&approval.id, approval.terms.valid_to);
        if last < today {
            let sentence = format!("`{id}` has ended on {last}.");
            let fix = "Renew it, or remove it from the list.".to_owned();
            found.of_approval(approval, Severity::Warning, [sentence, fix]);
            continue;
        }
        let days = today.until(last).map_or(i32::MAX, |span| span.get_days());
        if days > SOON_DAYS {
            continue;
        }
        let working = working_days(today, days);
        // Prolonging an assessment takes an application 60 working days before it ends.
        let is_late = days <= VERY_SOON_DAYS
            || (working <= WORKING_DAYS && approval.terms.route == Route::Assessment);
        let severity = match is_late {
            true => Severity::Warning,
            false => Severity::Hint,
        };
        let sentence = format!("`{id}` ends on {last}, in {days} days ({working} working days).");
        let fix = match approval.terms.route {
            Route::Assessment => {
                "Apply for prolonging it 60 working days before its end (Provisions of \
                 2024-03-22, article 9)."
            }
            _ => "Renew it before then.",
        };
        found.of_approval(approval, severity, [sentence, fix.to_owned()]);
    }
    found
}

/// Mondays to Fridays among the days behind `today`; holidays are not known here.
fn working_days(today: Date, days: i32) -> i32 {
    let whole_weeks = days / 7;
    let rest = (1..=days % 7).filter(|more| {
        let day = today.checked_add((whole_weeks * 7 + more).days());
        day.is_ok_and(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday))
    });
    whole_weeks * 5 + rest.count() as i32
}

/// Approvals that are valid for longer than they can be by law.
pub(super) fn too_long(approvals: &[Approval], maxima: &[ValidityMaximum]) -> Found {
    let maxima = maxima
        .iter()
        .map(|one| ((one.regime.as_str(), one.route), one.months));
    let maxima: HashMap<_, _> = maxima.collect();
    let mut found = Found::default();
    for approval in approvals {
        let terms = &approval.terms;
        let Some(months) = maxima.get(&(terms.regime.as_str(), terms.route)) else {
            continue;
        };
        let end = terms.valid_from.checked_add(i32::from(*months).months());
        // The last day is that before the same day of the month.
        if end.is_ok_and(|end| terms.valid_to >= end) {
            let sentence = format!(
                "`{}` is valid from {} to {}, longer than the {months} months of its route.",
                approval.id, terms.valid_from, terms.valid_to
            );
            let fix = "Compare both dates with what the authority wrote.".to_owned();
            found.of_approval(approval, Severity::Error, [sentence, fix]);
        }
    }
    found
}

/// Quotas of nothing, and approvals for anybody.
pub(super) fn of_nothing(approvals: &[Approval]) -> Found {
    let mut found = Found::default();
    for approval in approvals {
        let (id, terms) = (&approval.id, &approval.terms);
        for (name, quota) in [
            ("maximum_subjects", terms.maximum_subjects),
            ("maximum_bytes", terms.maximum_bytes),
        ] {
            if quota == Some(0) {
                let sentence = format!("`{id}` has a {name} of 0, and so approves nothing.");
                let fix = "Write the quota, or leave it away if there is none.".to_owned();
                found.of_approval(approval, Severity::Warning, [sentence, fix]);
            }
        }
        if approval.recipients.is_empty() {
            let sentence = format!("`{id}` names no recipient, and so covers every one.");
            let fix = "Name the recipients that were filed.".to_owned();
            found.of_approval(approval, Severity::Hint, [sentence, fix]);
        }
    }
    found
}

/// Approvals for assets or organisations that the inventory does not know.
pub(super) fn of_unknown(approvals: &[Approval], known: &Known<'_>) -> Found {
    let mut found = Found::default();
    for approval in approvals {
        let (id, organisation) = (&approval.id, approval.terms.organisation.as_ref());
        let organisation = organisation.map(Term::as_str);
        if let Some(name) = organisation.filter(|name| !known.organisations.contains(name)) {
            let sentence = format!("`{id}` is for organisation `{name}`, of which no asset is.");
            let otherwise = "Declare which assets are of it, or remove the approval.";
            let fix = suggestion(name, &known.folded_organisations, otherwise);
            found.of_approval(approval, Severity::Warning, [sentence, fix]);
        }
        for name in approval.terms.assets.iter().map(|name| name.as_str()) {
            let Some(owner) = known.assets.get(name) else {
                let sentence = format!("`{id}` is for asset `{name}`, which is not listed.");
                let otherwise = "List the asset, or take it out of the approval.";
                let fix = suggestion(name, &known.folded_assets, otherwise);
                found.of_approval(approval, Severity::Warning, [sentence, fix]);
                continue;
            };
            let Some((organisation, owner)) = organisation.zip(*owner) else {
                continue;
            };
            if organisation != owner {
                let sentence = format!(
                    "`{id}` is of organisation `{organisation}`, and for asset `{name}`, which \
                     is of `{owner}`."
                );
                let fix = "Correct one of the two.".to_owned();
                found.of_approval(approval, Severity::Warning, [sentence, fix]);
            }
        }
    }
    found
}

/// Approvals of the same id, and recipients that are named twice.
pub(super) fn twice(approvals: &[Approval]) -> Found {
    let mut found = Found::default();
    let mut first_of: HashMap<&Term, &Approval> = HashMap::new();
    for approval in approvals {
        let id = &approval.id;
        for line in &approval.repeated_lines {
            let sentence = format!("`{id}` has this recipient already.");
            let fix = "Remove the duplicate.".to_owned();
            let place = (&approval.file, *line);
            found.push(place, Severity::Warning, [sentence, fix]);
        }
        let Some(first) = first_of.get(id) else {
            first_of.insert(id, approval);
            continue;
        };
        let at = format!("{}:{}", first.file, first.line);
        let (severity, texts) = match first.terms == approval.terms {
            true => (
                Severity::Warning,
                [
                    format!("`{id}` stands twice with the same terms, at {at} too."),
                    "Put all recipients in one of the two.".to_owned(),
                ],
            ),
            false => (
                Severity::Error,
                [
                    format!("`{id}` contradicts `{id}` at {at}: the terms differ."),
                    "Give one of them another id, or correct the terms.".to_owned(),
                ],
            ),
        };
        found.of_approval(approval, severity, texts);
    }
    found
}

/// Within how many days an end is told.
const SOON_DAYS: i32 = 90;

/// Within how many days an end is urgent.
const VERY_SOON_DAYS: i32 = 30;

/// Working days before the end of an assessment at which its prolonging is applied for.
const WORKING_DAYS: i32 = 60;
