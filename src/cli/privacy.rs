//! `borderflow privacy`: the key of pseudonyms, and the way back.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Subcommand;

use crate::pipeline::PipelineError;
use crate::privacy::PseudonymKey;

use super::terminal::Terminal;
use super::{CommandError, Outcome};

#[derive(Debug, Subcommand)]
pub(super) enum PrivacyCommand {
    /// Make a key by which pseudonyms are made
    Key {
        /// File to write, which must not be there yet
        file: PathBuf,
    },
    /// Say which addresses pseudonyms stand for
    Reveal {
        /// Pseudonyms as they are told: of addresses, of networks, of network cards (mac-…), or
        /// the names of incidents that have one in them
        #[arg(value_name = "PSEUDONYM", required = true)]
        pseudonyms: Vec<String>,
        /// File of the key by which they were made
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
}

pub(super) fn run(command: &PrivacyCommand, terminal: &Terminal) -> Result<Outcome, CommandError> {
    let text = match command {
        PrivacyCommand::Key { file } => {
            PseudonymKey::create(file).map_err(PipelineError::from)?;
            format!(
                "{0} holds the key; keep it as a secret, and name it:\n[privacy]\nmode = \
                 \"pseudonyms\"\nkey = \"{0}\"\n",
                file.display(),
            )
        }
        PrivacyCommand::Reveal { pseudonyms, key } => {
            let key = PseudonymKey::read(key).map_err(PipelineError::from)?;
            let mut text = String::new();
            for pseudonym in pseudonyms {
                let plain = match key.incident(pseudonym) {
                    Some(name) => name,
                    None => {
                        let revealed = key.reveal(pseudonym);
                        revealed.map_err(CommandError::Usage)?.to_string()
                    }
                };
                let _ = writeln!(text, "{plain}");
            }
            text
        }
    };
    terminal.print(&text)?;
    Ok(Outcome::Complete)
}
