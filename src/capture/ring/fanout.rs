//! The program by which the kernel deals frames to the sockets of a group.

use super::socket::Program;
use libc::sock_filter;

/// What frames of a device begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// An Ethernet header.
    Ethernet,
    /// An IP header.
    Ip,
}

/// A classic BPF program whose result depends on the two IP addresses and not on their
/// order; the kernel takes it modulo the number of sockets. For what is not IP it is 0, and
/// so it is where the headers are cut short.
///
/// The kernel runs it on the frame from its network header on, but on a frame that the host
/// itself sends from the link header on. Loads that name one of the two headers would reach
/// only the part of the frame that the driver has copied out of its buffers.
pub(super) fn program(start: Start) -> Program {
    let mut program = match start {
        Start::Ethernet => vec![
            step(LOAD_WORD, PACKET_TYPE),
            branch(PACKET_OUTGOING, 3, 0),
            step(LOAD_INDEX, 0),
            step(LOAD_WORD, PROTOCOL),
            step(JUMP, 2),
            step(LOAD_INDEX, ETHERNET_BYTES),
            step(LOAD_HALF, ETHERNET_BYTES - 2),
        ],
        Start::Ip => vec![step(LOAD_INDEX, 0), step(LOAD_WORD, PROTOCOL)],
    };
    // From here on the accumulator is the type of what begins at the index.
    for _ in 0..TAGS_MAX {
        program.extend(behind_tag());
    }
    let (ipv4, ipv6) = (ipv4(), ipv6());
    let (ipv4_steps, ipv6_steps) = (ipv4.len() as u32, ipv6.len() as u8);
    program.extend([branch(IPV6, 0, ipv6_steps + 1)]);
    program.extend(ipv6);
    program.push(step(JUMP, ipv4_steps + 2));
    program.extend([branch(IPV4, 1, 0), step(RETURN, 0)]);
    program.extend(ipv4);
    program.extend(mix());
    program
}

/// Steps over a VLAN tag, if it is one.
fn behind_tag() -> [sock_filter; 9] {
    [
        branch(0x8100, 2, 0),
        branch(0x88a8, 1, 0),
        branch(0x9100, 0, 6),
        step(LOAD_HALF_AT, 2),
        step(STORE, FIRST),
        step(INDEX_TO_ACCUMULATOR, 0),
        step(ADD, 4),
        step(ACCUMULATOR_TO_INDEX, 0),
        step(LOAD, FIRST),
    ]
}

/// Stores the addresses at [`FIRST`] and [`SECOND`].
fn ipv4() -> Program {
    vec![
        step(LOAD_WORD_AT, 12),
        step(STORE, FIRST),
        step(LOAD_WORD_AT, 16),
        step(STORE, SECOND),
    ]
}

/// Stores what is made of each address at [`FIRST`] and [`SECOND`].
fn ipv6() -> Program {
    let mut program = Vec::new();
    for word in 0..8 {
        program.extend([step(LOAD_WORD_AT, 8 + 4 * word), step(STORE, WORDS + word)]);
    }
    for (address, first_word) in [(FIRST, WORDS), (SECOND, WORDS + 4)] {
        program.push(step(LOAD, first_word));
        for word in first_word + 1..first_word + 4 {
            program.extend([
                step(MULTIPLY, MULTIPLIERS[0]),
                step(LOAD_INDEX_STORED, word),
                step(ADD_INDEX, 0),
            ]);
        }
        program.push(step(STORE, address));
    }
    program
}

/// Returns a hash of the two, the same when they are exchanged: their sum and their
/// exclusive or are.
fn mix() -> Program {
    vec![
        step(LOAD_INDEX_STORED, SECOND),
        step(LOAD, FIRST),
        step(ADD_INDEX, 0),
        step(MULTIPLY, MULTIPLIERS[1]),
        step(STORE, WORDS),
        step(LOAD, FIRST),
        step(EXCLUSIVE_OR_INDEX, 0),
        step(MULTIPLY, MULTIPLIERS[2]),
        step(LOAD_INDEX_STORED, WORDS),
        step(ADD_INDEX, 0),
        // Low bits of a product know nothing of the high bits of its factors.
        step(STORE, WORDS),
        step(SHIFT_RIGHT, 16),
        step(LOAD_INDEX_STORED, WORDS),
        step(EXCLUSIVE_OR_INDEX, 0),
        step(MULTIPLY, MULTIPLIERS[0]),
        step(SHIFT_RIGHT, 16),
        step(RETURN_ACCUMULATOR, 0),
    ]
}

const fn step(code: u16, k: u32) -> sock_filter {
    sock_filter {
        code,
        jt: 0,
        jf: 0,
        k,
    }
}

/// Skips so many steps if the accumulator is `k`, or so many if it is not.
const fn branch(k: u32, if_equal: u8, if_not: u8) -> sock_filter {
    sock_filter {
        code: JUMP_IF_EQUAL,
        jt: if_equal,
        jf: if_not,
        k,
    }
}

/// VLAN tags that may stand between Ethernet and IP. The kernel has taken the first off a
/// frame that came in, and not off one that the host sends.
const TAGS_MAX: usize = 3;

const ETHERNET_BYTES: u32 = 14;
const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;

/// Cells of the program's memory, of which there are 16.
const FIRST: u32 = 0;
const SECOND: u32 = 1;
const WORDS: u32 = 2;

/// Odd numbers without a pattern: 2^32 over the golden ratio, and two of MurmurHash3.
const MULTIPLIERS: [u32; 3] = [0x9e37_79b1, 0x85eb_ca6b, 0xc2b2_ae35];

/// Loads from here on are of what the kernel knows of the frame; linux/filter.h.
const ANCILLARY: u32 = 0xffff_f000;
const PROTOCOL: u32 = ANCILLARY;
const PACKET_TYPE: u32 = ANCILLARY + 4;
const PACKET_OUTGOING: u32 = libc::PACKET_OUTGOING as u32;

/// Codes of instructions; linux/bpf_common.h.
const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const LOAD_WORD_AT: u16 = 0x40;
const LOAD_HALF_AT: u16 = 0x48;
const LOAD: u16 = 0x60;
const LOAD_INDEX: u16 = 0x01;
const LOAD_INDEX_STORED: u16 = 0x61;
const STORE: u16 = 0x02;
const ADD: u16 = 0x04;
const ADD_INDEX: u16 = 0x0c;
const MULTIPLY: u16 = 0x24;
const SHIFT_RIGHT: u16 = 0x74;
const EXCLUSIVE_OR_INDEX: u16 = 0xac;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const RETURN_ACCUMULATOR: u16 = 0x16;
const ACCUMULATOR_TO_INDEX: u16 = 0x07;
const INDEX_TO_ACCUMULATOR: u16 = 0x87;
