//! What names and types of records are there for.

/// Whether a registered domain is of a service that is known to be asked for ever new names.
pub(super) fn is_known(domain: &[u8]) -> bool {
    SERVICES.iter().any(|service| service.as_bytes() == domain)
}

/// Types for other things than addresses and services: what a tunnel asks for.
pub(super) fn is_carrier(query_type: u16) -> bool {
    !matches!(query_type, 1 | 2 | 6 | 12 | 28 | 43 | 48 | 64 | 65)
}

/// NULL, and types for private use: nothing that anybody asks for on purpose.
pub(super) fn is_strange(query_type: u16) -> bool {
    matches!(query_type, 10 | 65_280..=65_534)
}

/// Domains of services that are there to be asked for ever new names: lists of senders and
/// of domains, look-ups of hashes and of networks. Nobody else gets what is asked of them.
const SERVICES: [&str; 30] = [
    "abuseat.org",
    "avast.com",
    "barracudacentral.org",
    "brightcloud.com",
    "cymru.com",
    "dnswl.org",
    "dronebl.org",
    "e5.sk",
    "f-secure.com",
    "invaluement.com",
    "kaspersky-labs.com",
    "mailshell.net",
    "mailspike.net",
    "manitu.net",
    "mcafee.com",
    "msbl.org",
    "senderbase.org",
    "sophosxl.com",
    "sophosxl.net",
    "sorbs.net",
    "spamcop.net",
    "spameatingmonkey.net",
    "spamhaus.net",
    "spamhaus.org",
    "surbl.org",
    "surriel.com",
    "trendmicro.com",
    "uceprotect.net",
    "uribl.com",
    "webrootcloudav.com",
];
