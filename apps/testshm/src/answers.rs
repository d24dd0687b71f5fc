//! What each call answers, by C's names.

use std::sync::atomic::Ordering;

use skete::Errno;
use skete::sysv::shm::{self, SHM_RDONLY};
use skete::sysv::{IPC_CREAT, IPC_EXCL, IPC_PRIVATE};
use skete::thread::entries;

use super::Check;
use super::c::{sys_get_errno, sys_shmat, sys_shmctl, sys_shmdt, sys_shmget};
use super::memory::{LIMITS, PAGE, segment, word_at};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a key finds its segment until it is removed", keys),
    ("a mode is kept", modes),
    ("shmctl tells what Linux tells, in its layouts", layouts),
    ("bad ids, commands and pointers are errors", errors),
    ("each call enters the kernel once", counted),
];

/// With the limits of a boot option.
pub const LIMITED: &[Check] = &[("limits of the boot option", limits)];

const RMID: i32 = 0;
const SET: i32 = 1;
const STAT: i32 = 2;
const INFO: i32 = 3;
const LOCK: i32 = 11;
const UNLOCK: i32 = 12;
const SHM_STAT: i32 = 13;
const SHM_INFO: i32 = 14;
const SHM_STAT_ANY: i32 = 15;

fn below_zero(errno: Errno) -> i32 {
    -errno.number()
}

fn keys() {
    let key = 0x5ce7e;
    assert_eq!(sys_shmget(key, PAGE, 0), below_zero(Errno::ENOENT));
    assert_eq!(sys_get_errno(), Errno::ENOENT.number());
    let id = sys_shmget(key, PAGE, IPC_CREAT | IPC_EXCL | 0o600);
    assert!(id >= 0);
    assert_eq!((sys_shmget(key, PAGE, 0o600), sys_shmget(key, 0, IPC_CREAT)), (id, id));
    assert_eq!(sys_shmget(key, PAGE, IPC_CREAT | IPC_EXCL), below_zero(Errno::EEXIST));
    assert_eq!(sys_shmget(key, PAGE + 1, 0), below_zero(Errno::EINVAL));
    let at = sys_shmat(id, 0, 0);
    assert_eq!(sys_shmctl(id, RMID, 0), 0);
    assert_eq!(sys_shmget(key, PAGE, 0), below_zero(Errno::ENOENT));
    // Another takes the key while the first is still attached.
    let other = sys_shmget(key, PAGE, IPC_CREAT | 0o600);
    assert!(other >= 0 && other != id);
    assert_eq!((sys_shmdt(at.cast_unsigned()), sys_shmctl(other, RMID, 0)), (0, 0));
    assert_eq!([sys_shmctl(id, RMID, 0), sys_shmctl(other, RMID, 0)], [below_zero(Errno::EINVAL); 2]);
    assert_eq!([0, usize::MAX].map(|bytes| sys_shmget(IPC_PRIVATE, bytes, 0o600)), [below_zero(Errno::EINVAL); 2]);
    assert_eq!(sys_shmget(IPC_PRIVATE, 1 << 40, 0o600), below_zero(Errno::ENOMEM));
}

fn modes() {
    let id = sys_shmget(9, PAGE, IPC_CREAT | 0o400);
    assert_eq!(sys_shmget(9, PAGE, 0o200), below_zero(Errno::EACCES));
    assert_eq!(sys_shmat(id, 0, 0), below_zero(Errno::EACCES) as isize);
    let at = sys_shmat(id, 0, SHM_RDONLY);
    assert!(at > 0);
    assert_eq!(word_at(at.cast_unsigned()).load(Ordering::Relaxed), 0);
    assert_eq!(sys_shmdt(at.cast_unsigned()), 0);
    shm::set_permissions(id, 1, 2, 0).expect("it is there");
    assert_eq!(shm::status(id).err(), Some(Errno::EACCES));
    assert_eq!(sys_shmctl(id, RMID, 0), 0);
}

/// `struct shmid_ds` as words: the key, owner and mode are in the first three, the sequence number in the fourth.
fn words_of(id: i32, command: i32) -> (i32, [u64; 14]) {
    let mut words = [0; 14];
    let answer = sys_shmctl(id, command, (&raw mut words).addr());
    (answer, words)
}

