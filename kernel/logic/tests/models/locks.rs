//! Models of the textbooks' locks, from the file that `testmutex` runs, over the futex table: which of them loses a wake-up.

use super::machine::{Seat, Word, seats};
use super::runner::Model;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use skete_logic::futex::ANY;
use skete_logic::mutant::{self, Mutant};

#[path = "../../../../apps/testmutex/src/locks.rs"]
#[allow(dead_code, reason = "a file shared with the program")]
mod locks;

use locks::{Lock, MaybeFlag, TestAndSet, ThreeState};

pub const MODELS: &[Model] = &[
    Model { name: "locks::test_and_set_loses_no_wake_up", body: test_and_set, mutants: &[Mutant::LockWakesFirst] },
    Model { name: "locks::the_maybe_flag_loses_no_wake_up_unless_as_published", body: maybe_flag, mutants: &[Mutant::LockFlagAsPublished] },
    Model { name: "locks::three_states_lose_no_wake_up", body: three_state, mutants: &[Mutant::LockSleeperForgetsOthers] },
];

/// A word of the machine as one thread names it.
struct Named(Seat, Word);

impl locks::Word for Named {
    fn load(&self) -> u32 {
        self.0.word(self.1).load(Ordering::Acquire)
    }

    fn swap(&self, value: u32) -> u32 {
        self.0.word(self.1).swap(value, Ordering::AcqRel)
    }

    fn exchange(&self, expected: u32, new: u32) -> bool {
        self.0.word(self.1).compare_exchange(expected, new, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn wait(&self, expected: u32) {
        // A changed word is as good as a wake.
        let _ = self.0.table().wait(&self.0, self.1.key(), ANY, None, || Ok(self.0.load(self.1)), expected);
    }

    fn wake(&self) {
        self.0.wake(self.1, 1);
    }
}

/// Three threads each go once through the lock that `lock_of` makes of a seat: none sleeps for ever, none is inside with another.
fn pass<L: Lock + 'static>(lock_of: fn(&Seat) -> L) {
    let inside = Arc::new(AtomicU32::new(0));
    let [one, other, third] = seats(3).try_into().ok().expect("three seats");
    let run = move |seat: Seat, inside: Arc<AtomicU32>| {
        let lock = lock_of(&seat);
        lock.lock();
        // Not atomic together: another thread inside would be overwritten.
        inside.store(inside.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        lock.unlock();
    };
    let threads = [one, other].map(|seat| {
        let inside = inside.clone();
        thread::spawn(move || run(seat, inside))
    });
    let machine = third.clone();
    run(third, inside.clone());
    for thread in threads {
        thread.join().expect("it gets in and out");
    }
    assert_eq!(inside.load(Ordering::Relaxed), 3);
    assert_eq!(machine.table().waiters(), 0);
}

fn named(seat: &Seat, word: Word) -> Named {
    Named(seat.clone(), word)
}

fn test_and_set() {
    if mutant::is(Mutant::LockWakesFirst) {
        pass(|seat| TestAndSet::<_, true>(named(seat, Word::A)));
    } else {
        pass(|seat| TestAndSet::<_, false>(named(seat, Word::A)));
    }
}

fn maybe_flag() {
    if mutant::is(Mutant::LockFlagAsPublished) {
        pass(|seat| MaybeFlag::<_, true> { held: named(seat, Word::A), maybe: named(seat, Word::B) });
    } else {
        pass(|seat| MaybeFlag::<_, false> { held: named(seat, Word::A), maybe: named(seat, Word::B) });
    }
}

fn three_state() {
    if mutant::is(Mutant::LockSleeperForgetsOthers) {
        pass(|seat| ThreeState::<_, 1>(named(seat, Word::A)));
    } else {
        pass(|seat| ThreeState::<_, 2>(named(seat, Word::A)));
    }
}
