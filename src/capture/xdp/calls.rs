//! The system calls of a capture by XDP that no library has in a safe form: bpf(2), and one
//! request of ethtool(8).
//!
//! JUSTIFICATION: no frame reaches an AF_XDP socket without a program that sends it there,
//! and a tag that the interface takes off could not be missed; none is made per frame.

#![allow(
    unsafe_code,
    reason = "the system libraries have no safe calls for BPF programs and offloads"
)]

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// The map by which the program finds the socket of a receive queue (BPF_MAP_TYPE_XSKMAP).
pub(super) struct SocketMap(OwnedFd);

/// The program on its interface, from which it is taken when this is closed, also by the end
/// of the process.
pub(super) struct Link {
    _descriptor: OwnedFd,
}

impl SocketMap {
    /// A map with room for the sockets of so many queues.
    pub(super) fn new(queues: u32) -> io::Result<Self> {
        let request = MapCreate {
            kind: MAP_OF_SOCKETS,
            key_bytes: size_of::<u32>() as u32,
            value_bytes: size_of::<u32>() as u32,
            entries_max: queues,
        };
        // SAFETY: the request has no pointers.
        unsafe { new_descriptor(MAP_CREATE, &request) }.map(Self)
    }

    /// Sends what arrives in a receive queue to this bound socket, until it is closed.
    pub(super) fn insert(&self, queue: u32, socket: impl AsFd) -> io::Result<()> {
        let descriptor = socket.as_fd().as_raw_fd();
        let request = MapUpdate {
            map: self.0.as_raw_fd(),
            _unused: 0,
            key: (&raw const queue) as u64,
            value: (&raw const descriptor) as u64,
            flags: 0,
        };
        // SAFETY: key and value are pointers to four bytes each, as the map was made for,
        // both live beyond the call, and the kernel only reads them.
        unsafe { bpf(MAP_UPDATE, &request) }.map(drop)
    }

    /// Puts the program on an interface: in its driver, or where that has no place for one,
    /// between driver and network stack.
    pub(super) fn attach(&self, interface_index: u32) -> io::Result<Link> {
        let program = self.load()?;
        let link = |flags| {
            let request = LinkCreate {
                program: program.as_raw_fd(),
                interface_index,
                place: PLACE_XDP,
                flags,
            };
            // SAFETY: the request has no pointers.
            unsafe { new_descriptor(LINK_CREATE, &request) }
        };
        let linked = link(0).or_else(|error| match error.raw_os_error() {
            Some(libc::EBUSY | libc::EPERM | libc::ENODEV) => Err(error),
            _ => link(GENERIC_MODE),
        });
        linked.map(|descriptor| Link {
            _descriptor: descriptor,
        })
    }

    fn load(&self) -> io::Result<OwnedFd> {
        let program = program(self.0.as_raw_fd());
        let request = ProgramLoad {
            kind: PROGRAM_OF_XDP,
            count: program.len() as u32,
            instructions: program.as_ptr() as u64,
            license: LICENSE.as_ptr() as u64,
            log_level: 0,
            log_bytes: 0,
            log: 0,
            kernel_version: 0,
            flags: TAKES_FRAGMENTS,
            name: *NAME,
        };
        // SAFETY: `count` instructions and a text that ends with a zero live beyond the call,
        // the kernel only reads them, and there is no log for it to write.
        unsafe { new_descriptor(PROGRAM_LOAD, &request) }
    }
}

/// Whether the interface takes VLAN tags off before XDP sees the frame. One that has no such
/// setting does not.
pub(super) fn takes_tags_off(socket: impl AsFd, interface: &str) -> bool {
    let mut value = EthtoolValue {
        command: GET_FLAGS,
        data: 0,
    };
    let mut request = InterfaceRequest {
        name: [0; NAME_BYTES],
        data: &raw mut value,
        _unused: [0; 2],
    };
    // The last byte stays zero.
    for (to, from) in request.name[..NAME_BYTES - 1]
        .iter_mut()
        .zip(interface.bytes())
    {
        *to = from;
    }
    let descriptor = socket.as_fd().as_raw_fd();
    // SAFETY: the request is as long as a `struct ifreq` or longer, and its pointer is to a
    // whole `struct ethtool_value`, which is all that this command reads and writes.
    let status = unsafe { libc::ioctl(descriptor, ETHTOOL, &raw mut request) };
    status == 0 && value.data & RECEIVED_TAGS != 0
}

