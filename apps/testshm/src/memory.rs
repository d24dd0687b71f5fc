//! Segments and attachments for the checks, and the words in them.
#![allow(unsafe_code, reason = "words of attached memory")]

use std::sync::atomic::AtomicU32;

use skete::memory::frames;
use skete::sysv::shm::{self, Attachment};
use skete::sysv::{IPC_CREAT, IPC_PRIVATE};

/// Bytes of a page.
pub const PAGE: usize = 4096;
/// What `shm=` says to `testshm limits`: 16 pages a segment, 40 in all, 3 segments.
pub const LIMITS: (usize, usize, usize) = (65536, 40, 3);

/// A new segment that no key finds.
pub fn segment(bytes: usize) -> i32 {
    shm::get(IPC_PRIVATE, bytes, IPC_CREAT | 0o600).expect("there is memory")
}

/// Word `number` of an attachment.
pub fn word(attachment: &Attachment, number: usize) -> &AtomicU32 {
    assert!(number * 4 < attachment.bytes());
    // SAFETY: it is attached, and inside; the checks touch it by atomic words alone.
    unsafe { &*attachment.as_ptr().cast::<AtomicU32>().add(number) }
}

/// The word at `address`, which is attached as long as the check uses it.
pub fn word_at(address: usize) -> &'static AtomicU32 {
    // SAFETY: the checks see to it.
    unsafe { &*(address as *const AtomicU32) }
}

/// Frames that are free.
pub fn free_frames() -> usize {
    frames::count().1
}

/// Nothing is attached, and no segment is there.
pub fn assert_nothing_left(name: &str) {
    let usage = shm::usage().expect("there is memory").0;
    assert_eq!((usage.used_ids, usage.shm_tot), (0, 0), "{name}: something is left");
}
