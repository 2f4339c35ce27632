//! What lies on disk: configuration, databases, folders, what was learned.

use std::fs::{self, File};
use std::path::Path;

use rustix::fs::statvfs;

use crate::config::Config;
use crate::detect::Bytes;
use crate::geo::{DatabaseInfo, Geo};
use crate::pipeline::{SavedBaseline, saved_baseline, wall_clock_tick};

use super::super::arguments::DoctorArguments;
use super::super::replay::open_geo;
use super::super::show::usual_bytes;
use super::Finding;

/// From this age on a database is called old, in days.
const DATABASE_AGE_DAYS_MAX: u64 = 30;

/// Room that a folder should have, and that it must have, in bytes.
const ROOM_WANTED_BYTES: u64 = 1 << 30;
const ROOM_NEEDED_BYTES: u64 = 64 << 20;

/// From this share of all exports on an asset looks like a NAT or a proxy, in percent.
const SHARE_PERCENT_MAX: u64 = 50;

/// Below so many assets one of them may well have most.
const ASSETS_MIN: usize = 5;

/// Reads the configuration and all that it names. With what is wrong, the defaults.
pub(super) fn configuration(arguments: &DoctorArguments) -> (Config, Option<Geo>, Vec<Finding>) {
    let Some(path) = &arguments.config else {
        let config = Config::default();
        let geo = open_geo(&config).ok();
        let finding = Finding::warn(
            "config",
            "no --config: home is CN and assets are the private ranges",
            "write one; docs/borderflow.toml has every key with its default",
        );
        return (config, geo, vec![finding]);
    };
    let name = path.display();
    let fix = "mend it; the complaint names the place";
    let config = match Config::read(path) {
        Ok(config) => config,
        Err(error) => {
            let finding = Finding::fail("config", error.to_string(), fix);
            return (Config::default(), None, vec![finding]);
        }
    };
    let mut findings = Vec::new();
    match config.open_policy() {
        Ok(policy) => findings.push(Finding::ok(
            "config",
            format!(
                "{name}: {} assets, {} approvals, {} packs",
                config.asset.known.len(),
                policy.register().approvals().len(),
                policy.packs().len()
            ),
        )),
        Err(error) => findings.push(Finding::fail("config", error.to_string(), fix)),
    }
    let geo = open_geo(&config);
    let geo = geo.map_err(|error| findings.push(Finding::fail("config", error.to_string(), fix)));
    (config, geo.ok(), findings)
}

/// How old databases are.
pub(super) fn databases(databases: &[DatabaseInfo]) -> Vec<Finding> {
    let now = wall_clock_tick().start();
    let of_one = |database: &DatabaseInfo| {
        let (role, days) = (database.role.name(), database.age_days(now));
        let text = format!("geo.{role}: {}, {days} days old", database.source);
        match days > DATABASE_AGE_DAYS_MAX {
            true => Finding::warn(
                "database",
                text,
                format!(
                    "name a newer file with geo.{role} (MaxMind's schema or ip-location-db's), and \
                     send SIGHUP to the sensor"
                ),
            ),
            false => Finding::ok("database", text),
        }
    };
    databases.iter().map(of_one).collect()
}

