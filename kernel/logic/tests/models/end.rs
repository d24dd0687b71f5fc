//! Models of a thread's end: the word that it clears against one who joins, a robust lock against one who waits for it.

use super::machine::{Seat, Word, seats, shared_word};
use super::runner::Model;
use loom::thread;
use skete_abi::Errno;
use skete_abi::futex::{OWNER_DIED, WAITERS};
use skete_logic::futex::ANY;
use skete_logic::futex::robust::{Memory, let_go};
use skete_logic::mutant::Mutant;
use skete_logic::thread::{Thread, Tid};

pub const MODELS: &[Model] = &[
    Model {
        name: "end::who_joins_by_the_word_is_woken",
        body: join,
        mutants: &[Mutant::EndWakesFirst, Mutant::WakeWithoutFence, Mutant::WaitWithoutFence],
    },
    Model { name: "end::one_is_woken_by_whichever_name", body: names, mutants: &[Mutant::EndWakesByEachName] },
    Model {
        name: "end::nobody_waits_in_memory_of_another",
        body: memory,
        mutants: &[Mutant::BuriedWithoutFence, Mutant::WaitWithoutFence, Mutant::CompareOutsideTheLock],
    },
    Model {
        name: "end::who_waits_for_a_robust_lock_gets_it",
        body: robust,
        mutants: &[Mutant::RobustWithoutExchange, Mutant::WakeWithoutFence],
    },
];

/// The word is 1 while the thread lives.
fn join() {
    let [joiner, dying] = seats(2).try_into().ok().expect("two seats");
    dying.store(Word::A, 1);
    let joining = thread::spawn(move || {
        while joiner.load(Word::A) != 0 {
            let waited = joiner.wait_while(Word::A, 1, None);
            assert!(waited != Ok(()) || joiner.load(Word::A) == 0, "woken before the word was clear");
        }
    });
    dying.table().exit_wakeup(&dying, [Some(Word::A.key()), Some(Word::B.key())], || {
        dying.store(Word::A, 0);
        true
    });
    joining.join().expect("the joiner ends");
    assert_eq!(dying.table().waiters(), 0);
}

/// Two wait for the word, one by each of its names; the one who is served first may be gone by then.
fn names() {
    let [first, second, dying] = seats(3).try_into().ok().expect("three seats");
    first.enter(Word::A);
    second.enter(Word::B);
    let leaving = thread::spawn(move || first.withdraw());
    dying.table().exit_wakeup(&dying, [Some(Word::A.key()), Some(Word::B.key())], || true);
    let has_left = leaving.join().expect("the first ends");
    assert_eq!(second.withdraw(), !has_left, "one of the two is woken");
    assert_eq!(dying.table().waiters(), 0);
}

/// Word C says whether the memory of the shared word is there: 0 as long as it is.
fn memory() {
    let [waiter, ender] = seats(2).try_into().ok().expect("two seats");
    let here = shared_word();
    let waiting = thread::spawn(move || {
        let read = || if waiter.load(Word::C) == 0 { Ok(0) } else { Err(Errno::EFAULT) };
        waiter.table().wait(&waiter, here, ANY, None, read, 0)
    });
    ender.store(Word::C, 1);
    ender.table().bury(&ender, 1, |address| address == here.address());
    assert_eq!(ender.table().wake(&ender, here, 1, ANY), 0, "the next owner of the memory wakes one who waited there before");
    ender.interrupt(Thread::new(0));
    let waited = waiting.join().expect("the waiter ends");
    assert!(matches!(waited, Err(Errno::EFAULT | Errno::EINTR)));
    assert_eq!(ender.table().waiters(), 0);
}

const DYING: u32 = Tid::new(Thread::new(1), 1).number();
const ENTRY: u64 = 0x2000;

/// A list of one entry, whose word is A.
struct List<'a>(&'a Seat);

impl Memory for List<'_> {
    fn read_long(&self, address: u64) -> Option<u64> {
        const HEAD: u64 = 0x1000;
        match address {
            HEAD => Some(ENTRY),
            0x1008 => Some(8),
            0x1010 => Some(0),
            ENTRY => Some(HEAD),
            _ => None,
        }
    }

    fn read_word(&self, _address: u64) -> Option<u32> {
        Some(self.0.load(Word::A))
    }

    fn exchange(&self, _address: u64, expected: u32, new: u32) -> Option<u32> {
        Some(self.0.exchange(Word::A, expected, new))
    }

    fn wake_one(&self, _address: u64) {
        self.0.wake(Word::A, 1);
    }
}

fn robust() {
    let [waiter, dying] = seats(2).try_into().ok().expect("two seats");
    dying.store(Word::A, DYING);
    let waiting = thread::spawn(move || {
        // As a C library locks: says that it waits, then waits as long as the word says so.
        loop {
            let held = waiter.load(Word::A);
            if held & OWNER_DIED != 0 {
                return;
            }
            if waiter.exchange(Word::A, held, held | WAITERS) == held {
                let waited = waiter.wait_while(Word::A, held | WAITERS, None);
                assert!(matches!(waited, Ok(()) | Err(Errno::EAGAIN)));
            }
        }
    });
    let_go(&List(&dying), 0x1000, Tid::from_number(DYING).expect("it is a name"));
    waiting.join().expect("the waiter ends");
    assert_eq!(dying.table().waiters(), 0);
}
