//! Numbers that are counted on one thread and read on another.
//!
//! A counter has one writer, which adds in plain variables of its own and publishes the
//! sum now and then; a scrape reads what was published. So no packet pays for a scrape,
//! and no scrape waits for a packet.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::utils::CachePadded;
use prometheus::proto;
use prometheus::{Encoder, TextEncoder};

/// A number that one thread publishes and others read, on a cache line of its own.
#[derive(Debug, Default)]
pub struct Published(CachePadded<AtomicU64>);

impl Published {
    /// Replaces the number.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The number as last published.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All samples of one metric, at one moment.
#[derive(Clone, Debug)]
pub struct Family {
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    samples: Samples,
}

/// A label's name and value.
pub type Label<'a> = (&'static str, &'a str);

#[derive(Clone, Debug)]
enum Samples {
    Counter(Vec<proto::Metric>),
    Gauge(Vec<proto::Metric>),
    Summary(proto::Metric),
}

impl Family {
    /// A number that only grows. Its name ends in `_total`.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            labels: &[],
            samples: Samples::Counter(Vec::new()),
        }
    }

    /// A number that comes and goes.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            labels: &[],
            samples: Samples::Gauge(Vec::new()),
        }
    }

    /// A distribution told by its quantiles, each with its value.
    pub fn summary(
        name: &'static str,
        help: &'static str,
        count: u64,
        sum: f64,
        quantiles: &[(f64, f64)],
    ) -> Self {
        let mut summary = proto::Summary::default();
        summary.set_sample_count(count);
        summary.set_sample_sum(sum);
        let quantiles = quantiles.iter().map(|(quantile, value)| {
            let mut told = proto::Quantile::default();
            told.set_quantile(*quantile);
            told.set_value(*value);
            told
        });
        summary.set_quantile(quantiles.collect());
        let mut metric = proto::Metric::default();
        metric.set_summary(summary);
        Self {
            name,
            help,
            labels: &[],
            samples: Samples::Summary(metric),
        }
    }

    /// Says which labels its samples have, where there may be none yet to show it.
    #[must_use]
    pub const fn labelled(mut self, labels: &'static [&'static str]) -> Self {
        self.labels = labels;
        self
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it means, in a sentence.
    pub const fn help(&self) -> &'static str {
        self.help
    }

    /// `counter`, `gauge` or `summary`.
    pub const fn kind(&self) -> &'static str {
        match self.samples {
            Samples::Counter(_) => "counter",
            Samples::Gauge(_) => "gauge",
            Samples::Summary(_) => "summary",
        }
    }

    /// The names of its labels, in their order.
    pub fn labels(&self) -> Vec<&str> {
        let first = match &self.samples {
            Samples::Counter(samples) | Samples::Gauge(samples) => samples.first(),
            Samples::Summary(_) => None,
        };
        let pairs = first.map(proto::Metric::get_label).unwrap_or_default();
        match pairs {
            [] => self.labels.to_vec(),
            pairs => pairs.iter().map(proto::LabelPair::name).collect(),
        }
    }

    /// Adds a sample.
    #[must_use]
    pub fn with(mut self, labels: &[Label<'_>], value: f64) -> Self {
        self.push(labels, value);
        self
    }

    /// Adds a sample.
    pub fn push(&mut self, labels: &[Label<'_>], value: f64) {
        let pairs = labels.iter().map(|(name, value)| {
            let mut pair = proto::LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        });
        let mut metric = proto::Metric::from_label(pairs.collect());
        match &mut self.samples {
            Samples::Counter(samples) => {
                let mut counter = proto::Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
                samples.push(metric);
            }
            Samples::Gauge(samples) => {
                let mut gauge = proto::Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
                samples.push(metric);
            }
            Samples::Summary(_) => {}
        }
    }

    fn into_proto(self) -> Option<proto::MetricFamily> {
        let (kind, samples) = match self.samples {
            Samples::Counter(samples) => (proto::MetricType::COUNTER, samples),
            Samples::Gauge(samples) => (proto::MetricType::GAUGE, samples),
            Samples::Summary(sample) => (proto::MetricType::SUMMARY, vec![sample]),
        };
        // The encoder refuses a family without samples.
        if samples.is_empty() {
            return None;
        }
        let mut family = proto::MetricFamily::default();
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        family.set_field_type(kind);
        family.set_metric(samples);
        Some(family)
    }
}

/// Writes families in the Prometheus text format, with the figures of this process.
///
/// # Errors
/// Where the encoder refuses a name.
pub fn encode(families: Vec<Family>) -> Result<Vec<u8>, prometheus::Error> {
    let mut all: Vec<_> = families
        .into_iter()
        .filter_map(Family::into_proto)
        .collect();
    all.extend(process_families());
    let mut text = Vec::new();
    TextEncoder::new().encode(&all, &mut text)?;
    Ok(text)
}

#[cfg(target_os = "linux")]
fn process_families() -> Vec<proto::MetricFamily> {
    use prometheus::core::Collector;
    use prometheus::process_collector::ProcessCollector;
    ProcessCollector::for_self().collect()
}

#[cfg(not(target_os = "linux"))]
const fn process_families() -> Vec<proto::MetricFamily> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_tells_its_labels_with_samples_and_without() {
        let family = Family::gauge("borderflow_flows", "Flows.").labelled(&["table"]);
        assert_eq!(family.labels(), ["table"]);
        let labels = [("table", "flows"), ("worker", "0")];
        let family = family.with(&labels, 1.0);
        assert_eq!(family.labels(), ["table", "worker"]);
        assert_eq!(
            (family.name(), family.kind()),
            ("borderflow_flows", "gauge")
        );
        assert_eq!(family.help(), "Flows.");
    }

    #[test]
    fn families_read_as_prometheus_writes_them() {
        let families = vec![
            Family::counter("borderflow_frames_total", "Frames read.")
                .with(&[("interface", "eth0")], 3.0),
            Family::gauge("borderflow_flows", "Flows."),
            Family::summary("borderflow_seconds", "Times.", 2, 0.5, &[(0.5, 0.25)]),
        ];
        let text = String::from_utf8(encode(families).unwrap()).unwrap();
        assert!(text.contains("# TYPE borderflow_frames_total counter"));
        assert!(text.contains("borderflow_frames_total{interface=\"eth0\"} 3"));
        assert!(
            !text.contains("borderflow_flows"),
            "a family without samples is left out"
        );
        assert!(text.contains("borderflow_seconds{quantile=\"0.5\"} 0.25"));
        assert!(text.contains("borderflow_seconds_count 2"));
        assert_eq!(
            text.contains("process_cpu_seconds_total"),
            cfg!(target_os = "linux")
        );
    }
}
