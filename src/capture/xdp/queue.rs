//! The socket of one receive queue.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::xdp::{SocketAddrXdp, SocketAddrXdpFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

use super::umem::Umem;

/// A socket that takes what arrives in one receive queue of an interface.
pub(super) struct Queue {
    pub(super) umem: Umem,
    socket: OwnedFd,
}

impl Queue {
    /// A socket with `chunks` of `chunk_bytes`. Nothing arrives at it before a program
    /// sends it there.
    pub(super) fn new(
        interface_index: u32,
        queue: u32,
        chunk_bytes: u32,
        chunks: u32,
    ) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::XDP, SocketType::RAW, flags, None)?;
        let umem = Umem::new(socket.as_fd(), chunk_bytes, chunks)?;
        // A driver that writes to the chunks itself would count its losses elsewhere.
        let flags = SocketAddrXdpFlags::XDP_COPY | SocketAddrXdpFlags::XDP_USE_SG;
        bind(&socket, &SocketAddrXdp::new(flags, interface_index, queue))?;
        Ok(Self { umem, socket })
    }

    /// Frames for which there was no room.
    pub(super) fn dropped(&self) -> io::Result<u64> {
        let statistics = sockopt::xdp_statistics(&self.socket)?;
        // Frames that found no chunk are among those dropped.
        Ok(statistics.rx_dropped + statistics.rx_ring_full.unwrap_or(0))
    }

    /// The error that waits at the socket, which is none from then on.
    pub(super) fn take_error(&self) -> io::Result<()> {
        Ok(sockopt::socket_error(&self.socket)??)
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
