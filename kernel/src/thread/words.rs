//! The words and locks that a thread's end takes care of (`set_tid_address(2)`, `set_robust_list(2)`).
#![allow(unsafe_code, reason = "a list whose entries are known by their addresses")]

use core::sync::atomic::{AtomicU32, Ordering};

use skete_abi::Errno;
use skete_abi::futex::RobustListHead;

use super::tid;
use crate::arch::cpu;
use crate::memory::stack;
use crate::sched::record;

/// From now on the calling thread's end zeroes `word` and wakes one who waits for it; none: nothing. The caller's [`tid`].
pub fn set_tid_address(word: Option<&'static AtomicU32>) -> u32 {
    let address = word.map_or(0, |word| word.as_ptr() as usize);
    record::current().clear_tid.store(address, Ordering::Relaxed);
    tid()
}

/// From now on the calling thread's end lets go of the locks in the list at `head`; null: of none. Of each whose word holds the caller's
/// [`tid`] the word gets [`OWNER_DIED`](crate::futex::OWNER_DIED), and one who waits for it is woken. At most
/// [`ROBUST_LIST_LIMIT`](crate::futex::ROBUST_LIST_LIMIT) are looked at; a list that is broken ends where it breaks.
///
/// # Safety
/// When the thread ends, what is mapped where the list leads are entries and words of locks, and may be changed; or another list was set.
pub unsafe fn set_robust_list(head: *const RobustListHead) {
    record::current().robust_list.store(head as usize, Ordering::Relaxed);
}

/// The calling thread's robust list; null: none.
#[must_use]
pub fn robust_list() -> *const RobustListHead {
    record::current().robust_list.load(Ordering::Relaxed) as *const RobustListHead
}

/// The robust list of the thread that `tid` names; 0: of the caller.
///
/// # Errors
/// `ESRCH`: no such thread.
pub fn robust_list_of(tid: u32) -> Result<*const RobustListHead, Errno> {
    if tid == 0 {
        return Ok(robust_list());
    }
    let (record, tid) = record::named(tid).ok_or(Errno::ESRCH)?;
    if record.tid.load(Ordering::Relaxed) != tid.number() {
        return Err(Errno::ESRCH);
    }
    Ok(record.robust_list.load(Ordering::Relaxed) as *const RobustListHead)
}

/// From now on threads begin with C's locale at `address`, which musl's `struct pthread` names; the caller has it too.
pub fn set_locale(address: usize) {
    // SAFETY: a thread's own pointer.
    unsafe { stack::set_first_locale(address, cpu::thread_pointer()) };
}
