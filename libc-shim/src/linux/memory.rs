//! Mapped memory, System V's shared memory.

use skete::calls::memory::{sys_mmap, sys_mprotect, sys_munmap};
use skete::calls::shm::{sys_shmat, sys_shmctl, sys_shmdt, sys_shmget};
use skete::memory::window;
use skete_abi::Errno;

use super::mapping::{self, PAGE};
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

/// `MAP_FIXED`: here and nowhere else.
pub const FIXED: i32 = 0x10;
const ANONYMOUS: i32 = 0x20;
/// `MAP_SHARED`, `MAP_PRIVATE`: one of them is said.
pub const KINDS: i32 = 3;

/// Answers the calls of this file.
#[optimize(size)]
pub fn call(number: u64, arguments: &Arguments) -> Option<Answered> {
    let [first, second, third, fourth, fifth, sixth] = *arguments;
    Some(match number {
        number::MMAP if int(fourth) & ANONYMOUS == 0 => mapping::map(first, second, word(third), int(fourth), int(fifth), sixth),
        number::MMAP => map(second, word(third), int(fourth)),
        number::MUNMAP => unmap(first, second),
        number::MPROTECT => {
            mapping::protect(first, second, word(third)).and_then(|()| told(sys_mprotect(pointer(first), second as usize, word(third))))
        }
        number::MSYNC => mapping::sync(first, second).map(|()| 0),
        // No frame leaves its page: there is nowhere to go. No advice changes that.
        number::MLOCK..=number::MUNLOCKALL | number::MADVISE => Ok(0),
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
fn map(bytes: u64, protection: u32, flags: i32) -> Answered {
    if flags & KINDS == 0 {
        return Err(Errno::EINVAL);
    }
    if flags & FIXED != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    anonymous(bytes, protection).map(u64::cast_signed)
}

/// Memory that is zero and that nothing else has.
///
/// # Errors
/// `EINVAL`, `ENOMEM`; `EOPNOTSUPP`: writable and executable.
pub fn anonymous(bytes: u64, protection: u32) -> Result<u64, Errno> {
    let mut place = core::ptr::null_mut();
    match sys_mmap(bytes as usize, protection, &raw mut place) {
        0 => Ok(place as u64),
        answer => Err(refusal(answer)),
    }
}

/// Which error the kernel's `sys_mmap` or `sys_mprotect` has answered.
pub fn refusal(answer: i32) -> Errno {
    [Errno::ENOMEM, Errno::EOPNOTSUPP].into_iter().find(|errno| -errno.number() == answer).unwrap_or(Errno::EINVAL)
}

/// `munmap(2)`. What is not mapped, and the heap, which nobody has mapped, stays as it is.
fn unmap(start: u64, bytes: u64) -> Answered {
    let end = start.checked_add(bytes).and_then(|end| end.checked_next_multiple_of(PAGE)).ok_or(Errno::EINVAL)?;
    if bytes == 0 || !start.is_multiple_of(PAGE) {
        return Err(Errno::EINVAL);
    }
    mapping::forget(start..end)?;
    if window::contains(&(start..end)) { told(sys_munmap(pointer(start), bytes as usize)) } else { Ok(0) }
}
