//! What `check`, `policy`, `inspect`, `report` and `ledger` are asked.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArguments {
    /// Configuration
    #[arg(value_name = "CONFIG.toml")]
    pub(in crate::cli) config: PathBuf,
    /// Day on which approvals are looked at, today if not given
    #[arg(long, value_name = "DATE")]
    pub(in crate::cli) on: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PolicyCommand {
    /// List packs: those that are built in, or files
    List {
        /// Packs, all that are built in if none is given
        packs: Vec<String>,
        /// Language of texts
        #[arg(long, value_enum, default_value_t = TextLanguage::En)]
        language: TextLanguage,
    },
    /// Say what a rule says, and when it applies
    Explain {
        /// Rule, such as cn.cbdf.2024.pi1m; all rules of a pack if its name is given
        rule: String,
        /// Pack in which it is, those that are built in if not given
        #[arg(long)]
        pack: Vec<String>,
        /// Language of texts
        #[arg(long, value_enum, default_value_t = TextLanguage::En)]
        language: TextLanguage,
    },
    /// Say in which rules two packs differ
    Diff {
        /// The first pack
        before: String,
        /// The second pack
        after: String,
    },
    /// Replay a capture under two packs, and say where their verdicts differ
    WhatIf(WhatIfArguments),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct WhatIfArguments {
    /// Capture files
    #[arg(value_name = "FILE", required = true)]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Two packs, each given by --pack
    #[arg(long, required = true, num_args = 1)]
    pub(in crate::cli) pack: Vec<String>,
    /// Configuration, whose packs are not looked at
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
}

/// In which language texts of law are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum TextLanguage {
    /// English
    En,
    /// Chinese
    Zh,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct InspectArguments {
    /// Capture files
    #[arg(
        value_name = "FILE",
        required_unless_present = "ledger",
        conflicts_with = "ledger"
    )]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Folder of a ledger: what packs said on the days from --from to --to
    #[arg(long, value_name = "DIR", requires_all = ["from", "to"], conflicts_with = "config")]
    pub(in crate::cli) ledger: Option<PathBuf>,
    /// First day, in the time zone of the site
    #[arg(long, value_name = "DATE", requires = "ledger")]
    pub(in crate::cli) from: Option<String>,
    /// Last day
    #[arg(long, value_name = "DATE", requires = "ledger")]
    pub(in crate::cli) to: Option<String>,
    /// Packs, those of the configuration if not given; of a ledger all that have judged
    #[arg(long)]
    pub(in crate::cli) pack: Vec<String>,
    /// Configuration; without one home is CN and assets are the private ranges
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// Print JSON lines
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = REPORTS)]
pub(in crate::cli) struct ReportArguments {
    /// What it is about: see below
    #[arg(value_name = "KIND")]
    pub(in crate::cli) kind: String,
    /// Folder of the ledger
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) ledger: PathBuf,
    /// First day, in the time zone of the site
    #[arg(long, value_name = "DATE")]
    pub(in crate::cli) from: String,
    /// Last day
    #[arg(long, value_name = "DATE")]
    pub(in crate::cli) to: String,
    /// Legal entity, or asset of none; all if not given
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) entity: Option<String>,
    /// Incident, for `incident`; the worst of the window if not given
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) incident: Option<String>,
    /// Language of the report
    #[arg(long, value_enum, default_value_t = TextLanguage::En)]
    pub(in crate::cli) language: TextLanguage,
    /// Form in which it is written
    #[arg(long, value_enum, default_value_t = ReportForm::Markdown)]
    pub(in crate::cli) form: ReportForm,
    /// File to write; standard output if not given
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// The moment from which terms of an incident are counted down, now if not given
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) now: Option<String>,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReportForm {
    /// Text with tables
    Markdown,
    /// A page to be printed, without scripts
    Html,
    /// All tables, for programs
    Json,
    /// The main table, for spreadsheets
    Csv,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum LedgerCommand {
    /// Make a key by which a ledger is signed
    Key {
        /// File to write, which must not be there yet
        file: PathBuf,
    },
    /// Check every line, every head and every signature
    Verify {
        /// Folder of the ledger
        folder: PathBuf,
        /// Public key as it is known from elsewhere: 64 hexadecimal digits, or a file of them
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// File of heads that were kept elsewhere
        #[arg(long, value_name = "FILE")]
        witness: Option<PathBuf>,
    },
    /// Print a proof that an entry is in the ledger, or check one
    Prove {
        /// Folder of the ledger; with --check the file of a proof
        folder: PathBuf,
        /// Index of the entry
        #[arg(required_unless_present = "check")]
        index: Option<u64>,
        /// Check a proof, for which no ledger is needed
        #[arg(long)]
        check: bool,
        /// Public key that is trusted: 64 hexadecimal digits, or a file of them
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
    /// Print entries as they are written
    Show {
        /// Folder of the ledger
        folder: PathBuf,
        /// First index
        #[arg(long, value_name = "INDEX")]
        first: Option<u64>,
        /// Last index
        #[arg(long, value_name = "INDEX")]
        last: Option<u64>,
        /// Kinds of entries, all if not given
        #[arg(long, value_name = "KIND")]
        kind: Vec<String>,
    },
}

const REPORTS: &str = "Kinds: self-assessment (R1, China), reconciliation (R2, contracts and \
    filings), list-usage (R3, lists of zones), us-log (R4), eu-map (R5), incident (R6), protection \
    (R8), assurance (R9, the sensor itself), proof (R10). A report tells what was seen, which is a \
    lower bound, and never that anything was permitted.";
