use proptest::prelude::*;

use super::*;

/// A header with counts of questions and answers.
fn header(flags: u16, counts: [u16; 2]) -> Vec<u8> {
    let [questions, answers] = counts;
    [0xbeef, flags, questions, answers, 0, 0]
        .iter()
        .flat_map(|field: &u16| field.to_be_bytes())
        .collect()
}

fn wire(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> = labels
        .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
        .collect();
    bytes.push(0);
    bytes
}

fn question(name: &str, query_type: u16) -> Vec<u8> {
    [&wire(name)[..], &query_type.to_be_bytes(), &[0, 1]].concat()
}

fn resource(owner: &[u8], kind: u16, seconds: u32, content: &[u8]) -> Vec<u8> {
    [
        owner,
        &kind.to_be_bytes(),
        &[0, 1],
        &seconds.to_be_bytes(),
        &(content.len() as u16).to_be_bytes(),
        content,
    ]
    .concat()
}

/// The name of the question, as a pointer.
const ASKED: [u8; 2] = [0xc0, 12];

fn query(name: &str) -> Vec<u8> {
    [header(0x0100, [1, 0]), question(name, 1)].concat()
}

#[test]
fn a_query_tells_its_name() {
    let answered = answers(&query("Www.Example.ORG")).unwrap();
    assert_eq!(&*answered.name, b"www.example.org");
    assert_eq!(&*answered.shown_name(), "www.example.org");
    assert!(!answered.is_response && answered.addresses.is_empty());
    assert_eq!((answered.query_type, answered.answer_bytes), (1, 0));
    let root = answers(&[header(0x0100, [1, 0]), question("", 2)].concat()).unwrap();
    assert_eq!((&*root.name, &*root.shown_name()), (&b""[..], "."));
    let raw = answers(&query("\u{e9}\n.example.org")).unwrap();
    assert_eq!(&*raw.name, "\u{e9}\n.example.org".as_bytes());
    assert_eq!(&*raw.shown_name(), "\\xc3\\xa9\\x0a.example.org");
}

#[test]
fn aliases_lead_to_addresses() {
    // The target's end points to "example.org" in the question.
    let target = b"\x03cdn\xc0\x10";
    let alias = resource(&ASKED, 5, 300, target);
    let place = (12 + 21 + 2 + 10) as u8;
    let message = [
        header(0x8180, [1, 5]),
        question("www.example.org", 1),
        alias,
        resource(&[0xc0, place], 1, 60, &[192, 0, 2, 1]),
        resource(&wire("cdn.example.org"), 28, 90, &[0x20; 16]),
        resource(&wire("evil.example.net"), 1, 1, &[198, 51, 100, 1]),
        resource(&ASKED, 16, 1, b"\x03txt"),
    ]
    .concat();
    let answered = answers(&message).unwrap();
    let expected: Vec<IpAddr> = vec![[192, 0, 2, 1].into(), [0x20; 16].into()];
    assert!(answered.is_response);
    assert_eq!(answered.addresses, expected);
    let question_end = 12 + 17 + 4;
    assert_eq!(
        usize::from(answered.answer_bytes),
        message.len() - question_end
    );
}

#[test]
fn what_is_no_message_is_refused() {
    let good = query("example.org");
    assert!(answers(&good).is_some());
    let changed = |place: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[place] = value;
        answers(&bytes)
    };
    assert_eq!(changed(2, 0x29), None, "another operation");
    assert_eq!(changed(3, 0x40), None, "a reserved bit");
    assert_eq!(changed(5, 2), None, "two questions");
    assert_eq!(changed(7, 1), None, "a query that answers");
    assert_eq!(changed(12, 64), None, "a label too long");
    assert_eq!(changed(good.len() - 1, 9), None, "no such class");
    assert_eq!(changed(12, 0xc0), None, "a pointer forward");
    for cut in 0..good.len() {
        assert_eq!(answers(&good[..cut]), None);
    }
    let long = ["a234567890"; 30].join(".");
    assert_eq!(answers(&query(&long)), None, "more than 255 bytes");
}

#[test]
fn pointers_never_lead_in_a_circle() {
    let own = [header(0x0100, [1, 0]), vec![0xc0, 12, 0, 1, 0, 1]].concat();
    assert_eq!(answers(&own), None);
    let through_a_label = [
        header(0x8180, [1, 1]),
        question("a", 1),
        vec![1, b'x', 0xc0, 19],
    ];
    let answered = answers(&through_a_label.concat()).unwrap();
    assert!(answered.addresses.is_empty());
}

#[test]
fn hostile_messages_cost_little() {
    // A datagram full of records whose names point through a long chain of pointers.
    let mut message = [header(0x8180, [1, u16::MAX]), question("a", 1)].concat();
    for _ in 0..10_000 {
        let place = message.len() as u16;
        let back = 0xc000 | (place - 2).min(0x3fff);
        message.extend(back.to_be_bytes());
        if message.len() > 60_000 {
            break;
        }
    }
    assert!(answers(&message).unwrap().addresses.is_empty());
    let alias = resource(&ASKED, 5, 1, &ASKED);
    let mut circle = [header(0x8180, [1, 2_000]), question("a", 1)].concat();
    for _ in 0..1_000 {
        circle.extend(&alias);
        circle.extend(resource(&ASKED, 1, 1, &[1, 2, 3, 4]));
    }
    assert_eq!(answers(&circle).unwrap().addresses.len(), ADDRESSES_MAX);
}

#[test]
fn a_stream_has_messages_behind_lengths() {
    let framed_query = |name: &str| {
        let message = query(name);
        [&(message.len() as u16).to_be_bytes()[..], &message].concat()
    };
    let stream = [framed_query("a.org"), framed_query("b.org"), vec![0, 9, 1]].concat();
    let names: Vec<_> = framed(&stream)
        .map(|answered| answered.shown_name())
        .collect();
    assert_eq!(names, ["a.org".into(), "b.org".into()]);
}

#[test]
fn noise_is_mostly_refused() {
    let mut state = 7u64;
    let mut taken = 0;
    for _ in 0..200_000 {
        let bytes: Vec<u8> = (0..5)
            .flat_map(|_| {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                (state ^ state >> 33).to_le_bytes()
            })
            .collect();
        taken += u32::from(answers(&bytes).is_some());
    }
    assert_eq!(taken, 0);
}

proptest! {
    #[test]
    fn any_bytes_are_safe(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        count in 0u16..50,
    ) {
        answers(&bytes);
        framed(&bytes).count();
        let mut message = [header(0x8180, [1, count]), question("a.bc.def", 1)].concat();
        message.extend(bytes);
        let answered = answers(&message).unwrap();
        prop_assert!(answered.addresses.len() <= ADDRESSES_MAX);
    }

    #[test]
    fn addresses_come_back(
        labels in prop::collection::vec("[a-z0-9-]{1,20}", 1..8),
        hosts in prop::collection::vec((any::<[u8; 4]>(), 1u32..90_000), 0..40),
    ) {
        let name = labels.join(".");
        let mut message = header(0x8180, [1, hosts.len() as u16]);
        message.extend(question(&name, 1));
        for (address, seconds) in &hosts {
            message.extend(resource(&ASKED, 1, *seconds, address));
        }
        let answered = answers(&message).unwrap();
        prop_assert_eq!(&*answered.name, name.as_bytes());
        let kept = &hosts[..hosts.len().min(ADDRESSES_MAX)];
        let expected: Vec<IpAddr> = kept.iter().map(|(address, _)| (*address).into()).collect();
        prop_assert_eq!(answered.addresses, expected);
    }
}
