//! Anonymous memory, System V's shared memory.

use skete::calls::memory::{sys_mmap, sys_mprotect, sys_munmap};
use skete::calls::shm::{sys_shmat, sys_shmctl, sys_shmdt, sys_shmget};
use skete_abi::Errno;

use super::{Answered, Arguments, int, pointer, told, word};

/// Linux's numbers.
mod number {
    pub const SHMGET: u64 = 194;
    pub const SHMCTL: u64 = 195;
    pub const SHMAT: u64 = 196;
    pub const SHMDT: u64 = 197;
    pub const BRK: u64 = 214;
    pub const MUNMAP: u64 = 215;
    pub const MMAP: u64 = 222;
    pub const MPROTECT: u64 = 226;
    pub const MSYNC: u64 = 227;
    pub const MLOCK: u64 = 228;
    pub const MUNLOCKALL: u64 = 231;
    pub const MADVISE: u64 = 233;
}

const FIXED: i32 = 0x10;
const ANONYMOUS: i32 = 0x20;
/// `MAP_SHARED`, `MAP_PRIVATE`: one of them is said.
const KINDS: i32 = 3;

/// Answers the calls of this file.
pub fn call(number: u64, arguments: &Arguments) -> Option<Answered> {
    let [first, second, third, fourth, ..] = *arguments;
    Some(match number {
        number::MMAP => map(first, second, word(third), int(fourth)),
        number::MUNMAP => told(sys_munmap(pointer(first), second as usize)),
        number::MPROTECT => told(sys_mprotect(pointer(first), second as usize, word(third))),
        // No frame leaves its page: there is nowhere to go. No advice changes that, and nothing has to be written back.
        number::MSYNC | number::MLOCK..=number::MUNLOCKALL | number::MADVISE => Ok(0),
        // There is no such heap: the program's is `malloc`'s.
        number::BRK => Ok(0),
        number::SHMGET => told(sys_shmget(int(first), second as usize, int(third))),
        number::SHMAT => told(sys_shmat(int(first), pointer(second), int(third)) as i64),
        number::SHMDT => told(sys_shmdt(pointer(first))),
        number::SHMCTL => told(sys_shmctl(int(first), int(second), third as usize)),
        _ => return None,
    })
}

/// `mmap(2)` of anonymous memory, wherever there is room.
fn map(_hint: u64, bytes: u64, protection: u32, flags: i32) -> Answered {
    if flags & KINDS == 0 {
        return Err(Errno::EINVAL);
    }
    if flags & ANONYMOUS == 0 {
        return Err(Errno::ENODEV);
    }
    if flags & FIXED != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let mut place = core::ptr::null_mut();
    match sys_mmap(bytes as usize, protection, &raw mut place) {
        0 => Ok(place as i64),
        errno => told(errno),
    }
}
