//! What came in as flow records, as metrics and as notes in the end.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::detect::Bytes;
use crate::intake::{Format, Late, Lost, PassedOver, Refusal};
use crate::metrics::Family;

use super::FlowInputView;

/// The name of exporters on this host, which no entry of the configuration names.
const THIS_HOST: &str = "this host";

/// What can be scraped.
pub(in crate::pipeline) fn families(view: &FlowInputView) -> Vec<Family> {
    let counts = &view.counts;
    let mut families = by_format(view);
    families.extend([
        by_name(
            "borderflow_flow_input_refused_datagrams_total",
            "Datagrams of flow input that were not read, or not to their end, by reason.",
            "reason",
            Refusal::ALL
                .iter()
                .map(|one| one.name())
                .zip(counts.refused),
        ),
        by_name(
            "borderflow_flow_input_passed_over_records_total",
            "Flow records that do not count, by reason.",
            "reason",
            PassedOver::ALL
                .iter()
                .map(|one| one.name())
                .zip(counts.passed_over),
        ),
        by_name(
            "borderflow_flow_input_late_records_total",
            "Exports of flow records that count later than they were, by cause.",
            "cause",
            Late::ALL.iter().map(|one| one.name()).zip(counts.late),
        ),
        lost(view),
    ]);
    families.extend(sums(view));
    families
}

fn sums(view: &FlowInputView) -> [Family; 8] {
    let counts = &view.counts;
    [
        Family::counter(
            "borderflow_flow_input_untemplated_sets_total",
            "Sets of flow records that came before their template, and waited for it.",
        )
        .with(&[], counts.without_template as f64),
        Family::counter(
            "borderflow_flow_input_sampled_records_total",
            "Flow records that stand for more packets than they count.",
        )
        .with(&[], counts.sampled as f64),
        Family::gauge(
            "borderflow_flow_input_sampling_max",
            "The most packets for which one stands in flow records so far; 0 if all are counted.",
        )
        .with(&[], counts.sampling_max.into()),
        Family::counter(
            "borderflow_flow_input_export_bytes_total",
            "Payload bytes from assets to foreign peers, as flow records tell, sampling applied.",
        )
        .with(&[], counts.export_bytes as f64),
        Family::counter(
            "borderflow_flow_input_restarts_total",
            "Times that sequence numbers of an exporter began anew.",
        )
        .with(&[], counts.restarts as f64),
        Family::counter(
            "borderflow_flow_input_folded_transfers_total",
            "Transfers of flow records told together with others of their asset and country.",
        )
        .with(&[], counts.folded as f64),
        Family::gauge(
            "borderflow_flow_input_waiting_transfers",
            "Transfers of flow records that wait for the second in which they count.",
        )
        .with(&[], view.waiting as f64),
        Family::gauge(
            "borderflow_flow_input_exporters",
            "Observation domains of exporters that are listened to, by whether they are silent.",
        )
        .with(&[("state", "silent")], view.exporters[1] as f64)
        .with(
            &[("state", "heard")],
            (view.exporters[0] - view.exporters[1]) as f64,
        ),
    ]
}

fn by_format(view: &FlowInputView) -> Vec<Family> {
    let names = || Format::ALL.iter().map(|format| format.name());
    vec![
        by_name(
            "borderflow_flow_input_datagrams_total",
            "Datagrams of exporters that were read.",
            "format",
            names().zip(view.counts.datagrams),
        ),
        by_name(
            "borderflow_flow_input_records_total",
            "Flow records that were read.",
            "format",
            names().zip(view.counts.records),
        ),
    ]
}

