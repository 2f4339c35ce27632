//! Incidents that open, grow, and outlive a restart.

use super::*;

pub(in crate::alert) const RUNNING: Activity = Activity {
    bytes: 10_000_000,
    is_running: true,
};

pub(in crate::alert) const fn some(bytes: u64) -> Activity {
    Activity {
        bytes,
        is_running: false,
    }
}

pub(in crate::alert) fn asset(number: u8) -> AssetKey {
    AssetKey::of([10, 0, 0, number].into())
}

pub(in crate::alert) fn key() -> Key {
    (asset(1), "RU".parse().unwrap())
}

pub(in crate::alert) fn observed(hour_bytes: u64) -> Observed {
    let mut seen_hours = [0; 24];
    seen_hours[23] = hour_bytes;
    Observed {
        asset: "10.0.0.1".to_owned(),
        asset_mac: None,
        asset_ip: "10.0.0.1".parse().unwrap(),
        confidence: Confidence::Plausible,
        geo_reason: None,
        maturity: 1.0,
        top_flows: Vec::new(),
        recipients: Vec::new(),
        asn: 64_500,
        organisation: Some("Example".to_owned()),
        seen_hours,
        expected_hours: [0; 24],
        first_seen: Some(Tick(0)),
        is_new: false,
        prevalence: Prevalence {
            assets: 3,
            country: 2,
            network: 1,
        },
        ruled: None,
        measure: Measure::PACKETS,
    }
}

pub(in crate::alert) fn told(detector: Detector, since: u64, bytes: u64) -> Told {
    Told {
        score: 75.0,
        findings: vec![Finding {
            detector,
            cell: None,
            p: 1e-6,
            since: Tick(since),
            bytes,
            expected_bytes: 0,
            sentence: Text {
                en: "much".to_owned(),
                zh: "多".to_owned(),
            },
        }],
        allowance_bytes: 7,
    }
}

#[test]
fn what_a_conversation_said_outlives_a_restart() {
    use crate::dissect::Protection;
    use crate::transfer::Conversation;
    let flow = |asset_port| TopFlow {
        asset_ip: "10.0.0.1".parse().unwrap(),
        conversation: Conversation {
            asset_port,
            peer: "192.0.2.1".parse().unwrap(),
            peer_port: 443,
            protocol: 6,
        },
        bytes: 50,
    };
    let seen = |recipients| Observed {
        top_flows: vec![flow(1), flow(2)],
        recipients,
        ..observed(50)
    };
    let known = Recipient {
        domain: Some("example.org".to_owned()),
        application: Application::Tls,
        protection: Protection::Weak,
        ..Recipient::default()
    };
    let told = told(Detector::AssetVolume, 0, 50);
    let main = told.main().unwrap();
    let first = seen(vec![Recipient::default(), known.clone()]);
    let opened = Incident::open(key().1, (&told, main), Tick(10), first);
    let saved = postcard::to_allocvec(&opened).unwrap();
    let mut incident: Incident = postcard::from_bytes(&saved).unwrap();
    incident.observe(key().1, seen(vec![Recipient::default(); 2]), Tick(20));
    let line = incident.line(Occasion::Grown, Tick(20), key().1, RUNNING);
    assert_eq!(line.recipient.as_deref(), Some("example.org"));
    let protections = line.flows.iter().map(|flow| flow.protection);
    let kept: Vec<_> = protections.collect();
    assert_eq!(kept, [Protection::Unseen, Protection::Weak]);
    // What it says now counts.
    let other = Recipient {
        protection: Protection::Clear,
        ..known
    };
    incident.observe(key().1, seen(vec![other; 2]), Tick(30));
    let line = incident.line(Occasion::Grown, Tick(30), key().1, RUNNING);
    assert_eq!(line.flows[1].protection, Protection::Clear);
}

#[test]
fn the_level_is_the_largest_hour_and_the_largest_day() {
    let told = told(Detector::AssetVolume, 0, 50);
    let main = told.main().unwrap();
    let mut seen = observed(50);
    seen.seen_hours[3] = 7;
    let mut incident = Incident::open(key().1, (&told, main), Tick(10), seen);
    incident.add(10);
    let level = |hour_bytes, day_bytes| Level {
        hour_bytes,
        day_bytes,
    };
    assert_eq!(incident.level(), level(60, 67));
    incident.open_hour(0, 67);
    incident.add(5);
    assert_eq!(incident.level(), level(60, 72));
}

#[test]
fn a_line_says_who_else_sends_there_and_what_would_have_passed() {
    let told = told(Detector::AssetVolume, 0, 50);
    let main = told.main().unwrap();
    let mut incident = Incident::open(key().1, (&told, main), Tick(10), observed(50));
    let line = incident.line(Occasion::Opened, Tick(10), key().1, RUNNING);
    let said = "No other asset of the site sends to AS64500 there. Up to 7 B within the hour";
    assert!(line.explanation.contains(said), "{}", line.explanation);
    assert_same_figures(&line.explanation, &line.explanation_zh);
    assert_eq!((line.allowance_bytes, line.seen_hours[23]), (7, 50));
    assert_eq!(line.first_seen.as_deref(), Some("1970-01-01T00:00:00Z"));
    let later = incident.line(Occasion::Grown, Tick(20), key().1, some(0));
    assert!(!later.explanation.contains("No other"), "said once");
}

/// Whatever has a digit in English, such as bytes, times, addresses and numbers of networks,
/// stands in Chinese, too, and apart, so that the veil of pseudonyms finds it.
fn assert_same_figures(english: &str, chinese: &str) {
    let figures = |text: &str| {
        let words = text.split(|letter: char| {
            letter.is_whitespace() || !letter.is_ascii() || "(),;".contains(letter)
        });
        let words = words.map(|word| word.trim_end_matches('.'));
        let figures = words.filter(|word| word.contains(|letter: char| letter.is_ascii_digit()));
        let mut figures: Vec<_> = figures.map(str::to_owned).collect();
        figures.sort_unstable();
        figures
    };
    assert!(!figures(english).is_empty());
    assert_eq!(figures(english), figures(chinese), "{english}\n{chinese}");
}
