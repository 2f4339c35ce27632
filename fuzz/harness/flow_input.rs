//! Any bytes as datagrams of exporters, and as lines of a conn.log.
//!
//! Byte 0 says how many seconds pass between two datagrams. Behind it is one after the other:
//! two bytes of its length, a byte that says who sends it, and the datagram. Sender 255 stands
//! for the log.

use std::net::IpAddr;
use std::sync::LazyLock;

use borderflow::config::Config;
use borderflow::geo::Geo;
use borderflow::intake::{Collector, ConnLog, FlowInputConfig, Format, Schedule};
use borderflow::time::Tick;

static GEO: LazyLock<Geo> = LazyLock::new(|| {
    let config = Config::default();
    let home = config.site.jurisdictions.0.clone();
    Geo::open(&config.geo, &config.site.networks, home).unwrap()
});

/// Takes the datagrams, and checks that every byte that was exported counts exactly once, in no
/// second that is over.
pub fn run(bytes: &[u8]) {
    let Some((seconds, mut rest)) = bytes.split_first() else {
        return;
    };
    let config = FlowInputConfig {
        exporters_max: EXPORTERS_MAX,
        ..FlowInputConfig::default()
    };
    let (mut collector, mut schedule) = (Collector::new(config), Schedule::default());
    let mut log = ConnLog::default();
    let (mut tick, mut told) = (Tick(1_700_000_000), 0u128);
    while let Some((&[high, low, sender], behind)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low])).min(behind.len());
        let (datagram, next) = behind.split_at(length);
        rest = next;
        if sender == u8::MAX {
            let into = (&mut collector, &mut schedule);
            let _ = log.line(datagram, tick.start(), &GEO, into);
        } else {
            let from = IpAddr::from([127, 0, 0, sender]);
            collector.datagram(from, datagram, tick.start(), &GEO, &mut schedule);
        }
        tick = tick.plus_seconds(u64::from(*seconds));
        for row in schedule.take(tick) {
            assert!(row.tick < tick && row.bytes > 0);
            told += u128::from(row.bytes);
        }
        collector.look_for_silence(tick);
    }
    let waiting = schedule.take_all(tick);
    assert!(waiting.iter().all(|row| row.tick <= tick));
    told += waiting
        .iter()
        .map(|row| u128::from(row.bytes))
        .sum::<u128>();
    assert_eq!(schedule.waiting(), 0);
    let counts = &collector.counts;
    if counts.export_bytes < u64::MAX {
        assert_eq!(told, u128::from(counts.export_bytes));
    }
    assert!(collector.exporters()[0] <= EXPORTERS_MAX);
    let read = &counts.datagrams[..Format::ConnLog as usize];
    assert!(read.iter().sum::<u64>() <= bytes.len() as u64);
    assert!(
        collector
            .take_news()
            .iter()
            .all(|news| !news.line().contains('\n'))
    );
}

const EXPORTERS_MAX: usize = 8;
