//! The tables, the page and the list of misses.

use std::collections::BTreeSet;

use super::bootstrap::Interval;
use super::claim::merge_incidents;
use super::figures::{BULK_BYTES, Figures, RATIO_LARGE, RATIOS, Share};
use super::options::Options;
use super::table::Table;
use super::trial::{MOVES, Trial};
use super::{BUDGETS, Run, Said};

/// Ours at every budget beside the best of the others; then for each budget the figures of
/// all, recall by kind, and benign surprises told.
pub(crate) fn tables(trials: &[Trial], figures: &[Figures]) -> Vec<Table> {
    let events = trials.iter().flat_map(|trial| &trial.events);
    let kinds = |is_benign: bool| -> BTreeSet<&str> {
        let of = events.clone().filter(|event| event.is_benign == is_benign);
        of.map(|event| event.kind.as_str()).collect()
    };
    let (leaks, surprises) = (kinds(false), kinds(true));
    let at = |budget: f64| figures.iter().filter(move |f| f.budget == budget);
    let mut best = Vec::new();
    for budget in BUDGETS {
        let (ours, others): (Vec<_>, Vec<_>) = at(budget).partition(|f| f.threshold.is_none());
        let recall = |f: &&Figures| f.macro_recall.value;
        let other = others.into_iter();
        let other = other.max_by(|a, b| recall(a).total_cmp(&recall(b)));
        best.extend(ours.into_iter().chain(other));
    }
    let title = format!("Ours at every budget, and the best of the others {LARGE_ONLY}");
    let mut tables = vec![headline(title, &best)];
    for budget in BUDGETS {
        let of: Vec<&Figures> = at(budget).collect();
        let title = format!("Leaks found at {budget} false alerts per asset-week {LARGE_ONLY}");
        tables.push(headline(title, &of));
        tables.push(by_kind(budget, &of, &leaks));
        tables.push(benign(budget, &of, &surprises));
    }
    tables
}

fn headline(title: String, figures: &[&Figures]) -> Table {
    let mut head = [
        "detector",
        "budget",
        "false/asset-week",
        "95 %",
        "benign told",
    ]
    .map(str::to_owned)
    .to_vec();
    head.extend(["macro recall", "95 %", "worst seed"].map(str::to_owned));
    head.extend(RATIOS.iter().map(|ratio| format!("{ratio}x")));
    let gone_of_bulk = format!("bulk of {} GB gone, mean", BULK_BYTES / 1_000_000_000);
    head.extend(["known", "new", "gone, mean", "95 %", "median"].map(str::to_owned));
    head.push(gone_of_bulk);
    head.extend(["median", "hours to slow", "threshold"].map(str::to_owned));
    let mut table = Table::new(title, head);
    for figures in figures {
        let mut row = vec![figures.name.clone(), figures.budget.to_string()];
        row.push(format!("{:.4}", figures.false_rate.value));
        row.push(range(&figures.false_rate, 3));
        row.push(of(figures.all_benign().surprises));
        row.extend([
            two(figures.macro_recall.value),
            range(&figures.macro_recall, 2),
        ]);
        row.push(two(figures.worst_seed));
        row.extend(figures.by_ratio.iter().map(|share| two(share.value())));
        row.extend([figures.known, figures.new].map(|share| two(share.value())));
        row.extend([two(figures.gone.value), range(&figures.gone, 2)]);
        let gone = [
            figures.gone_median,
            figures.bulk_gone_mean,
            figures.bulk_gone_median,
        ];
        row.extend(gone.map(two));
        let hours = figures.slow_hours;
        row.push(if hours.is_infinite() {
            "never".to_owned()
        } else {
            format!("{hours:.1}")
        });
        let threshold = figures.threshold.map(|t| format!("{t:.3e}"));
        row.push(threshold.unwrap_or_else(|| "its own".to_owned()));
        table.add(row);
    }
    table
}

fn by_kind(budget: f64, figures: &[&Figures], kinds: &BTreeSet<&str>) -> Table {
    let mut head = vec!["detector".to_owned()];
    head.extend(kinds.iter().map(|kind| (*kind).to_owned()));
    let title = format!("Leaks found by kind at {budget} (of {RATIO_LARGE} x and more)");
    let mut table = Table::new(title, head);
    for figures in figures {
        let share = |kind: &&str| figures.by_kind.get(*kind).copied().unwrap_or_default();
        let mut row = vec![figures.name.clone()];
        row.extend(kinds.iter().map(|kind| two(share(kind).value())));
        table.add(row);
    }
    if let Some(first) = figures.first() {
        let of = |kind: &&str| {
            first
                .by_kind
                .get(*kind)
                .map_or(0, |share| share.of)
                .to_string()
        };
        let mut row = vec!["(leaks)".to_owned()];
        row.extend(kinds.iter().map(of));
        table.add(row);
    }
    table
}

fn benign(budget: f64, figures: &[&Figures], kinds: &BTreeSet<&str>) -> Table {
    let mut head = ["detector", "all", "parts"].map(str::to_owned).to_vec();
    head.extend(kinds.iter().map(|kind| (*kind).to_owned()));
    head.extend(MOVES.iter().map(|kind| format!("{kind} caused")));
    let title = format!(
        "Benign surprises that alert at {budget}, of how many (parts: what one asset sent to one \
         country in them)"
    );
    let mut table = Table::new(title, head);
    for figures in figures {
        let all = figures.all_benign();
        let mut row = vec![figures.name.clone(), of(all.surprises), of(all.parts)];
        let kind = |kind: &&str| figures.benign.get(*kind).copied().unwrap_or_default();
        row.extend(kinds.iter().map(|name| of(kind(name).surprises)));
        row.extend(MOVES.iter().map(|kind| caused(figures, kind)));
        table.add(row);
    }
    table
}

