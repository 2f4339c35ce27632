//! Whether flow records can come in.

use std::fs;
use std::io::ErrorKind;

use crate::intake::FlowInputConfig;

use super::Finding;

/// Looks at sockets, logs and the delay that the configuration names.
pub(super) fn findings(config: &FlowInputConfig) -> Vec<Finding> {
    if !config.is_on() {
        return Vec::new();
    }
    let mut findings: Vec<_> = config.conn_logs.iter().map(|path| log(path)).collect();
    if config.listen.is_empty() {
        return findings;
    }
    findings.push(buffer(config.buffer_bytes));
    let is_local = config
        .listen
        .iter()
        .all(|address| address.ip().is_loopback());
    if config.exporter.is_empty() && !is_local {
        findings.push(Finding::fail(
            CHECK,
            "no [[flow_input.exporter]]: only this host may send flow records",
            "name who exports: [[flow_input.exporter]] name = \"edge\", prefix = \"192.0.2.1/32\"",
        ));
    }
    if config.delay_seconds < DELAY_SECONDS_MIN {
        findings.push(Finding::warn(
            CHECK,
            format!(
                "flow_input.delay_seconds = {}: what runs longer looks like a burst, unless \
                 exporters have a shorter active timeout",
                config.delay_seconds
            ),
            "an active timeout of 60 s on exporters, and flow_input.delay_seconds = 90",
        ));
    }
    findings
}

const CHECK: &str = "flow_input";

/// The shortest active timeout that routers commonly have, and what records take on their way.
const DELAY_SECONDS_MIN: u64 = 65;

fn log(path: &std::path::Path) -> Finding {
    let name = path.display();
    match fs::File::open(path) {
        Ok(_) => Finding::ok(CHECK, format!("{name} can be read")),
        Err(error) if error.kind() == ErrorKind::NotFound => Finding::warn(
            CHECK,
            format!("{name}: there is none yet"),
            "look at flow_input.conn_logs, and at whether Zeek runs",
        ),
        Err(error) => Finding::fail(
            CHECK,
            format!("{name}: {error}"),
            "let the account of the sensor read it, by the group of Zeek",
        ),
    }
}

/// Whether the kernel gives sockets what is asked for.
fn buffer(wanted: usize) -> Finding {
    let read = fs::read_to_string("/proc/sys/net/core/rmem_max");
    let most = read.ok().and_then(|text| text.trim().parse::<usize>().ok());
    match most {
        Some(most) if most < wanted => Finding::warn(
            CHECK,
            format!(
                "the kernel holds {most} bytes of each address and no more \
                 (flow_input.buffer_bytes = {wanted}): bursts of records may be lost"
            ),
            format!("sysctl -w net.core.rmem_max={wanted}"),
        ),
        _ => Finding::ok(
            CHECK,
            format!("the kernel holds {wanted} bytes of each address"),
        ),
    }
}
