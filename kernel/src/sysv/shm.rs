//! Shared memory: `shmget`, `shmat`, `shmdt`, `shmctl` (`shmop(2)` and its kin).
//!
//! ```no_run
//! use skete::sysv::shm::{self, Attachment};
//! use skete::sysv::{IPC_CREAT, IPC_PRIVATE};
//!
//! let id = shm::get(IPC_PRIVATE, 65536, IPC_CREAT | 0o600)?;
//! let memory = Attachment::new(id, 0)?;
//! let alias = Attachment::new(id, shm::SHM_RDONLY)?;
//! assert_ne!(memory.as_ptr(), alias.as_ptr()); // two addresses, one memory
//! shm::remove(id)?; // goes with the last attachment
//! # Ok::<(), skete::sysv::Errno>(())
//! ```
//!
//! All threads have one address space: a segment is shared by whoever knows its address, and attached twice it lies at two. What attaching
//! adds is rights of its own, and an end. There is one user, who owns everything and is held to the owner's bits of each mode.

use core::marker::PhantomData;
use core::ptr::NonNull;

use skete_abi::Errno;
use skete_abi::shm::{ShmIdDs, ShmLimits, ShmUsage};
use skete_logic::sysv::ids::Id;

use crate::sched::{record, shm};
use crate::time;

pub use skete_abi::shm::{SHM_RDONLY, SHM_REMAP, SHM_RND};

/// The segment of `key`, or a new one of `bytes` bytes, all 0, if `flags` say [`IPC_CREAT`](super::IPC_CREAT): its id.
///
/// # Errors
/// `EINVAL`: `bytes` is outside of the limits for a new segment, or more than the segment has. `ENOENT`, `EEXIST`: as `flags` say.
/// `EACCES`: the segment's mode does not grant what the low nine bits of `flags` ask for. `ENOSPC`: too many segments or pages. `ENOMEM`.
pub fn get(key: i32, bytes: usize, flags: i32) -> Result<i32, Errno> {
    record::count_entry();
    shm::open(key, bytes as u64, flags)
}

/// Attaches segment `id` until [`detach`], at `address` or, if that is 0, wherever there is room: where it begins. `flags`: [`SHM_RDONLY`];
/// [`SHM_RND`], the address is rounded down to a page; [`SHM_REMAP`], attachments that lie there are replaced.
///
/// # Errors
/// `EINVAL`: no such segment; an address that is not aligned, taken, or outside of the window; a part of an attachment replaced. `EACCES`:
/// the segment's mode does not grant it. `ENOMEM`: no addresses, or no memory for tables.
pub fn attach(id: i32, address: usize, flags: i32) -> Result<NonNull<u8>, Errno> {
    record::count_entry();
    pointer(shm::attach(id, address as u64, flags, false)?)
}

fn pointer(address: u64) -> Result<NonNull<u8>, Errno> {
    NonNull::new(address as *mut u8).ok_or(Errno::EINVAL)
}

/// Ends the attachment that begins at `address`. Whoever touches it afterwards faults.
///
/// # Errors
/// `EINVAL`: none begins there.
pub fn detach(address: usize) -> Result<(), Errno> {
    record::count_entry();
    shm::detach(address as u64)
}

/// An attachment that ends with its scope; or with its thread, should that end first.
#[derive(Debug)]
pub struct Attachment {
    start: NonNull<u8>,
    bytes: usize,
    id: i32,
    /// The thread's own.
    _thread: PhantomData<*mut u8>,
}

impl Attachment {
    /// Attaches segment `id` wherever there is room. `flags`: [`SHM_RDONLY`].
    ///
    /// # Errors
    /// As [`attach`].
    pub fn new(id: i32, flags: i32) -> Result<Self, Errno> {
        Self::at(id, 0, flags)
    }

    /// Attaches segment `id` at `address`, as [`attach`] does.
    ///
    /// # Errors
    /// As [`attach`].
    pub fn at(id: i32, address: usize, flags: i32) -> Result<Self, Errno> {
        record::count_entry();
        let start = pointer(shm::attach(id, address as u64, flags, true)?)?;
        #[allow(clippy::cast_possible_truncation, reason = "an address has 64 bits")]
        let bytes = shm::bytes_of(id)? as usize;
        Ok(Self { start, bytes, id, _thread: PhantomData })
    }

    /// Where it begins.
    #[must_use]
    pub const fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// The segment's bytes, as it was asked for.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        record::count_entry();
        shm::detach_own(self.id, self.start.as_ptr() as u64);
    }
}

fn id_of(number: i32) -> Result<Id, Errno> {
    Id::from_number(number).ok_or(Errno::EINVAL)
}

/// IPC_RMID: no key finds the segment any more; it goes with its last attachment, or now.
///
/// # Errors
/// `EINVAL`: no such segment.
pub fn remove(id: i32) -> Result<(), Errno> {
    record::count_entry();
    let id = id_of(id)?;
    shm::with(|registry, _| registry.remove(id))
}

/// IPC_STAT.
///
/// # Errors
/// `EINVAL`: no such segment. `EACCES`: it may not be read.
pub fn status(id: i32) -> Result<ShmIdDs, Errno> {
    record::count_entry();
    let id = id_of(id)?;
    shm::with(|registry, _| registry.status(id)).map(told)
}

/// SHM_STAT, and SHM_STAT_ANY if `always`: by place in the table, up to the highest of [`limits`]; the id too.
///
/// # Errors
/// `EINVAL`: there is none. `EACCES`: it may not be read.
pub fn status_at(index: usize, always: bool) -> Result<(i32, ShmIdDs), Errno> {
    record::count_entry();
    shm::with(|registry, _| registry.status_in(index, always)).map(|(id, status)| (id.number(), told(status)))
}

/// The table's times are stamps; seconds since 1970 are told.
fn told(status: ShmIdDs) -> ShmIdDs {
    let seconds = |stamp: i64| match stamp.cast_unsigned() {
        0 => 0,
        ticks => (time::realtime_of_ticks(ticks) / 1_000_000_000).cast_signed(),
    };
    ShmIdDs { shm_atime: seconds(status.shm_atime), shm_dtime: seconds(status.shm_dtime), shm_ctime: seconds(status.shm_ctime), ..status }
}

/// IPC_SET: an owner, a group and a mode, of which nine bits count.
///
/// # Errors
/// `EINVAL`: no such segment.
pub fn set_permissions(id: i32, uid: u32, gid: u32, mode: u16) -> Result<(), Errno> {
    record::count_entry();
    let id = id_of(id)?;
    shm::with(|registry, caller| registry.set(caller, id, uid, gid, mode))
}

/// SHM_LOCK and SHM_UNLOCK: the mode tells it; segments are in memory always.
///
/// # Errors
/// `EINVAL`: no such segment.
pub fn set_locked(id: i32, is_locked: bool) -> Result<(), Errno> {
    record::count_entry();
    let id = id_of(id)?;
    shm::with(|registry, _| registry.lock(id, is_locked))
}

/// IPC_INFO: the limits, and the highest place where a segment stands.
///
/// # Errors
/// `ENOMEM`.
pub fn limits() -> Result<(ShmLimits, usize), Errno> {
    record::count_entry();
    shm::with(|registry, _| Ok(registry.limits()))
}

/// SHM_INFO: what there is, and the highest place where a segment stands.
///
/// # Errors
/// `ENOMEM`.
pub fn usage() -> Result<(ShmUsage, usize), Errno> {
    record::count_entry();
    shm::with(|registry, _| Ok(registry.usage()))
}
