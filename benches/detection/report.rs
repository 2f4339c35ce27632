//! The tables, the page and the list of misses.

use std::collections::BTreeSet;

use super::BUDGETS;
use super::bootstrap::Interval;
use super::figures::{BULK_BYTES, Figures, RATIO_LARGE, RATIOS, Share};
use super::options::Options;
use super::table::Table;
use super::trial::Trial;

/// For each budget: the headline, recall by kind, and benign surprises told.
pub(crate) fn tables(trials: &[Trial], figures: &[Figures]) -> Vec<Table> {
    let events = trials.iter().flat_map(|trial| &trial.events);
    let kinds = |is_benign: bool| -> BTreeSet<&str> {
        let of = events.clone().filter(|event| event.is_benign == is_benign);
        of.map(|event| event.kind.as_str()).collect()
    };
    let (leaks, surprises) = (kinds(false), kinds(true));
    let mut tables = Vec::new();
    for budget in BUDGETS {
        let of: Vec<&Figures> = figures.iter().filter(|f| f.budget == budget).collect();
        tables.push(headline(budget, &of));
        tables.push(by_kind(budget, &of, &leaks));
        tables.push(benign(budget, &of, &surprises));
    }
    tables
}

fn headline(budget: f64, figures: &[&Figures]) -> Table {
    let mut head = ["detector", "macro recall", "95 %", "worst seed"]
        .map(str::to_owned)
        .to_vec();
    head.extend(RATIOS.iter().map(|ratio| format!("{ratio}x")));
    let gone_of_bulk = format!("bulk of {} GB gone, mean", BULK_BYTES / 1_000_000_000);
    head.extend(
        [
            "known",
            "new",
            "gone, mean",
            "95 %",
            "median",
            &gone_of_bulk,
            "median",
        ]
        .map(str::to_owned),
    );
    head.extend(["hours to slow", "false/asset-week", "95 %", "threshold"].map(str::to_owned));
    let title = format!(
        "Leaks found at {budget} false alerts per asset-week \
         (macro, known, new and gone: of {RATIO_LARGE} x the 99.9th percentile hour and more)"
    );
    let mut table = Table::new(title, head);
    for figures in figures {
        let mut row = vec![figures.name.clone(), two(figures.macro_recall.value)];
        row.extend([range(&figures.macro_recall, 2), two(figures.worst_seed)]);
        row.extend(figures.by_ratio.iter().map(|share| two(share.value())));
        row.extend([figures.known, figures.new].map(|share| two(share.value())));
        row.extend([two(figures.gone.value), range(&figures.gone, 2)]);
        row.extend(
            [
                figures.gone_median,
                figures.bulk_gone_mean,
                figures.bulk_gone_median,
            ]
            .map(two),
        );
        let hours = figures.slow_hours;
        row.push(if hours.is_infinite() {
            "never".to_owned()
        } else {
            format!("{hours:.1}")
        });
        row.extend([
            format!("{:.4}", figures.false_rate.value),
            range(&figures.false_rate, 3),
        ]);
        row.push(
            figures
                .threshold
                .map_or("its own".to_owned(), |t| format!("{t:.3e}")),
        );
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
    let mut head = vec!["detector".to_owned(), "all".to_owned()];
    head.extend(kinds.iter().map(|kind| (*kind).to_owned()));
    let mut table = Table::new(format!("Benign surprises that alert at {budget}"), head);
    let cell = |share: Share| format!("{}/{}", share.found, share.of);
    for figures in figures {
        let share = |kind: &&str| figures.benign.get(*kind).copied().unwrap_or_default();
        let mut row = vec![figures.name.clone(), cell(figures.all_benign())];
        row.extend(kinds.iter().map(|kind| cell(share(kind))));
        table.add(row);
    }
    table
}

/// The page that holds the tables.
pub(crate) fn markdown(options: &Options, trials: &[Trial], tables: &[Table]) -> String {
    let world = options.world();
    let asset_weeks: f64 = trials.iter().map(|trial| trial.asset_weeks).sum();
    let leaks: usize = trials.iter().map(|trial| trial.leaks().count()).sum();
    let events: usize = trials.iter().map(|trial| trial.events.len()).sum();
    let seeds: Vec<String> = trials.iter().map(|trial| trial.seed.to_string()).collect();
    let mut text = format!(
        "# Detection, ours and others\n\n\
         Written by `cargo bench --bench detection`. Seeds {}: {} assets, {} weeks of which \
         the first {} only teach; {asset_weeks:.0} asset-weeks judged, {leaks} leaks, {} benign \
         surprises.\n\n\
         Thresholds of all but ours are fitted on these very traces. An alert hits a leak of \
         the same asset and country from its first byte to 24 h after its last; claims within \
         24 h are one alert. Gone: share of the bytes that had left before the alert, 1 if \
         there was none. Intervals: 1,000 resamples of assets.\n",
        seeds.join(", "),
        world.assets,
        world.weeks,
        world.learn_weeks,
        events - leaks,
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