/// Redirects a frame to the socket of the queue that it came in; where there is none, the
/// host has it.
const fn program(map: c_int) -> [Instruction; 6] {
    [
        // r2 = context->rx_queue_index
        step(LOAD_WORD, registers(2, 1), QUEUE_OFFSET, 0),
        // r1 = the map, of which the number takes two instructions
        step(LOAD_DOUBLE_WORD, registers(1, PSEUDO_MAP), 0, map),
        step(0, 0, 0, 0),
        // r3 = what to do where the map has no socket
        step(MOVE_IMMEDIATE, registers(3, 0), 0, PASS),
        // return bpf_redirect_map(r1, r2, r3)
        step(CALL, 0, 0, REDIRECT_MAP),
        step(EXIT, 0, 0, 0),
    ]
}

const fn step(code: u8, registers: u8, offset: i16, immediate: i32) -> Instruction {
    Instruction {
        code,
        registers,
        offset,
        immediate,
    }
}

/// Two halves of a byte, of which a compiler lays the first out first.
const fn registers(destination: u8, source: u8) -> u8 {
    if cfg!(target_endian = "big") {
        destination << 4 | source
    } else {
        source << 4 | destination
    }
}

/// Makes a call that returns a descriptor.
///
/// # Safety
///
/// That of [`bpf`].
unsafe fn new_descriptor<T: Request>(command: c_int, request: &T) -> io::Result<OwnedFd> {
    // SAFETY: the caller's.
    let descriptor = unsafe { bpf(command, request) }?;
    // SAFETY: the kernel has just opened it, for nobody else, and closes it on `exec`.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// # Safety
///
/// Pointers in the request must be to what the command reads or writes.
unsafe fn bpf<T: Request>(command: c_int, request: &T) -> io::Result<c_int> {
    // SAFETY: the request is read, and its own size is given with it; the kernel takes what
    // is behind it for zeros. For its pointers the caller answers.
    let status =
        unsafe { libc::syscall(libc::SYS_bpf, command, &raw const *request, size_of::<T>()) };
    match c_int::try_from(status) {
        Ok(status) if status >= 0 => Ok(status),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The beginning of a `union bpf_attr` without holes.
trait Request {}

impl Request for MapCreate {}

impl Request for MapUpdate {}

impl Request for ProgramLoad {}

impl Request for LinkCreate {}

#[repr(C)]
struct MapCreate {
    kind: u32,
    key_bytes: u32,
    value_bytes: u32,
    entries_max: u32,
}

#[repr(C)]
struct MapUpdate {
    map: c_int,
    _unused: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct ProgramLoad {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_bytes: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

#[repr(C)]
struct LinkCreate {
    program: c_int,
    interface_index: u32,
    place: u32,
    flags: u32,
}

/// `struct bpf_insn`.
#[repr(C)]
struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// `struct ethtool_value`.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// At least as long as a `struct ifreq`, whose pointer it has in the same place.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; NAME_BYTES],
    data: *mut EthtoolValue,
    _unused: [u64; 2],
}

/// IFNAMSIZ.
const NAME_BYTES: usize = 16;

/// Commands, kinds and flags of linux/bpf.h.
const MAP_CREATE: c_int = 0;
const MAP_UPDATE: c_int = 2;
const PROGRAM_LOAD: c_int = 5;
const LINK_CREATE: c_int = 28;
const MAP_OF_SOCKETS: u32 = 17;
const PROGRAM_OF_XDP: u32 = 6;
const PLACE_XDP: u32 = 37;
/// BPF_F_XDP_HAS_FRAGS: frames that lie in several pieces of memory are taken too.
const TAKES_FRAGMENTS: u32 = 1 << 5;
/// XDP_FLAGS_SKB_MODE of linux/if_link.h.
const GENERIC_MODE: u32 = 1 << 1;

/// Instructions, as Documentation/bpf/standardization of Linux has them.
const LOAD_WORD: u8 = 0x61;
const LOAD_DOUBLE_WORD: u8 = 0x18;
const MOVE_IMMEDIATE: u8 = 0xb7;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
/// BPF_PSEUDO_MAP_FD: the immediate is the descriptor of a map.
const PSEUDO_MAP: u8 = 1;
/// Where `struct xdp_md` has the receive queue.
const QUEUE_OFFSET: i16 = 16;
/// BPF_FUNC_redirect_map.
const REDIRECT_MAP: i32 = 51;
/// XDP_PASS.
const PASS: i32 = 2;

const LICENSE: &[u8] = b"Apache-2.0\0";

/// What tools show of the program.
const NAME: &[u8; 16] = b"borderflow\0\0\0\0\0\0";

/// SIOCETHTOOL of linux/sockios.h, ETHTOOL_GFLAGS and ETH_FLAG_RXVLAN of linux/ethtool.h.
const ETHTOOL: libc::Ioctl = 0x8946;
const GET_FLAGS: u32 = 0x25;
const RECEIVED_TAGS: u32 = 1 << 8;
