//! What the service manager is told: sd_notify(3), whose protocol is a datagram of text.

use std::env;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

/// The way to the service manager, where one has started this program.
#[derive(Debug, Default)]
pub(super) struct Notifier {
    socket: Option<UnixDatagram>,
    /// How long it waits for a sign of life.
    pub(super) watchdog: Option<Duration>,
}

impl Notifier {
    /// Looks for the service manager that started this program. The socket is opened now, and
    /// needs no path later.
    pub(super) fn of_environment() -> io::Result<Self> {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address(name.as_bytes())?)?;
        // A manager that does not listen must not hold anything up.
        socket.set_nonblocking(true)?;
        let number = |name| env::var(name).ok()?.parse::<u64>().ok();
        let own = u64::from(std::process::id());
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == own);
        Ok(Self {
            socket: Some(socket),
            watchdog: number("WATCHDOG_USEC")
                .filter(|micros| is_ours && *micros > 0)
                .map(Duration::from_micros),
        })
    }

    /// Everything is open and frames are taken.
    pub(super) fn ready(&self) {
        self.send("READY=1");
    }

    /// One line for `systemctl status`.
    pub(super) fn status(&self, line: &str) {
        self.send(&format!("STATUS={}", line.replace('\n', " ")));
    }

    /// Settings are read anew; [`Self::ready`] follows.
    pub(super) fn reloading(&self) {
        use rustix::time::{ClockId, clock_gettime};
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The end has begun.
    pub(super) fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// Every thread moves.
    pub(super) fn feed_watchdog(&self) {
        self.send("WATCHDOG=1");
    }

    /// A manager that is gone has nobody to tell.
    fn send(&self, text: &str) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(text.as_bytes());
        }
    }
}

/// The address of a socket: a path, or with an @ a name without one.
fn address(name: &[u8]) -> io::Result<SocketAddr> {
    match name.strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt;
            SocketAddr::from_abstract_name(name)
        }
        #[cfg(not(target_os = "linux"))]
        Some(_) => Err(io::ErrorKind::Unsupported.into()),
        None => SocketAddr::from_pathname(Path::new(std::ffi::OsStr::from_bytes(name))),
    }
}
