//! `semctl`: everything but removal.

use super::attempt::{Verdict, attempt, take_back};
use super::sleeper::Chain;
use super::{Gate, Set, Sleepers, State};
use crate::sysv::ids::{Id, Permissions};
use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use skete_abi::sem::{SEMVMX, SemBuf};

/// All about a set, as IPC_STAT tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its id.
    pub id: Id,
    /// Whose it is.
    pub permissions: Permissions,
    /// How many semaphores.
    pub count: usize,
    /// The stamp of the last `semop`; 0: none yet.
    pub operated: u64,
    /// The stamp of its creation or of the last change by `semctl`.
    pub changed: u64,
}

impl<L: Gate, A: Allocator> Set<L, A> {
    /// GETVAL.
    ///
    /// # Errors
    /// `EINVAL`: no such set or semaphore. `EACCES`: it may not be read.
    pub fn value(&self, id: Id, number: usize) -> Result<u16, Errno> {
        self.read(id, |state| state.semaphores.get(number).map(|semaphore| semaphore.value).ok_or(Errno::EINVAL))
    }

    /// GETPID: who changed the semaphore last; 0: nobody yet.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub fn pid(&self, id: Id, number: usize) -> Result<u32, Errno> {
        self.read(id, |state| state.semaphores.get(number).map(|semaphore| semaphore.pid).ok_or(Errno::EINVAL))
    }

    /// GETNCNT and, if `for_zero`, GETZCNT: how many wait for the value to rise, or to be 0. Of an array of operations the first one
    /// that cannot be done now counts.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub fn waiting(&self, host: &impl Sleepers, id: Id, number: usize, for_zero: bool) -> Result<usize, Errno> {
        self.read(id, |state| {
            if number >= state.semaphores.len() {
                return Err(Errno::EINVAL);
            }
            Ok(state.count_waiting(host, number, for_zero))
        })
    }

    /// How many semaphores the set has, and whether they may be read, or changed if `changes`.
    ///
    /// # Errors
    /// `EINVAL`: no such set. `EACCES`.
    pub fn count(&self, id: Id, changes: bool) -> Result<usize, Errno> {
        self.with(id, |state| state.permit(changes).map(|()| state.semaphores.len()))
    }

    /// GETALL: writes every value to `into`, which has room for as many; not the program's memory, which might not be there.
    ///
    /// # Errors
    /// `EINVAL`: no such set, or another room. `EACCES`: it may not be read.
    pub fn values(&self, id: Id, into: &mut [u16]) -> Result<(), Errno> {
        self.read(id, |state| {
            if into.len() != state.semaphores.len() {
                return Err(Errno::EINVAL);
            }
            into.iter_mut().zip(&state.semaphores).for_each(|(value, semaphore)| *value = semaphore.value);
            Ok(())
        })
    }

    /// SETVAL. What was to be undone to the semaphore is forgotten.
    ///
    /// # Errors
    /// `ERANGE`: not 0 to SEMVMX. `EINVAL`: no such set or semaphore. `EACCES`: it may not be changed.
    pub fn set_value(&self, host: &impl Sleepers, id: Id, number: usize, value: i32) -> Result<(), Errno> {
        let value = u16::try_from(value).ok().filter(|value| *value <= SEMVMX).ok_or(Errno::ERANGE)?;
        self.serving(host, |state| {
            let state = state.of(id)?;
            if number >= state.semaphores.len() {
                return Err(Errno::EINVAL);
            }
            state.permit(true)?;
            Ok(state.put(host, number, &[value], Some(number)))
        })
    }

    /// SETALL. What was to be undone to the set is forgotten. `values` are not the program's memory, which might not be there.
    ///
    /// # Errors
    /// `ERANGE`: one is above SEMVMX. `EINVAL`: no such set, or not as many. `EACCES`: it may not be changed.
    pub fn set_values(&self, host: &impl Sleepers, id: Id, values: &[u16]) -> Result<(), Errno> {
        if values.iter().any(|value| *value > SEMVMX) {
            return Err(Errno::ERANGE);
        }
        self.serving(host, |state| {
            let state = state.of(id)?;
            state.permit(true)?;
            if values.len() != state.semaphores.len() {
                return Err(Errno::EINVAL);
            }
            Ok(state.put(host, 0, values, None))
        })
    }

    /// IPC_STAT.
    ///
    /// # Errors
    /// `EINVAL`: no such set. `EACCES`: it may not be read.
    pub fn status(&self, id: Id) -> Result<Status, Errno> {
        self.read(id, |state| state.status())
    }

    /// All about the set, whatever its mode.
    ///
    /// # Errors
    /// `EINVAL`: no such set.
    pub(super) fn status_of(&self, id: Id) -> Result<Status, Errno> {
        self.with(id, |state| state.status())
    }

    /// SEM_STAT and, if `always`, SEM_STAT_ANY, which no mode forbids: of whatever set stands here.
    ///
    /// # Errors
    /// `EINVAL`: there is none. `EACCES`: it may not be read.
    pub fn status_here(&self, always: bool) -> Result<Status, Errno> {
        self.locked(|state| {
            let status = state.status()?;
            if always { Ok(status) } else { state.permit(false).map(|()| status) }
        })
    }

    /// IPC_SET: gives the set an owner, a group and a mode, of which nine bits count.
    ///
    /// # Errors
    /// `EINVAL`: no such set.
    pub fn set_permissions(&self, host: &impl Sleepers, id: Id, uid: u32, gid: u32, mode: u16) -> Result<(), Errno> {
        self.with(id, |state| {
            if let Some(rest) = &mut state.rest {
                (rest.permissions.uid, rest.permissions.gid, rest.permissions.mode) = (uid, gid, mode & 0o777);
                rest.changed = host.stamp();
            }
            state.set_bar();
            Ok(())
        })
    }

    fn read<R>(&self, id: Id, section: impl FnOnce(&mut State<A>) -> Result<R, Errno>) -> Result<R, Errno> {
        self.with(id, |state| {
            state.permit(false)?;
            section(state)
        })
    }
}

