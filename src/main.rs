//! The borderflow program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    share_heap();
    borderflow::cli::main()
}

/// Gives all threads one heap.
///
/// Where each has its own, as is the default of the GNU C library, the heaps of all but the
/// first thread grow by one system call a page: 8,000 of them, a sixth of the analyst's time,
/// where 100,000 flows end at once. Packets need no heap, so that nobody waits for another.
#[cfg_attr(all(target_os = "linux", target_env = "gnu"), allow(unsafe_code))]
fn share_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: no other thread runs yet. A parameter that it does not know it refuses.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}
