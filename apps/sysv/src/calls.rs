//! `sys_semget`, `sys_semop`, `sys_semtimedop`, `sys_semctl`: numbers and pointers, as C has them.

use std::ptr::{null, without_provenance};

use skete::Errno;
use skete::calls::sysv::{sys_semctl, sys_semget, sys_semop, sys_semtimedop};
use skete::futex::TimeSpec;
use skete::sysv::sem::{self, Op};

use crate::Check;

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("numbers and layouts are Linux's", numbers),
    ("commands with values answer as on Linux", values),
    ("commands with pointers answer as on Linux", pointers),
    ("a bad pointer is EFAULT, and nothing happens", bad_pointers),
    ("a timeout of C is a length, and must be one", timeouts),
];

const IPC_RMID: i32 = 0;
const IPC_SET: i32 = 1;
const IPC_STAT: i32 = 2;
const IPC_INFO: i32 = 3;
const GETPID: i32 = 11;
const GETVAL: i32 = 12;
const GETALL: i32 = 13;
const GETNCNT: i32 = 14;
const GETZCNT: i32 = 15;
const SETVAL: i32 = 16;
const SETALL: i32 = 17;
const SEM_STAT: i32 = 18;
const SEM_INFO: i32 = 19;
const SEM_STAT_ANY: i32 = 20;

/// Addresses where nothing is, and one that is not to be written.
const BAD: [usize; 4] = [0, 8, 0x7f_ffff_f000, usize::MAX - 7];

fn refused(errno: Errno) -> i32 {
    -errno.number()
}

fn make(count: i32) -> i32 {
    let id = sys_semget(0, count, 0o600);
    assert!(id >= 0);
    id
}

fn remove(id: i32) {
    assert_eq!(sys_semctl(id, 0, IPC_RMID, 0), 0);
}

fn numbers() {
    assert_eq!((sys_semget(5, 1, 0), sys_semget(5, -1, 0o1600)), (refused(Errno::ENOENT), refused(Errno::EINVAL)));
    let id = sys_semget(5, 2, 0o1600);
    assert_eq!((sys_semget(5, 2, 0o3600), sys_semget(5, 0, 0)), (refused(Errno::EEXIST), id));
    // sem_num, sem_op, sem_flg: SEM_UNDO is 0x1000, IPC_NOWAIT 0x800.
    let operations = [Op { sem_num: 1, sem_op: 2, sem_flg: 0 }, Op { sem_num: 0, sem_op: -1, sem_flg: 0x800 }];
    assert_eq!(sys_semop(id, operations.as_ptr(), 1), 0);
    assert_eq!(sys_semop(id, operations.as_ptr(), 2), refused(Errno::EAGAIN));
    assert_eq!(sys_semop(id, operations[1..].as_ptr(), 1), refused(Errno::EAGAIN));
    assert_eq!(sys_semop(id, operations.as_ptr(), 0), refused(Errno::EINVAL));
    assert_eq!(sys_semop(id, operations.as_ptr(), 501), refused(Errno::E2BIG));
    // In Linux's order: how many, the operations, the id.
    for (place, errno) in [(operations.as_ptr(), Errno::EINVAL), (std::ptr::null(), Errno::EFAULT)] {
        assert_eq!([1, 2].map(|count| sys_semop(-1, place, count)), [refused(errno); 2]);
        assert_eq!([0, 501].map(|count| sys_semop(-1, place, count)), [refused(Errno::EINVAL), refused(Errno::E2BIG)]);
    }
    let many = [Op::up(1); 500];
    assert_eq!((sys_semop(id, many.as_ptr(), 500), sys_semctl(id, 1, GETVAL, 0)), (0, 502));
    remove(id);
    assert_eq!(sys_semop(id, operations.as_ptr(), 1), refused(Errno::EINVAL));
}

fn values() {
    let id = make(2);
    assert_eq!((sys_semctl(id, 1, SETVAL, 41), sys_semctl(id, 1, GETVAL, 0), sys_semctl(id, 0, GETVAL, 0)), (0, 41, 0));
    // The union's int is its low half, whatever stands above.
    assert_eq!((sys_semctl(id, 1, SETVAL, 0xdead_beef_0000_0007), sys_semctl(id, 1, GETVAL, 0)), (0, 7));
    assert_eq!(sys_semctl(id, 1, GETPID, 0), skete::calls::threads::sys_getpid());
    assert_eq!((sys_semctl(id, 1, GETNCNT, 0), sys_semctl(id, 1, GETZCNT, 0)), (0, 0));
    for number in [2, -1, i32::MIN] {
        for command in [GETVAL, GETPID, GETNCNT, GETZCNT, SETVAL] {
            assert_eq!(sys_semctl(id, number, command, 1), refused(Errno::EINVAL));
        }
    }
    assert_eq!((sys_semctl(id, 0, SETVAL, 32768), sys_semctl(-1, 0, SETVAL, 1)), (refused(Errno::ERANGE), refused(Errno::EINVAL)));
    for command in [4, 10, 21, -1, i32::MAX] {
        assert_eq!(sys_semctl(id, 0, command, 0), refused(Errno::EINVAL));
    }
    remove(id);
    assert_eq!((sys_semctl(id, 0, GETVAL, 0), sys_semctl(id, 0, IPC_RMID, 0)), (refused(Errno::EINVAL), refused(Errno::EINVAL)));
}

