//! What the fuzz targets do with bytes, and a stable test does with the kept ones.
//!
//! Each `run` takes any bytes, never fails on them by itself, and panics where the library
//! breaks a promise.

pub mod decode;
pub mod dissect;
pub mod flow;
pub mod flow_input;
pub mod inspect;
pub mod ledger;
pub mod lists;
pub mod policy;
pub mod reader;
