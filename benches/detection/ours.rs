//! Our own analyst in the benchmark.

use std::error::Error;

use borderflow::alert::{Alert, Event};
use borderflow::config::Config;
use borderflow::pipeline::{Intake, intake};
use borderflow::time::Timestamp;

use super::claim::Incident;
use super::feed::Feed;

/// The name of the row.
pub(crate) const NAME: &str = "borderflow";

/// What our analyst says of a world within a budget of false alerts per asset and week,
/// with `learn` as in the configuration and all else as it ships.
///
/// # Errors
/// A `learn` that is none, or what the analyst complains of.
pub(crate) fn run(feed: &Feed<'_>, learn: &str, budget: f64) -> Result<Intake, Box<dyn Error>> {
    // The network of every world's assets, and the country in which they stand.
    let text = format!(
        "[site]\nnetworks = [\"10.20.0.0/16\"]\njurisdictions = [\"CN\"]\n\
         [baseline]\nlearn = \"{learn}\"\n[alert]\nbudget_per_asset_week = {budget:?}\n"
    );
    let config = Config::parse(&text, "detection")?;
    let done = intake(config, feed.transfers())?;
    if done.alerts_beyond > 0 {
        return Err(format!("{} alerts were not kept", done.alerts_beyond).into());
    }
    Ok(done)
}

/// The incidents that it opened from a moment on, each at its first alert.
///
/// # Errors
/// A time that cannot be read.
pub(crate) fn incidents(
    done: &Intake,
    judged_from: Timestamp,
) -> Result<Vec<Incident>, Box<dyn Error>> {
    let opened = openings(done, judged_from)?;
    Ok(opened.into_iter().map(|(incident, _)| incident).collect())
}

/// The same, with the alerts.
///
/// # Errors
/// A time that cannot be read.
pub(crate) fn openings(
    done: &Intake,
    judged_from: Timestamp,
) -> Result<Vec<(Incident, &Alert)>, Box<dyn Error>> {
    let mut openings = Vec::new();
    for alert in &done.alerts {
        let moment: jiff::Timestamp = alert.time.parse()?;
        let time = Timestamp::from_nanos(moment.as_nanosecond().try_into()?);
        if alert.event == Event::Open && time >= judged_from {
            let incident = Incident {
                asset: alert.asset_ip,
                country: alert.jurisdiction,
                time,
            };
            openings.push((incident, alert));
        }
    }
    Ok(openings)
}

#[cfg(test)]
mod tests {
    use super::super::options::START_SECONDS;
    use super::super::trial::Trial;
    use super::super::{World, WorldConfig};
    use super::*;

    #[test]
    fn ours_finds_leaks_in_a_small_world_and_says_the_same_twice() {
        let config = WorldConfig {
            assets: 24,
            weeks: 3,
            learn_weeks: 2,
            leaks: 12,
            benign: 2,
            start: Timestamp::from_parts(START_SECONDS, 0),
            only: Default::default(),
        };
        let world = World::new(&config, 1);
        let judged_from = Timestamp::from_parts(START_SECONDS + 14 * 86_400, 0);
        let trial = Trial::new(&world, 1, judged_from);
        let feed = Feed::new(&world);
        let done = run(&feed, "auto", 1.0).unwrap();
        assert_eq!(done.transfers, feed.transfers().count() as u64);
        assert_eq!((done.late, done.folded), (0, 0));
        let incidents = incidents(&done, judged_from).unwrap();
        let outcome = trial.judge(&incidents);
        let found = trial
            .leaks()
            .filter(|(place, _)| outcome.told[*place].is_some());
        assert!(found.count() > 0, "{incidents:?}");
        let again = run(&feed, "auto", 1.0).unwrap();
        assert_eq!(done.alerts, again.alerts);
        assert!(run(&feed, "two weeks", 1.0).is_err());
    }
}
