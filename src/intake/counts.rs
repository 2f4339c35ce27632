//! What came in as flow records, and what was not taken.

use super::config::EXPORTER_ENTRIES_MAX;

/// In what a record came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// NetFlow version 5.
    NetflowV5,
    /// NetFlow version 9 (RFC 3954).
    NetflowV9,
    /// IPFIX (RFC 7011).
    Ipfix,
    /// sFlow version 5.
    Sflow,
    /// Zeek's conn.log.
    ConnLog,
}

impl Format {
    /// All formats, in the order of their counters.
    pub const ALL: [Self; 5] = [
        Self::NetflowV5,
        Self::NetflowV9,
        Self::Ipfix,
        Self::Sflow,
        Self::ConnLog,
    ];

    /// The name under which it is counted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NetflowV5 => "netflow_v5",
            Self::NetflowV9 => "netflow_v9",
            Self::Ipfix => "ipfix",
            Self::Sflow => "sflow",
            Self::ConnLog => "conn_log",
        }
    }
}

/// Why a datagram was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its sender is none of the exporters of the configuration.
    Stranger,
    /// There are as many exporters as may be.
    TooMany,
    /// It is none of the formats.
    Unknown,
    /// It is damaged; what stood before the damage was taken.
    Malformed,
}

impl Refusal {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 4] = [
        Self::Stranger,
        Self::TooMany,
        Self::Unknown,
        Self::Malformed,
    ];

    /// The name under which it is counted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::TooMany => "too_many_exporters",
            Self::Unknown => "unknown_format",
            Self::Malformed => "malformed",
        }
    }
}

/// Why a record does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassedOver {
    /// It tells of no addresses, or of no bytes.
    Empty,
    /// Another place tells of the same flow.
    Duplicate,
    /// A sample of a packet that is no IP packet, or cut before its addresses.
    Unread,
    /// A line that cannot be believed.
    BadLine,
}

impl PassedOver {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 4] = [Self::Empty, Self::Duplicate, Self::Unread, Self::BadLine];

    /// The name under which it is counted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Duplicate => "duplicate",
            Self::Unread => "unread_sample",
            Self::BadLine => "bad_line",
        }
    }
}

/// Why bytes of a record count later than they were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// It came after `flow_input.delay_seconds`.
    Late,
    /// It tells of a longer time than `flow_input.delay_seconds`.
    Long,
    /// Its times make no sense, so that it counts when it comes.
    Undated,
}

impl Late {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 3] = [Self::Late, Self::Long, Self::Undated];

    /// The name under which it is counted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Long => "long",
            Self::Undated => "undated",
        }
    }
}

/// What exporters lost on the way here, by their sequence numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Datagrams of NetFlow v9 and sFlow.
    pub datagrams: u64,
    /// Records of NetFlow v5 and IPFIX.
    pub records: u64,
}

/// Series of losses: one for each entry of the configuration, and one for this host itself.
pub(super) const LOST_MAX: usize = EXPORTER_ENTRIES_MAX + 1;

/// Sums since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams, in the order of [`Format::ALL`].
    pub datagrams: [u64; Format::ALL.len()],
    /// Records, in the order of [`Format::ALL`].
    pub records: [u64; Format::ALL.len()],
    /// Datagrams that were not read, in the order of [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
    /// Records that do not count, in the order of [`PassedOver::ALL`].
    pub passed_over: [u64; PassedOver::ALL.len()],
    /// Records that count late, in the order of [`Late::ALL`].
    pub late: [u64; Late::ALL.len()],
    /// Sets that had to wait for their template.
    pub without_template: u64,
    /// Records that stand for more packets than they count.
    pub sampled: u64,
    /// The most packets that one stands for.
    pub sampling_max: u32,
    /// Export bytes of records, sampling applied.
    pub export_bytes: u64,
    /// Times that an exporter began anew, or its sequence numbers did.
    pub restarts: u64,
    /// What was lost, by entry of the configuration; the last is this host itself.
    pub lost: [Lost; LOST_MAX],
    /// Transfers that were folded with others of their asset and country, for want of room.
    pub folded: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            datagrams: [0; Format::ALL.len()],
            records: [0; Format::ALL.len()],
            refused: [0; Refusal::ALL.len()],
            passed_over: [0; PassedOver::ALL.len()],
            late: [0; Late::ALL.len()],
            without_template: 0,
            sampled: 0,
            sampling_max: 0,
            export_bytes: 0,
            restarts: 0,
            lost: [Lost::default(); LOST_MAX],
            folded: 0,
        }
    }
}

impl Counts {
    /// All records.
    pub fn all_records(&self) -> u64 {
        self.records.iter().sum()
    }

    /// All that was lost.
    pub fn all_lost(&self) -> Lost {
        self.lost.iter().fold(Lost::default(), |sum, lost| Lost {
            datagrams: sum.datagrams + lost.datagrams,
            records: sum.records + lost.records,
        })
    }

    pub(super) fn refuse(&mut self, reason: Refusal) {
        self.refused[reason as usize] += 1;
    }

    pub(super) fn pass_over(&mut self, reason: PassedOver, records: u64) {
        self.passed_over[reason as usize] += records;
    }

    pub(super) fn count_late(&mut self, reason: Late) {
        self.late[reason as usize] += 1;
    }
}
