use super::*;
use crate::time::Tick;

fn flows(count: usize, second: u64) -> Vec<FlowEvent> {
    vec![FlowEvent::test(Tick(second)); count]
}

fn word(bytes: &[u8], place: usize) -> u16 {
    u16::from_be_bytes([bytes[place], bytes[place + 1]])
}

/// The numbers of the sets of a message, whose lengths must come out.
fn sets(message: &[u8]) -> Vec<u16> {
    assert_eq!(usize::from(word(message, 2)), message.len());
    let mut numbers = Vec::new();
    let mut place = HEADER_BYTES;
    while place < message.len() {
        numbers.push(word(message, place));
        place += usize::from(word(message, place + 2));
    }
    assert_eq!(place, message.len());
    numbers
}

fn sequence(message: &[u8]) -> u32 {
    u32::from(word(message, 8)) << 16 | u32::from(word(message, 10))
}

/// Sends all flows, and returns the messages.
fn send(messages: &mut IpfixMessages, mut flows: &[FlowEvent]) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    while !flows.is_empty() {
        let message = messages.next(flows);
        messages.sent(&message, flows);
        assert!(message.flows > 0, "no flow fits");
        flows = &flows[message.flows..];
        sent.push(message.bytes);
    }
    sent
}

#[test]
fn a_message_counts_the_records_before_it_and_fits_a_datagram() {
    let mut messages = IpfixMessages::for_datagrams();
    let sent = send(&mut messages, &flows(200, 1_000));
    assert!(
        sent.iter()
            .all(|message| message.len() <= DATAGRAM_BYTES_MAX)
    );
    assert_eq!(sets(&sent[0]), [TEMPLATE_SET, TEMPLATES]);
    assert_eq!(sequence(&sent[0]), 0);
    let record_bytes: u16 = elements(TEMPLATES).map(|(_, length, _)| length).sum();
    let of_first = (sent[0].len() - HEADER_BYTES - SET_HEADER_BYTES) as u16;
    let templates = word(&sent[0], HEADER_BYTES + 2);
    let records = u32::from((of_first - templates) / record_bytes);
    assert_eq!(sequence(&sent[1]), records);
    // What was not sent is not counted.
    let unsent = messages.next(&flows(1, 1_000));
    assert_eq!(
        sequence(&messages.next(&flows(1, 1_000)).bytes),
        sequence(&unsent.bytes)
    );
}

#[test]
fn templates_are_told_again_in_datagrams_alone() {
    let has = |message: &Vec<u8>| sets(message).contains(&TEMPLATE_SET);
    let one_each = |messages: &mut IpfixMessages, second| send(messages, &flows(1, second));
    let mut datagrams = IpfixMessages::for_datagrams();
    let told: Vec<_> = (0..41)
        .flat_map(|_| one_each(&mut datagrams, 1_000))
        .collect();
    let with = told.iter().enumerate().filter(|(_, message)| has(message));
    let with: Vec<_> = with.map(|(place, _)| place).collect();
    assert_eq!(with, [0, 20, 40]);
    assert!(!has(&one_each(&mut datagrams, 1_059)[0]));
    assert!(has(&one_each(&mut datagrams, 1_060)[0]));
    let mut stream = IpfixMessages::for_stream();
    let told: Vec<_> = (0..41)
        .flat_map(|at| one_each(&mut stream, at * 1_000))
        .collect();
    assert_eq!(told.iter().filter(|message| has(message)).count(), 1);
}

#[test]
fn flows_of_another_template_begin_another_set() {
    let mut mixed = flows(3, 1_000);
    mixed[1].vlan = Some(7);
    mixed[2].reverse.packets = 1;
    let message = IpfixMessages::for_stream().next(&mixed);
    let expected = [
        TEMPLATE_SET,
        TEMPLATES,
        TEMPLATES | WITH_VLAN,
        TEMPLATES | WITH_REVERSE,
    ];
    assert_eq!(sets(&message.bytes), expected);
    assert_eq!(message.flows, 3);
}
