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

/// `shm.at_dt`: a segment of 64 KiB, attached already once, is attached, one byte is touched, and it is detached. Floor 600: 16 entries
/// written, and cleared with their translations forgotten, at 8 each; four times a lock or a walk of tables at 40; addresses taken and
/// given back, the attachment noted and found again, times and counts.
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
