//! Scenario files of either kind: a site written out, or a whole world by its size.

use std::io::Write;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::quantity::Moment;
use super::scenario::{read_file, wrong};
use super::{
    Only, Scenario, ScenarioError, SimulateError, Simulated, World, WorldConfig, simulate,
};
use crate::time::{NANOS_PER_SECOND, SECONDS_PER_DAY, Timestamp};

/// What a scenario file holds.
#[derive(Debug)]
pub enum Script {
    /// Destinations, groups, leaks and surprises one by one.
    Site(Box<Scenario>),
    /// The size of a world, under `[world]`.
    World(WorldScript),
}

/// A world that is to be made up.
#[derive(Clone, Debug, PartialEq)]
pub struct WorldScript {
    /// How big it is.
    pub config: WorldConfig,
    /// From which every random number follows.
    pub seed: u64,
}

impl Script {
    /// Reads a scenario of either kind from a file.
    ///
    /// # Errors
    /// The file cannot be read, or its text is not a scenario.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        read_file(path, Self::from_toml)
    }

    /// Reads a scenario of either kind from TOML: that of a world has a table `[world]`.
    ///
    /// # Errors
    /// Unknown keys and quantities out of range are refused with their line and column.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        if toml::from_str::<Kind>(text).is_ok_and(|kind| kind.world.is_some()) {
            return WorldScript::from_toml(text).map(Self::World);
        }
        Ok(Self::Site(Box::new(Scenario::from_toml(text)?)))
    }

    /// Replaces the seed. Of a world everything changes but its size.
    pub fn reseed(&mut self, seed: u64) {
        match self {
            Self::Site(scenario) => scenario.reseed(seed),
            Self::World(world) => world.seed = seed,
        }
    }

    /// Plays it: see [`simulate()`] and [`World::write`].
    ///
    /// # Errors
    /// An output cannot be written, or there are more conversations at once than a
    /// simulation keeps.
    pub fn play(
        &self,
        capture: &mut impl Write,
        truth: &mut impl Write,
    ) -> Result<Simulated, SimulateError> {
        match self {
            Self::Site(scenario) => simulate(scenario, capture, truth),
            Self::World(world) => world.world().write(capture, truth),
        }
    }
}

impl WorldScript {
    /// The world, as far as a capture can show it.
    pub fn world(&self) -> World {
        World::without_relabels(&self.config, self.seed)
    }

    /// The configuration of a sensor that watches it.
    pub fn sensor_config(&self) -> String {
        World::sensor_config(&self.config, self.seed)
    }

    fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let Document { seed, world } = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            wrong(text, at, error.message().to_owned())
        })?;
        let ranges = [
            ("assets", &world.assets, 1, ASSETS_MAX),
            ("weeks", &world.weeks, 1, WEEKS_MAX),
            ("learn_weeks", &world.learn_weeks, 0, *world.weeks.get_ref()),
            ("leaks", &world.leaks, 0, INJECTIONS_MAX),
            ("benign", &world.benign, 0, INJECTIONS_MAX),
        ];
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(value.get_ref()) {
                let message = format!("`{key}` must be {least} to {most}");
                return Err(wrong(text, value.span().start, message));
            }
        }
        let [assets, weeks] = [*world.assets.get_ref(), *world.weeks.get_ref()];
        if assets * weeks > ASSET_WEEKS_MAX {
            let message = format!(
                "{assets} assets for {weeks} weeks do not fit in memory: at most \
                 {ASSET_WEEKS_MAX} weeks of assets do"
            );
            return Err(wrong(text, world.assets.span().start, message));
        }
        let only = only(text, &world)?;
        let config = WorldConfig {
            assets: assets as usize,
            weeks,
            learn_weeks: world.learn_weeks.into_inner(),
            leaks: world.leaks.into_inner() as usize,
            benign: world.benign.into_inner() as usize,
            start: monday(text, &world.start)?,
            only,
        };
        Ok(Self { config, seed })
    }
}

