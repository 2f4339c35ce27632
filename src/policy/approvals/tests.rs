//! The register, by theme.

use super::*;
use crate::inventory::ListError;
use crate::policy::meters::Usage;

mod properties;
mod reading;
mod standings;

pub(super) const HEADER: &str = "id,regime,route,organisation,assets,categories,maximum_subjects,\
maximum_bytes,period,valid_from,valid_to,protection,recipient_domain,recipient_prefix,\
recipient_asn,recipient_country\n";

pub(super) fn table(rows: &str) -> Result<Vec<Approval>, ListError> {
    Approval::read_table(format!("{HEADER}{rows}").as_bytes(), "approvals.csv")
}

pub(super) fn register(rows: &str) -> Register {
    Register::new(table(rows).unwrap()).unwrap()
}

pub(super) fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub(super) fn term(text: &str) -> Term {
    Term::try_from(text.to_owned()).unwrap()
}

static NOTHING: std::sync::LazyLock<Usage> = std::sync::LazyLock::new(Usage::default);

pub(super) fn claim<'a>() -> Claim<'a> {
    Claim {
        at: date("2026-06-01"),
        regime: "cn",
        organisation: Some("Acme"),
        asset: Some("pacs"),
        recipient: Seen {
            domain: Some("files.partner.com"),
            address: "192.0.2.7".parse().unwrap(),
            asn: 64_500,
            country: "SG".parse().unwrap(),
        },
        categories: Categories::NONE,
        protection: Protection::Strong,
        used: &NOTHING,
    }
}

pub(super) fn approved(id: &str) -> Standing {
    Standing::Approved {
        ids: vec![term(id)],
        route: Route::Contract,
        is_protection_unproven: false,
    }
}

pub(super) fn outside(id: &str, why: Vec<Why>) -> Standing {
    let id = term(id);
    Standing::OutsideScope { id, why }
}

/// An approval for Acme to partner.com in Singapore in 2026.
pub(super) const PLAIN: &str = "a,cn,contract,Acme,,,,,,2026-01-01,2026-12-31,,partner.com,,,SG\n";