/// Whether files can be written to a folder, and how much room there is.
pub(super) fn folder(key: &'static str, path: &Path) -> Finding {
    let name = path.display();
    if !path.is_dir() {
        let parent = path.ancestors().skip(1).find(|one| one.is_dir());
        let parent = parent.unwrap_or(Path::new("."));
        return Finding::warn(
            key,
            format!("{name}: there is no such folder; the sensor makes it if it may"),
            format!(
                "install -d -o borderflow -g borderflow -m 0750 {name} (in {})",
                parent.display()
            ),
        );
    }
    let trial = path.join(".borderflow-doctor");
    let written = File::create_new(&trial).and_then(|file| file.sync_all());
    let _ = fs::remove_file(&trial);
    if let Err(error) = written {
        return Finding::fail(
            key,
            format!("{name}: cannot be written by this account: {error}"),
            format!("chown borderflow: {name}, or run doctor as the account of the sensor"),
        );
    }
    let Ok(room) = statvfs(path) else {
        return Finding::ok(key, format!("{name}: can be written"));
    };
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    let text = format!("{name}: can be written, {} free", Bytes(free));
    let fix = "make room, or name a folder on another disk";
    if free < ROOM_NEEDED_BYTES {
        Finding::fail(key, text, fix)
    } else if free < ROOM_WANTED_BYTES {
        Finding::warn(key, text, fix)
    } else {
        Finding::ok(key, text)
    }
}

/// What was learned: whether it can be read, and whether one asset has most of it.
pub(super) fn learned(folder: &Path, config: &Config) -> Vec<Finding> {
    let name = folder.display();
    let (saved, notes) = match saved_baseline(folder, &config.asset) {
        Ok(loaded) => loaded,
        Err(error) => {
            let fix = "run doctor as the account of the sensor, or move the file away";
            return vec![Finding::fail("state", error.to_string(), fix)];
        }
    };
    let lost = notes.into_iter().map(|note| match saved {
        // The generation before it is as good as it was an hour earlier.
        Some(_) => Finding::warn("state", note, "nothing: the generation before it is used"),
        None => Finding::fail("state", note, "move the file away; the sensor learns anew"),
    });
    let mut findings: Vec<_> = lost.collect();
    let Some(saved) = saved else {
        if findings.is_empty() {
            findings.push(Finding::warn(
                "state",
                format!("{name}: nothing is learned yet"),
                "nothing: a sensor saves at the end of each hour",
            ));
        }
        return findings;
    };
    findings.push(Finding::ok(
        "state",
        format!(
            "{name}: {} assets, {} hours learned, as of {}",
            saved.baseline.assets.len(),
            saved.baseline.hours_observed(),
            saved.tick
        ),
    ));
    findings.push(largest(&saved));
    findings
}

/// Whether one asset has most of what is normal: then it stands for others.
fn largest(saved: &SavedBaseline) -> Finding {
    let assets = saved.baseline.assets.iter();
    let all: Vec<_> = assets
        .map(|(key, state)| (usual_bytes(state), *key))
        .collect();
    let sum: u64 = all
        .iter()
        .map(|(bytes, _)| bytes)
        .fold(0, |a, b| a.saturating_add(*b));
    let Some((bytes, key)) = all.iter().max() else {
        return Finding::ok("concentration", "no asset has exported yet");
    };
    let percent = bytes.saturating_mul(100) / sum.max(1);
    let text = format!(
        "{} has {percent} % of what {} assets export on a normal working day",
        saved.label(*key),
        all.len()
    );
    match percent > SHARE_PERCENT_MAX && all.len() >= ASSETS_MIN {
        true => Finding::warn(
            "concentration",
            text,
            "if it is a NAT or a proxy, mirror the side where the assets have their own addresses: \
             else all of them have one normal",
        ),
        false => Finding::ok("concentration", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Level;

    #[test]
    fn a_folder_that_cannot_be_written_is_a_failure_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_ne!(super::folder("state.dir", folder.path()).level, Level::Fail);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let absent = folder.path().join("absent");
        assert_eq!(super::folder("state.dir", &absent).level, Level::Warn);
        assert!(!absent.exists());
    }

    #[test]
    fn a_damaged_state_is_a_failure_and_an_absent_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::default();
        let level = |findings: Vec<Finding>| findings.iter().map(|one| one.level).max();
        assert_eq!(level(learned(folder.path(), &config)), Some(Level::Warn));
        fs::write(folder.path().join("baseline.state"), "torn").unwrap();
        assert_eq!(level(learned(folder.path(), &config)), Some(Level::Fail));
    }
}
