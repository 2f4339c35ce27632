//! Much to something new: a country, an autonomous system in a known country, or a registered
//! domain in a known autonomous system, to which the asset never exported before; or to a known
//! autonomous system over a service that it never used there.
//!
//! Idea: most assets meet new countries, networks and names every week, and send next to nothing
//! there. What counts is bytes to them, over a week, so that a leak in small parts counts as
//! a whole.
//!
//! Formula: all bytes since the first export over the largest days that the asset has had
//! with new places; the chance of that ratio as in [`volume`](super::volume). Nothing is new
//! in an asset's first day.
//!
//! Cost: a search in a curve, and one through the 64 domains of an asset.
//!
//! Blind spot: a new tenant of a network that the asset already uses, where neither the
//! conversation nor a name server named it.

use crate::baseline::{Cell, CellKey, Measure};
use crate::policy::law::Text;

use super::volume::{Of, so_far};
use super::{Bytes, Ground, Scene};

/// Of the country.
pub(super) fn of_country(scene: &Scene<'_>, grounds: &mut Vec<Ground>) {
    let novelty = &scene.destination.all.novelty;
    if novelty.is_new() {
        let peaks = &scene.record.new_countries.day_peaks;
        let bytes = novelty.bytes.saturating_sub(scene.without_bytes) as f64;
        let bytes = bytes * scene.moved.stayed_share();
        let mut ground = scene.ground(Measure::NewCountry, peaks, bytes, None);
        let all = &scene.destination.all;
        let stayed = scene.chance_had_it_stayed(Measure::CountryDay, all, &scene.moved);
        ground.p = ground.p.max(stayed);
        grounds.push(ground);
    }
}

/// Of the network of a cell.
pub(super) fn of_cell(scene: &Scene<'_>, key: CellKey, cell: &Cell, grounds: &mut Vec<Ground>) {
    if cell.novelty.is_new() {
        let peaks = &scene.record.new_networks.day_peaks;
        let bytes = cell.novelty.bytes.saturating_sub(scene.without_bytes) as f64;
        let moved = scene.state.moved(key, cell, scene.hour);
        let bytes = bytes * moved.stayed_share();
        let mut ground = scene.ground(Measure::NewNetwork, peaks, bytes, Some(key));
        let day = Measure::CellDay(key.service);
        ground.p = ground.p.max(scene.chance_had_it_stayed(day, cell, &moved));
        grounds.push(ground);
    }
}

/// Of the service of a cell.
pub(super) fn of_service(scene: &Scene<'_>, key: CellKey, cell: &Cell, grounds: &mut Vec<Ground>) {
    if cell.novelty.is_new_service() {
        let peaks = &scene.record.new_services.day_peaks;
        let bytes = cell.novelty.bytes.saturating_sub(scene.without_bytes) as f64;
        let moved = scene.state.moved(key, cell, scene.hour);
        let bytes = bytes * moved.stayed_share();
        grounds.push(scene.ground(Measure::NewService, peaks, bytes, Some(key)));
    }
}

/// What is to be said of a service that is new.
pub(super) fn service_sentence(scene: &Scene<'_>, ground: &Ground) -> Text {
    let cell = ground
        .cell
        .and_then(|key| Some((key, scene.state.cells.get(&key)?)));
    let Some((key, cell)) = cell else {
        return Text::default();
    };
    let (asn, country, service) = (key.asn, key.country, key.service.name());
    let (bytes, since) = (Bytes(cell.novelty.bytes), cell.novelty.since);
    let so_far = so_far(&scene.record.new_services.day_peaks, Of::Day);
    Text {
        en: format!(
            "{bytes} to AS{asn} in {country} over {service}, which it never used there before \
             {since}; of new ones, {}",
            so_far.en,
        ),
        zh: format!(
            "经 {service} 发往 {country} 的 AS{asn} {bytes}，{since} 之前从未在该处用过此服务；\
             新服务中，{}",
            so_far.zh,
        ),
    }
}

/// Of the new registered domain that got most.
pub(super) fn of_recipient(scene: &Scene<'_>, grounds: &mut Vec<Ground>) {
    if let Some(new) = scene.record.receivers.largest_new(scene.country) {
        let peaks = &scene.record.new_recipients.day_peaks;
        let bytes = new.novelty.bytes.saturating_sub(scene.without_bytes) as f64;
        grounds.push(scene.ground(Measure::NewRecipient, peaks, bytes, None));
    }
}

/// What is to be said of a registered domain that is new.
pub(super) fn recipient_sentence(scene: &Scene<'_>) -> Text {
    let Some(new) = scene.record.receivers.largest_new(scene.country) else {
        return Text::default();
    };
    let (bytes, domain, since) = (Bytes(new.novelty.bytes), &new.domain, new.novelty.since);
    let so_far = so_far(&scene.record.new_recipients.day_peaks, Of::Day);
    Text {
        en: format!(
            "{bytes} to {domain}, a recipient that it never exported to before {since}; of new \
             ones, {}",
            so_far.en,
        ),
        zh: format!(
            "发往 {domain} {bytes}，{since} 之前从未向该接收方传出；新接收方中，{}",
            so_far.zh,
        ),
    }
}

/// What is to be said of something new.
pub(super) fn sentence(scene: &Scene<'_>, ground: &Ground) -> Text {
    let cell = ground
        .cell
        .and_then(|key| Some((key, scene.state.cells.get(&key)?)));
    let ([place, place_zh], novelty, past) = match cell {
        Some((key, cell)) => {
            let (asn, country) = (key.asn, key.country);
            let place = [
                format!("AS{asn} in {country}, a network"),
                format!("{country} 的 AS{asn}"),
            ];
            (place, &cell.novelty, &scene.record.new_networks)
        }
        None => {
            let country = scene.country;
            let place = [format!("{country}, a country"), country.to_string()];
            (
                place,
                &scene.destination.all.novelty,
                &scene.record.new_countries,
            )
        }
    };
    let (bytes, since) = (Bytes(novelty.bytes), novelty.since);
    let so_far = so_far(&past.day_peaks, Of::Day);
    Text {
        en: format!(
            "{bytes} to {place} that it never exported to before {since}; of new ones, {}",
            so_far.en,
        ),
        zh: format!(
            "发往 {place_zh} {bytes}，{since} 之前从未向该处传出；新目的地中，{}",
            so_far.zh,
        ),
    }
}
