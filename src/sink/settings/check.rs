//! What of the settings goes together, and what does not.

use std::net::IpAddr;
use std::path::PathBuf;

use toml::Spanned;

use super::{BYTES_MIN, HTTPS, ROTATE_FILES_MAX, SinkKind, SinkSettings, SinkWrong};
use crate::sink::transport::Carrier;

impl SinkSettings {
    /// Keys that the kind needs, and those that mean nothing to it.
    pub(super) fn check_keys(&self) -> Result<(), SinkWrong> {
        use SinkKind::{Alertmanager, File, FlowFile, Ipfix, Syslog, Webhook};
        let kind = *self.kind.get_ref();
        let start = |span: std::ops::Range<usize>| span.start;
        let at = |of: &Option<Spanned<PathBuf>>| of.as_ref().map(|one| start(one.span()));
        let text = |of: &Option<Spanned<String>>| of.as_ref().map(|one| start(one.span()));
        let number = |of: &Option<Spanned<u64>>| of.as_ref().map(|one| start(one.span()));
        let carrier = self.carrier.as_ref().map(|one| start(one.span()));
        let files = self.rotate_files.as_ref().map(|one| start(one.span()));
        let format = self.format.as_ref().map(|one| start(one.span()));
        let http: &[SinkKind] = &[Webhook, Alertmanager];
        let far: &[SinkKind] = &[Syslog, Webhook, Alertmanager];
        let files_of: &[SinkKind] = &[File, FlowFile];
        let sockets: &[SinkKind] = &[Syslog, Ipfix];
        let told: &[SinkKind] = &[File, Syslog, Webhook, Alertmanager];
        let heads = self.heads.as_ref().map(|one| start(one.span()));
        let keys = [
            ("path", at(&self.path), files_of, files_of),
            ("rotate_bytes", number(&self.rotate_bytes), files_of, &[]),
            ("rotate_files", files, files_of, &[]),
            ("heads", heads, told, &[]),
            ("spool_bytes", number(&self.spool_bytes), told, &[]),
            ("address", text(&self.address), sockets, sockets),
            ("carrier", carrier, sockets, sockets),
            ("url", text(&self.url), http, http),
            ("token_file", at(&self.token_file), http, &[]),
            ("tls_ca", at(&self.tls_ca), far, &[]),
            ("tls_certificate", at(&self.tls_certificate), far, &[]),
            ("tls_key", at(&self.tls_key), far, &[]),
            ("format", format, &[File, Syslog, Webhook, FlowFile], &[]),
        ];
        for (key, given, allowed, needed) in keys {
            match given {
                Some(offset) if !allowed.contains(&kind) => {
                    let name = kind.name();
                    let why = format!("`{key}` means nothing to a sink of kind {name}: remove it");
                    return wrong(offset, why);
                }
                None if needed.contains(&kind) => {
                    let why = format!("a sink of kind {} needs `{key}`", kind.name());
                    return wrong(self.kind.span().start, why);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What is told, and how.
    pub(super) fn check_events(&self) -> Result<(), SinkWrong> {
        let kind = *self.kind.get_ref();
        if let Some(format) = &self.format
            && !kind.formats().contains(format.get_ref())
        {
            let formats: Vec<_> = kind.formats().iter().map(|one| one.name()).collect();
            let why = format!(
                "a sink of kind {} does not write {}: use {}",
                kind.name(),
                format.get_ref().name(),
                formats.join(", ")
            );
            return wrong(format.span().start, why);
        }
        if let Some(heads) = &self.heads
            && *heads.get_ref()
            && (kind == SinkKind::Alertmanager || !self.format().carries_heads())
        {
            let why = "heads of the ledger are told as json, ecs or structured, and not to \
                       Alertmanager: give them a sink of their own";
            return wrong(heads.span().start, why.to_owned());
        }
        if kind.takes_flows() && self.severity_at_least.is_some() {
            let why = format!(
                "a sink of kind {} is handed flows, which have no severity: remove \
                 `severity_at_least`",
                kind.name()
            );
            return wrong(self.kind.span().start, why);
        }
        if kind == SinkKind::Ipfix && self.carrier() == Carrier::Tls {
            let why = "IPFIX is carried by udp or tcp here: for TLS put a tunnel in front of the \
                       collector";
            return wrong(self.kind.span().start, why.to_owned());
        }
        if !kind.takes_flows() && !self.alerts && !self.wants_heads() {
            let why = "neither alerts nor heads are told: remove the sink, or set one to true";
            return wrong(self.kind.span().start, why.to_owned());
        }
        Ok(())
    }

    pub(super) fn check_place(&self) -> Result<(), SinkWrong> {
        if let Some(address) = &self.address
            && !is_host_and_port(address.get_ref())
        {
            let why = format!(
                "`{}` is no host with a port, such as siem.example:6514 or [2001:db8::1]:514",
                address.get_ref().escape_debug()
            );
            return wrong(address.span().start, why);
        }
        let is_tls = match &self.url {
            Some(url) => {
                let host = host_of(url.get_ref());
                let host = host.map_err(|message| SinkWrong {
                    offset: url.span().start,
                    message,
                })?;
                let is_tls = url.get_ref().starts_with(HTTPS);
                if let Some(token) = &self.token_file
                    && !is_tls
                    && !is_loopback(host)
                {
                    let why = "the token would go in the clear: use https";
                    return wrong(token.span().start, why.to_owned());
                }
                is_tls
            }
            None => self.carrier() == Carrier::Tls,
        };
        let (chain, key) = (&self.tls_certificate, &self.tls_key);
        for given in [&self.tls_ca, chain, key].into_iter().flatten() {
            if !is_tls {
                let why = "there is no TLS here: use an https url, or carrier = \"tls\"";
                return wrong(given.span().start, why.to_owned());
            }
        }
        match (chain, key) {
            (Some(one), None) | (None, Some(one)) => {
                let why = "tls_certificate and tls_key go together: give both or none";
                wrong(one.span().start, why.to_owned())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check_numbers(&self) -> Result<(), SinkWrong> {
        for bytes in [&self.rotate_bytes, &self.spool_bytes]
            .into_iter()
            .flatten()
        {
            if *bytes.get_ref() < BYTES_MIN {
                let why = format!("{} bytes are too few: {BYTES_MIN} or more", bytes.get_ref());
                return wrong(bytes.span().start, why);
            }
        }
        match &self.rotate_files {
            Some(files) if *files.get_ref() > ROTATE_FILES_MAX => {
                let why = format!("at most {ROTATE_FILES_MAX} files are kept");
                wrong(files.span().start, why)
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn wrong(offset: usize, message: String) -> Result<(), SinkWrong> {
    Err(SinkWrong { offset, message })
}

const HTTP: &str = "http://";

pub(super) fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = match inner {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_name(host),
    };
    is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_name(host: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !host.is_empty() && host.len() < 256 && host.bytes().all(is_letter)
}

/// The host of an address of the web that events can be posted to.
pub(super) fn host_of(url: &str) -> Result<&str, String> {
    let shown = url.escape_debug();
    let rest = url.strip_prefix(HTTPS).or_else(|| url.strip_prefix(HTTP));
    let rest = rest.ok_or_else(|| format!("`{shown}` begins with neither https:// nor http://"))?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    if authority.contains('@') {
        return Err("a password in a url is shown in logs: use token_file".to_owned());
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains('#') {
        return Err(format!("`{shown}` is not written as a url is"));
    }
    let (host, has_port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().is_ok()),
        _ => (authority, true),
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if !has_port || !(is_name(bare) || bare.parse::<IpAddr>().is_ok()) {
        return Err(format!("`{shown}` names no host"));
    }
    Ok(bare)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
