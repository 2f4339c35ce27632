//! More than there has ever been: in an hour or a day, of everything that an asset sends
//! abroad, to a country, to a network over a service, or over a service; and more to a
//! network than anybody here has sent it.
//!
//! Idea: what an asset has never come near, it does not do. Its own largest days are the
//! measure, since assets differ by orders of magnitude, and how far a day goes beyond the
//! largest before is much the same for all of a role, so the pools know how often that is.
//!
//! Formula: the bytes of the running hour, or of the last 24, over the geometric mean of the
//! three largest of days before; the chance of that ratio among all days of the role that
//! were compared with as young a past, fitted beyond the data (peaks over a threshold,
//! Pickands 1975, Hill 1975).
//!
//! Cost: a sum over the asset's cells and a search in six curves.
//!
//! Blind spot: a leak within what the asset's largest days have shown for that destination.
//! And it cannot tell from a leak what looks like one: a failover that copies a database to where
//! nobody here ever sent anything, or a release that goes to a network from which machines only
//! fetched. Nothing here keeps these silent, since it would keep leaks to such places silent, too;
//! an approval or feedback does, which names the place.

use crate::baseline::{Cell, CellKey, Measure, Peaks};
use crate::policy::law::Text;
use crate::transfer::Service;

use super::{Bytes, Ground, Scene};

/// Of all exports of the asset, if the country has much of them.
pub(super) fn of_asset(scene: &Scene<'_>, grounds: &mut Vec<Ground>) {
    let (all, country) = (scene.asset_bytes() as f64, scene.country_bytes() as f64);
    let past = &scene.record.all;
    if country > SHARE_MIN * all {
        grounds.push(scene.ground(Measure::AssetHour, &past.hour_peaks, all, None));
    }
    let of_day = past.before(scene.hour) + all;
    let of_country = scene.day_bytes(&scene.destination.all, scene.country_bytes());
    if of_country > SHARE_MIN * of_day {
        grounds.push(scene.ground(Measure::AssetDay, &past.day_peaks, of_day, None));
    }
}

/// Of all exports to the country.
pub(super) fn of_country(scene: &Scene<'_>, grounds: &mut Vec<Ground>) {
    let bytes = scene.country_bytes();
    let measures = [Measure::CountryHour, Measure::CountryDay];
    of_one(
        scene,
        &scene.destination.all,
        bytes,
        measures,
        None,
        grounds,
    );
}

/// Of what goes to a cell.
pub(super) fn of_cell(scene: &Scene<'_>, key: CellKey, cell: &Cell, grounds: &mut Vec<Ground>) {
    let bytes = scene.cell_bytes(key, cell);
    let measures = [
        Measure::CellHour(key.service),
        Measure::CellDay(key.service),
    ];
    of_one(scene, cell, bytes, measures, Some(key), grounds);
}

/// Of what goes over the service of a cell, if the cell has much of it.
pub(super) fn of_service(scene: &Scene<'_>, key: CellKey, cell: &Cell, grounds: &mut Vec<Ground>) {
    let Some(past) = scene.record.services.get(&key.service) else {
        return;
    };
    let of_day = service_day_bytes(scene, key.service);
    if scene.day_bytes(cell, scene.cell_bytes(key, cell)) > SHARE_MIN * of_day {
        let measure = Measure::ServiceDay(key.service);
        grounds.push(scene.ground(measure, &past.day_peaks, of_day, Some(key)));
    }
}

/// Of what goes to the system of a cell, beside what anybody sends there.
pub(super) fn of_sink(scene: &Scene<'_>, key: CellKey, grounds: &mut Vec<Ground>) {
    if key.asn == 0 {
        return;
    }
    let peaks = scene.sinks.peaks(key.asn).copied().unwrap_or_default();
    let bytes = (sink_day_bytes(scene, key.asn) - scene.without_bytes as f64).max(0.0);
    grounds.push(scene.ground(Measure::SinkDay, &peaks, bytes, Some(key)));
}

/// Bytes of 24 hours to a system, whatever the country and the service.
fn sink_day_bytes(scene: &Scene<'_>, asn: u32) -> f64 {
    let cells = scene.state.cells.iter();
    let of_system = cells.filter(|(key, _)| key.asn == asn);
    let bytes = of_system.map(|(_, cell)| scene.day_bytes(cell, cell.hour_bytes));
    bytes.sum()
}

/// What is to be said of so much to one system.
pub(super) fn sink_sentence(scene: &Scene<'_>, ground: &Ground) -> Text {
    let asn = ground.cell.map_or(0, |key| key.asn);
    let most = scene.sinks.peaks(asn).map_or(0.0, Peaks::largest) as u64;
    let bytes = Bytes(sink_day_bytes(scene, asn) as u64);
    let [before, before_zh] = match most {
        0 => [
            "nobody here sent it anything on a day before".to_owned(),
            "站内此前没有任何一天向其发送过数据".to_owned(),
        ],
        most => [
            format!(
                "the most that anybody here sent it on a day is {}",
                Bytes(most)
            ),
            format!("站内此前单日向其发送最多 {}", Bytes(most)),
        ],
    };
    Text {
        en: format!("{bytes} to AS{asn} within 24 hours; {before}"),
        zh: format!("24 小时内发往 AS{asn} {bytes}；{before_zh}"),
    }
}

