//! What a network interface does to frames before anybody captures them: ethtool(8).
//!
//! JUSTIFICATION: offloads and ring sizes are behind one ioctl(2) that takes a pointer in a
//! structure, for which the system libraries have no safe call. It only reads.

#![allow(unsafe_code, reason = "there is no safe call for the ioctl of ethtool")]

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// An interface, to be asked.
#[derive(Debug)]
pub struct Nic {
    socket: OwnedFd,
    name: [u8; libc::IFNAMSIZ],
}

/// Descriptors for frames that wait to be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSize {
    /// As set.
    pub now: u32,
    /// As many as there can be.
    pub maximum: u32,
}

/// Features that are read, at most. Linux has 64.
const FEATURES_MAX: usize = 256;

/// Blocks of 32 features.
const BLOCKS: usize = FEATURES_MAX / 32;

impl Nic {
    /// Names an interface.
    ///
    /// # Errors
    /// Where the name is too long, or there are no sockets.
    pub fn new(interface: &str) -> io::Result<Self> {
        let mut name = [0; libc::IFNAMSIZ];
        let room = name.get_mut(..interface.len());
        // The last byte stays a zero.
        let room = room.filter(|room| room.len() < libc::IFNAMSIZ);
        room.ok_or(io::ErrorKind::InvalidInput)?
            .copy_from_slice(interface.as_bytes());
        let (family, kind) = (AddressFamily::INET, SocketType::DGRAM);
        Ok(Self {
            socket: socket_with(family, kind, SocketFlags::CLOEXEC, None)?,
            name,
        })
    }

    /// Offloads that are on, by the names that `ethtool --show-features` has for the kernel, such
    /// as `rx-gro`.
    ///
    /// # Errors
    /// What the system says.
    pub fn features(&self) -> io::Result<Vec<String>> {
        let mut sets = SetInfo {
            command: GET_SET_INFO,
            _reserved: 0,
            mask: 1 << FEATURE_NAMES,
            length: 0,
        };
        self.ask(&mut sets)?;
        let count = (sets.length as usize).min(FEATURES_MAX);
        let mut names = Names {
            command: GET_NAMES,
            set: FEATURE_NAMES,
            length: count as u32,
            names: [[0; NAME_BYTES]; FEATURES_MAX],
        };
        self.ask(&mut names)?;
        let mut features = Features {
            command: GET_FEATURES,
            blocks: BLOCKS as u32,
            of_block: [FeatureBlock::default(); BLOCKS],
        };
        self.ask(&mut features)?;
        let is_on = |index: usize| {
            let block = features.of_block.get(index / 32);
            block.is_some_and(|block| block.active & (1 << (index % 32)) != 0)
        };
        let named = names.names.iter().take(count).enumerate();
        let on = named.filter(|(index, _)| is_on(*index));
        Ok(on.map(|(_, name)| text(name)).collect())
    }

    /// The ring of received frames.
    ///
    /// # Errors
    /// What the system says; many virtual interfaces have none.
    pub fn receive_ring(&self) -> io::Result<RingSize> {
        let mut ring = RingParameters {
            command: GET_RING,
            ..RingParameters::default()
        };
        self.ask(&mut ring)?;
        Ok(RingSize {
            now: ring.receive,
            maximum: ring.receive_max,
        })
    }

    fn ask<T>(&self, question: &mut T) -> io::Result<()> {
        let mut request = Request {
            name: self.name,
            data: std::ptr::from_mut(question).cast(),
            _rest: [0; 16],
        };
        // SAFETY: the request is a whole `ifreq`, whose pointer leads to a structure of the
        // command that it begins with, and both live beyond the call. The kernel writes no more
        // than that structure holds: sizes in it say how much.
        let answer = unsafe {
            libc::ioctl(
                self.socket.as_raw_fd(),
                ETHTOOL,
                std::ptr::from_mut(&mut request),
            )
        };
        match answer {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// A name that ends with a zero.
fn text(name: &[u8; NAME_BYTES]) -> String {
    let bytes = name.iter().take_while(|byte| **byte != 0);
    bytes.map(|byte| char::from(*byte)).collect()
}

/// `SIOCETHTOOL` and its commands (linux/ethtool.h).
const ETHTOOL: libc::Ioctl = 0x8946;
const GET_RING: u32 = 0x10;
const GET_NAMES: u32 = 0x1b;
const GET_SET_INFO: u32 = 0x37;
const GET_FEATURES: u32 = 0x3a;
/// `ETH_SS_FEATURES`.
const FEATURE_NAMES: u32 = 4;
/// `ETH_GSTRING_LEN`.
const NAME_BYTES: usize = 32;

/// `struct ifreq`.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    data: *mut c_void,
    _rest: [u8; 16],
}

/// `struct ethtool_sset_info` with one number.
#[repr(C)]
struct SetInfo {
    command: u32,
    _reserved: u32,
    mask: u64,
    length: u32,
}

/// `struct ethtool_gstrings`.
#[repr(C)]
struct Names {
    command: u32,
    set: u32,
    length: u32,
    names: [[u8; NAME_BYTES]; FEATURES_MAX],
}

/// `struct ethtool_gfeatures`.
#[repr(C)]
struct Features {
    command: u32,
    blocks: u32,
    of_block: [FeatureBlock; BLOCKS],
}

/// `struct ethtool_get_features_block`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct FeatureBlock {
    available: u32,
    requested: u32,
    active: u32,
    never_changed: u32,
}

/// `struct ethtool_ringparam`.
#[repr(C)]
#[derive(Default)]
struct RingParameters {
    command: u32,
    receive_max: u32,
    _receive_mini_max: u32,
    _receive_jumbo_max: u32,
    _send_max: u32,
    receive: u32,
    _receive_mini: u32,
    _receive_jumbo: u32,
    _send: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_be_are_refused() {
        assert!(Nic::new("an-interface-name-that-is-too-long").is_err());
        assert!(Nic::new("exactly16bytes!!").is_err());
        let absent = Nic::new("no-such-one").unwrap();
        let error = absent.features().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENODEV), "{error}");
    }

    #[test]
    fn the_loopback_has_features_of_known_names() {
        let features = Nic::new("lo").unwrap().features().unwrap();
        assert!(
            features.iter().any(|name| name == "loopback"),
            "{features:?}"
        );
    }
}
