//! Where tshark and the sensor differ on hellos, and why.

use std::ops::RangeInclusive;

/// What differs: capture, frames of the first hello, how many differences, and why.
pub(super) const EXPLAINED: &[(&str, RangeInclusive<usize>, usize, &str)] = &[
    (
        "ja4/pcap/https-connect.pcap",
        8..=8,
        1,
        "the hello has no name; here it is the host that the proxy was asked for by CONNECT",
    ),
    (
        "mercury/test/afl_data/corner-cases.pcap",
        3..=3,
        1,
        "a damaged hello of a server that claims to have no bytes",
    ),
    (
        "mercury/unit_tests/pcaps/openvpn_tcp_multi.pcap",
        10..=170,
        4,
        "two hellos in OpenVPN's own packets, which are not read",
    ),
    (
        "ndpi/ossfuzz_seed_fake_traces_1.pcapng",
        19..=19,
        2,
        "frame 18 has a byte of something else before the hello",
    ),
    (
        "ndpi/tls_missing_ch_frag.pcap",
        3..=3,
        1,
        "a later part of the client's hello is missing, and tshark shows nothing of it; the name \
         stands before",
    ),
    (
        "suricata-verify/tests/firewall/app-layer-protocol-negated-unknown-shortcircuit/input.pcap",
        6..=6,
        2,
        "frame 4 has 32 bytes of something else before the hello",
    ),
    (
        "tcpdump/quic_vn.pcap",
        4..=4,
        2,
        "tshark does not decrypt the client's hello after the versions were negotiated",
    ),
    (
        "zeek/tls/ssl-v2.pcap",
        4..=4,
        1,
        "the hello of SSL 2.0 has no fingerprint: its suites are none of TLS",
    ),
    (
        "zeek/tls/tls-13draft19-early-data.pcap",
        4..=25,
        2,
        "a draft of TLS 1.3 has no name here",
    ),
    (
        "zeek/tls/tls13draft16-chrome55.0.2879.0-canary-aborted.pcap",
        4..=16,
        2,
        "a draft of TLS 1.3 has no name here",
    ),
    (
        "zeek/tls/tls13draft23-chrome67.0.3368.0-canary.pcap",
        5..=5,
        1,
        "a draft of TLS 1.3 has no name here",
    ),
];
