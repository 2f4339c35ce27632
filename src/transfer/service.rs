//! The kind of service that a flow speaks, by its well-known ports.

use serde::{Deserialize, Serialize};

/// A class of service, coarse enough to be a key of what is normal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// HTTP and HTTPS over TCP.
    Web,
    /// HTTPS over UDP.
    Quic,
    /// SMTP, IMAP and POP, plain or over TLS.
    Mail,
    /// SSH.
    Ssh,
    /// DNS, plain or over TLS.
    Dns,
    /// NTP.
    Ntp,
    /// ICMP and ICMPv6.
    Icmp,
    /// IPsec, GRE, IP in IP, WireGuard, OpenVPN, PPTP, L2TP.
    Vpn,
    /// FTP, SMB, NFS and rsync.
    File,
    /// Anything else.
    Other,
}

impl Service {
    /// The class of a protocol and the ports of responder and initiator. Where the
    /// responder's port says nothing the initiator's is asked, because of a flow joined
    /// midstream it is not sure which side began.
    pub const fn of(protocol: u8, responder_port: u16, initiator_port: u16) -> Self {
        match Self::of_port(protocol, responder_port) {
            Self::Other => Self::of_port(protocol, initiator_port),
            class => class,
        }
    }

    /// Whether what it is made for is small, so that much of it is likely something else.
    pub const fn is_narrow(self) -> bool {
        matches!(self, Self::Dns | Self::Icmp | Self::Ntp)
    }

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Quic => "quic",
            Self::Mail => "mail",
            Self::Ssh => "ssh",
            Self::Dns => "dns",
            Self::Ntp => "ntp",
            Self::Icmp => "icmp",
            Self::Vpn => "vpn",
            Self::File => "file",
            Self::Other => "other",
        }
    }

    const fn of_port(protocol: u8, port: u16) -> Self {
        match (protocol, port) {
            (1 | 58, _) => Self::Icmp,
            // IPv4 and IPv6 in IP, GRE, ESP, AH (IANA protocol numbers).
            (4 | 41 | 47 | 50 | 51, _) => Self::Vpn,
            (TCP, 80 | 443 | 8080 | 8443) => Self::Web,
            (UDP, 443) => Self::Quic,
            (TCP, 25 | 110 | 143 | 465 | 587 | 993 | 995) => Self::Mail,
            (TCP, 22) => Self::Ssh,
            (TCP | UDP, 53 | 853) => Self::Dns,
            (UDP, 123) => Self::Ntp,
            (UDP, 500 | 1194 | 1701 | 4500 | 51820) | (TCP, 1194 | 1723) => Self::Vpn,
            (TCP, 20 | 21 | 139 | 445 | 873 | 990 | 2049) => Self::File,
            _ => Self::Other,
        }
    }
}

const TCP: u8 = 6;
const UDP: u8 = 17;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_responder_names_the_service_and_the_initiator_where_it_does_not() {
        assert_eq!(Service::of(6, 443, 50_000), Service::Web);
        assert_eq!(Service::of(17, 443, 50_000), Service::Quic);
        assert_eq!(
            Service::of(6, 50_000, 443),
            Service::Web,
            "joined midstream"
        );
        assert_eq!(Service::of(6, 22, 443), Service::Ssh);
        assert_eq!(Service::of(50, 0, 0), Service::Vpn);
        assert_eq!(Service::of(132, 443, 80), Service::Other);
    }
}