fn pointers() {
    let id = make(3);
    let (mut values, mut words, mut numbers) = ([1u16, 2, 3], [0u64; 11], [0i32; 10]);
    assert_eq!(sys_semctl(id, 0, SETALL, values.as_ptr() as usize), 0);
    values = [0; 3];
    assert_eq!((sys_semctl(id, 0, GETALL, values.as_mut_ptr() as usize), values), (0, [1, 2, 3]));
    values[2] = 32768;
    assert_eq!(sys_semctl(id, 0, SETALL, values.as_ptr() as usize), refused(Errno::ERANGE));
    // struct semid_ds: 48 bytes of ipc_perm, otime, ctime, nsems, two words.
    assert_eq!(sys_semctl(id, 0, IPC_STAT, words.as_mut_ptr() as usize), 0);
    assert_eq!((words[6], words[8], words[2] >> 32), (0, 3, 0o600));
    let place = id & 0x7fff;
    assert_eq!(sys_semctl(place, 0, SEM_STAT, words.as_mut_ptr() as usize), id);
    assert_eq!(sys_semctl(place, 0, SEM_STAT_ANY, words.as_mut_ptr() as usize), id);
    // The mode is the upper half of the third word, uid and gid the first word's upper half and the second's lower.
    (words[0], words[1], words[2]) = (7 << 32, 8, 0o200 << 32);
    assert_eq!(sys_semctl(id, 0, IPC_SET, words.as_ptr() as usize), 0);
    assert_eq!(sys_semctl(id, 0, IPC_STAT, words.as_mut_ptr() as usize), refused(Errno::EACCES));
    assert_eq!(sys_semctl(place, 0, SEM_STAT, words.as_mut_ptr() as usize), refused(Errno::EACCES));
    assert_eq!(sys_semctl(place, 0, SEM_STAT_ANY, words.as_mut_ptr() as usize), id);
    assert_eq!((words[0] >> 32, words[1] & 0xffff_ffff, words[2] >> 32), (7, 8, 0o200));
    // semmap, semmni, semmns, semmnu, semmsl, semopm, semume, semusz, semvmx, semaem.
    assert_eq!(sys_semctl(0, 0, IPC_INFO, numbers.as_mut_ptr() as usize), place);
    assert_eq!((numbers[1], numbers[4], numbers[5], numbers[7], numbers[8]), (32000, 32000, 500, 20, 32767));
    assert_eq!(sys_semctl(0, 0, SEM_INFO, numbers.as_mut_ptr() as usize), place);
    assert_eq!((numbers[7], numbers[9]), (1, 3));
    remove(id);
}

fn bad_pointers() {
    let id = make(2);
    for address in BAD {
        for count in [1, 2, 17, 500] {
            assert_eq!(sys_semop(id, without_provenance(address), count), refused(Errno::EFAULT), "{address:#x}, {count}");
        }
        for command in [IPC_SET, IPC_STAT, GETALL, SETALL, IPC_INFO, SEM_INFO] {
            assert_eq!(sys_semctl(id, 0, command, address), refused(Errno::EFAULT), "{address:#x}, {command}");
        }
        assert_eq!(sys_semctl(id & 0x7fff, 0, SEM_STAT, address), refused(Errno::EFAULT));
        if address != 0 {
            assert_eq!(sys_semtimedop(id, &Op::up(0), 1, without_provenance(address)), refused(Errno::EFAULT));
        }
    }
    // What may be read and not written.
    static CONSTANT: [u64; 11] = [1; 11];
    for command in [IPC_STAT, GETALL, IPC_INFO] {
        assert_eq!(sys_semctl(id, 0, command, CONSTANT.as_ptr() as usize), refused(Errno::EFAULT));
    }
    assert_eq!((sem::value(id, 0), sem::value(id, 1)), (Ok(0), Ok(0)));
    remove(id);
}

fn timeouts() {
    let id = make(1);
    let down = Op::down(0);
    let time = |seconds, nanoseconds| TimeSpec { tv_sec: seconds, tv_nsec: nanoseconds };
    for bad in [time(-1, 0), time(0, -1), time(0, 1_000_000_000)] {
        assert_eq!(sys_semtimedop(id, &down, 1, &bad), refused(Errno::EINVAL));
    }
    let start = std::time::Instant::now();
    assert_eq!(sys_semtimedop(id, &down, 1, &time(0, 2_000_000)), refused(Errno::EAGAIN));
    assert!(start.elapsed().as_millis() >= 2);
    assert_eq!(sys_semtimedop(id, &Op::up(0), 1, &time(i64::MAX, 999_999_999)), 0);
    assert_eq!(sys_semtimedop(id, &down, 1, null()), 0);
    remove(id);
}
