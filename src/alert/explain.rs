//! The sentences of an alert that a person can act on.

mod zh;

use std::net::SocketAddr;

use crate::detect::Bytes;
use crate::dissect::{Flaw, Protection};
use crate::geo::{Confidence, Country};
use crate::policy::law::Text;

use super::incident::{Activity, Incident, Observed};
use super::{Event, Recipient, Ruling, Source, Verdict};

/// Why a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The incident opened.
    Opened,
    /// Its excess doubled, or another detector joined.
    Grown,
    /// It became part of a campaign by what another asset did.
    Joined,
    /// Another incident of the same asset and country became part of it.
    Whole,
    /// It became part of another incident of the same asset and country.
    Part,
    /// A person has decided on it.
    Ruled(Ruling),
    /// It has been quiet for a day.
    Quiet,
}

impl Occasion {
    pub(super) const fn event(self) -> Event {
        match self {
            Self::Opened => Event::Open,
            Self::Grown | Self::Joined | Self::Whole => Event::Update,
            Self::Ruled(ruling) => match ruling.verdict {
                Verdict::Malicious => Event::Update,
                Verdict::BenignOnce | Verdict::Expected => Event::Close,
            },
            Self::Quiet | Self::Part => Event::Close,
        }
    }
}

/// What happened, how that compares, and what to look at.
pub(super) fn explanation(
    incident: &Incident,
    occasion: Occasion,
    country: Country,
    activity: Activity,
) -> Text {
    Text {
        en: english(incident, occasion, country, activity),
        zh: zh::explanation(incident, occasion, country, activity),
    }
}

fn english(
    incident: &Incident,
    occasion: Occasion,
    country: Country,
    activity: Activity,
) -> String {
    let observed = &incident.observed;
    let excess_bytes = incident.excess_bytes();
    let mut sentences = match (incident.hidden(), incident.ruled_against()) {
        (Some(sentence), _) => vec![hidden(incident, country, &sentence.en)],
        (None, Some(sentence)) => vec![ruled_against(incident, country, &sentence.en)],
        (None, None) => vec![format!(
            "{} sent {} to {} since {}, {} more than the {} to be expected.",
            incident.asset,
            Bytes(incident.bytes),
            place(observed, country),
            incident.since,
            Bytes(excess_bytes),
            Bytes(incident.bytes.saturating_sub(excess_bytes)),
        )],
    };
    // What is hidden needs no flow that runs on.
    let is_news = matches!(occasion, Occasion::Opened | Occasion::Grown);
    sentences.push(if is_news && incident.hidden().is_some() {
        "Look at what runs there, and at who owns the receiver.".to_owned()
    } else {
        state(occasion, activity)
    });
    if occasion == Occasion::Opened {
        sentences.extend(loneliness(observed, country));
        if incident.allowance_bytes > 0 {
            sentences.push(format!(
                "Up to {} within the hour nothing would have been said.",
                Bytes(incident.allowance_bytes)
            ));
        }
    }
    sentences.extend(parts(incident));
    if incident.campaign.is_some() {
        sentences.push("Incidents of other assets have the same receiver.".to_owned());
    }
    sentences.extend(doubt(observed, country));
    sentences.extend(measured(observed));
    sentences.extend(look(observed));
    let first = observed.recipients.first();
    sentences.extend(first.and_then(Recipient::sentence));
    sentences.join(" ")
}

/// What is said of data that hides. Behind a name server nobody sees where it goes.
fn hidden(incident: &Incident, country: Country, sentence: &str) -> String {
    let place = if country.is_unknown() {
        "through a name server of the site, or to nobody knows where".to_owned()
    } else {
        format!("to {}", place(&incident.observed, country))
    };
    let asset = &incident.asset;
    format!("{asset} seems to hide data on its way {place}: {sentence}.")
}

/// What is said of an export that a policy speaks against, and that need not be odd.
fn ruled_against(incident: &Incident, country: Country, sentence: &str) -> String {
    format!(
        "{} sent {} to {} since {}, against which policy speaks: {sentence}",
        incident.asset,
        Bytes(incident.bytes),
        place(&incident.observed, country),
        incident.since,
    )
}

