//! What `run` is to watch, as arguments and configuration say together.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::intake::{ExporterConfig, FlowInputConfig};
use crate::pipeline::FlowInput;

use super::CommandError;
use super::arguments::RunArguments;

/// Adds what the arguments name to what the configuration names.
pub(super) fn complete(
    config: &mut FlowInputConfig,
    arguments: &RunArguments,
) -> Result<(), CommandError> {
    config.listen.extend(&arguments.flow_input);
    config.conn_logs.extend(arguments.conn_log.iter().cloned());
    for (text, number) in arguments.exporter.iter().zip(1..) {
        config.exporter.push(ExporterConfig {
            name: format!("exporter-{number}"),
            prefix: prefix(text)?,
            sampling: None,
        });
    }
    config.check().map_err(CommandError::Usage)?;
    if arguments.interface.is_empty() && !config.is_on() {
        let why = "there is nothing to watch: name an --interface, or where flow records come \
            from, with --flow-input, --conn-log or [flow_input] in the configuration";
        return Err(CommandError::Usage(why.to_owned()));
    }
    if arguments.interface.is_empty() && arguments.filter.is_some() {
        let why = "--filter is of packets, and there is no --interface".to_owned();
        return Err(CommandError::Usage(why));
    }
    Ok(())
}

/// The line that says what is watched.
pub(super) fn watching(inputs: &[String]) -> String {
    let inputs = inputs.iter();
    let names = inputs.map(|input| input.strip_prefix(INTERFACE).unwrap_or(input));
    let names: Vec<_> = names.collect();
    format!("watching {}; stop with Ctrl-C", names.join(", "))
}

const INTERFACE: &str = "interface ";

/// What is watched, for the ledger.
pub(super) fn inputs(
    interfaces: &[String],
    flow_input: Option<&FlowInput>,
    config: &FlowInputConfig,
) -> Vec<String> {
    let interfaces = interfaces.iter().map(|name| format!("{INTERFACE}{name}"));
    let listen = flow_input.map(FlowInput::addresses).unwrap_or_default();
    let listen = listen.into_iter();
    let listen = listen.map(|address| format!("flow records on {address}"));
    let logs = config.conn_logs.iter();
    let logs = logs.map(|path| format!("connections in {}", path.display()));
    interfaces.chain(listen).chain(logs).collect()
}

fn prefix(text: &str) -> Result<IpNet, CommandError> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| text.parse()).map_err(|_| {
        let why = format!("--exporter {text}: write an address or a prefix, as 192.0.2.0/24");
        CommandError::Usage(why)
    })
}
