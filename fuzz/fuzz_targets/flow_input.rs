#![no_main]

#[path = "../harness/flow_input.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| harness::run(bytes));
