//! What the program makes of input that it cannot use: one clear line, the right exit
//! status, and nothing lost of what was read before.
//!
//! Status 1 is for what cannot be opened or written, 2 for usage and configuration, 3 for
//! an input that is damaged behind a valid part.

mod captures;
mod interfaces;
mod outputs;
mod settings;
mod times;
