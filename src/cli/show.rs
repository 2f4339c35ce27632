//! `borderflow baseline show`: what is normal, as a person reads it.

use std::cmp::Reverse;
use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::baseline::{AssetRecord, AssetState, Baseline, Cell, Stage};
use crate::config::Config;
use crate::detect::Bytes;
use crate::geo::Country;
use crate::inventory::AssetKey;
use crate::pipeline::{SavedBaseline, saved_baseline};
use crate::time::{HourSlot, SLOTS, Tick};

use super::arguments::ShowArguments;
use super::terminal::Terminal;
use super::{CommandError, Outcome};

pub(super) fn run(arguments: &ShowArguments, terminal: &Terminal) -> Result<Outcome, CommandError> {
    let config = arguments.config.as_deref().map(Config::read).transpose()?;
    let config = config.unwrap_or_default();
    let folder = &arguments.state;
    if !folder.is_dir() {
        let why = format!("{}: no such folder of a sensor's state", folder.display());
        return Err(CommandError::Usage(why));
    }
    let (saved, notes) = saved_baseline(folder, &config.asset)?;
    notes.iter().for_each(|note| terminal.complain(note));
    let Some(saved) = saved else {
        let why = format!(
            "{}: nothing is learned there; a sensor saves at the end of each hour, a replay with \
             --state at its end",
            folder.display()
        );
        return Err(CommandError::Usage(why));
    };
    let text = match &arguments.asset {
        None => all_assets(&saved, &config),
        Some(name) => {
            let key = saved.asset(name).ok_or_else(|| {
                let why = format!(
                    "`{name}` has exported nothing lately, or is no asset: `borderflow baseline \
                     show --state {}` lists them",
                    folder.display()
                );
                CommandError::Usage(why)
            })?;
            one_asset(&saved, &config, key)
        }
    };
    terminal.print(&text)?;
    Ok(Outcome::Complete)
}

/// Assets that are listed, and countries of one.
const ROWS_MAX: usize = 40;

/// Receivers of a country that are named.
const RECEIVERS_MAX: usize = 3;

/// Lines of the chart.
const CHART_LINES: usize = 5;

const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Hours of a day of one kind.
type Day = [u64; 24];

fn all_assets(saved: &SavedBaseline, config: &Config) -> String {
    let baseline = &saved.baseline;
    let mut rows: Vec<_> = baseline
        .assets
        .iter()
        .map(|(key, state)| (usual_bytes(state), *key, state))
        .collect();
    rows.sort_by_key(|(bytes, key, _)| (Reverse(*bytes), *key));
    let head = [
        "asset",
        "is a",
        "known for",
        "countries",
        "cells",
        "working day",
        "largest day",
    ];
    let mut table = table(&head, 2);
    for (bytes, key, state) in rows.iter().take(ROWS_MAX) {
        table.add_row([
            saved.label(*key),
            state.role.name().to_owned(),
            stage(baseline, state, config),
            state.countries.len().to_string(),
            state.cells.len().to_string(),
            Bytes(*bytes).to_string(),
            largest(state.record())[1].to_string(),
        ]);
    }
    let mut text = format!(
        "{} assets, {} hours with traffic learned, as of {}\n\n{table}\n",
        rows.len(),
        baseline.hours_observed(),
        saved.tick,
    );
    if rows.len() > ROWS_MAX {
        let _ = writeln!(
            text,
            "and {} more, which export less",
            rows.len() - ROWS_MAX
        );
    }
    text
}

fn one_asset(saved: &SavedBaseline, config: &Config, key: AssetKey) -> String {
    let baseline = &saved.baseline;
    let Some(state) = baseline.assets.get(&key) else {
        return String::new();
    };
    let [hour, day] = largest(state.record());
    let mut text = format!(
        "{}, a {}, known for {}, as of {}\nlargest hour {hour}, largest 24 hours {day} (of late: \
         what is older counts for less)\n\nexpected in an hour, to all countries\n",
        saved.label(key),
        state.role.name(),
        stage(baseline, state, config),
        saved.tick,
    );
    text += &chart(&expected(state));
    let mut rows: Vec<_> = state
        .countries
        .iter()
        .map(|(country, known)| (day_bytes(&known.all), *country, &known.all))
        .collect();
    rows.sort_by_key(|(bytes, country, _)| (Reverse(*bytes), *country));
    let head = [
        "country",
        "0 h to 23 h",
        "working day",
        "largest hour",
        "largest day",
        "since",
        "latest",
        "receivers",
    ];
    let mut table = table(&head, 2);
    for (bytes, country, all) in rows.iter().take(ROWS_MAX) {
        let past = all.record().map(|record| &record.past);
        let peaks = past.map_or([0.0; 2], |past| {
            [past.hour_peaks.largest(), past.day_peaks.largest()]
        });
        table.add_row([
            country.to_string(),
            spark(&hours(all)[0]),
            Bytes(*bytes).to_string(),
            Bytes(peaks[0] as u64).to_string(),
            Bytes(peaks[1] as u64).to_string(),
            date(all.novelty.since),
            date(Tick::of_hour(all.last_hour)),
            receivers(state, *country),
        ]);
    }
    let _ = writeln!(text, "\n{table}");
    if rows.len() > ROWS_MAX {
        let more = rows.len() - ROWS_MAX;
        let _ = writeln!(text, "and {more} more countries, to which less goes");
    }
    text
}

