//! Where frames come from: capture files and live interfaces.
//!
//! Both sources lend one [`Frame`] at a time. A [`FileSource`] ends; a [`LiveSource`]
//! never blocks, so that a silent link cannot hold up a shutdown or a tick, and
//! [`wait`] sleeps until one of several has something.

mod error;
mod file;
mod frame;
mod libpcap;
mod live;
#[cfg(target_os = "linux")]
mod ring;
#[cfg(test)]
mod tests;

pub use error::CaptureError;
pub use file::{FileSource, first_timestamp, probe};
pub use frame::{Frame, LinkType};
pub use live::{Drops, LiveConfig, LiveEvent, LiveSource, Method, pin_current_thread, wait};