fn of_one(
    scene: &Scene<'_>,
    cell: &Cell,
    bytes: u64,
    [hour, day]: [Measure; 2],
    key: Option<CellKey>,
    grounds: &mut Vec<Ground>,
) {
    let past = cell.record().map(|known| &known.past);
    let (hours, days) =
        past.map_or_else(Default::default, |past| (past.hour_peaks, past.day_peaks));
    let moved = key.map_or(scene.moved, |key| scene.state.moved(key, cell, scene.hour));
    let mut of_hour = scene.ground(hour, &hours, bytes as f64, key);
    if let Some(from) = &moved.from {
        let both = cell.hour_bytes.saturating_add(from.hour_bytes);
        let both = both.saturating_sub(scene.without_bytes) as f64;
        let stayed = scene.ground(hour, &from.hour_peaks, both, key);
        of_hour.p = of_hour.p.max(stayed.p);
    }
    grounds.push(of_hour);
    let of_day =
        (scene.day_bytes(cell, bytes) - moved.day_bytes + moved.hour_bytes as f64).max(0.0);
    let mut of_day = scene.ground(day, &days, of_day, key);
    of_day.p = of_day.p.max(scene.chance_had_it_stayed(day, cell, &moved));
    grounds.push(of_day);
}

fn service_day_bytes(scene: &Scene<'_>, service: Service) -> f64 {
    let past = scene.record.services.get(&service);
    let before = past.map_or(0.0, |past| past.before(scene.hour));
    before + scene.service_bytes(service) as f64
}

/// What is to be said of a volume.
pub(super) fn sentence(scene: &Scene<'_>, ground: &Ground) -> Text {
    let past = &scene.record.all;
    let abroad = || ["abroad".to_owned(), "境外".to_owned()];
    let (bytes, place, peaks, is_hour) = match ground.measure {
        Measure::AssetHour => (scene.asset_bytes(), abroad(), past.hour_peaks, true),
        Measure::AssetDay => {
            let before = past.before(scene.hour) as u64;
            let bytes = before.saturating_add(scene.asset_bytes());
            (bytes, abroad(), past.day_peaks, false)
        }
        Measure::ServiceDay(service) => {
            let past = scene.record.services.get(&service);
            let peaks = past.map(|past| past.day_peaks).unwrap_or_default();
            let bytes = service_day_bytes(scene, service) as u64;
            let service = service.name();
            let place = [
                format!("abroad over {service}"),
                format!("境外（经 {service}）"),
            ];
            (bytes, place, peaks, false)
        }
        measure => {
            let cell = ground
                .cell
                .and_then(|key| Some((key, scene.state.cells.get(&key)?)));
            let (all, place) = match cell {
                Some((key, cell)) => {
                    let (asn, service) = (key.asn, key.service.name());
                    let place = [
                        format!("to AS{asn} over {service}"),
                        format!(" AS{asn}（经 {service}）"),
                    ];
                    (cell, place)
                }
                None => {
                    let country = scene.country;
                    let place = [format!("to {country}"), format!(" {country}")];
                    (&scene.destination.all, place)
                }
            };
            let past = all
                .record()
                .map(|known| known.past.clone())
                .unwrap_or_default();
            let hour_bytes = all.hour_bytes;
            if matches!(measure, Measure::CountryHour | Measure::CellHour(_)) {
                (hour_bytes, place, past.hour_peaks, true)
            } else {
                let bytes = scene.day_bytes(all, hour_bytes) as u64;
                (bytes, place, past.day_peaks, false)
            }
        }
    };
    let (of, [span, span_zh]) = match is_hour {
        true => (Of::Hour, ["this hour", "本小时内"]),
        false => (Of::Day, ["24 hours", "24 小时内"]),
    };
    let (bytes, so_far) = (Bytes(bytes), so_far(&peaks, of));
    let [place, place_zh] = place;
    Text {
        en: format!("{bytes} {place} within {span}; {}", so_far.en),
        zh: format!("{span_zh}发往{place_zh} {bytes}；{}", so_far.zh),
    }
}

/// Of what the largest is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    Hour,
    Day,
}

/// How large it has been.
pub(super) fn so_far(peaks: &Peaks, of: Of) -> Text {
    let [of, of_zh] = match of {
        Of::Hour => ["hour", "一小时"],
        Of::Day => ["day", "一天"],
    };
    match peaks.largest() as u64 {
        0 => Text {
            en: format!("no {of} before had any"),
            zh: format!("此前没有任何{of_zh}有过"),
        },
        bytes => Text {
            en: format!("the largest {of} so far had {}", Bytes(bytes)),
            zh: format!("此前最大的{of_zh}为 {}", Bytes(bytes)),
        },
    }
}

/// The least share of an asset's or a service's bytes by which a country speaks for it.
pub(super) const SHARE_MIN: f64 = 0.3;