fn place(observed: &Observed, country: Country) -> String {
    match &observed.organisation {
        Some(name) => format!("{country} (AS{}, {name})", observed.asn),
        None if observed.asn > 0 => format!("{country} (AS{})", observed.asn),
        None => country.to_string(),
    }
}

fn state(occasion: Occasion, activity: Activity) -> String {
    let text = match occasion {
        Occasion::Opened if activity.is_running => "It was still running when this was written.",
        Occasion::Grown if activity.is_running => "It goes on and has grown.",
        Occasion::Opened | Occasion::Grown => {
            "None of its flows was running when this was written."
        }
        Occasion::Joined => "It is part of a campaign now.",
        Occasion::Whole => "It takes in what another address of the same machine sent.",
        Occasion::Part => "Its address turned out to be one of a machine that is known.",
        Occasion::Quiet => "Nothing unusual was seen for a day since.",
        Occasion::Ruled(Ruling { verdict, number }) => {
            return match verdict {
                Verdict::BenignOnce => format!("Feedback {number} calls it benign, this once."),
                Verdict::Expected => format!("Feedback {number} says that it is expected."),
                Verdict::Malicious => {
                    format!("Feedback {number} calls it malicious: it never becomes normal.")
                }
            };
        }
    };
    text.to_owned()
}

/// Says which other incidents are part of it, or of which it is.
fn parts(incident: &Incident) -> Option<String> {
    if let Some(into) = &incident.joined.into {
        return Some(format!("It goes on, with its bytes, as incident {into}."));
    }
    match &incident.joined.parts[..] {
        [] => None,
        [one] => Some(format!("Incident {one} is part of it.")),
        [.., last] => Some(format!(
            "{} incidents are part of it, the last of them {last}.",
            incident.joined.parts.len()
        )),
    }
}

/// Says so where the asset is the only one that sends to a place.
fn loneliness(observed: &Observed, country: Country) -> Option<String> {
    let others = observed.prevalence;
    if others.assets < 2 {
        return None;
    }
    if others.country <= 1 {
        return Some(format!("No other asset of the site sends to {country}."));
    }
    let is_alone = others.network <= 1 && observed.asn > 0;
    is_alone.then(|| {
        let asn = observed.asn;
        format!("No other asset of the site sends to AS{asn} there.")
    })
}

/// Says so where the country is in doubt.
fn doubt(observed: &Observed, country: Country) -> Option<String> {
    match observed.confidence {
        Confidence::Refuted => Some(format!(
            "A peer answers too soon to be in {country}: the database is wrong, or something \
             nearer answers for it."
        )),
        Confidence::Disputed => Some(match &observed.geo_reason {
            Some(reason) => format!("Sources differ on whether that is {country}. {reason}"),
            None => format!("Databases differ on whether that is {country}."),
        }),
        Confidence::Plausible => observed.geo_reason.clone(),
        Confidence::Confirmed | Confidence::Unknown => None,
    }
}

/// Says so where flow records tell of it, and what they do not tell.
fn measured(observed: &Observed) -> Option<String> {
    match observed.measure.one_in()? {
        1 => Some(
            "Flow records of others tell so: what was sent again counts again, and names and \
             protection are not known."
                .to_owned(),
        ),
        packets => Some(format!(
            "Its bytes are an estimate: flow records tell so that count one packet in {packets}; \
             names and protection are not known."
        )),
    }
}

fn look(observed: &Observed) -> Option<String> {
    let (asset_end, peer_end, protocol) = ends(observed)?;
    Some(format!(
        "Look first at {asset_end} to {peer_end} ({protocol})."
    ))
}

/// The ends and the protocol of the heaviest conversation.
fn ends(observed: &Observed) -> Option<(SocketAddr, SocketAddr, String)> {
    let top = observed.top_flows.first()?;
    let to = &top.conversation;
    Some((
        SocketAddr::new(top.asset_ip, to.asset_port),
        SocketAddr::new(to.peer, to.peer_port),
        protocol_name(to.protocol),
    ))
}

/// The name of an IANA protocol number, where everybody knows it by that.
fn protocol_name(protocol: u8) -> String {
    match protocol {
        1 => "ICMP".to_owned(),
        6 => "TCP".to_owned(),
        17 => "UDP".to_owned(),
        58 => "ICMPv6".to_owned(),
        132 => "SCTP".to_owned(),
        other => format!("protocol {other}"),
    }
}