impl<A: Allocator> State<A> {
    /// Sets the values from `first` on, forgets what was to be undone to `forgotten` or all, and serves.
    fn put(&mut self, host: &impl Sleepers, first: usize, values: &[u16], forgotten: Option<usize>) -> Chain {
        let pid = host.pid();
        for (semaphore, &value) in self.semaphores[first..].iter_mut().zip(values) {
            (semaphore.value, semaphore.pid) = (value, pid);
        }
        if let Some(rest) = &mut self.rest {
            rest.undo.forget(forgotten);
            rest.changed = host.stamp();
        }
        self.serve(host)
    }

    fn status(&self) -> Result<Status, Errno> {
        let rest = self.rest.as_ref().ok_or(Errno::EINVAL)?;
        let id = Id::from_number(self.id.cast_signed()).ok_or(Errno::EINVAL)?;
        Ok(Status { id, permissions: rest.permissions, count: self.semaphores.len(), operated: self.operated, changed: rest.changed })
    }

    fn count_waiting(&mut self, host: &impl Sleepers, number: usize, for_zero: bool) -> usize {
        let mut count = 0;
        let mut thread = self.first;
        while !thread.is_none() {
            let node = host.sleeper(thread).node();
            let operations = host.borrow(node.lent);
            // The value decides who is blocked; what an undo cannot reach is no reason to wait.
            let blocking = self.blocking(operations).map(|at| operations[at]);
            let is_here = |op: SemBuf| usize::from(op.sem_num) == number && (op.sem_op == 0) == for_zero;
            count += usize::from(blocking.is_some_and(is_here));
            thread = node.next;
        }
        count
    }

    /// Which of `operations` cannot be done now.
    fn blocking(&mut self, operations: &[SemBuf]) -> Option<usize> {
        let mut plain = operations.iter().map(|op| SemBuf { sem_flg: 0, ..*op }).enumerate();
        let blocked = plain.find_map(|(at, op)| match attempt(&mut self.semaphores, &mut [], &[op]) {
            Verdict::Done => None,
            _ => Some(at),
        });
        let done = blocked.unwrap_or(operations.len());
        for op in operations[..done].iter().rev() {
            take_back(&mut self.semaphores, &mut [], &[SemBuf { sem_flg: 0, ..*op }]);
        }
        blocked
    }
}
