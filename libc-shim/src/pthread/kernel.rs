//! What the locks ask of the kernel: futexes, the caller's name, its priority, its robust list. Whoever sleeps for a lock sleeps here.
#![allow(unsafe_code, reason = "a variable of each thread's own; the instruction that passes the turn")]

use core::arch::asm;
use core::time::Duration;

use skete::futex::{self, Deadline, Word};
use skete::thread;
use skete_abi::Errno;
use skete_sync::ceiling::Ceilings;
use skete_sync::futex::ANY;
use skete_sync::{AtomicU32, Clock, Ended, Futex, Moment, RobustEntry};

use super::robust;
use crate::signal;
use crate::thread::cancel;
use crate::thread::schedule::level;

/// The kernel, as the calling thread sees it.
#[derive(Clone, Copy, Debug)]
pub struct Kernel;

/// The ceilings of the mutexes that the calling thread holds.
#[thread_local]
static CEILINGS: Ceilings = Ceilings::new();

/// How many turns of a loop that waits pass before the core is given to another thread.
const TURNS: u32 = 64;

#[inline]
fn until(moment: Option<Moment>) -> Option<Deadline> {
    moment.map(|Moment { clock, ns }| match clock {
        Clock::Realtime => Deadline::Realtime(Duration::from_nanos(ns)),
        Clock::Monotonic => Deadline::Monotonic(Duration::from_nanos(ns)),
    })
}

#[cold]
fn wait_until(word: &AtomicU32, expected: u32, bits: u32, moment: Option<Moment>) -> Result<(), Errno> {
    futex::futex_wait_bitset(word, expected, until(moment), bits)
}

#[cold]
fn wait_movable_until(word: &AtomicU32, expected: u32, moment: Option<Moment>) -> (Result<(), Errno>, bool) {
    futex::futex_wait_movable(word, expected, until(moment))
}

/// How a wait ended that was a cancellation point; `None`: it was not begun, for the thread is to be cancelled.
#[inline]
fn ended(waited: Result<(Result<(), Errno>, bool), Errno>, moved: Ended) -> Ended {
    match waited {
        Ok((Ok(()), true)) => moved,
        Ok((_, true)) => Ended::Moved,
        Ok((Ok(()), false)) => Ended::Woken,
        Ok((Err(Errno::ETIMEDOUT), false)) => Ended::Late,
        Ok((Err(Errno::EINTR), false)) | Err(_) => Ended::Interrupted,
        Ok((Err(_), false)) => Ended::Changed,
    }
}

impl Futex for Kernel {
    #[inline(always)]
    fn tid(&self) -> u32 {
        thread::tid()
    }

    #[inline]
    fn wait(&self, word: &AtomicU32, expected: u32, bits: u32, moment: Option<Moment>) -> Result<(), Errno> {
        let waited = match moment {
            None if bits == ANY => futex::futex_wait_for_ever(word, expected),
            _ => wait_until(word, expected, bits, moment),
        };
        if waited == Err(Errno::EINTR) {
            signal::while_locking();
        }
        waited
    }

    #[inline]
    fn wake(&self, word: &AtomicU32, most: u32, bits: u32) -> u32 {
        futex::futex_wake_bitset(word, most, bits).unwrap_or(0)
    }

    #[inline]
    fn wait_movable(&self, word: &AtomicU32, expected: u32, moment: Option<Moment>) -> Ended {
        let wait = || match moment {
            None => futex::futex_wait_movable(word, expected, None),
            Some(_) => wait_movable_until(word, expected, moment),
        };
        ended(cancel::while_waiting(|| Ok(wait())), Ended::Moved)
    }

    fn move_all(&self, from: &AtomicU32, expected: u32, to: usize) -> Result<u32, Errno> {
        // SAFETY: neither a requeue nor a wake writes it.
        let to = unsafe { Word::at(to) };
        let moved = futex::futex_cmp_requeue(from, 0, to, i32::MAX.cast_unsigned(), expected)?;
        if moved > 0 {
            let _ = futex::futex_wakeup(to, 1);
        }
        Ok(moved)
    }

    fn lock_pi(&self, word: &AtomicU32, moment: Option<Moment>) -> Result<(), Errno> {
        futex::futex_lock_pi(word, until(moment))
    }

    fn try_lock_pi(&self, word: &AtomicU32) -> Result<(), Errno> {
        futex::futex_trylock_pi(word)
    }

    fn unlock_pi(&self, word: &AtomicU32) -> Result<(), Errno> {
        futex::futex_unlock_pi(word)
    }

    fn wait_movable_pi(&self, word: &AtomicU32, expected: u32, moment: Option<Moment>, lock: &AtomicU32) -> Ended {
        ended(cancel::while_waiting(|| Ok(futex::futex_wait_movable_pi(word, expected, until(moment), lock))), Ended::Holds)
    }

    fn move_pi(&self, from: &AtomicU32, expected: u32, lock: usize, others: u32) -> Result<u32, Errno> {
        // SAFETY: the word of the mutex that the waiters asked for.
        futex::futex_cmp_requeue_pi(from, unsafe { Word::at(lock) }, others, expected)
    }

    fn raise(&self, ceiling: u8) -> Result<(), Errno> {
        let before = thread::base_priority();
        let base = CEILINGS.raise(level(ceiling), before)?;
        if base == before { Ok(()) } else { thread::set_priority(base) }
    }

    fn lower(&self, ceiling: u8) {
        let base = CEILINGS.lower(level(ceiling));
        if base != thread::base_priority() {
            // A priority that the thread had, or a ceiling.
            let _ = thread::set_priority(base);
        }
    }

    fn begin_robust(&self, entry: &RobustEntry, lends: bool) {
        robust::begin(entry, lends);
    }

    fn end_robust(&self) {
        robust::end();
    }

    fn list(&self, entry: &RobustEntry, lends: bool) {
        robust::list(entry, lends);
    }

    fn unlist(&self, entry: &RobustEntry) {
        robust::unlist(entry);
    }

    fn spin(&self, turn: u32) {
        if turn % TURNS == 0 {
            // The holder may wait for this core.
            skete::calls::threads::sys_yield();
            signal::point();
        } else {
            // SAFETY: a hint.
            unsafe { asm!("yield", options(nomem, nostack, preserves_flags)) };
        }
    }
}
