//! System V semaphores as both sides see them: Linux's numbers and its arm64 layouts (`semop(2)`, `semctl(2)`).

use crate::ipc::{IPC_NOWAIT, IpcPerm};

/// Flag of one operation: taken back when the last thread that shares the caller's undo list ends.
pub const SEM_UNDO: i16 = 0x1000;

/// Command: the thread that changed the semaphore last.
pub const GETPID: i32 = 11;
/// Command: the semaphore's value.
pub const GETVAL: i32 = 12;
/// Command: the values of the whole set.
pub const GETALL: i32 = 13;
/// Command: how many wait for the value to rise.
pub const GETNCNT: i32 = 14;
/// Command: how many wait for the value to be 0.
pub const GETZCNT: i32 = 15;
/// Command: set the value.
pub const SETVAL: i32 = 16;
/// Command: set the values of the whole set.
pub const SETALL: i32 = 17;
/// Command: as IPC_STAT, by place in the table; answers the id.
pub const SEM_STAT: i32 = 18;
/// Command: as IPC_INFO, with what there is in place of two limits.
pub const SEM_INFO: i32 = 19;
/// Command: as SEM_STAT, whatever the mode.
pub const SEM_STAT_ANY: i32 = 20;

/// The highest value.
pub const SEMVMX: u16 = 32767;
/// The farthest that an undo can reach.
pub const SEMAEM: i32 = 32767;
/// `semusz` of IPC_INFO, a constant that means nothing.
pub const SEMUSZ: i32 = 20;

/// `struct sembuf`: one operation of an array.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SemBuf {
    /// Which semaphore of the set.
    pub sem_num: u16,
    /// What to add; 0: wait until the value is 0.
    pub sem_op: i16,
    /// `IPC_NOWAIT`, [`SEM_UNDO`].
    pub sem_flg: i16,
}

impl SemBuf {
    /// Adds `change` to semaphore `number`; 0 waits until it is 0.
    #[must_use]
    pub const fn new(number: u16, change: i16) -> Self {
        Self { sem_num: number, sem_op: change, sem_flg: 0 }
    }

    /// One up.
    #[must_use]
    pub const fn up(number: u16) -> Self {
        Self::new(number, 1)
    }

    /// One down.
    #[must_use]
    pub const fn down(number: u16) -> Self {
        Self::new(number, -1)
    }

    /// Waits until the value is 0.
    #[must_use]
    pub const fn zero(number: u16) -> Self {
        Self::new(number, 0)
    }

    /// The same, but `EAGAIN` instead of waiting.
    #[must_use]
    pub const fn no_wait(self) -> Self {
        Self { sem_flg: self.sem_flg | IPC_NOWAIT, ..self }
    }

    /// The same, taken back when its thread, and all that share its undo list, have ended.
    #[must_use]
    pub const fn undone(self) -> Self {
        Self { sem_flg: self.sem_flg | SEM_UNDO, ..self }
    }
}

/// `struct semid_ds`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SemIdDs {
    /// Whose it is.
    pub sem_perm: IpcPerm,
    /// The last `semop`, in seconds since 1970; 0: none yet.
    pub sem_otime: i64,
    /// Made, or changed by `semctl`, in seconds since 1970.
    pub sem_ctime: i64,
    /// How many semaphores.
    pub sem_nsems: u64,
    /// Reserved.
    pub unused: [u64; 2],
}

/// `struct seminfo`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SemInfo {
    /// Means nothing.
    pub semmap: i32,
    /// The most sets.
    pub semmni: i32,
    /// The most semaphores in all sets.
    pub semmns: i32,
    /// Means nothing.
    pub semmnu: i32,
    /// The most semaphores in a set.
    pub semmsl: i32,
    /// The most operations of one call.
    pub semopm: i32,
    /// Means nothing.
    pub semume: i32,
    /// Means nothing; of SEM_INFO: how many sets there are.
    pub semusz: i32,
    /// The highest value.
    pub semvmx: i32,
    /// The farthest that an undo can reach; of SEM_INFO: how many semaphores there are.
    pub semaem: i32,
}

const _: () = assert!(size_of::<SemBuf>() == 6 && size_of::<SemIdDs>() == 88 && size_of::<SemInfo>() == 40, "as on Linux");
