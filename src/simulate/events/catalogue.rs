//! The kinds of leaks and surprises, and the keys that each may have.

/// How an event changes what is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A fixed amount, in one conversation per so many seconds (0: in one).
    Upload { seconds_per_flow: u64 },
    /// A fixed amount both ways.
    Call,
    /// A habit that sends more.
    Growth,
    /// A new habit.
    Adoption,
    /// A habit that moves to another destination.
    Relocation,
    /// A scheduled run that is not as usual.
    Run,
}

/// A kind of event: its name, its shape, and the keys that it may have.
pub(super) type EventKind = (&'static str, Shape, &'static [&'static str]);

/// The kinds that one of the two lists of events may have.
pub(super) struct Catalogue {
    pub(super) is_benign: bool,
    pub(super) kinds: &'static [EventKind],
}

/// Keys of an event that sends a fixed amount.
const UPLOAD_KEYS: &[&str] = &[
    "asset",
    "destination",
    "start",
    "duration",
    "bytes",
    "flows",
    "protocol",
    "server_name",
];

/// Kinds of leak.
pub(super) static LEAKS: Catalogue = Catalogue {
    is_benign: false,
    kinds: &[
        (
            "bulk",
            Shape::Upload {
                seconds_per_flow: 0,
            },
            UPLOAD_KEYS,
        ),
        (
            "slow",
            Shape::Upload {
                seconds_per_flow: 720,
            },
            UPLOAD_KEYS,
        ),
        (
            "new_country",
            Shape::Upload {
                seconds_per_flow: 300,
            },
            UPLOAD_KEYS,
        ),
        (
            "odd_hour",
            Shape::Upload {
                seconds_per_flow: 0,
            },
            UPLOAD_KEYS,
        ),
        (
            "many_flows",
            Shape::Upload {
                seconds_per_flow: 10,
            },
            UPLOAD_KEYS,
        ),
        (
            "mimicry",
            Shape::Growth,
            &["asset", "destination", "start", "duration", "growth"],
        ),
    ],
};

/// Kinds of benign surprise.
pub(super) static SURPRISES: Catalogue = Catalogue {
    is_benign: true,
    kinds: &[
        (LATE, Shape::Run, &["schedule", "on", "delay"]),
        ("bigger_backup", Shape::Run, &["schedule", "on", "factor"]),
        (
            "month_end",
            Shape::Upload {
                seconds_per_flow: 0,
            },
            UPLOAD_KEYS,
        ),
        (
            "release",
            Shape::Upload {
                seconds_per_flow: 600,
            },
            UPLOAD_KEYS,
        ),
        (
            "video_call",
            Shape::Call,
            &["assets", "destination", "start", "duration", "bytes"],
        ),
        (
            "new_service",
            Shape::Adoption,
            &["assets", "destination", "start", "duration", "daily"],
        ),
        (
            "relocation",
            Shape::Relocation,
            &["destination", "to", "start"],
        ),
    ],
};

/// The kind that moves a run; the other kind of [`Shape::Run`] makes it larger.
pub(super) const LATE: &str = "late_backup";
