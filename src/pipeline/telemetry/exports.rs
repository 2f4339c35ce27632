//! What is exported, by jurisdiction and by what packs say of it, as metrics.

use crate::dissect::Protection;
use crate::geo::{Confidence, Country};
use crate::metrics::Family;
use crate::policy::VerdictSums;
use crate::policy::law::{EMBEDDED_PACKS, Verdict};

use super::AnalystView;

/// Jurisdictions with series of their own, the first that took anything. Those of ISO 3166-1 are
/// 249, so that only a database with codes of its own invention has more; these are one, `other`.
pub(in crate::pipeline) const JURISDICTIONS_MAX: usize = 256;

/// What went to a jurisdiction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::pipeline) struct JurisdictionView {
    /// Nothing stands for all that have no series of their own.
    pub(in crate::pipeline) country: Option<Country>,
    /// Export bytes.
    pub(in crate::pipeline) bytes: u64,
    /// Export bytes, in the order of [`Protection::ALL`].
    pub(in crate::pipeline) protected_bytes: [u64; Protection::ALL.len()],
    /// Export bytes that are normal for the running hour.
    pub(in crate::pipeline) expected_bytes: u64,
}

impl JurisdictionView {
    /// Adds what went to another one.
    pub(in crate::pipeline) fn add(&mut self, other: &Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.expected_bytes = self.expected_bytes.saturating_add(other.expected_bytes);
        for (sum, more) in self.protected_bytes.iter_mut().zip(other.protected_bytes) {
            *sum = sum.saturating_add(more);
        }
    }

    fn label(&self) -> &str {
        self.country.as_ref().map_or(OTHER, Country::code)
    }
}

/// How exports are told.
pub(super) fn families(view: &AnalystView) -> Vec<Family> {
    let mut families = jurisdiction_families(view);
    families.extend(verdict_families(&view.verdicts));
    families
}

fn jurisdiction_families(view: &AnalystView) -> Vec<Family> {
    let mut exported = Family::counter(
        "borderflow_export_bytes_total",
        "Unique payload bytes from assets to foreign peers, by country.",
    )
    .labelled(&["jurisdiction"]);
    let mut protected = Family::counter(
        "borderflow_protected_export_bytes_total",
        "Unique payload bytes from assets to foreign peers, by country and protection.",
    )
    .labelled(&["jurisdiction", "protection"]);
    let mut expected = Family::gauge(
        "borderflow_expected_export_bytes",
        "Export bytes that are normal for the running hour of packet time, of all assets.",
    )
    .labelled(&["jurisdiction"]);
    for one in &view.jurisdictions {
        let jurisdiction = ("jurisdiction", one.label());
        exported.push(&[jurisdiction], one.bytes as f64);
        expected.push(&[jurisdiction], one.expected_bytes as f64);
        for (protection, bytes) in Protection::ALL.into_iter().zip(one.protected_bytes) {
            if bytes > 0 {
                let labels = [jurisdiction, ("protection", protection.name())];
                protected.push(&labels, bytes as f64);
            }
        }
    }
    let mut sure = Family::counter(
        "borderflow_export_confidence_bytes_total",
        "Unique payload bytes from assets to foreign peers, by how sure the country is.",
    );
    for confidence in Confidence::ALL {
        let bytes = view.confidence_bytes.get(&confidence).copied().unwrap_or(0);
        sure.push(&[("confidence", confidence.name())], bytes as f64);
    }
    vec![exported, protected, expected, sure]
}

/// Packs of the operator's own have no series of their own: their names are not known here.
fn verdict_families(verdicts: &[VerdictSums]) -> Vec<Family> {
    let mut bytes = Family::counter(
        "borderflow_verdict_bytes_total",
        "Export bytes of corridors that a pack is about, by what it said of them.",
    )
    .labelled(&["pack", "verdict"]);
    let mut corridors = Family::gauge(
        "borderflow_verdict_corridors",
        "Corridors, each an asset towards a recipient, by what a pack says of them now.",
    )
    .labelled(&["pack", "verdict"]);
    let shipped = EMBEDDED_PACKS.iter().map(|(pack, _)| *pack);
    for pack in shipped.chain([OTHER]) {
        let mut of_pack = verdicts
            .iter()
            .filter(|sums| label(sums) == pack)
            .peekable();
        if of_pack.peek().is_none() {
            continue;
        }
        let zero = [[0; Verdict::ALL.len()]; 2];
        let [all_bytes, all_corridors] = of_pack.fold(zero, |[mut bytes, mut corridors], sums| {
            for place in 0..Verdict::ALL.len() {
                bytes[place] += sums.bytes[place];
                corridors[place] += sums.corridors[place];
            }
            [bytes, corridors]
        });
        for (place, verdict) in Verdict::ALL.into_iter().enumerate() {
            let labels = [("pack", pack), ("verdict", verdict.name())];
            bytes.push(&labels, all_bytes[place] as f64);
            corridors.push(&labels, all_corridors[place] as f64);
        }
    }
    vec![bytes, corridors]
}

fn label(sums: &VerdictSums) -> &'static str {
    let shipped = EMBEDDED_PACKS.iter().find(|(pack, _)| *pack == sums.pack);
    shipped.map_or(OTHER, |(pack, _)| pack)
}

