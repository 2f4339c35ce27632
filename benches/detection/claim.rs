//! Claims, incidents, and the merging that all detectors share.
//!
//! Claims of one asset and country within 24 h of an incident's first claim belong to that
//! incident, whose time is that of its first claim over the threshold.

use std::collections::BTreeMap;
use std::net::IpAddr;

use borderflow::geo::Country;
use borderflow::time::{NANOS_PER_SECOND, SECONDS_PER_DAY, SECONDS_PER_HOUR, Timestamp};

use super::World;

/// A detector that has no threshold yet.
pub(crate) trait Candidate {
    /// The name of its row.
    fn name(&self) -> &str;

    /// Everything it would say of a world, from the least suspicion on. It may learn from
    /// all that comes before a claim, and need not claim before `judged_from`.
    fn run(&mut self, world: &World, judged_from: Timestamp) -> Vec<Claim>;
}

/// A suspicion: this asset sends too much to this country.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Claim {
    /// The asset that sends.
    pub(crate) asset: IpAddr,
    /// The country that gets most of the excess.
    pub(crate) country: Country,
    /// When the detector says so.
    pub(crate) time: Timestamp,
    /// The more, the more suspicious.
    pub(crate) score: f64,
}

/// What an operator sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Incident {
    /// The asset that sends.
    pub(crate) asset: IpAddr,
    /// The country it sends to.
    pub(crate) country: Country,
    /// When it is first told.
    pub(crate) time: Timestamp,
}

/// The judged claims that can matter at some threshold, in the order of asset, country and
/// time: of each hour of an asset and country those that exceed all before them, and of
/// these the [`CLAIMS_MAX`] with the highest scores.
pub(crate) fn thin(claims: Vec<Claim>, judged_from: Timestamp) -> Vec<Claim> {
    let mut claims = claims;
    claims.retain(|claim| claim.time >= judged_from && claim.score.is_finite());
    claims.sort_by(|a, b| {
        let (left, right) = ((a.asset, a.country, a.time), (b.asset, b.country, b.time));
        left.cmp(&right).then(b.score.total_cmp(&a.score))
    });
    let mut best: Option<((IpAddr, Country, u64), f64)> = None;
    claims.retain(|claim| {
        let hour = claim.time.as_nanos() / (SECONDS_PER_HOUR * NANOS_PER_SECOND);
        let place = (claim.asset, claim.country, hour);
        let is_record = !best.is_some_and(|(at, score)| at == place && score >= claim.score);
        if is_record {
            best = Some((place, claim.score));
        }
        is_record
    });
    if claims.len() > CLAIMS_MAX {
        let mut scores: Vec<f64> = claims.iter().map(|claim| claim.score).collect();
        let cut = scores.len() - CLAIMS_MAX;
        let (_, least, _) = scores.select_nth_unstable_by(cut, f64::total_cmp);
        let least = *least;
        claims.retain(|claim| claim.score > least);
        claims.shrink_to_fit();
    }
    claims
}

/// The incidents of claims in the order of [`thin`], at a threshold that they must reach.
pub(crate) fn merge(claims: &[Claim], threshold: f64) -> impl Iterator<Item = Incident> {
    let mut open: Option<Incident> = None;
    claims.iter().filter_map(move |claim| {
        if claim.score < threshold {
            return None;
        }
        let belongs = open.is_some_and(|open| {
            (open.asset, open.country) == (claim.asset, claim.country)
                && claim.time.nanos_since(open.time) <= MERGE_NANOS
        });
        if belongs {
            return None;
        }
        let (asset, country, time) = (claim.asset, claim.country, claim.time);
        open = Some(Incident {
            asset,
            country,
            time,
        });
        open
    })
}

/// The same merging for a detector that sets its own thresholds.
pub(crate) fn merge_incidents(incidents: &[Incident]) -> Vec<Incident> {
    let mut open: BTreeMap<(IpAddr, Country), Timestamp> = BTreeMap::new();
    let mut sorted = incidents.to_vec();
    sorted.sort_by_key(|incident| (incident.time, *incident));
    sorted.retain(|incident| {
        let place = (incident.asset, incident.country);
        let last = open.get(&place);
        if last.is_some_and(|last| incident.time.nanos_since(*last) <= MERGE_NANOS) {
            return false;
        }
        open.insert(place, incident.time);
        true
    });
    sorted
}

/// How long an incident stays open, and how long after a leak an alert still counts.
pub(crate) const MERGE_NANOS: u64 = SECONDS_PER_DAY * NANOS_PER_SECOND;

/// Most claims that are kept of a detector and world. The loosest budget needs a few
/// thousand incidents of at most a day each.
const CLAIMS_MAX: usize = 100_000;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn claim(asset: u8, country: &str, hours: f64, score: f64) -> Claim {
        Claim {
            asset: IpAddr::from([10, 0, 0, asset]),
            country: Country::from_code(country).unwrap(),
            time: Timestamp::from_nanos((hours * 3600.0 * 1e9) as u64),
            score,
        }
    }

    #[test]
    fn claims_within_a_day_of_the_first_are_one_incident() {
        let claims = [
            claim(1, "DE", 0.0, 5.0),
            claim(1, "DE", 23.0, 9.0),
            claim(1, "DE", 25.0, 9.0),
            claim(1, "SG", 25.0, 9.0),
            claim(2, "SG", 25.0, 4.0),
        ];
        let times = |threshold| -> Vec<u64> {
            let incidents = merge(&claims, threshold);
            incidents
                .map(|incident| incident.time.tick().hour())
                .collect()
        };
        assert_eq!(times(5.0), [0, 25, 25]);
        assert_eq!(
            times(6.0),
            [23, 25],
            "what is under the threshold opens nothing"
        );
        assert_eq!(times(1.0).len(), 4);
    }

    #[test]
    fn fixed_incidents_merge_like_claims() {
        let claims: Vec<Claim> = (0..60)
            .map(|hour| claim(1, "DE", f64::from(hour), 1.0))
            .collect();
        let each: Vec<Incident> = claims
            .iter()
            .flat_map(|c| merge(&[*c], 0.0).last())
            .collect();
        assert_eq!(each.len(), 60);
        assert_eq!(
            merge_incidents(&each),
            merge(&claims, 0.0).collect::<Vec<_>>()
        );
    }

    #[test]
    fn thinning_keeps_the_first_claim_over_any_threshold() {
        let scores = [3.0, 1.0, 2.0, 5.0, 5.0, f64::NAN, 4.0];
        let minute = |number: usize| number as f64 / 60.0;
        let claims = scores.iter().enumerate();
        let claims = claims.map(|(number, score)| claim(1, "DE", minute(number), *score));
        let claims: Vec<Claim> = claims.rev().collect();
        let kept: Vec<f64> = thin(claims.clone(), Timestamp::ZERO)
            .iter()
            .map(|c| c.score)
            .collect();
        assert_eq!(kept, [3.0, 5.0]);
        let late = Timestamp::from_nanos(200 * NANOS_PER_SECOND);
        assert_eq!(
            thin(claims, late).len(),
            1,
            "what lies before is not judged"
        );
    }
}
