//! How far away a country is at least, and what a round trip says to that.

use std::sync::OnceLock;

use super::Country;

/// Least distances from the site to countries, each worked out when it is first asked for.
#[derive(Debug)]
pub(super) struct Distances {
    site: Point,
    /// Kilometres by the bits of a country; none where its outline is not known.
    kilometres: Box<[OnceLock<Option<f64>>]>,
}

/// A point of the unit sphere: towards 0° E, towards 90° E, towards the north pole.
type Point = [f64; 3];

impl Distances {
    /// From a site at a latitude and longitude in degrees.
    pub(super) fn new(latitude: f64, longitude: f64) -> Self {
        Self {
            site: point(latitude, longitude),
            kilometres: (0..1 << COUNTRY_BITS).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Whether a country is too far away for a round trip of so many nanoseconds: light in
    /// fibre makes about 200 km in a millisecond, and has to go there and back.
    pub(super) fn is_refuted(&self, country: Country, round_trip_nanos: u32) -> bool {
        let reach = f64::from(round_trip_nanos) / 1e6 * KILOMETRES_PER_MILLISECOND / 2.0;
        let least = self.least(country);
        least.is_some_and(|least| least - SLACK_KILOMETRES > reach)
    }

    /// Kilometres to the nearest point of a country.
    fn least(&self, country: Country) -> Option<f64> {
        let known = self.kilometres.get(usize::from(country.bits()))?;
        *known.get_or_init(|| {
            let (_, outline) = outlines().find(|(code, _)| *code == country)?;
            let cosine = |b: Point| self.site.iter().zip(b).map(|(a, b)| a * b).sum();
            let nearest = points(outline).map(cosine).fold(f64::NAN, f64::max);
            (!nearest.is_nan()).then(|| nearest.clamp(-1.0, 1.0).acos() * EARTH_KILOMETRES)
        })
    }
}

/// The outlines of countries, as `scripts/outlines.py` writes them: Natural Earth's map of
/// 1:50 million.
fn outlines() -> impl Iterator<Item = (Country, &'static [u8])> {
    let mut rest: &[u8] = include_bytes!("../../models/geo/outlines.bin");
    std::iter::from_fn(move || {
        let ([a, b, count @ ..], behind) = rest.split_first_chunk::<4>()?;
        let count = usize::from(u16::from_le_bytes(*count));
        let (outline, others) = behind.split_at_checked(count * POINT_BYTES)?;
        rest = others;
        let code = [*a, *b];
        let code = std::str::from_utf8(&code).ok().and_then(Country::from_code);
        Some((code.unwrap_or(Country::UNKNOWN), outline))
    })
}

fn points(outline: &[u8]) -> impl Iterator<Item = Point> + '_ {
    let (points, _) = outline.as_chunks::<POINT_BYTES>();
    points.iter().map(|[a, b, c, d]| {
        let degrees = |bytes| f64::from(i16::from_le_bytes(bytes)) / 100.0;
        point(degrees([*a, *b]), degrees([*c, *d]))
    })
}

fn point(latitude: f64, longitude: f64) -> Point {
    let (sine, cosine) = latitude.to_radians().sin_cos();
    let (east, ahead) = longitude.to_radians().sin_cos();
    [cosine * ahead, cosine * east, sine]
}

const POINT_BYTES: usize = 4;

/// Bits of a country's number.
const COUNTRY_BITS: u32 = 10;

/// The mean radius of the Earth.
const EARTH_KILOMETRES: f64 = 6_371.0;

/// The speed of light in fibre.
const KILOMETRES_PER_MILLISECOND: f64 = 200.0;

/// What the outlines (20 km), the shape of the Earth and a clock may be wrong by.
const SLACK_KILOMETRES: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country {
        Country::from_code(code).unwrap()
    }

    #[test]
    fn the_outlines_are_whole() {
        let bytes: usize = outlines().map(|(_, outline)| 4 + outline.len()).sum();
        assert_eq!(bytes, include_bytes!("../../models/geo/outlines.bin").len());
        assert!(outlines().count() > 230);
        assert!(outlines().all(|(country, outline)| !country.is_unknown() && !outline.is_empty()));
    }

    #[test]
    fn distances_are_those_of_the_map() {
        // From Beijing, by the haversine formula: the coast near Seoul, Tsushima, Usedom, and
        // Singapore.
        let beijing = Distances::new(39.9, 116.4);
        let least = |code| beijing.least(country(code)).unwrap();
        let expected = [
            ("KR", 894.8),
            ("JP", 1_289.8),
            ("DE", 7_214.2),
            ("SG", 4_460.7),
        ];
        for (code, expected) in expected {
            let least = least(code);
            assert!((least - expected).abs() < 1.0, "{code}: {least}");
        }
        assert_eq!(beijing.least(country("ZZ")), None);
    }

    #[test]
    fn light_is_not_faster_than_light() {
        let beijing = Distances::new(39.9, 116.4);
        let refuted = |code, millis: f64| beijing.is_refuted(country(code), (millis * 1e6) as u32);
        assert!(refuted("DE", 1.0) && refuted("DE", 60.0) && !refuted("DE", 75.0));
        assert!(refuted("BR", 100.0) && !refuted("BR", 170.0));
        assert!(!refuted("MN", 6.0) && !refuted("ZZ", 0.001));
    }
}
