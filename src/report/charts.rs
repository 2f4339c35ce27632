//! Charts that several reports have.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;

use super::common::Context;
use super::flows::{Flow, Month};
use super::model::{Block, Chart, ChartShape, Series};
use super::tables::at;
use super::words::{self, PROTECTIONS};

/// Upright bars of a chart; a longer window is drawn by week or by month.
const COLUMNS_MAX: u64 = 62;

/// Lying bars of a chart.
const BARS_MAX: usize = 10;

impl Context<'_> {
    /// Bytes of each day, or of each week or month where the window is long.
    pub(super) fn day_chart(&self) -> Block {
        let days = self.days.max(1);
        let (unit, of): (_, fn(Date) -> Date) = match days {
            days if days <= COLUMNS_MAX => (("day", "日"), |day| day),
            days if days <= 7 * COLUMNS_MAX => (("week", "周"), monday),
            _ => (("month", "月"), Date::first_of_month),
        };
        let mut sums: BTreeMap<Date, u64> = BTreeMap::new();
        let mut day = self.request.from;
        for _ in 0..days.min(super::gather::DAYS_MAX as u64) {
            let bytes = self.facts.days.get(&day).map_or(0, |day| day.flow.bytes);
            let sum = sums.entry(of(day)).or_default();
            *sum = sum.saturating_add(bytes);
            day = day.saturating_add(1.days());
        }
        Block::Chart(Chart {
            name: "bytes_by_time",
            title: self.language.pick(
                format!("Bytes that left, by {}", unit.0),
                format!("出境数据量（按{}）", unit.1),
            ),
            shape: ChartShape::Columns,
            labels: sums.keys().map(Date::to_string).collect(),
            series: vec![self.series(sums.into_values().collect())],
        })
    }

    pub(super) fn jurisdiction_chart(&self) -> Block {
        let sums = self.facts.flows.by(|key, _| key.jurisdiction.clone());
        let shown = sums.iter().take(BARS_MAX);
        let rest = sums.iter().skip(BARS_MAX).map(|(_, flow)| flow.bytes);
        let rest = rest.fold(0, u64::saturating_add);
        let labels = shown
            .clone()
            .map(|(code, _)| super::places::full_name(code, self.language));
        let mut labels: Vec<_> = labels.collect();
        let mut values: Vec<_> = shown.map(|(_, flow)| flow.bytes).collect();
        if rest > 0 {
            labels.push(self.say("all others", "其他"));
            values.push(rest);
        }
        Block::Chart(Chart {
            name: "bytes_by_jurisdiction",
            title: self.say(
                "Bytes that left, by jurisdiction",
                "出境数据量（按国家/地区）",
            ),
            shape: ChartShape::Bars,
            labels,
            series: vec![self.series(values)],
        })
    }

    fn series(&self, values_bytes: Vec<u64>) -> Series {
        Series {
            code: "bytes".to_owned(),
            label: self.say("bytes", "字节"),
            values_bytes,
        }
    }

    /// Bytes of each month by protection.
    pub(super) fn months(&self) -> BTreeMap<Month, Flow> {
        let mut months: BTreeMap<Month, Flow> = BTreeMap::new();
        for (day, kept) in &self.facts.days {
            months
                .entry((day.year(), day.month()))
                .or_default()
                .add(&kept.flow);
        }
        months
    }

    pub(super) fn protection_chart(&self) -> Block {
        let months = self.months();
        let series = PROTECTIONS.iter().enumerate().map(|(place, word)| Series {
            code: word.code.to_owned(),
            label: words::label(PROTECTIONS, word.code, self.language),
            values_bytes: months
                .values()
                .map(|flow| at(&flow.protected, place))
                .collect(),
        });
        Block::Chart(Chart {
            name: "protection_by_month",
            title: self.say(
                "Protection of what left, by month",
                "出境数据的传输保护（按月）",
            ),
            shape: ChartShape::Shares,
            labels: months.keys().map(month_name).collect(),
            series: series.collect(),
        })
    }
}

pub(super) fn month_name((year, month): &Month) -> String {
    format!("{year:04}-{month:02}")
}

fn monday(day: Date) -> Date {
    let past = i32::from(day.weekday().to_monday_zero_offset());
    day.saturating_sub(past.days())
}
