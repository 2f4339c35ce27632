//! `borderflow run`.

use crate::capture::{LiveConfig, LiveSource};
use crate::pipeline::{self, Outputs, PipelineError, Setup, Telemetry};
use crate::sink::{JsonLines, OutFolder};

use super::arguments::RunArguments;
use super::replay::{complain_of, read_config, report_text, serve_metrics, stop_flag};
use super::terminal::Terminal;
use super::{CommandError, Outcome};

pub(super) fn run(arguments: &RunArguments, terminal: &Terminal) -> Result<Outcome, CommandError> {
    let (config, geo) = read_config(&arguments.common, terminal)?;
    // Before the output folder is touched, every interface must be there.
    let sources = arguments.interface.iter().map(|interface| {
        let config = LiveConfig {
            interface: interface.clone(),
            filter: arguments.filter.clone(),
            snap_length_bytes: config.capture.snap_length_bytes,
            buffer_bytes: config.capture.buffer_bytes,
            promiscuous: config.capture.promiscuous,
            method: config.capture.method,
            wait_for_interface: config.capture.wait_for_interface,
        };
        LiveSource::open_group(&config, arguments.common.workers)
    });
    let sources: Vec<_> = sources
        .collect::<Result<_, _>>()
        .map_err(PipelineError::from)?;
    let telemetry = Telemetry::new();
    serve_metrics(&arguments.common, &telemetry, terminal)?;
    let folder = arguments.common.out.as_deref();
    let folder = folder
        .map(|path| OutFolder::create(path, &[]))
        .transpose()?;
    let outputs = match &folder {
        Some(folder) => Outputs::to_folder(folder, false, false)?,
        None => {
            let stream = Box::new(std::io::stdout());
            Outputs::alerts_to(JsonLines::to("standard output".to_owned(), stream))
        }
    };
    let setup = Setup {
        config,
        geo,
        workers: arguments.common.workers,
        outputs,
        telemetry,
    };
    let stop = stop_flag()?;
    terminal.complain(&format!(
        "watching {}; stop with Ctrl-C",
        arguments.interface.join(", ")
    ));
    let (report, lost) = pipeline::live(sources, setup, &stop, &|note| terminal.complain(note))?;
    complain_of(&lost, terminal);
    if let Some(folder) = &folder {
        folder.json("summary.json", &report.summary)?;
    }
    // Standard output is for alerts alone; the summary is for whoever watches.
    terminal.tell(&report_text(&report, terminal));
    if let Some(error) = report.state_error {
        return Err(PipelineError::from(error).into());
    }
    Ok(if lost.is_empty() {
        Outcome::Complete
    } else {
        Outcome::Lost
    })
}