/// The moves of a kind that have caused an alert, where that is known.
fn caused(figures: &Figures, kind: &str) -> String {
    let known = figures.caused.as_ref();
    let share = known.map(|caused| caused.get(kind).copied().unwrap_or_default());
    share.map_or_else(|| "-".to_owned(), of)
}

/// The worlds that were judged, in words.
pub(crate) fn worlds(options: &Options, trials: &[Trial]) -> String {
    let world = options.world();
    let asset_weeks: f64 = trials.iter().map(|trial| trial.asset_weeks).sum();
    let events = || trials.iter().flat_map(|trial| &trial.events);
    let leaks = events().filter(|event| !event.is_benign).count();
    let surprises: usize = trials.iter().map(Trial::surprises).sum();
    let seeds: Vec<String> = trials.iter().map(|trial| trial.seed.to_string()).collect();
    format!(
        "seeds {}: {} assets, {} weeks of which the first {} only teach; {asset_weeks:.0} \
         asset-weeks judged, {leaks} leaks, {surprises} benign surprises of {} parts",
        seeds.join(", "),
        world.assets,
        world.weeks,
        world.learn_weeks,
        events().count() - leaks,
    )
}

/// The page that holds the tables.
pub(crate) fn markdown(options: &Options, trials: &[Trial], tables: &[Table]) -> String {
    let worlds = worlds(options, trials);
    let mut text = format!(
        "# Detection, ours and others\n\n\
         Written by `make bench-detection` over {worlds}. Misses of all are in \
         `out/detection-misses.tsv` after a run.\n\n\
         Thresholds of all but ours are fitted on these very traces. An alert hits a leak of \
         the same asset and country from its first byte to 24 h after its last; claims within \
         24 h are one alert; all others are false, on benign surprises, too. A benign surprise \
         is told if any part of it is. A relabel or a relocation touches so much of what \
         goes on anyway that some of it is told by chance; ours has seen the same worlds without \
         the two as well, and one has caused an alert if an asset has one in its time with it, \
         and none there without it. Gone: share of the bytes that had left before the \
         alert, 1 if there was none. Intervals: 1,000 resamples of assets.\n\n\
         A failover and a release are no leaks, and yet look like one in all that flows \
         tell: the one copies a database to a network to which nobody of the site ever \
         sent anything, the other pushes to one from which it only fetched. Nothing \
         keeps them silent but an approval or feedback that names the place, since \
         whatever did would keep leaks to such places silent, too.\n",
    );
    for table in tables {
        text.push('\n');
        text += &table.to_markdown();
    }
    text
}

/// Every leak that a detector missed, one a line.
pub(crate) fn misses(trials: &[Trial], figures: &[Figures]) -> String {
    let mut text = "budget\tdetector\tseed\tid\tkind\tratio\tknown\tbytes\n".to_owned();
    for figures in figures {
        for (trial, missed) in trials.iter().zip(&figures.missed) {
            for event in missed.iter().filter_map(|index| trial.events.get(*index)) {
                text += &format!(
                    "{}\t{}\t{}\t{}\t{}\t{:.1}\t{}\t{}\n",
                    figures.budget,
                    figures.name,
                    trial.seed,
                    event.id,
                    event.kind,
                    event.ratio,
                    if event.is_known { "known" } else { "new" },
                    event.bytes
                );
            }
        }
    }
    text
}

/// Every false alert of those who say by what they tell, one a line, with the surprise on which
/// it was, if on one.
pub(crate) fn false_alerts(trials: &[Trial], runs: &[Vec<Run>]) -> String {
    let mut text = "budget\tseed\ttime\tasset\tcountry\tsurprise\ttold by\n".to_owned();
    for (trial, runs) in trials.iter().zip(runs) {
        let told = runs.iter().filter_map(|run| match &run.said {
            Said::Incidents(told) => Some(told),
            Said::Claims(_) => None,
        });
        for (told, budget) in told.flat_map(|told| told.iter().zip(BUDGETS)) {
            let merged = merge_incidents(&told.incidents);
            for incident in merged.iter().filter(|one| trial.is_false(one)) {
                let surprise = trial.told_by(incident).next();
                let reason = told.reasons.get(incident);
                text += &format!(
                    "{budget}\t{}\t{}\t{}\t{}\t{}\t{}\n",
                    trial.seed,
                    incident.time,
                    incident.asset,
                    incident.country,
                    surprise.map_or("", |(_, event)| event.id.as_str()),
                    reason.map_or("", String::as_str),
                );
            }
        }
    }
    text
}

fn of(share: Share) -> String {
    format!("{}/{}", share.found, share.of)
}

fn two(value: f64) -> String {
    if value.is_nan() {
        "-".to_owned()
    } else {
        format!("{value:.2}")
    }
}

fn range(interval: &Interval, digits: usize) -> String {
    if interval.value.is_nan() {
        return "-".to_owned();
    }
    format!("{:.digits$}-{:.digits$}", interval.low, interval.high)
}

/// What the titles say of the columns.
const LARGE_ONLY: &str = "(macro, known, new and gone: of 3 x the 99.9th percentile hour and more)";
const _: () = assert!(RATIO_LARGE == 3.0);
