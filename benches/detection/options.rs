//! The command line of the benchmark.

use std::path::PathBuf;

use borderflow::simulate::Only;
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
    /// Kinds of leaks and surprises that are put in [default: all]
    #[arg(long, value_delimiter = ',', conflicts_with = "gate")]
    only: Vec<String>,
    /// What our analyst is told of learning, as `baseline.learn` in a configuration
    #[arg(long, default_value = "auto")]
    pub(crate) learn: String,
    /// One small world, whatever else is said
    #[arg(long)]
    quick: bool,
    /// Leave the others out
    #[arg(long)]
    pub(crate) alone: bool,
    /// Hold a small run of ours against the figures of this file, and say nothing else
    #[arg(long, value_name = "FILE")]
    pub(crate) gate: Option<PathBuf>,
    /// Write them to it instead
    #[arg(long, requires = "gate")]
    pub(crate) keep: bool,
    /// Where to write the tables as Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
    /// Where to write the leaks that were missed, as tab-separated lines
    #[arg(long, value_name = "FILE")]
    pub(crate) detail: Option<PathBuf>,
    /// Where to write our false alerts and by what each was told, as tab-separated lines
    #[arg(long, value_name = "FILE")]
    pub(crate) false_alerts: Option<PathBuf>,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// The seeds that are judged.
    pub(crate) fn seeds(&self) -> Vec<u64> {
        if self.gate.is_some() {
            return GATE_SEEDS.to_vec();
        }
        let count = if self.quick { 1 } else { self.seeds.len() };
        self.seeds.iter().copied().take(count).collect()
    }

    /// The size of each world.
    pub(crate) fn world(&self) -> WorldConfig {
        let (assets, weeks) = if self.gate.is_some() {
            (GATE_ASSETS, GATE_WEEKS)
        } else if self.quick {
            (QUICK_ASSETS, QUICK_WEEKS)
        } else {
            (self.assets, self.weeks)
        };
        WorldConfig {
            assets,
            weeks,
            learn_weeks: self.learn_weeks.min(weeks),
            leaks: self.leaks.unwrap_or(assets * 2 / 5),
            benign: self.benign.unwrap_or(assets / 5),
            start: Timestamp::from_parts(START_SECONDS, 0),
            only: Only {
                kinds: self.only.clone(),
                ..Only::default()
            },
        }
    }
}

/// Assets of a quick world.
const QUICK_ASSETS: usize = 60;

/// Weeks of a quick world.
const QUICK_WEEKS: u32 = 3;

/// Seeds of the worlds of the gate.
const GATE_SEEDS: [u64; 2] = [91, 92];

/// Assets of each world of the gate.
const GATE_ASSETS: usize = 150;

/// Weeks of each world of the gate.
const GATE_WEEKS: u32 = 4;

/// 2026-03-02T00:00:00Z, a Monday.
pub(crate) const START_SECONDS: i64 = 1_772_409_600;
