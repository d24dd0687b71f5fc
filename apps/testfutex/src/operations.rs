//! What each operation does and answers.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use skete::Errno;
use skete::futex::{
    Change, MATCH_ANY, Operation, PRIVATE, Question, TimeSpec, futex_cmp_requeue, futex_requeue, futex_wait, futex_wake_bitset,
    futex_wake_op, futex_wakeup, op, shared, waiters,
};

use crate::Check;
use crate::crowd::{Answer, Crowd, until_waiting};
use crate::raw::{Call, address};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a wake wakes no more than asked, the longest waiting first", wake),
    ("the more urgent is woken first", urgent),
    ("a wake passes over those without its bits", bitset),
    ("a private and a shared wait for one word are two", kinds),
    ("a requeue wakes its share, moves its share and answers the first", requeue),
    ("a compare-and-requeue answers both", cmp_requeue),
    ("a requeue onto the same word moves nobody and counts them", onto_itself),
    ("a wake-op changes a word and wakes by its old value", wake_op),
    ("a word in a page of a stack that was never touched", untouched),
];

fn wake() {
    let crowd = Crowd::default();
    thread::scope(|scope| {
        crowd.gather(scope, 6);
        assert_eq!(futex_wakeup(&crowd.here, 0), Ok(0));
        assert_eq!(waiters(), 6);
        for name in 0..3 {
            assert_eq!(futex_wakeup(&crowd.here, 1), Ok(1));
            assert_eq!(crowd.back(1), [name]);
        }
        assert_eq!(futex_wakeup(&crowd.here, 2), Ok(2));
        let mut both = crowd.back(2);
        both.sort_unstable();
        assert_eq!(both, [3, 4]);
        assert_eq!(futex_wakeup(&crowd.there, u32::MAX), Ok(0));
        assert_eq!(Call { val: i32::MAX.cast_unsigned(), ..Call::of(op::WAKE | PRIVATE, &crowd.here) }.make(), Ok(1));
        assert_eq!(futex_wakeup(&crowd.here, 1), Ok(0));
    });
}

fn urgent() {
    let crowd = Crowd::default();
    thread::scope(|scope| {
        for (name, priority) in [(0, 2), (1, 9), (2, 3), (3, 9), (4, 15)] {
            crowd.join(scope, name, MATCH_ANY, priority);
        }
        for name in [4, 1, 3, 2, 0] {
            assert_eq!(futex_wakeup(&crowd.here, 1), Ok(1));
            assert_eq!(crowd.back(1), [name]);
        }
    });
}

fn bitset() {
    let crowd = Crowd::default();
    thread::scope(|scope| {
        for (name, bits) in [(0, 0b0001), (1, 0b0010), (2, 0b0011), (3, 1 << 31), (4, MATCH_ANY)] {
            crowd.join(scope, name, bits, 2);
        }
        assert_eq!(futex_wake_bitset(&crowd.here, 9, 0b0100), Ok(1));
        assert_eq!(crowd.back(1), [4]);
        assert_eq!(futex_wake_bitset(&crowd.here, 1, 0b0010), Ok(1));
        assert_eq!(crowd.back(1), [1]);
        assert_eq!(Call { val: 9, val3: 1 << 31, ..Call::of(op::WAKE_BITSET | PRIVATE, &crowd.here) }.make(), Ok(1));
        assert_eq!(crowd.back(1), [3]);
        // A wake without a bitset has every bit.
        assert_eq!(futex_wakeup(&crowd.here, 9), Ok(2));
    });
}

fn kinds() {
    let word = AtomicU32::new(0);
    let answer = Answer::default();
    thread::scope(|scope| {
        scope.spawn(|| answer.put(futex_wait(shared(&word), 0, None)));
        until_waiting(1);
        assert_eq!(futex_wakeup(&word, 9), Ok(0));
        assert_eq!(Call { val: 9, ..Call::of(op::WAKE | PRIVATE, &word) }.make(), Ok(0));
        assert_eq!(answer.get(), None);
        assert_eq!(Call { val: 9, ..Call::of(op::WAKE, &word) }.make(), Ok(1));
    });
    assert_eq!(answer.get(), Some(0));
}

