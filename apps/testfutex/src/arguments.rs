//! Arguments that are none: which error, and that it stays one.

use std::sync::atomic::{AtomicU32, Ordering};

use skete::Errno;
use skete::futex::{CLOCK_REALTIME, PRIVATE, TimeSpec, futex_wait_bitset, futex_wake_bitset, op};
use skete::thread::entries;

use crate::Check;
use crate::raw::{Call, NOWHERE, address};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("an operation that is none is ENOSYS", no_operation),
    ("CLOCK_REALTIME with an operation that takes none is ENOSYS", no_clock),
    ("a word that is not aligned is EINVAL", not_aligned),
    ("a word that is not there is EFAULT", not_there),
    ("a bitset of 0 is EINVAL", no_bit),
    ("a timeout that is no time is EINVAL", no_time),
    ("a timeout that is not there is EFAULT", no_timeout),
    ("more threads than an int counts are EINVAL to move", too_many),
    ("a word that differs is EAGAIN", differs),
    ("each call counts one entry", counted),
];

/// Operations that need a first word only.
const OF_ONE: [u32; 4] = [op::WAIT, op::WAKE, op::WAIT_BITSET, op::WAKE_BITSET];
/// Operations that need two.
const OF_TWO: [u32; 3] = [op::REQUEUE, op::CMP_REQUEUE, op::WAKE_OP];

fn call(op: u32) -> Call {
    static WORD: AtomicU32 = AtomicU32::new(0);
    static OTHER: AtomicU32 = AtomicU32::new(0);
    Call { uaddr2: address(&OTHER), val3: u32::from(matches!(op & 127, op::WAKE_BITSET | op::WAIT_BITSET)), ..Call::of(op, &WORD) }
}

fn no_operation() {
    for command in [op::FD, 14, 15, 64, 127, 512, 0x7fff_ff00, 0xffff_fe7f] {
        for flags in [0, PRIVATE, CLOCK_REALTIME, PRIVATE | CLOCK_REALTIME] {
            assert_eq!(call(command | flags).make(), Err(Errno::ENOSYS), "operation {command:#x}");
            assert_eq!(call(command | flags).make_in_c(0), -i64::from(Errno::ENOSYS.number()));
        }
    }
    // Not even the word is looked at.
    assert_eq!(Call { uaddr: 3, ..call(op::FD) }.make(), Err(Errno::ENOSYS));
    // A change or question of WAKE_OP that is none.
    for val3 in [5 << 28, 7 << 28, 6 << 24, 15 << 24] {
        assert_eq!(Call { val3, ..call(op::WAKE_OP) }.make(), Err(Errno::ENOSYS));
    }
}

fn no_clock() {
    for command in [op::WAIT, op::WAKE, op::REQUEUE, op::CMP_REQUEUE, op::WAKE_OP, op::WAKE_BITSET] {
        assert_eq!(call(command | CLOCK_REALTIME).make(), Err(Errno::ENOSYS));
    }
    let past = Some(TimeSpec::default());
    assert_eq!(Call { timeout: past, ..call(op::WAIT_BITSET | CLOCK_REALTIME) }.make(), Err(Errno::ETIMEDOUT));
}

fn not_aligned() {
    for flags in [0, PRIVATE] {
        for offset in 1..4 {
            for command in OF_ONE.into_iter().chain(OF_TWO) {
                let call = call(command | flags);
                assert_eq!(Call { uaddr: call.uaddr + offset, ..call }.make(), Err(Errno::EINVAL), "operation {command}");
            }
            for command in OF_TWO {
                let call = call(command | flags);
                assert_eq!(Call { uaddr2: call.uaddr2 + offset, ..call }.make(), Err(Errno::EINVAL), "operation {command}");
            }
        }
    }
}