fn by_name(
    name: &'static str,
    help: &'static str,
    label: &'static str,
    values: impl Iterator<Item = (&'static str, u64)>,
) -> Family {
    values.fold(Family::counter(name, help), |family, (value, count)| {
        family.with(&[(label, value)], count as f64)
    })
}

/// What did not come, by entry of the configuration.
fn lost_by_exporter(view: &FlowInputView) -> impl Iterator<Item = (&str, Lost)> {
    let entries = view.names.iter().map(String::as_str).zip(view.counts.lost);
    let own = view.counts.lost.last().copied().unwrap_or_default();
    entries.chain([(THIS_HOST, own)])
}

fn lost(view: &FlowInputView) -> Family {
    let mut lost = Family::counter(
        "borderflow_flow_input_lost_total",
        "Datagrams or records that exporters sent and that did not come, by sequence numbers.",
    )
    .labelled(&["exporter", "unit"]);
    for (name, lost_of) in lost_by_exporter(view) {
        let name = ("exporter", name);
        lost.push(&[name, ("unit", "datagrams")], lost_of.datagrams as f64);
        lost.push(&[name, ("unit", "records")], lost_of.records as f64);
    }
    lost
}

/// How it does, as the console has it. Of reasons and formats those are there that have a count.
pub(in crate::pipeline) fn health(view: &FlowInputView) -> Value {
    let counts = &view.counts;
    let formats = Format::ALL.iter().enumerate().filter_map(|(at, format)| {
        let (datagrams, records) = (counts.datagrams.get(at)?, counts.records.get(at)?);
        let told = json!({ "format": format.name(), "datagrams": datagrams, "records": records });
        (datagrams + records > 0).then_some(told)
    });
    let [known, silent] = view.exporters;
    let lost = lost_by_exporter(view).filter(|(_, lost)| lost.datagrams + lost.records > 0);
    let lost = lost.map(|(name, lost)| {
        json!({ "exporter": name, "datagrams": lost.datagrams, "records": lost.records })
    });
    json!({
        "formats": formats.collect::<Vec<_>>(),
        "exporters": { "heard": known - silent, "silent": silent },
        "lost": lost.collect::<Vec<_>>(),
        "refused": counted(Refusal::ALL.map(Refusal::name), counts.refused),
        "passed_over": counted(PassedOver::ALL.map(PassedOver::name), counts.passed_over),
        "late": counted(Late::ALL.map(Late::name), counts.late),
        "sampling_max": counts.sampling_max,
        "export_bytes": counts.export_bytes,
        "waiting": view.waiting,
    })
}

fn counted<const N: usize>(
    names: [&'static str; N],
    counts: [u64; N],
) -> BTreeMap<&'static str, u64> {
    let counts = names.into_iter().zip(counts);
    counts.filter(|(_, count)| *count > 0).collect()
}

/// What the operator should know in the end.
pub(super) fn notes(view: &FlowInputView) -> Vec<String> {
    let counts = &view.counts;
    let by_format = Format::ALL.iter().zip(counts.records);
    let by_format = by_format.filter(|(_, records)| *records > 0);
    let by_format: Vec<_> = by_format
        .map(|(format, records)| format!("{records} of {}", format.name()))
        .collect();
    let mut notes = vec![match by_format.is_empty() {
        true => "flow input: no record came".to_owned(),
        false => format!(
            "flow input: records: {}; {} were exported: names and protection are not known of \
             them, and what was sent again counts again",
            by_format.join(", "),
            Bytes(counts.export_bytes),
        ),
    }];
    if counts.sampled > 0 {
        notes.push(format!(
            "flow input: {} records are of samples of up to 1 in {} packets: their figures are \
             estimates",
            counts.sampled, counts.sampling_max,
        ));
    }
    let lost = counts.all_lost();
    if lost.datagrams + lost.records > 0 {
        notes.push(format!(
            "flow input: {} datagrams and {} records did not come, by sequence numbers: every \
             figure is a lower bound; a larger flow_input.buffer_bytes may help",
            lost.datagrams, lost.records,
        ));
    }
    let refused: u64 = counts.refused.iter().sum();
    if refused > 0 {
        let reasons = Refusal::ALL.iter().zip(counts.refused);
        let reasons = reasons.filter(|(_, count)| *count > 0);
        let reasons: Vec<_> = reasons
            .map(|(reason, count)| format!("{count} {}", reason.name()))
            .collect();
        notes.push(format!(
            "flow input: {refused} datagrams were refused: {}",
            reasons.join(", ")
        ));
    }
    notes
}
