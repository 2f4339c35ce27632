//! Charts as drawings within a page. Colours are classes of the style sheet.

use super::html::escape;
use super::model::{Chart, ChartShape, Series};
use super::{Language, number};

/// Width of a drawing in its own units, which are about the pixels of a screen.
const WIDTH: f64 = 720.0;

/// Left of this stand names and scales.
const LEFT: f64 = 148.0;

/// Width that letters of a name take, in units.
const NAME_WIDTH: usize = 24;

/// Height of a lying bar with the space around it.
const ROW: f64 = 26.0;

/// Height of the area of upright bars.
const HEIGHT: f64 = 132.0;

/// Draws a chart. One without values is left out.
pub(super) fn write(text: &mut String, chart: &Chart, language: Language) {
    let is_empty = chart
        .series
        .iter()
        .all(|it| it.values_bytes.iter().all(|bytes| *bytes == 0));
    if chart.labels.is_empty() || is_empty {
        return;
    }
    let title = escape(&chart.title);
    text.push_str(&format!(
        "<figure class=\"chart\"><figcaption>{title}</figcaption>\n"
    ));
    match (chart.shape, chart.series.as_slice()) {
        (ChartShape::Columns, [series, ..]) => columns(text, chart, series),
        (ChartShape::Bars, [series, ..]) => bars(text, chart, series),
        _ => shares(text, chart, language),
    }
    text.push_str("</figure>\n");
}

fn open(text: &mut String, chart: &Chart, height: f64) {
    let title = escape(&chart.title);
    text.push_str(&format!(
        "<svg viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\" aria-label=\"{title}\">\n"
    ));
}

fn columns(text: &mut String, chart: &Chart, series: &Series) {
    const TOP: f64 = 8.0;
    let left = 64.0;
    let largest = series.values_bytes.iter().copied().max().unwrap_or(1);
    let scale = round_up(largest);
    open(text, chart, TOP + HEIGHT + 24.0);
    for part in [0_u8, 1, 2] {
        let y = TOP + HEIGHT * (1.0 - f64::from(part) / 2.0);
        let value = scale / 2 * u64::from(part);
        text.push_str(&format!(
            "<path class=\"grid\" d=\"M{left:.0} {y:.1}H{WIDTH:.0}\"/>\
             <text class=\"scale\" x=\"{:.0}\" y=\"{:.1}\">{}</text>\n",
            left - 8.0,
            y + 3.5,
            number::bytes(value)
        ));
    }
    let step = (WIDTH - left) / series.values_bytes.len().max(1) as f64;
    let width = (step * 0.72).min(40.0);
    let labels = short_labels(&chart.labels);
    let every = (labels.len() as f64 * 44.0 / (WIDTH - left))
        .ceil()
        .max(1.0) as usize;
    for (place, (value, label)) in series.values_bytes.iter().zip(&labels).enumerate() {
        let height = HEIGHT * (*value as f64 / scale as f64).min(1.0);
        let x = left + step * (place as f64 + 0.5);
        let full = chart.labels.get(place).map_or("", String::as_str);
        if *value > 0 {
            text.push_str(&format!(
                "<rect class=\"s\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" \
                 height=\"{:.1}\"><title>{}: {}</title></rect>\n",
                x - width / 2.0,
                TOP + HEIGHT - height.max(1.0),
                height.max(1.0),
                escape(full),
                number::bytes(*value),
            ));
        }
        if place.is_multiple_of(every) {
            text.push_str(&format!(
                "<text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>\n",
                TOP + HEIGHT + 17.0,
                escape(label)
            ));
        }
    }
    text.push_str("</svg>\n");
}

fn bars(text: &mut String, chart: &Chart, series: &Series) {
    let largest = series
        .values_bytes
        .iter()
        .copied()
        .max()
        .unwrap_or(1)
        .max(1);
    let room = WIDTH - LEFT - 84.0;
    open(text, chart, ROW * chart.labels.len() as f64 + 4.0);
    for (place, (value, label)) in series.values_bytes.iter().zip(&chart.labels).enumerate() {
        let y = ROW * place as f64 + 4.0;
        let width = (room * (*value as f64 / largest as f64)).max(1.0);
        name(text, label, y);
        text.push_str(&format!(
            "<rect class=\"s\" x=\"{LEFT:.0}\" y=\"{:.1}\" width=\"{width:.1}\" \
             height=\"16\"/><text class=\"value\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\n",
            y + 3.0,
            LEFT + width + 8.0,
            y + 15.0,
            number::bytes(*value)
        ));
    }
    text.push_str("</svg>\n");
}

