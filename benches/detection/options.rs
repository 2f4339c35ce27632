//! The command line of the benchmark.

use std::path::PathBuf;

use borderflow::time::Timestamp;
use clap::Parser;

use super::WorldConfig;

/// Scores detectors of other systems and ours on the same made-up traces.
#[derive(Debug, Parser)]
#[command(name = "detection")]
pub(crate) struct Options {
    /// Seeds of the worlds that are judged
    #[arg(long, value_delimiter = ',', default_value = "101,102,103,104,105")]
    seeds: Vec<u64>,
    /// Assets of each world
    #[arg(long, default_value_t = 300)]
    assets: usize,
    /// Weeks of each world
    #[arg(long, default_value_t = 5)]
    weeks: u32,
    /// Weeks at the start that are learned from and not judged
    #[arg(long, default_value_t = 2)]
    learn_weeks: u32,
    /// Leaks of each world [default: two for five assets]
    #[arg(long)]
    leaks: Option<usize>,
    /// Benign surprises of each world [default: one for five assets]
    #[arg(long)]
    benign: Option<usize>,
    /// One small world, whatever else is said
    #[arg(long)]
    quick: bool,
    /// Where to write the tables as Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
    /// Where to write the leaks that were missed, as tab-separated lines
    #[arg(long, value_name = "FILE")]
    pub(crate) detail: Option<PathBuf>,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// The seeds that are judged.
    pub(crate) fn seeds(&self) -> Vec<u64> {
        let count = if self.quick { 1 } else { self.seeds.len() };
        self.seeds.iter().copied().take(count).collect()
    }

    /// The size of each world.
    pub(crate) fn world(&self) -> WorldConfig {
        let assets = if self.quick {
            QUICK_ASSETS
        } else {
            self.assets
        };
        let weeks = if self.quick { QUICK_WEEKS } else { self.weeks };
        WorldConfig {
            assets,
            weeks,
            learn_weeks: self.learn_weeks.min(weeks),
            leaks: self.leaks.unwrap_or(assets * 2 / 5),
            benign: self.benign.unwrap_or(assets / 5),
            start: Timestamp::from_parts(START_SECONDS, 0),
        }
    }
}

/// Assets of a quick world.
const QUICK_ASSETS: usize = 60;

/// Weeks of a quick world.
const QUICK_WEEKS: u32 = 3;

/// 2026-03-02T00:00:00Z, a Monday.
const START_SECONDS: i64 = 1_772_409_600;
