//! Words of attached memory.
#![allow(unsafe_code, reason = "words of attached memory")]

use std::sync::atomic::AtomicU32;

use skete::sysv::shm::Attachment;

/// Word `number` of an attachment.
pub fn word(attachment: &Attachment, number: usize) -> &AtomicU32 {
    assert!(number * 4 < attachment.bytes());
    // SAFETY: it is attached, and inside; the checks touch it by atomic words alone.
    unsafe { &*attachment.as_ptr().cast::<AtomicU32>().add(number) }
}
