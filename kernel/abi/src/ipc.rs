//! What all objects of System V share: keys, flags, owners, commands. Linux's numbers and its arm64 layouts (`sysvipc(7)`).

/// `key_t` of an object that no key finds.
pub const IPC_PRIVATE: i32 = 0;
/// Flag of `semget` and `shmget`: make the object if there is none. The nine low bits are its mode.
pub const IPC_CREAT: i32 = 0o1000;
/// With [`IPC_CREAT`]: fail if there is one.
pub const IPC_EXCL: i32 = 0o2000;
/// Flag of one operation: answer `EAGAIN` instead of waiting.
pub const IPC_NOWAIT: i16 = 0o4000;

/// Command: remove the object.
pub const IPC_RMID: i32 = 0;
/// Command: set owner, group and mode.
pub const IPC_SET: i32 = 1;
/// Command: tell all about the object.
pub const IPC_STAT: i32 = 2;
/// Command: tell the limits.
pub const IPC_INFO: i32 = 3;

/// Bits of a mode that let its owner read.
pub const S_IRUGO: i32 = 0o444;
/// Bits of a mode that let its owner change.
pub const S_IWUGO: i32 = 0o222;

/// `struct ipc_perm`, as musl and Linux lay it out for arm64.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpcPerm {
    /// The key that finds the object.
    pub key: i32,
    /// The owner.
    pub uid: u32,
    /// The owner's group.
    pub gid: u32,
    /// Who made it.
    pub cuid: u32,
    /// The group of who made it.
    pub cgid: u32,
    /// Nine bits, as of a file.
    pub mode: u32,
    /// The sequence number in the object's id.
    pub seq: u16,
    /// Padding.
    pub pad: u16,
    /// Reserved.
    pub unused: [u64; 2],
}

const _: () = assert!(size_of::<IpcPerm>() == 48, "as on Linux");
