//! Files as both sides see them: the numbers and structs of the Hermit ABI (crate `hermit-abi`, whose values a test compares).
//!
//! `kernel/src/calls/files.rs` turns them into what the kernel decides with; nothing else reads them.

/// Open for writing only (`O_RDONLY` is 0).
pub const O_WRONLY: i32 = 0o1;
/// Open for reading and writing.
pub const O_RDWR: i32 = 0o2;
/// Create the file if there is none.
pub const O_CREAT: i32 = 0o100;
/// With [`O_CREAT`]: fail if there is one.
pub const O_EXCL: i32 = 0o200;
/// Cut the file to nothing.
pub const O_TRUNC: i32 = 0o1000;
/// Write at the end, whatever the position.
pub const O_APPEND: i32 = 0o2000;
/// Answer `EAGAIN` instead of waiting.
pub const O_NONBLOCK: i32 = 0o4000;
/// Fail unless it is a directory.
pub const O_DIRECTORY: i32 = 0o20_0000;

/// `fcntl`: a new number, not below the argument, for the same description.
pub const F_DUPFD: i32 = 0;
/// `fcntl`: read the flags of the number.
pub const F_GETFD: i32 = 1;
/// `fcntl`: set the flags of the number.
pub const F_SETFD: i32 = 2;
/// `fcntl`: read the flags of the description.
pub const F_GETFL: i32 = 3;
/// `fcntl`: set the flags of the description.
pub const F_SETFL: i32 = 4;
/// The one flag of a number.
pub const FD_CLOEXEC: i32 = 1;
/// `ioctl`: set or clear [`O_NONBLOCK`] by the `int` that the argument points to.
pub const FIONBIO: i32 = 0x8008_667e_u32.cast_signed();

/// `lseek` from the start.
pub const SEEK_SET: i32 = 0;
/// `lseek` from the position.
pub const SEEK_CUR: i32 = 1;
/// `lseek` from the end.
pub const SEEK_END: i32 = 2;

/// `poll`: can be read without waiting.
pub const POLLIN: i16 = 0x1;
/// `poll`: can be written without waiting.
pub const POLLOUT: i16 = 0x4;
/// `poll`: an error is pending.
pub const POLLERR: i16 = 0x8;
/// `poll`: the other side hung up.
pub const POLLHUP: i16 = 0x10;
/// `poll`: not an open number.
pub const POLLNVAL: i16 = 0x20;
/// `poll`: the other side sends no more. Linux's; Hermit has none.
pub const POLLRDHUP: i16 = 0x2000;
/// `poll`: as [`POLLIN`].
pub const POLLRDNORM: i16 = 0x40;
/// `poll`: as [`POLLOUT`].
pub const POLLWRNORM: i16 = 0x100;

/// `eventfd`: a read takes one instead of all.
pub const EFD_SEMAPHORE: i16 = 0o1;
/// `eventfd`: the number is opened with [`O_NONBLOCK`].
pub const EFD_NONBLOCK: i16 = 0o4000;
/// `eventfd`: the number is opened with [`FD_CLOEXEC`].
pub const EFD_CLOEXEC: i16 = 0o4_0000;

/// The most buffers in one `readv` or `writev`.
pub const IOV_MAX: usize = 1024;
/// The longest path, its final NUL included.
pub const PATH_MAX: usize = 4096;
/// The longest name in a directory.
pub const NAME_MAX: usize = 255;

/// `d_type`: a device of characters.
pub const DT_CHR: u8 = 2;
/// `d_type`: a directory.
pub const DT_DIR: u8 = 4;
/// `d_type`: a file.
pub const DT_REG: u8 = 8;
/// `d_type`: a symbolic link.
pub const DT_LNK: u8 = 10;
/// `d_type`: a socket.
pub const DT_SOCK: u8 = 12;
/// A pipe.
pub const DT_FIFO: u8 = 1;

/// `st_mode`: the bits that hold the kind.
pub const S_IFMT: u32 = 0o17_0000;
/// `st_mode`: a device of characters.
pub const S_IFCHR: u32 = 0o2_0000;
/// `st_mode`: a directory.
pub const S_IFDIR: u32 = 0o4_0000;
/// `st_mode`: a file.
pub const S_IFREG: u32 = 0o10_0000;
/// `st_mode`: a symbolic link.
pub const S_IFLNK: u32 = 0o12_0000;
/// `st_mode`: a socket.
pub const S_IFSOCK: u32 = 0o14_0000;
/// A pipe.
pub const S_IFIFO: u32 = 0o1_0000;

/// `struct timespec` as Hermit lays it out, of clocks and timeouts too: the nanoseconds have 32 bits.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeSpec {
    /// Seconds.
    pub tv_sec: i64,
    /// Nanoseconds, below a thousand million.
    pub tv_nsec: i32,
}

/// `struct stat`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// The file system.
    pub st_dev: u64,
    /// The node's number in it.
    pub st_ino: u64,
    /// Names that it has.
    pub st_nlink: u64,
    /// Kind and permissions.
    pub st_mode: u32,
    /// Owner.
    pub st_uid: u32,
    /// Owner's group.
    pub st_gid: u32,
    /// Which device it stands for.
    pub st_rdev: u64,
    /// Size in bytes.
    pub st_size: i64,
    /// Good size of a transfer, in bytes.
    pub st_blksize: i64,
    /// Space taken, in units of 512 bytes.
    pub st_blocks: i64,
    /// Last read.
    pub st_atim: TimeSpec,
    /// Last write.
    pub st_mtim: TimeSpec,
    /// Last change of any kind.
    pub st_ctim: TimeSpec,
}

/// The head of a `struct dirent64`; the name and its NUL follow at once, at offset [`DIRENT_NAME_OFFSET`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dirent {
    /// The node's number.
    pub d_ino: u64,
    /// The position after this entry.
    pub d_off: i64,
    /// From this entry to the next, in bytes.
    pub d_reclen: u16,
    /// `DT_DIR` and so on.
    pub d_type: u8,
}

/// Where the name begins in a `struct dirent64`: not at the size of [`Dirent`], which is padded.
pub const DIRENT_NAME_OFFSET: usize = 19;

/// `struct pollfd`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PollFd {
    /// The number; below zero: pass over.
    pub fd: i32,
    /// What to wait for.
    pub events: i16,
    /// What there is.
    pub revents: i16,
}

/// `struct iovec`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct IoVec {
    /// First byte.
    pub iov_base: *mut u8,
    /// Length in bytes.
    pub iov_len: usize,
}