/// A table of which the columns from `text_columns` on are numbers.
fn table(head: &[&str], text_columns: usize) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head.iter().copied());
    for (place, column) in table.column_iter_mut().enumerate() {
        let is_number = place >= text_columns && head.get(place) != Some(&"receivers");
        if is_number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// How long an asset has been learned, and what may speak of it.
fn stage(baseline: &Baseline, state: &AssetState, config: &Config) -> String {
    let hours = baseline.hours_of(state);
    let says = match baseline.stage(state, config.baseline.learn) {
        Stage::Learning => "still learned",
        Stage::Pools => "held against others",
        Stage::Own => "own normal",
    };
    format!("{hours} h: {says}")
}

fn largest(record: Option<&AssetRecord>) -> [Bytes; 2] {
    record.map_or([Bytes(0); 2], |record| {
        let all = &record.all;
        [&all.hour_peaks, &all.day_peaks].map(|peaks| Bytes(peaks.largest() as u64))
    })
}

/// What is normal for the hours of working days, and of others.
fn hours(cell: &Cell) -> [Day; 2] {
    let mut days = [[0; 24]; 2];
    for slot in HourSlot::all() {
        days[usize::from(!slot.is_working())][usize::from(slot.hour())] =
            cell.expected(slot).bytes();
    }
    days
}

/// The same of an asset, towards all countries.
fn expected(state: &AssetState) -> [Day; 2] {
    let mut sum = [0_u64; SLOTS];
    for known in state.countries.values() {
        for (sum, bytes) in sum.iter_mut().zip(hours(&known.all).as_flattened()) {
            *sum = sum.saturating_add(*bytes);
        }
    }
    let mut days = [[0; 24]; 2];
    days.as_flattened_mut().copy_from_slice(&sum);
    days
}

/// What an asset exports on a working day, to all countries.
pub(super) fn usual_bytes(state: &AssetState) -> u64 {
    sum(&expected(state)[0])
}

fn day_bytes(cell: &Cell) -> u64 {
    sum(&hours(cell)[0])
}

fn sum(day: &Day) -> u64 {
    day.iter().copied().fold(0, u64::saturating_add)
}

/// Both kinds of days side by side, on one scale.
fn chart(days: &[Day; 2]) -> String {
    let highest = days.as_flattened().iter().copied().max().unwrap_or(0);
    let mut text = String::new();
    for line in (0..CHART_LINES).rev() {
        let scale = if line == CHART_LINES - 1 {
            Bytes(highest).to_string()
        } else {
            String::new()
        };
        let [working, others] = days.map(|day| {
            let bars = day.map(|bytes| bar(bytes, highest, line, CHART_LINES));
            bars.iter().collect::<String>()
        });
        let _ = writeln!(text, "{scale:>9} │{working}   │{others}");
    }
    let (axis, clock) = ("─".repeat(24), "0     6     12    18     ");
    let _ = writeln!(text, "{:>9} └{axis}   └{axis}", "0 B");
    let _ = writeln!(text, "{:>10} {clock}   {clock}", "");
    let _ = writeln!(text, "{:>10} {:<25}   other days", "", "working days");
    // No line ends in blanks.
    text.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// A day on a line, on a scale of its own.
fn spark(day: &Day) -> String {
    let highest = day.iter().copied().max().unwrap_or(0);
    day.iter().map(|bytes| bar(*bytes, highest, 0, 1)).collect()
}

/// What of a bar is in a line of `lines`, counted from below. What is not nothing shows.
fn bar(bytes: u64, highest: u64, line: usize, lines: usize) -> char {
    if bytes == 0 || highest == 0 {
        return ' ';
    }
    let eighths = (bytes as f64 / highest as f64 * 8.0 * lines as f64).round();
    let of_line = (eighths.max(1.0) as usize).saturating_sub(8 * line).min(8);
    EIGHTHS.get(of_line).copied().unwrap_or(' ')
}

/// Who gets most in a country, by what is usual.
fn receivers(state: &AssetState, country: Country) -> String {
    let mut cells: Vec<_> = state
        .cells_of(country)
        .map(|(key, cell)| (day_bytes(cell), *key))
        .collect();
    cells.sort_by_key(|(bytes, key)| (Reverse(*bytes), *key));
    let named = cells.iter().take(RECEIVERS_MAX).map(|(_, key)| {
        let network = match key.asn {
            0 => "unknown".to_owned(),
            asn => format!("AS{asn}"),
        };
        format!("{network} {}", key.service.name())
    });
    let mut text = named.collect::<Vec<_>>().join(", ");
    if cells.len() > RECEIVERS_MAX {
        let _ = write!(text, ", {} more", cells.len() - RECEIVERS_MAX);
    }
    text
}

fn date(tick: Tick) -> String {
    let text = tick.to_string();
    text.get(..10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_shows_what_is_highest_and_all_that_is_not_nothing() {
        let mut days = [[0; 24]; 2];
        days[0][9] = 8_000_000;
        days[0][10] = 4_000_000;
        days[1][23] = 1;
        let text = chart(&days);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "  8.00 MB │         █                 │");
        assert_eq!(lines[2], "          │         █▄                │");
        assert_eq!(
            lines[4],
            "          │         ██                │                       ▁"
        );
        assert_eq!(lines.len(), CHART_LINES + 3);
        assert_eq!(
            chart(&[[0; 24]; 2]).lines().next(),
            Some("      0 B │                           │")
        );
    }
}