/// What is put in, where a file says so.
fn only(text: &str, world: &Written) -> Result<Only, ScenarioError> {
    let leaks: Vec<&str> = Only::kinds_of_leaks().collect();
    let surprises: Vec<&str> = Only::kinds_of_surprises().collect();
    for kind in &world.kinds {
        let name = kind.get_ref().as_str();
        if !leaks.contains(&name) && !surprises.contains(&name) {
            let message = format!(
                "there is no kind `{name}`; leaks are {}, and benign surprises {}",
                leaks.join(", "),
                surprises.join(", ")
            );
            return Err(wrong(text, kind.span().start, message));
        }
    }
    let named = |kinds: &[&str]| {
        let mut written = world.kinds.iter().map(|kind| kind.get_ref().as_str());
        world.kinds.is_empty() || written.any(|name| kinds.contains(&name))
    };
    for (key, count, kinds) in [
        ("leaks", &world.leaks, leaks.as_slice()),
        ("benign", &world.benign, surprises.as_slice()),
    ] {
        if *count.get_ref() > 0 && !named(kinds) {
            let message = format!("`kinds` has none for `{key}`: add one, or write {key} = 0");
            return Err(wrong(text, count.span().start, message));
        }
    }
    for ratio in &world.ratios {
        if !(RATIO_MIN..=RATIO_MAX).contains(ratio.get_ref()) {
            let message = format!("a ratio must be {RATIO_MIN} to {RATIO_MAX}");
            return Err(wrong(text, ratio.span().start, message));
        }
    }
    Ok(Only {
        kinds: world
            .kinds
            .iter()
            .map(|kind| kind.get_ref().clone())
            .collect(),
        ratios: world.ratios.iter().map(|ratio| *ratio.get_ref()).collect(),
        is_known: world
            .destinations
            .map(|one| matches!(one, Destinations::Known)),
    })
}

/// Midnight UTC of a Monday.
fn monday(text: &str, start: &Spanned<Moment>) -> Result<Timestamp, ScenarioError> {
    if let Moment::Absolute(moment) = start.get_ref()
        && let Ok(seconds) = u64::try_from(moment.as_second())
        && moment.subsec_nanosecond() == 0
        && seconds.is_multiple_of(SECONDS_PER_DAY)
        && (seconds / SECONDS_PER_DAY + EPOCH_WEEKDAY).is_multiple_of(7)
        && seconds <= START_SECONDS_MAX
    {
        return Ok(Timestamp::from_nanos(seconds * NANOS_PER_SECOND));
    }
    let message = "`start` must be midnight UTC of a Monday from 1970 to 2100, such as \
                   \"2026-03-02T00:00:00Z\"";
    Err(wrong(text, start.span().start, message.to_owned()))
}

/// What tells the kinds of files apart.
#[derive(Deserialize)]
struct Kind {
    world: Option<IgnoredAny>,
}

/// The scenario of a world as it is written.
///
/// `models/scenarios/large-site.toml` explains every key by example.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    seed: u64,
    world: Written,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    start: Spanned<Moment>,
    weeks: Spanned<u32>,
    learn_weeks: Spanned<u32>,
    assets: Spanned<u32>,
    leaks: Spanned<u32>,
    benign: Spanned<u32>,
    #[serde(default)]
    kinds: Vec<Spanned<String>>,
    #[serde(default)]
    ratios: Vec<Spanned<f64>>,
    destinations: Option<Destinations>,
}

/// Where leaks go.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Destinations {
    /// To networks that the asset uses.
    Known,
    /// To others.
    New,
}

/// Most of each that one world has.
const ASSETS_MAX: u32 = 20_000;
const WEEKS_MAX: u32 = 53;
const INJECTIONS_MAX: u32 = 10_000;

/// Sizes of leaks, in busy hours of their asset.
const RATIO_MIN: f64 = 0.01;
const RATIO_MAX: f64 = 10_000.0;

