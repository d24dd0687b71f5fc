//! One segment.

use crate::pages::PAGE;
use crate::sysv::ids::{Id, Permissions};
use skete_abi::ipc::IpcPerm;
use skete_abi::shm::{SHM_DEST, SHM_LOCKED, ShmIdDs};

/// Who calls, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The thread, as programs name it.
    pub pid: i32,
    /// The moment, as the machine stamps it; 0 is never.
    pub now: i64,
}

/// A segment.
#[derive(Debug)]
pub struct Segment<F> {
    pub(super) permissions: Permissions,
    /// As `shmget` asked.
    pub(super) bytes: u64,
    pub(super) frames: F,
    /// How often it is attached.
    pub(super) attached: u64,
    /// It goes with its last attachment; no key finds it.
    pub(super) is_removed: bool,
    pub(super) is_locked: bool,
    maker: i32,
    /// Who attached or detached it last, and when: attached, detached, changed.
    last: i32,
    attached_at: i64,
    detached_at: i64,
    pub(super) changed_at: i64,
}

impl<F> Segment<F> {
    pub(super) const fn new(permissions: Permissions, bytes: u64, frames: F, caller: Caller) -> Self {
        Self {
            permissions,
            bytes,
            frames,
            attached: 0,
            is_removed: false,
            is_locked: false,
            maker: caller.pid,
            last: 0,
            attached_at: 0,
            detached_at: 0,
            changed_at: caller.now,
        }
    }

    pub(super) const fn pages(&self) -> u64 {
        self.bytes.div_ceil(PAGE)
    }

    pub(super) const fn note_attached(&mut self, caller: Caller) {
        (self.last, self.attached_at) = (caller.pid, caller.now);
    }

    pub(super) const fn note_detached(&mut self, caller: Caller) {
        (self.last, self.detached_at) = (caller.pid, caller.now);
    }

    pub(super) fn status(&self, id: Id) -> ShmIdDs {
        let Permissions { key, uid, gid, mode } = self.permissions;
        let mark = |is: bool, bit: u32| if is { bit } else { 0 };
        let mode = u32::from(mode) | mark(self.is_removed, SHM_DEST) | mark(self.is_locked, SHM_LOCKED);
        ShmIdDs {
            shm_perm: IpcPerm { key, uid, gid, mode, seq: id.sequence(), ..IpcPerm::default() },
            shm_segsz: self.bytes,
            shm_atime: self.attached_at,
            shm_dtime: self.detached_at,
            shm_ctime: self.changed_at,
            shm_cpid: self.maker,
            shm_lpid: self.last,
            shm_nattch: self.attached,
            unused: [0; 2],
        }
    }
}
