//! System V shared memory as both sides see it: Linux's numbers and its arm64 layouts (`shmget(2)`, `shmop(2)`, `shmctl(2)`).

use crate::ipc::IpcPerm;

/// Flag of `shmat`: reading only.
pub const SHM_RDONLY: i32 = 0o10000;
/// Flag of `shmat`: the address is rounded down to a multiple of [`SHMLBA`].
pub const SHM_RND: i32 = 0o20000;
/// Flag of `shmat`: attachments that lie there are replaced.
pub const SHM_REMAP: i32 = 0o40000;
/// Flag of `shmat`: execution too; not to be had here.
pub const SHM_EXEC: i32 = 0o100_000;
/// Flag of `shmget`: large pages; not to be had here.
pub const SHM_HUGETLB: i32 = 0o4000;

/// Where a segment can be attached: at multiples of this.
pub const SHMLBA: u64 = 4096;
/// The least size of a segment, in bytes.
pub const SHMMIN: u64 = 1;

/// Command: keep the segment in memory, where it is anyway.
pub const SHM_LOCK: i32 = 11;
/// Command: undo [`SHM_LOCK`].
pub const SHM_UNLOCK: i32 = 12;
/// Command: as IPC_STAT, by place in the table; answers the id.
pub const SHM_STAT: i32 = 13;
/// Command: what there is of segments.
pub const SHM_INFO: i32 = 14;
/// Command: as SHM_STAT, whatever the mode.
pub const SHM_STAT_ANY: i32 = 15;

/// Bit of `shm_perm.mode`: removed with the last detach.
pub const SHM_DEST: u32 = 0o1000;
/// Bit of `shm_perm.mode`: [`SHM_LOCK`] was said.
pub const SHM_LOCKED: u32 = 0o2000;

/// `struct shmid_ds`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShmIdDs {
    /// Whose it is.
    pub shm_perm: IpcPerm,
    /// Bytes, as `shmget` asked.
    pub shm_segsz: u64,
    /// The last `shmat`, in seconds since 1970; 0: none yet.
    pub shm_atime: i64,
    /// The last `shmdt`, in seconds since 1970; 0: none yet.
    pub shm_dtime: i64,
    /// Made, or changed by `shmctl`, in seconds since 1970.
    pub shm_ctime: i64,
    /// Who made it.
    pub shm_cpid: i32,
    /// Who attached or detached it last.
    pub shm_lpid: i32,
    /// How often it is attached.
    pub shm_nattch: u64,
    /// Reserved.
    pub unused: [u64; 2],
}

/// `struct shminfo`: the limits.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShmLimits {
    /// The most bytes of a segment.
    pub shmmax: u64,
    /// The least bytes of a segment.
    pub shmmin: u64,
    /// The most segments.
    pub shmmni: u64,
    /// Means nothing: as `shmmni`.
    pub shmseg: u64,
    /// The most pages of all segments.
    pub shmall: u64,
    /// Reserved.
    pub unused: [u64; 4],
}

/// `struct shm_info`: what there is.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShmUsage {
    /// Segments.
    pub used_ids: i32,
    /// Padding.
    pub pad: i32,
    /// Pages of all segments.
    pub shm_tot: u64,
    /// Of these, in memory: all.
    pub shm_rss: u64,
    /// Of these, in swap space: none.
    pub shm_swp: u64,
    /// Means nothing.
    pub swap_attempts: u64,
    /// Means nothing.
    pub swap_successes: u64,
}

const _: () = assert!(size_of::<ShmIdDs>() == 112 && size_of::<ShmLimits>() == 72 && size_of::<ShmUsage>() == 48, "as on Linux");