fn not_there() {
    for nowhere in NOWHERE {
        for command in [op::WAIT, op::WAIT_BITSET, op::CMP_REQUEUE] {
            for flags in [0, PRIVATE] {
                assert_eq!(
                    Call { uaddr: nowhere, ..call(command | flags) }.make(),
                    Err(Errno::EFAULT),
                    "operation {command} at {nowhere:#x}"
                );
            }
        }
        // The change of WAKE_OP is made to the second word.
        assert_eq!(Call { uaddr2: nowhere, ..call(op::WAKE_OP | PRIVATE) }.make(), Err(Errno::EFAULT));
        // A shared word is named by where it lies.
        for command in [op::WAKE, op::WAKE_BITSET, op::REQUEUE, op::WAKE_OP] {
            assert_eq!(Call { uaddr: nowhere, ..call(command) }.make(), Err(Errno::EFAULT), "operation {command} at {nowhere:#x}");
        }
        for command in OF_TWO {
            assert_eq!(Call { uaddr2: nowhere, ..call(command) }.make(), Err(Errno::EFAULT), "operation {command} at {nowhere:#x}");
        }
        assert_eq!(Call { uaddr: nowhere, ..call(op::WAIT) }.make_in_c(0), -i64::from(Errno::EFAULT.number()));
    }
    // A private word that nobody waits for is not looked at: as on Linux, as long as it could be an address.
    assert_eq!(Call { uaddr: NOWHERE[0], ..call(op::WAKE | PRIVATE) }.make(), Ok(0));
    assert_eq!(Call { uaddr: NOWHERE[1], ..call(op::WAKE | PRIVATE) }.make(), Err(Errno::EFAULT));
    // Words that may be read but not written.
    static CONSTANT: u32 = 5;
    let constant = (&raw const CONSTANT) as usize;
    assert_eq!(Call { uaddr2: constant, val3: 1 << 28, ..call(op::WAKE_OP | PRIVATE) }.make(), Err(Errno::EFAULT));
    assert_eq!(Call { uaddr: constant, val: 4, ..call(op::WAIT) }.make(), Err(Errno::EAGAIN));
}

fn no_bit() {
    let word = AtomicU32::new(0);
    assert_eq!(futex_wait_bitset(&word, 0, None, 0), Err(Errno::EINVAL));
    assert_eq!(futex_wake_bitset(&word, 1, 0), Err(Errno::EINVAL));
    for command in [op::WAIT_BITSET, op::WAKE_BITSET] {
        assert_eq!(Call { val3: 0, ..call(command) }.make(), Err(Errno::EINVAL));
    }
}

fn no_time() {
    for (tv_sec, tv_nsec) in [(-1, 0), (0, -1), (0, 1_000_000_000), (5, i64::MAX), (i64::MIN, i64::MIN)] {
        let time = TimeSpec { tv_sec, tv_nsec };
        for command in [op::WAIT, op::WAIT_BITSET, op::WAIT_BITSET | CLOCK_REALTIME] {
            let call = Call { timeout: Some(time), ..call(command) };
            assert_eq!(call.make(), Err(Errno::EINVAL));
            assert_eq!(call.make_in_c((&raw const time) as usize), -i64::from(Errno::EINVAL.number()));
        }
    }
}

fn no_timeout() {
    for nowhere in NOWHERE {
        assert_eq!(call(op::WAIT).make_in_c(nowhere), -i64::from(Errno::EFAULT.number()));
        // There it is no timeout, but how many to move.
        assert_eq!(call(op::REQUEUE).make_in_c(nowhere & 0xffff), 0);
    }
}

fn too_many() {
    for command in [op::REQUEUE, op::CMP_REQUEUE] {
        assert_eq!(Call { val: 1 << 31, ..call(command) }.make(), Err(Errno::EINVAL));
        assert_eq!(Call { val2: u32::MAX, ..call(command) }.make(), Err(Errno::EINVAL));
        assert_eq!(Call { val: (1 << 31) - 1, val2: (1 << 31) - 1, ..call(command) }.make(), Ok(0));
    }
}

fn differs() {
    for flags in [0, PRIVATE] {
        assert_eq!(Call { val: 1, ..call(op::WAIT | flags) }.make(), Err(Errno::EAGAIN));
        assert_eq!(Call { val: u32::MAX, ..call(op::WAIT_BITSET | flags) }.make(), Err(Errno::EAGAIN));
        assert_eq!(Call { val3: 1, ..call(op::CMP_REQUEUE | flags) }.make(), Err(Errno::EAGAIN));
        assert_eq!(Call { val: 1, ..call(op::WAIT | flags) }.make_in_c(0), -i64::from(Errno::EAGAIN.number()));
    }
}

fn counted() {
    let word = AtomicU32::new(0);
    let before = entries();
    for command in OF_ONE.into_iter().chain(OF_TWO).chain([op::FD]) {
        let _ = Call { val: 1, uaddr2: address(&word), ..Call::of(command, &word) }.make();
        let _ = Call { val: 1, uaddr2: address(&word), ..Call::of(command, &word) }.make_in_c(0);
    }
    let _ = futex_wait_bitset(&word, 1, None, 1);
    assert_eq!(entries() - before, 17);
    word.store(0, Ordering::Relaxed);
}