fn shares(text: &mut String, chart: &Chart, language: Language) {
    let left = 72.0;
    let room = WIDTH - left - 84.0;
    let row = ROW + 6.0;
    open(text, chart, row * chart.labels.len() as f64 + 4.0);
    for (place, label) in chart.labels.iter().enumerate() {
        let y = row * place as f64 + 4.0;
        let values = chart
            .series
            .iter()
            .map(|it| it.values_bytes.get(place).copied());
        let values: Vec<u64> = values.map(|value| value.unwrap_or(0)).collect();
        let whole = values.iter().copied().fold(0, u64::saturating_add);
        text.push_str(&format!(
            "<text class=\"name\" x=\"{:.0}\" y=\"{:.1}\">{}</text>\n",
            left - 10.0,
            y + 18.0,
            escape(label)
        ));
        let mut x = left;
        for (number_of, (value, series)) in values.iter().zip(&chart.series).enumerate() {
            let width = room * (*value as f64 / whole.max(1) as f64);
            if *value > 0 {
                segment(
                    text,
                    (x, y, width),
                    number_of,
                    (*value, whole),
                    &series.label,
                );
            }
            x += width;
        }
        text.push_str(&format!(
            "<text class=\"value\" x=\"{:.0}\" y=\"{:.1}\">{}</text>\n",
            left + room + 10.0,
            y + 18.0,
            number::bytes(whole)
        ));
    }
    text.push_str("</svg>\n");
    legend(text, chart, language);
}

fn segment(
    text: &mut String,
    (x, y, width): (f64, f64, f64),
    colour: usize,
    (value, whole): (u64, u64),
    label: &str,
) {
    let share = number::share(value, whole);
    text.push_str(&format!(
        "<rect class=\"s s{colour}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" \
         height=\"26\"><title>{}: {share}</title></rect>\n",
        (width - 1.0).max(0.8),
        escape(label)
    ));
    if width > 44.0 {
        text.push_str(&format!(
            "<text class=\"inside t{colour}\" x=\"{:.1}\" y=\"{:.1}\">{share}</text>\n",
            x + width / 2.0,
            y + 17.0
        ));
    }
}

fn legend(text: &mut String, chart: &Chart, language: Language) {
    let label = language.pick("Key", "图例");
    text.push_str(&format!("<ul class=\"legend\" aria-label=\"{label}\">"));
    for (place, series) in chart.series.iter().enumerate() {
        if series.values_bytes.iter().all(|bytes| *bytes == 0) {
            continue;
        }
        text.push_str(&format!(
            "<li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"s s{place}\" \
             width=\"12\" height=\"12\"/></svg>{}</li>",
            escape(&series.label)
        ));
    }
    text.push_str("</ul>\n");
}

fn name(text: &mut String, label: &str, y: f64) {
    text.push_str(&format!(
        "<text class=\"name\" x=\"{:.0}\" y=\"{:.1}\">{}</text>\n",
        LEFT - 10.0,
        y + 15.0,
        escape(&fitting(label))
    ));
}

/// As much of a name as has room; letters of Chinese take two places.
fn fitting(label: &str) -> String {
    let mut text = String::new();
    let mut places = 0;
    for letter in label.chars() {
        places += if letter.is_ascii() { 1 } else { 2 };
        if places > NAME_WIDTH {
            text.push('…');
            break;
        }
        text.push(letter);
    }
    text
}

/// Dates without the year where they are days.
fn short_labels(labels: &[String]) -> Vec<&str> {
    let is_day = |label: &&String| label.len() == 10;
    let short = |label: &str| label.get(5..).map(str::len) == Some(5);
    let labels = labels.iter();
    labels
        .map(|label| match is_day(&label) && short(label) {
            true => label.get(5..).unwrap_or(label),
            false => label,
        })
        .collect()
}

/// The next of 1, 2, 4, 5, 6 and 8 times a power of ten, so that its half is round, too.
fn round_up(value: u64) -> u64 {
    let mut power: u64 = 1;
    while power.checked_mul(10).is_some_and(|next| next <= value) {
        power = power.saturating_mul(10);
    }
    let steps = [1, 2, 4, 5, 6, 8, 10]
        .iter()
        .map(|step| power.saturating_mul(*step));
    steps
        .into_iter()
        .find(|step| *step >= value)
        .unwrap_or(u64::MAX)
        .max(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round() {
        let cases = [
            (0, 2),
            (1, 2),
            (3, 4),
            (11, 20),
            (41, 50),
            (99, 100),
            (1_000, 1_000),
        ];
        for (value, expected) in cases {
            assert_eq!(round_up(value), expected, "{value}");
        }
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }

    #[test]
    fn names_have_room() {
        assert_eq!(fitting("Singapore (SG)"), "Singapore (SG)");
        assert_eq!(fitting(&"x".repeat(30)), "x".repeat(24) + "…");
        assert_eq!(fitting(&"国".repeat(20)), "国".repeat(12) + "…");
    }
}
