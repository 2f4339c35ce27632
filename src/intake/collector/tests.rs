use super::super::config::ExporterConfig;
use super::super::netflow::tests::{flow_set, flow_template, ipfix, v5};
use super::super::sflow::tests::datagram as sflow_datagram;
use super::super::tests::GEO;
use super::*;
use crate::transfer::Measure;

struct Site {
    collector: Collector,
    schedule: Schedule,
}

const NOW: u64 = 1_000_000;

impl Site {
    fn new(change: impl FnOnce(&mut FlowInputConfig)) -> Self {
        let mut config = FlowInputConfig::default();
        change(&mut config);
        let schedule = Schedule::default();
        let collector = Collector::new(config);
        Self {
            collector,
            schedule,
        }
    }

    fn take(&mut self, from: &str, datagram: &[u8], second: u64) {
        let now = Tick(NOW + second).start();
        let from = from.parse().unwrap();
        self.collector
            .datagram(from, datagram, now, &GEO, &mut self.schedule);
    }

    fn rows(&mut self) -> Vec<(u64, u64)> {
        let rows = self.schedule.take(Tick(u64::MAX)).into_iter();
        rows.map(|row| (row.tick.0 - NOW, row.bytes)).collect()
    }
}

fn record(sequence: u32, bytes: u64) -> Vec<u8> {
    ipfix(sequence, &[flow_template(300), flow_set(300, bytes)])
}

#[test]
fn strangers_and_unknown_formats_are_refused_and_counted() {
    let mut site = Site::new(|_| {});
    site.take("192.0.2.1", &record(0, 10_520), 0);
    site.take("127.0.0.1", b"GET / HTTP/1.1", 0);
    site.take("127.0.0.1", &[0], 0);
    site.take("127.0.0.1", &record(0, 10_520)[..40], 0);
    assert_eq!(site.collector.counts.refused, [1, 0, 2, 1]);
    assert_eq!(
        site.collector.exporters(),
        [1, 0],
        "a stranger takes no room"
    );
    assert_eq!(site.rows(), []);
}

#[test]
fn records_count_a_fixed_time_later_and_samples_of_packets_at_once() {
    let mut site = Site::new(|config| config.counts_once = false);
    site.take("127.0.0.1", &v5(1, 0, [60_000, 10_000, 58_000]), 0);
    site.take("::1", &sflow_datagram(1, 2_000), 3);
    assert_eq!(site.rows(), [(3, 2_000_000), (88, 10_000)]);
    let counts = &site.collector.counts;
    assert_eq!((counts.sampled, counts.sampling_max), (1, 2_000));
    assert_eq!(counts.export_bytes, 2_010_000);
}

#[test]
fn the_operator_knows_better_how_an_exporter_samples() {
    let mut site = Site::new(|config| {
        config.exporter = vec![ExporterConfig {
            name: "edge".to_owned(),
            prefix: "192.0.2.1/32".parse().unwrap(),
            sampling: std::num::NonZeroU32::new(50),
        }];
    });
    site.take("192.0.2.1", &v5(1, 100, [60_000, 58_000, 58_000]), 0);
    let [row] = site.schedule.take(Tick(u64::MAX))[..] else {
        panic!()
    };
    assert_eq!((row.bytes, row.measure), (500_000, Measure::sampled(50)));
}

#[test]
fn a_flow_that_two_exporters_tell_of_counts_once() {
    let mut site = Site::new(|_| {});
    for from in ["127.0.0.1", "127.0.0.2"] {
        site.take(from, &record(0, 10_520), 0);
    }
    assert_eq!(site.rows().len(), 1);
    let duplicates = site.collector.counts.passed_over[PassedOver::Duplicate as usize];
    assert_eq!(duplicates, 1);
    let mut twice = Site::new(|config| config.counts_once = false);
    for from in ["127.0.0.1", "127.0.0.2"] {
        twice.take(from, &record(0, 10_520), 0);
    }
    assert_eq!(twice.rows().len(), 2);
}

#[test]
fn what_is_lost_is_known_by_sequence_numbers() {
    let mut site = Site::new(|_| {});
    let lost = |site: &Site| site.collector.counts.all_lost();
    for sequence in [10, 11, 14, 13, 15] {
        site.take("127.0.0.1", &record(sequence, 10_520), 0);
    }
    assert_eq!(lost(&site).records, 2, "12 and 13, which came later");
    site.take("127.0.0.1", &record(0x8000_0000, 10_520), 0);
    site.take("127.0.0.1", &record(0x8000_0001, 10_520), 0);
    assert_eq!(
        (lost(&site).records, site.collector.counts.restarts),
        (2, 1)
    );
    for sequence in [u32::MAX, 3] {
        site.take("127.0.0.1", &sflow_datagram(sequence, 1), 0);
    }
    assert_eq!(lost(&site).datagrams, 3);
}

#[test]
fn exporters_are_bounded_and_forgotten_ones_give_way() {
    let mut site = Site::new(|config| config.exporters_max = 3);
    for number in 1..=9 {
        site.take(&format!("127.0.0.{number}"), &record(0, 10_520), 0);
    }
    assert_eq!(site.collector.exporters()[0], 3);
    assert_eq!(site.collector.counts.refused[Refusal::TooMany as usize], 6);
    let full = site.collector.take_news();
    assert_eq!(
        full.iter()
            .filter(|news| matches!(news, News::Full(3)))
            .count(),
        1
    );
    site.take("127.0.0.9", &record(0, 10_520), 3_600);
    assert_eq!(site.collector.exporters()[0], 3);
    assert_eq!(site.collector.counts.refused[Refusal::TooMany as usize], 6);
}

#[test]
fn an_exporter_that_falls_silent_is_told_once_and_so_is_its_return() {
    let mut site = Site::new(|config| config.silence_seconds = 60);
    site.take("127.0.0.1", &record(0, 10_520), 0);
    site.collector.take_news();
    for second in [59, 60, 61, 99] {
        site.collector.look_for_silence(Tick(NOW + second));
    }
    let told = site.collector.take_news();
    assert!(matches!(&told[..], [News::Silent(_, 60)]), "{told:?}");
    assert_eq!(site.collector.exporters(), [1, 1]);
    site.take("127.0.0.1", &record(1, 10_520), 100);
    assert!(matches!(&site.collector.take_news()[..], [News::Back(_)]));
}

#[test]
fn an_active_timeout_beyond_the_delay_is_told_once() {
    let mut site = Site::new(|config| config.delay_seconds = 90);
    for second in 0..3 {
        let message = v5(second, 0, [2_000_000, 100_000, 1_900_000]);
        site.take("127.0.0.1", &message, second.into());
    }
    let told = site.collector.take_news();
    let long: Vec<_> = told
        .iter()
        .filter(|news| matches!(news, News::Long(..)))
        .collect();
    assert_eq!(long.len(), 1, "{told:?}");
    assert!(long[0].line().contains("1800 s"));
}