fn layouts() {
    let id = sys_shmget(0x1234, 3 * PAGE + 5, IPC_CREAT | 0o640);
    let at = sys_shmat(id, 0, 0).cast_unsigned();
    let (answer, words) = words_of(id, STAT);
    assert_eq!(answer, 0);
    assert_eq!((words[0] & 0xffff_ffff, words[2] >> 32), (0x1234, 0o640));
    assert_eq!((words[6], words[11]), (3 * PAGE as u64 + 5, 1));
    let (attached, detached, changed) = (words[7], words[8], words[9]);
    assert!(attached > 1_600_000_000 && changed <= attached && detached == 0);
    assert!(words[10] & 0xffff_ffff != 0 && words[10] >> 32 == words[10] & 0xffff_ffff, "made and attached by this thread");
    assert_eq!(sys_shmctl(id, LOCK, 0), 0);
    let mut set = words_of(id, STAT).1;
    assert_eq!(set[2] >> 32, 0o2640);
    (set[0], set[2]) = (7 << 32, 0o7600 << 32);
    assert_eq!((sys_shmctl(id, SET, (&raw const set).addr()), sys_shmctl(id, UNLOCK, 0)), (0, 0));
    let place = id & 0x7fff;
    assert_eq!([SHM_STAT, SHM_STAT_ANY].map(|command| words_of(place, command).0), [id; 2]);
    let words = words_of(place, SHM_STAT).1;
    assert_eq!((words[0] >> 32, words[2] >> 32), (7, 0o600));
    assert_eq!(sys_shmdt(at), 0);
    assert_eq!(words_of(id, STAT).1[11], 0);
    let (highest, limits) = words_of(0, INFO);
    assert_eq!((highest, &limits[..5]), (place, &[u64::MAX - (1 << 24), 1, 4096, 4096, u64::MAX - (1 << 24)][..]));
    let (highest, usage) = words_of(0, SHM_INFO);
    assert_eq!((highest, usage[0], usage[1], usage[2]), (place, 1, 4, 4));
    assert_eq!(sys_shmctl(id, RMID, 0), 0);
}

fn errors() {
    let id = segment(PAGE);
    for bad in [-1, i32::MIN, id + 1, id + (1 << 15)] {
        assert_eq!(sys_shmat(bad, 0, 0), below_zero(Errno::EINVAL) as isize);
        assert_eq!([RMID, STAT, LOCK].map(|command| sys_shmctl(bad, command, 0)), [below_zero(Errno::EINVAL); 3]);
    }
    assert_eq!(sys_shmctl(id, 99, 0), below_zero(Errno::EINVAL));
    for bad in [0, 0xdead_beef_0000, usize::MAX - 7] {
        assert_eq!([SET, STAT, INFO, SHM_INFO].map(|command| sys_shmctl(id, command, bad)), [below_zero(Errno::EFAULT); 4], "{bad:#x}");
    }
    assert_eq!([0, 1, PAGE].map(|address| sys_shmdt(address)), [below_zero(Errno::EINVAL); 3]);
    assert_eq!(sys_shmctl(id, RMID, 0), 0);
}

fn counted() {
    let before = entries();
    let id = sys_shmget(IPC_PRIVATE, PAGE, 0o600);
    let at = sys_shmat(id, 0, 0).cast_unsigned();
    let (detached, removed) = (sys_shmdt(at), sys_shmctl(id, RMID, 0));
    assert_eq!((entries() - before, detached, removed), (4, 0, 0));
}

fn limits() {
    let (bytes, pages, segments) = LIMITS;
    let told = shm::limits().expect("there is memory").0;
    assert_eq!((told.shmmax, told.shmall, told.shmmni), (bytes as u64, pages as u64, segments as u64));
    assert_eq!(sys_shmget(IPC_PRIVATE, bytes + 1, 0o600), below_zero(Errno::EINVAL));
    let made = [segment(bytes), segment(bytes)];
    assert_eq!(sys_shmget(IPC_PRIVATE, bytes, 0o600), below_zero(Errno::ENOSPC), "too many pages");
    let last = segment(1);
    assert_eq!(sys_shmget(IPC_PRIVATE, 1, 0o600), below_zero(Errno::ENOSPC), "too many segments");
    assert!(made.into_iter().chain([last]).all(|id| sys_shmctl(id, RMID, 0) == 0));
}