/// The label of what has none of its own.
const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Drops;
    use crate::detect::Detector;
    use crate::metrics::encode;
    use crate::pipeline::Telemetry;
    use crate::pipeline::totals::Totals;
    use crate::time::Tick;
    use crate::transfer::{Service, Transfer};
    use std::collections::BTreeMap;

    fn transfer(country: Country, protection: Protection) -> Transfer {
        Transfer {
            tick: Tick(1),
            country,
            asn: 1,
            service: Service::Web,
            asset_ip: [10, 0, 0, 1].into(),
            vlan: None,
            conversation: None,
            served: false,
            bytes: 3,
            confidence: Confidence::Plausible,
            protection,
            ended: false,
            round_trip_nanos: None,
            measure: crate::transfer::Measure::PACKETS,
        }
    }

    /// Every code of two letters, in an order in which `AA` comes last.
    fn codes() -> Vec<Country> {
        let letters = || (b'A'..=b'Z').rev();
        let codes = letters().flat_map(|a| letters().map(move |b| [a, b]));
        let codes = codes.map(|code| String::from_utf8(code.to_vec()).unwrap());
        codes
            .map(|code| Country::from_code(&code).unwrap())
            .collect()
    }

    fn sums(pack: &str) -> VerdictSums {
        VerdictSums {
            pack: pack.to_owned(),
            bytes: [1; Verdict::ALL.len()],
            corridors: [2; Verdict::ALL.len()],
        }
    }

    /// The samples of a metric: labels as they are written, and the value.
    fn samples<'a>(page: &'a str, name: &str) -> BTreeMap<&'a str, f64> {
        let lines = page.lines().filter_map(|line| line.strip_prefix(name));
        let samples = lines.filter_map(|line| {
            let (labels, value) = line.strip_prefix('{')?.split_once("} ")?;
            Some((labels, value.parse().unwrap()))
        });
        samples.collect()
    }

    fn page(telemetry: &Telemetry) -> String {
        String::from_utf8(encode(telemetry.families()).unwrap()).unwrap()
    }

    #[test]
    fn series_are_bounded_whatever_is_exported_and_no_counter_goes_back() {
        let telemetry = Telemetry::new();
        for number in 0..16 {
            telemetry.set_drops(&format!("eth{number}"), 0, Drops::default());
        }
        let (mut totals, mut before) = (Totals::default(), BTreeMap::new());
        let codes = codes();
        let mut bytes = 0.0;
        for of_round in codes.chunks(100).chain([&codes[..]]) {
            for country in of_round {
                let transfers = Protection::ALL.map(|protection| transfer(*country, protection));
                totals.count(*country, &transfers);
                bytes += 3.0 * transfers.len() as f64;
            }
            let expected = codes.iter().map(|country| (*country, 5)).collect();
            totals.show(&expected);
            let view = &mut totals.view;
            view.verdicts = EMBEDDED_PACKS.iter().map(|(pack, _)| sums(pack)).collect();
            view.verdicts
                .extend((0..40).map(|number| sums(&format!("own-{number}"))));
            view.findings = Detector::ALL
                .map(|one| (one.name(), 1))
                .into_iter()
                .collect();
            telemetry.set_analyst(view.clone());
            let page = page(&telemetry);
            let series = page.lines().filter(|line| !line.starts_with('#')).count();
            assert!(series <= 5_000, "{series}");
            let now = samples(&page, "borderflow_export_bytes_total");
            assert_eq!(now.values().sum::<f64>(), bytes, "all bytes are told");
            assert!(now.len() <= JURISDICTIONS_MAX + 1);
            for (labels, value) in &before {
                assert!(now[String::as_str(labels)] >= *value, "{labels}");
            }
            before = now
                .into_iter()
                .map(|(one, value)| (one.to_owned(), value))
                .collect();
            let protected = samples(&page, "borderflow_protected_export_bytes_total");
            assert_eq!(protected.values().sum::<f64>(), bytes);
        }
        assert!(before.contains_key("jurisdiction=\"other\""), "{before:?}");
        assert!(before.contains_key("jurisdiction=\"ZZ\"") && before.len() == 257);
        let page = page(&telemetry);
        let expected = samples(&page, "borderflow_expected_export_bytes");
        assert_eq!(expected.values().sum::<f64>(), 5.0 * codes.len() as f64);
    }

    #[test]
    fn packs_of_the_operator_are_one() {
        let view = AnalystView {
            verdicts: vec![sums("cn-base"), sums("secret-a"), sums("secret-b")],
            ..AnalystView::default()
        };
        let telemetry = Telemetry::new();
        telemetry.set_analyst(view);
        let page = page(&telemetry);
        assert!(!page.contains("secret"), "{page}");
        let bytes = samples(&page, "borderflow_verdict_bytes_total");
        assert_eq!(bytes.len(), 2 * Verdict::ALL.len());
        assert_eq!(bytes["pack=\"cn-base\",verdict=\"approved\""], 1.0);
        assert_eq!(bytes["pack=\"other\",verdict=\"approved\""], 2.0);
        let corridors = samples(&page, "borderflow_verdict_corridors");
        assert_eq!(corridors["pack=\"other\",verdict=\"unapproved\""], 4.0);
    }
}
