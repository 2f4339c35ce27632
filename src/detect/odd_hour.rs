//! Something at an hour at which the asset usually is silent.
//!
//! Idea: an office machine that uploads at three in the morning, or on a holiday, is odd even
//! where the volume is not.
//!
//! Formula: an hour of the day is odd for an asset that has exported in less than a quarter
//! of those seen. Bytes of such hours are held against the largest of days before, as in
//! [`volume`](super::volume).
//!
//! Cost: two bytes looked up, and a search in a curve.
//!
//! Blind spot: assets that are awake around the clock.

use crate::baseline::Measure;
use crate::policy::law::Text;

use super::{Bytes, Ground, Scene, volume};

/// Of all exports of the asset, if the country has much of them.
pub(super) fn of_asset(scene: &Scene<'_>, grounds: &mut Vec<Ground>) {
    let (all, country) = (scene.asset_bytes() as f64, scene.country_bytes() as f64);
    if scene.record.is_odd(scene.slot) && country > volume::SHARE_MIN * all {
        let peaks = &scene.record.odd_hours.hour_peaks;
        grounds.push(scene.ground(Measure::OddHour, peaks, all, None));
    }
}

/// What is to be said of an odd hour.
pub(super) fn sentence(scene: &Scene<'_>) -> Text {
    let peaks = &scene.record.odd_hours.hour_peaks;
    let bytes = Bytes(scene.asset_bytes());
    let so_far = volume::so_far(peaks, volume::Of::Hour);
    Text {
        en: format!(
            "{bytes} abroad at an hour at which it usually sends nothing; of such hours, {}",
            so_far.en,
        ),
        zh: format!(
            "在通常不发送数据的时段发往境外 {bytes}；此类时段中，{}",
            so_far.zh,
        ),
    }
}
