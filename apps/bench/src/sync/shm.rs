//! Shared memory.
#![allow(unsafe_code, reason = "touches what was attached")]

use std::hint::black_box;
use std::ptr::NonNull;

use skete::sysv::shm::{self, Attachment};
use skete::sysv::{IPC_CREAT, IPC_PRIVATE};

use crate::meter::{SOME, row};

/// Prints the rows of this subject.
pub fn run() {
    at_dt();
}

/// `shm.at_dt`: a segment of 64 KiB, attached already once, is attached, one byte is touched, and it is detached. `shm.get_at_dt_rmid`: it
/// is made before that, and removed after it.
///
/// Floor of `shm.at_dt`, 600: 16 entries of tables written, and cleared with their translations forgotten (32 × 8), a lock or a walk of
/// tables (4 × 40), addresses taken and given back (2 × 30), the attachment noted and found again (2 × 40), times and counts (2 × 14),
/// entries and answers (2 × 8).
///
/// Floor of `shm.get_at_dt_rmid`, 2,084: the same (600), 64 KiB cleared by lines of 64 bytes (1,024), a frame taken and given back
/// (32 × 10), a number taken and given back (2 × 20), the segment's record written and found again (2 × 50).
fn at_dt() {
    let id = shm::get(IPC_PRIVATE, 65536, IPC_CREAT | 0o600).expect("there is memory");
    let _once = Attachment::new(id, 0).expect("there is room");
    row("shm.at_dt", SOME, || {
        let start = shm::attach(black_box(id), 0, 0).expect("there is room");
        touch(start);
        shm::detach(black_box(start.as_ptr() as usize)).expect("it is attached");
    });
    row("shm.get_at_dt_rmid", SOME, || {
        let id = shm::get(IPC_PRIVATE, black_box(65536), IPC_CREAT | 0o600).expect("there is memory");
        let start = shm::attach(id, 0, 0).expect("there is room");
        touch(start);
        shm::detach(start.as_ptr() as usize).expect("it is attached");
        shm::remove(id).expect("it is there");
    });
    shm::remove(id).expect("it is there");
}

/// Reads one byte of an attachment.
fn touch(start: NonNull<u8>) {
    // SAFETY: attached just now, by the caller.
    black_box(unsafe { start.read_volatile() });
}