/// Assets times weeks: each makes about 1,300 exchanges, of which all are in memory.
const ASSET_WEEKS_MAX: u32 = 20_000;

/// Day of the week of the first day of the epoch, from Monday as 0: a Thursday.
const EPOCH_WEEKDAY: u64 = 3;

/// The year 2100.
const START_SECONDS_MAX: u64 = 4_102_444_800;

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL_WORLD: &str = include_str!("../../models/scenarios/small-world.toml");
    const LARGE_SITE: &str = include_str!("../../models/scenarios/large-site.toml");

    #[test]
    fn the_table_tells_a_world_from_a_site() {
        let office_week = include_str!("../../models/scenarios/office-week.toml");
        assert!(matches!(
            Script::from_toml(office_week),
            Ok(Script::Site(_))
        ));
        for text in [SMALL_WORLD, LARGE_SITE] {
            let mut script = Script::from_toml(text).unwrap();
            script.reseed(77);
            let Script::World(world) = script else {
                panic!("a world")
            };
            assert_eq!(world.seed, 77);
            assert!(world.config.learn_weeks < world.config.weeks);
        }
    }

    #[test]
    fn every_kind_has_a_world_of_its_own() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/models/scenarios/kinds");
        let kinds = Only::kinds_of_leaks().chain(Only::kinds_of_surprises());
        // No capture shows what changes no packet.
        for kind in kinds.filter(|kind| *kind != "relabel") {
            let path = format!("{folder}/{kind}.toml");
            let script = Script::read(Path::new(&path)).unwrap();
            let Script::World(script) = script else {
                panic!("{path}: a world")
            };
            let world = script.world();
            assert!(!world.injections.is_empty(), "{path}: nothing is put in");
            let wanted = &script.config.only;
            for put in &world.injections {
                assert_eq!(put.truth.kind, kind);
                let is_wanted = |is_known| is_known == put.is_known;
                assert!(wanted.is_known.is_none_or(is_wanted), "{path}: {put:?}");
            }
        }
    }

    #[test]
    fn what_is_put_in_may_be_chosen() {
        let chosen = "benign = 0\nkinds = [\"bulk\"]\nratios = [7]\ndestinations = \"new\"";
        let text = SMALL_WORLD.replacen("benign = 12", chosen, 1);
        let Ok(Script::World(script)) = Script::from_toml(&text) else {
            panic!("{text}")
        };
        let world = script.world();
        assert!(!world.injections.is_empty());
        for put in &world.injections {
            assert_eq!((put.truth.kind.as_str(), put.is_known), ("bulk", false));
            assert!((put.ratio - 7.0).abs() < 0.01, "{put:?}");
        }
    }

    #[test]
    fn a_wrong_world_is_refused_with_its_place() {
        for (right, wrong, expected) in [
            ("assets =", "machines =", "unknown field `machines`"),
            ("start = \"2026-03-02", "start = \"2026-03-03", "a Monday"),
            ("assets = 12", "assets = 0", "`assets` must be 1 to 20000"),
            ("weeks = 2", "weeks = 54", "`weeks` must be 1 to 53"),
            ("learn_weeks = 1", "learn_weeks = 3", "must be 0 to 2"),
            ("seed = ", "[site]\nseed = ", "unknown field `site`"),
            ("assets = 12", "assets = 15000", "weeks of assets"),
            (
                "benign =",
                "kinds = [\"bulks\"]\nbenign =",
                "there is no kind `bulks`",
            ),
            (
                "benign =",
                "kinds = [\"bulk\"]\nbenign =",
                "or write benign = 0",
            ),
            ("benign =", "ratios = [0]\nbenign =", "a ratio must be"),
        ] {
            assert!(SMALL_WORLD.contains(right), "{right}");
            let text = SMALL_WORLD.replacen(right, wrong, 1);
            let error = Script::from_toml(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(error.starts_with("scenario, line "), "{error}");
        }
    }
}
