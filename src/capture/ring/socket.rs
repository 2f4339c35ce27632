//! The system calls of a packet socket; packet(7) describes them.
//!
//! JUSTIFICATION: there is no ring and no fanout group without them; none is made per frame.

#![allow(
    unsafe_code,
    reason = "the system libraries have no safe calls for packet sockets"
)]

use std::ffi::c_int;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::{packet_mreq, sock_filter, sock_fprog, sockaddr_ll, tpacket_req3, tpacket_stats_v3};
use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with, sockopt};

/// A raw packet socket. Nothing arrives at it before it is bound.
pub(in crate::capture) struct PacketSocket(OwnedFd);

/// Program of the classic packet filter.
pub(super) type Program = Vec<sock_filter>;

impl PacketSocket {
    pub(in crate::capture) fn new() -> io::Result<Self> {
        // Without a protocol, frames from before the interface is chosen do not come in.
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        Ok(Self(socket_with(
            AddressFamily::PACKET,
            SocketType::RAW,
            flags,
            None,
        )?))
    }

    /// The number of the interface of this name.
    pub(super) fn interface_index(&self, name: &str) -> io::Result<c_int> {
        let index = netdevice::name_to_index(&self.0, name)?;
        c_int::try_from(index).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    /// Makes the ring that [`Blocks`](super::memory::Blocks) then maps, with `reserve_bytes`
    /// free before each frame.
    pub(super) fn make_ring(&self, request: &tpacket_req3, reserve_bytes: u32) -> io::Result<()> {
        let version = libc::tpacket_versions::TPACKET_V3 as c_int;
        self.set(libc::SOL_PACKET, libc::PACKET_VERSION, &version)?;
        self.set(libc::SOL_PACKET, libc::PACKET_RESERVE, &reserve_bytes)?;
        self.set(libc::SOL_PACKET, libc::PACKET_RX_RING, request)
    }

    /// Sets or replaces the program that says how many bytes of a frame are wanted.
    pub(super) fn attach_filter(&self, program: &[sock_filter]) -> io::Result<()> {
        self.set_program(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, program)
    }

    /// Starts to receive all protocols from an interface.
    pub(super) fn bind(&self, interface_index: c_int) -> io::Result<()> {
        let mut address = no_address();
        address.sll_family = ADDRESS_FAMILY;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = interface_index;
        // SAFETY: the pointer is to a whole `sockaddr_ll`, whose length is given with it,
        // and the kernel only reads it.
        let status = unsafe {
            libc::bind(
                self.0.as_raw_fd(),
                (&raw const address).cast(),
                size_of::<sockaddr_ll>() as libc::socklen_t,
            )
        };
        done(status)
    }

    /// Whether the interface is still there, up or down.
    pub(super) fn is_bound(&self) -> io::Result<bool> {
        let mut address = no_address();
        let mut length = size_of::<sockaddr_ll>() as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes, which is what `address` has,
        // and any bytes are a `sockaddr_ll`.
        let status = unsafe {
            libc::getsockname(
                self.0.as_raw_fd(),
                (&raw mut address).cast(),
                &raw mut length,
            )
        };
        done(status)?;
        Ok(address.sll_ifindex > 0)
    }

    /// Asks the interface for the frames of other hosts too, until the socket is closed.
    pub(in crate::capture) fn be_promiscuous(&self, interface_index: c_int) -> io::Result<()> {
        let request = packet_mreq {
            mr_ifindex: interface_index,
            mr_type: libc::PACKET_MR_PROMISC as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        self.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)
    }

    /// Leaves out what the interface sends.
    pub(super) fn ignore_outgoing(&self) -> io::Result<()> {
        let on: c_int = 1;
        self.set(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &on)
    }

    /// Joins a group of sockets between which `program` deals the frames: the one of this
    /// number, or a new one that nobody else has. Returns the number. The socket must be
    /// bound.
    pub(super) fn join_group(
        &self,
        group: Option<u16>,
        program: &[sock_filter],
    ) -> io::Result<u16> {
        let flags = match group {
            Some(_) => libc::PACKET_FANOUT_CBPF,
            None => libc::PACKET_FANOUT_CBPF | libc::PACKET_FANOUT_FLAG_UNIQUEID,
        };
        let request = u32::from(group.unwrap_or(0)) | flags << 16;
        self.set(libc::SOL_PACKET, libc::PACKET_FANOUT, &request)?;
        self.set_program(libc::SOL_PACKET, libc::PACKET_FANOUT_DATA, program)?;
        let mut number = 0_u32;
        self.get(libc::PACKET_FANOUT, &mut number)?;
        Ok((number & 0xffff) as u16)
    }

    /// What has been counted since this was last asked.
    pub(super) fn statistics(&self) -> io::Result<tpacket_stats_v3> {
        let mut statistics = tpacket_stats_v3 {
            tp_packets: 0,
            tp_drops: 0,
            tp_freeze_q_cnt: 0,
        };
        self.get(libc::PACKET_STATISTICS, &mut statistics)?;
        Ok(statistics)
    }

    /// The error that waits at the socket, which is none from then on.
    pub(super) fn take_error(&self) -> io::Result<()> {
        Ok(sockopt::socket_error(&self.0)??)
    }

    fn set_program(&self, level: c_int, name: c_int, program: &[sock_filter]) -> io::Result<()> {
        let Ok(len) = u16::try_from(program.len()) else {
            return Err(io::Error::other("the filter is too long for the kernel"));
        };
        // The kernel copies the program and leaves this one as it is.
        let filter = program.as_ptr().cast_mut();
        self.set(level, name, &sock_fprog { len, filter })
    }

    fn set<T>(&self, level: c_int, name: c_int, value: &T) -> io::Result<()> {
        // SAFETY: `value` is valid for reads of its own size, which is given with it. The
        // only type with a pointer inside is `sock_fprog`, which `set_program` makes of a
        // slice that lives on beyond this call, with the length of that slice.
        let status = unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                level,
                name,
                (&raw const *value).cast(),
                size_of::<T>() as libc::socklen_t,
            )
        };
        done(status)
    }

    /// Reads an option of the packet level into `value`.
    fn get<T: Counters>(&self, name: c_int, value: &mut T) -> io::Result<()> {
        let mut length = size_of::<T>() as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes, which is what `value` has, and
        // any bytes are a value of a type that is `Counters`.
        let status = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                name,
                (&raw mut *value).cast(),
                &raw mut length,
            )
        };
        done(status)
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Types that are whole numbers and nothing else, so that any bytes are a value.
trait Counters {}

impl Counters for u32 {}

impl Counters for tpacket_stats_v3 {}

fn no_address() -> sockaddr_ll {
    // SAFETY: a `sockaddr_ll` is whole numbers and nothing else, so zeros are one.
    unsafe { zeroed() }
}

fn done(status: c_int) -> io::Result<()> {
    if status < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

const ADDRESS_FAMILY: u16 = libc::AF_PACKET as u16;