fn requeue() {
    let crowd = Crowd::default();
    thread::scope(|scope| {
        crowd.gather(scope, 5);
        assert_eq!(futex_requeue(&crowd.here, 1, &crowd.there, 2), Ok(1));
        assert_eq!(crowd.back(1), [0]);
        assert_eq!(waiters(), 4);
        // Those who were moved: the longest waiting ones, and nobody finds them at the old word.
        assert_eq!(futex_wakeup(&crowd.there, 1), Ok(1));
        assert_eq!(crowd.back(1), [1]);
        assert_eq!(futex_wakeup(&crowd.here, 9), Ok(2));
        crowd.back(2);
        let back = Call { uaddr2: address(&crowd.here), val2: 9, ..Call::of(op::REQUEUE | PRIVATE, &crowd.there) };
        assert_eq!(back.make(), Ok(0), "nobody was woken");
        assert_eq!(futex_wakeup(&crowd.there, 9), Ok(0));
        assert_eq!(futex_wakeup(&crowd.here, 9), Ok(1));
    });
}

fn cmp_requeue() {
    let crowd = Crowd::default();
    thread::scope(|scope| {
        crowd.gather(scope, 5);
        crowd.here.store(7, Ordering::Release);
        assert_eq!(futex_cmp_requeue(&crowd.here, 1, &crowd.there, 9, 6), Err(Errno::EAGAIN));
        assert_eq!(waiters(), 5);
        assert_eq!(futex_cmp_requeue(&crowd.here, 1, &crowd.there, 2, 7), Ok(3));
        crowd.back(1);
        let rest = Call { val3: 7, uaddr2: address(&crowd.there), val2: 9, ..Call::of(op::CMP_REQUEUE | PRIVATE, &crowd.here) };
        assert_eq!(rest.make_in_c(9), 2);
        assert_eq!(futex_wakeup(&crowd.here, 9), Ok(0));
        assert_eq!(futex_wakeup(&crowd.there, 9), Ok(4));
    });
}

fn onto_itself() {
    let crowd = Crowd::default();
    thread::scope(|scope| {
        crowd.gather(scope, 3);
        assert_eq!(futex_cmp_requeue(&crowd.here, 1, &crowd.here, 9, 0), Ok(3));
        assert_eq!(crowd.back(1), [0]);
        assert_eq!(futex_requeue(&crowd.here, 0, &crowd.here, 9), Ok(0));
        assert_eq!(waiters(), 2);
        assert_eq!(crowd.dismiss(), 2);
    });
}

fn wake_op() {
    /// `val3`: a change by `operand`, then whether the old value is equal to `comparand`.
    const fn val3(change: u32, operand: u32, comparand: u32) -> u32 {
        change << 28 | operand << 12 | comparand
    }
    let crowd = Crowd::default();
    let other = AtomicU32::new(5);
    // Each by 3, in the order of their numbers.
    let changes = [(Change::Set, 3), (Change::Add, 8), (Change::Or, 7), (Change::AndNot, 4), (Change::Xor, 6)];
    for (number, (change, expected)) in (0..).zip(changes) {
        other.store(5, Ordering::Relaxed);
        let operation = Operation::new(change, 3, Question::Equal, 5);
        assert_eq!(Operation::parse(val3(number, 3, 5)), Ok(operation));
        assert_eq!(futex_wake_op(&crowd.here, 1, &other, 1, operation), Ok(0));
        assert_eq!(other.load(Ordering::Relaxed), expected);
    }
    let asked = AtomicU32::new(0);
    thread::scope(|scope| {
        crowd.gather(scope, 2);
        scope.spawn(|| assert_eq!(futex_wait(&asked, 0, None), Ok(())));
        until_waiting(3);
        let of = |comparand| Call {
            val: 1,
            uaddr2: address(&asked),
            val2: 9,
            val3: val3(1, 1, comparand),
            ..Call::of(op::WAKE_OP | PRIVATE, &crowd.here)
        };
        assert_eq!(of(9).make(), Ok(1), "the old value was 0");
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert_eq!(of(1).make_in_c(9), 2, "one of each");
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    });
}

fn untouched() {
    // A megabyte below this frame; main has eight.
    let here = 0_u8;
    let word = ((&raw const here) as usize - (1 << 20)) & !0xfff;
    for (page, flags) in [0, PRIVATE].into_iter().enumerate() {
        let call = Call { uaddr: word - page * 4096, val: 1, op: op::WAIT | flags, ..Call::default() };
        assert_eq!(call.make(), Err(Errno::EAGAIN));
    }
    let untouched = Call { uaddr2: word - 3 * 4096, val3: 5 << 12, ..Call::of(op::WAKE_OP | PRIVATE, &AtomicU32::new(0)) };
    assert_eq!(untouched.make(), Ok(0));
    assert_eq!(
        Call { uaddr: word - 3 * 4096, val: 5, op: op::WAIT, timeout: Some(TimeSpec::default()), ..Call::default() }.make(),
        Err(Errno::ETIMEDOUT)
    );
}
