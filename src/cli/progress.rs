//! How far a replay has come, on standard error and only where somebody watches.

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use crate::pipeline::Progress;

/// A bar with percent, packets per second and the time that is left.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// Shows nothing where nobody watches.
    pub(super) fn new(files: &[PathBuf], is_watched: bool) -> Self {
        if !is_watched {
            return Self {
                bar: ProgressBar::hidden(),
            };
        }
        let size = |file: &PathBuf| std::fs::metadata(file).map_or(0, |metadata| metadata.len());
        let bar = ProgressBar::new(files.iter().map(size).sum());
        let style = ProgressStyle::with_template(TEMPLATE);
        bar.set_style(
            style
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> "),
        );
        Self { bar }
    }

    pub(super) fn show(&self, progress: Progress) {
        let seconds = self.bar.elapsed().as_secs_f64().max(1e-3);
        let million_per_second = progress.frames as f64 / seconds / 1e6;
        self.bar
            .set_message(format!("{million_per_second:.2} M packets/s"));
        // The size is of the files and the position an estimate: never beyond the end.
        let position = progress
            .position_bytes
            .min(self.bar.length().unwrap_or(u64::MAX));
        self.bar.set_position(position);
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

const TEMPLATE: &str = "replaying [{bar:30}] {percent:>3} %  {msg}  {eta} left";
