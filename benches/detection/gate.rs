//! A small run of ours alone, held against kept figures.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::figures::Figures;

/// The figures of a small run, as they are kept.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    /// The worlds they are of, in words.
    pub(crate) worlds: String,
    /// By budget, as it is written.
    pub(crate) budgets: BTreeMap<String, KeptFigures>,
}

/// What is kept of one budget, rounded to four digits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptFigures {
    /// Mean over the kinds of large leaks of the share found.
    pub(crate) macro_recall: f64,
    /// Mean share of a large leak that was gone before the alert.
    pub(crate) bytes_leaked: f64,
    /// False alerts per asset-week. It is shown, not judged: so small a run cannot.
    pub(crate) false_rate: f64,
}

impl Kept {
    /// The figures of ours.
    pub(crate) fn new(worlds: String, figures: &[Figures]) -> Self {
        let round = |value: f64| (value * 1e4).round() / 1e4;
        let of_budget = |figures: &Figures| {
            let kept = KeptFigures {
                macro_recall: round(figures.macro_recall.value),
                bytes_leaked: round(figures.gone.value),
                false_rate: round(figures.false_rate.value),
            };
            (figures.budget.to_string(), kept)
        };
        Self {
            worlds,
            budgets: figures.iter().map(of_budget).collect(),
        }
    }

    /// Reads what is kept.
    ///
    /// # Errors
    /// Names the file, and says how to make it.
    pub(crate) fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let name = path.display();
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| format!("{name}: {error}; {KEEP_HINT}"))?;
        Ok(serde_json::from_str(&text).map_err(|error| format!("{name}: {error}; {KEEP_HINT}"))?)
    }

    /// Keeps these.
    ///
    /// # Errors
    /// Names the file.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        Ok(std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?)
    }

    /// Holds these figures against those that were kept. Returns a line for each budget,
    /// and whether none of them is worse than may be.
    pub(crate) fn judge(&self, kept: &Self) -> (Vec<String>, bool) {
        if self.worlds != kept.worlds {
            let line = format!(
                "figures are of {}, and kept were those of {}; {KEEP_HINT}",
                self.worlds, kept.worlds
            );
            return (vec![line], false);
        }
        let mut lines = Vec::new();
        let mut is_good = true;
        for (budget, now) in &self.budgets {
            let Some(before) = kept.budgets.get(budget) else {
                lines.push(format!("{budget}: nothing is kept; {KEEP_HINT}"));
                is_good = false;
                continue;
            };
            let fall = before.macro_recall - now.macro_recall;
            let rise = now.bytes_leaked - before.bytes_leaked;
            // What is no number is no good either.
            let has_lost = fall.is_nan() || fall >= RECALL_FALL - ROUNDING;
            let has_leaked = rise.is_nan() || rise >= LEAKED_RISE - ROUNDING;
            is_good &= !has_lost && !has_leaked;
            lines.push(format!(
                "at {budget} false alerts per asset-week: macro recall {:.4}, kept {:.4}{}; bytes \
                 leaked {:.4}, kept {:.4}{}; false alerts {:.4}, kept {:.4}",
                now.macro_recall,
                before.macro_recall,
                if has_lost { " FALLEN" } else { "" },
                now.bytes_leaked,
                before.bytes_leaked,
                if has_leaked { " RISEN" } else { "" },
                now.false_rate,
                before.false_rate,
            ));
        }
        if !is_good {
            lines.push(format!("if it is meant to be so: {KEEP_HINT}"));
        }
        (lines, is_good)
    }
}

/// Macro recall may not fall by this much.
const RECALL_FALL: f64 = 0.02;

/// The share of bytes leaked may not rise by this much.
const LEAKED_RISE: f64 = 0.03;

/// Less than the last digit that is kept.
const ROUNDING: f64 = 1e-6;

const KEEP_HINT: &str = "make keep-detection, and commit the file";

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(macro_recall: f64, bytes_leaked: f64) -> Kept {
        let figures = KeptFigures {
            macro_recall,
            bytes_leaked,
            false_rate: 0.1,
        };
        Kept {
            worlds: "one".to_owned(),
            budgets: [("0.1".to_owned(), figures)].into(),
        }
    }

    #[test]
    fn what_is_worse_by_as_much_as_may_not_be_fails() {
        let before = kept(0.5, 0.5);
        let is_good = |now: Kept| now.judge(&before).1;
        assert!(is_good(kept(0.5, 0.5)));
        assert!(is_good(kept(0.4801, 0.5299)));
        assert!(is_good(kept(0.9, 0.1)), "better is no failure");
        assert!(!is_good(kept(0.48, 0.5)));
        assert!(!is_good(kept(0.5, 0.53)));
        assert!(!is_good(kept(f64::NAN, 0.5)));
        let elsewhere = Kept {
            worlds: "other".to_owned(),
            ..kept(0.5, 0.5)
        };
        assert!(!is_good(elsewhere));
        let nothing = Kept {
            budgets: BTreeMap::new(),
            ..kept(0.0, 0.0)
        };
        assert!(!kept(0.5, 0.5).judge(&nothing).1);
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.json");
        let missing = Kept::read(&path).unwrap_err().to_string();
        assert!(missing.contains("make keep-detection"), "{missing}");
        kept(0.25, 0.75).write(&path).unwrap();
        assert_eq!(Kept::read(&path).unwrap(), kept(0.25, 0.75));
    }
}
