//! The commands of `shmctl`.

use super::{Caller, Registry};
use crate::sysv::ids::{Id, Permissions};
use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use skete_abi::ipc::{IPC_PRIVATE, S_IRUGO};
use skete_abi::shm::{ShmIdDs, ShmLimits, ShmUsage};

impl<F, A: Allocator + Clone> Registry<F, A> {
    /// IPC_RMID: no key finds the segment any more, and it goes with its last attachment, or now.
    ///
    /// # Errors
    /// `EINVAL`: no such segment.
    pub fn remove(&mut self, id: Id) -> Result<(), Errno> {
        self.ids.forget_key(id)?;
        let segment = self.ids.get_mut(id)?;
        segment.permissions.key = IPC_PRIVATE;
        segment.is_removed = true;
        if segment.attached == 0 {
            self.destroy(id);
        }
        Ok(())
    }

    /// How many bytes the segment has.
    ///
    /// # Errors
    /// `EINVAL`: no such segment.
    pub fn bytes(&self, id: Id) -> Result<u64, Errno> {
        self.ids.get(id).map(|segment| segment.bytes)
    }

    /// IPC_STAT; its times are the machine's stamps.
    ///
    /// # Errors
    /// `EINVAL`: no such segment. `EACCES`: its mode does not let it be read.
    pub fn status(&self, id: Id) -> Result<ShmIdDs, Errno> {
        let segment = self.ids.get(id)?;
        if segment.permissions.grants(S_IRUGO) { Ok(segment.status(id)) } else { Err(Errno::EACCES) }
    }

    /// SHM_STAT and, if `is_any`, SHM_STAT_ANY: the segment in place `index`, and its id.
    ///
    /// # Errors
    /// `EINVAL`: none stands there. `EACCES`: as [`status`](Self::status), unless `is_any`.
    pub fn status_in(&self, index: usize, is_any: bool) -> Result<(Id, ShmIdDs), Errno> {
        let id = self.ids.at(index).ok_or(Errno::EINVAL)?;
        let status = if is_any { self.ids.get(id)?.status(id) } else { self.status(id)? };
        Ok((id, status))
    }

    /// IPC_SET.
    ///
    /// # Errors
    /// `EINVAL`: no such segment.
    pub fn set(&mut self, caller: Caller, id: Id, uid: u32, gid: u32, mode: u16) -> Result<(), Errno> {
        let segment = self.ids.get_mut(id)?;
        segment.permissions = Permissions { key: segment.permissions.key, uid, gid, mode: mode & 0o777 };
        segment.changed_at = caller.now;
        Ok(())
    }

    /// SHM_LOCK and SHM_UNLOCK: the mode tells which was said last; nothing else changes.
    ///
    /// # Errors
    /// `EINVAL`: no such segment.
    pub fn lock(&mut self, id: Id, is_locked: bool) -> Result<(), Errno> {
        self.ids.get_mut(id)?.is_locked = is_locked;
        Ok(())
    }

    /// IPC_INFO: the limits, and the highest place where a segment stands.
    #[must_use]
    pub fn limits(&self) -> (ShmLimits, usize) {
        (self.limits.told(), self.ids.highest())
    }

    /// SHM_INFO: what there is, and the highest place where a segment stands.
    #[must_use]
    pub fn usage(&self) -> (ShmUsage, usize) {
        let used_ids = i32::try_from(self.ids.count()).unwrap_or(i32::MAX);
        (ShmUsage { used_ids, shm_tot: self.pages, shm_rss: self.pages, ..ShmUsage::default() }, self.ids.highest())
    }
}
