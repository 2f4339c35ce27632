//! Whether the clock of this machine is kept right.
//!
//! JUSTIFICATION: the kernel says so by adjtimex(2) alone, for which the system libraries have no
//! safe call. It only reads.

#![allow(unsafe_code, reason = "there is no safe call for adjtimex")]

use std::io;

/// How the kernel sees its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// Whether something keeps it right.
    pub(super) is_synchronised: bool,
    /// By how much it may be wrong, in microseconds.
    pub(super) error_micros: libc::c_long,
}

/// Asks the kernel.
pub(super) fn read() -> io::Result<Clock> {
    // SAFETY: all bytes zero is a request that changes nothing, and it lives beyond the call.
    let (state, answer) = unsafe {
        let mut request: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut request), request)
    };
    if state < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Clock {
        is_synchronised: state != libc::TIME_ERROR && answer.status & libc::STA_UNSYNC == 0,
        error_micros: answer.maxerror,
    })
}
