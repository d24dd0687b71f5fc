//! Models of futaphores: P and V against each other, against deadlines, against a free.

use super::machine::{Seat, Word, seats};
use super::runner::Model;
use loom::sync::Arc;
use loom::thread;
use skete_abi::Errno;
use skete_cell::Guarded;
use skete_cell::atomic::AtomicU64;
use skete_logic::futaphore::{Machine, Page, Slot};
use skete_logic::futex::{ANY, Key};
use skete_logic::host::Host;
use skete_logic::mutant::Mutant;
use skete_logic::time::Instant;

pub const MODELS: &[Model] = &[
    Model {
        name: "futaphore::a_v_that_comes_while_p_goes_to_sleep_is_not_lost",
        body: p_and_v,
        mutants: &[
            Mutant::FutaphoreMovedInTwoSteps,
            Mutant::FutaphoreNotCheckedAgain,
            Mutant::FutaphoreInUseForgotten,
            Mutant::NoticeDroppedBehindTheQueueing,
        ],
    },
    Model {
        name: "futaphore::two_vs_let_two_ps_go",
        body: two_and_two,
        mutants: &[Mutant::FutaphoreClearedEarly, Mutant::FutaphoreNotCheckedAgain],
    },
    Model {
        name: "futaphore::what_happened_before_v_is_seen_after_p",
        body: exclusion,
        mutants: &[Mutant::FutaphoreMovedRelaxed, Mutant::FutaphoreMovedInTwoSteps],
    },
    Model {
        name: "futaphore::one_who_is_late_leaves_the_others_and_their_bit",
        body: late_and_waiting,
        mutants: &[Mutant::FutaphoreClearedByTheLate],
    },
    Model {
        name: "futaphore::one_who_is_interrupted_takes_what_v_gives_and_is_interrupted_next",
        body: interrupted_against_v,
        mutants: &[Mutant::FutaphoreInterruptionDropped, Mutant::InterruptionTakenByThePark],
    },
    Model {
        name: "futaphore::one_who_attends_to_an_interruption_is_not_said_to_wait",
        body: interrupted_and_away,
        mutants: &[Mutant::FutaphoreLeftByTheInterrupted],
    },
    Model {
        name: "futaphore::one_who_waits_learns_of_the_free",
        body: free_and_p,
        mutants: &[Mutant::FutaphoreWokenBeforeFreed, Mutant::FutaphoreNotCheckedAgain],
    },
    Model {
        name: "futaphore::a_slot_made_again_passes_nobody_who_came_before",
        body: made_again,
        mutants: &[Mutant::FutaphoreLifeForgotten],
    },
    Model {
        name: "futaphore::two_who_make_one_get_two",
        body: two_makers,
        mutants: &[Mutant::FutaphoreInUseForgotten, Mutant::FutaphoreTableUnguarded],
    },
];

/// The page as one of the machine's threads sees it: the guard, and two slots.
#[derive(Clone)]
struct Desk {
    page: Arc<Page<3>>,
    seat: Seat,
}

fn desks<const N: usize>() -> [Desk; N] {
    let page = Arc::new(Page::new());
    let count = N.try_into().expect("a handful");
    let desks = seats(count).into_iter().map(|seat| Desk { page: page.clone(), seat }).collect::<Vec<_>>();
    desks.try_into().ok().expect("as many")
}

impl Desk {
    fn make(&self, count: u32) -> usize {
        self.page.make(self, count).expect("a slot is free")
    }

    fn slot(&self, number: usize) -> &Slot {
        self.page.slot(number).expect("the number was given")
    }

    fn p(&self, number: usize) -> Result<(), Errno> {
        self.slot(number).p(self)
    }

    fn v(&self, number: usize) -> Result<(), Errno> {
        self.slot(number).v(self)
    }

    /// A futaphore at rest: this count, and a V that need not ask who waits.
    fn assert_rest(&self, number: usize, count: u32) {
        assert_eq!(self.slot(number).value(), Ok(count));
        assert_eq!(self.seat.table().waiters(), 0);
        let quiet = Known { desk: self, may_enter: false, attends_at: None };
        assert_eq!(self.slot(number).v(&quiet), Ok(()), "nobody is said to wait");
    }

    /// The same key in every run: the word's place in its page.
    fn key(&self, word: &AtomicU64) -> Key {
        let start = Arc::as_ptr(&self.page) as u64;
        Key::new(0x1000 + (core::ptr::from_ref(word) as u64 - start), false)
    }
}

impl Machine for Desk {
    fn enter(&self) {}

    fn keep_interruption(&self) {
        Host::keep_interruption(&self.seat);
    }

    fn wait(&self, word: &AtomicU64, deadline: Option<Instant>, must_wait: impl Fn() -> bool) -> Result<(), Errno> {
        self.seat.table().wait_while(&self.seat, self.key(word), deadline, must_wait)
    }

    fn wake_one(&self, word: &AtomicU64, decide: impl FnOnce(u32) -> bool) {
        self.seat.table().wake_decided(&self.seat, self.key(word), decide);
    }

    fn wake_lone(&self, word: &AtomicU64, decide: impl FnOnce() -> bool) -> bool {
        self.seat.table().wake_lone(&self.seat, self.key(word), decide)
    }

    fn wake_all(&self, word: &AtomicU64) {
        self.seat.table().wake(&self.seat, self.key(word), u32::MAX, ANY);
    }
}

/// A desk's machine, of whose kernel more is known.
struct Known<'a> {
    desk: &'a Desk,
    /// Whether it may be entered.
    may_enter: bool,
    /// Its thread attends to an interruption of its P of this futaphore, for which it is the only one to wait.
    attends_at: Option<usize>,
}

impl Machine for Known<'_> {
    fn enter(&self) {
        assert!(self.may_enter, "the kernel is entered although nobody waits");
    }

    /// It might not come back from that.
    fn attend(&self) -> bool {
        let is_awaited = |number| self.desk.slot(number).state().is_awaited();
        assert!(!self.attends_at.is_some_and(is_awaited), "the only one who waited is away");
        self.attends_at.is_some()
    }

    fn keep_interruption(&self) {
        assert!(self.attends_at.is_none(), "it was attended to");
        self.desk.keep_interruption();
    }

    fn wait(&self, word: &AtomicU64, deadline: Option<Instant>, must_wait: impl Fn() -> bool) -> Result<(), Errno> {
        self.desk.wait(word, deadline, must_wait)
    }

    fn wake_one(&self, word: &AtomicU64, decide: impl FnOnce(u32) -> bool) {
        self.desk.wake_one(word, decide);
    }

    fn wake_lone(&self, word: &AtomicU64, decide: impl FnOnce() -> bool) -> bool {
        self.desk.wake_lone(word, decide)
    }

    fn wake_all(&self, word: &AtomicU64) {
        self.desk.wake_all(word);
    }
}

fn p_and_v() {
    let [waiter, waker] = desks();
    let futaphore = waker.make(0);
    let waiting = thread::spawn(move || waiter.p(futaphore));
    assert_eq!(waker.v(futaphore), Ok(()));
    assert_eq!(waiting.join().expect("the waiter ends"), Ok(()));
    waker.assert_rest(futaphore, 0);
}

fn two_and_two() {
    let [one, other, waker] = desks();
    let futaphore = waker.make(0);
    let waiting = [one, other].map(|desk| thread::spawn(move || desk.p(futaphore)));
    assert_eq!([waker.v(futaphore), waker.v(futaphore)], [Ok(()); 2]);
    for thread in waiting {
        assert_eq!(thread.join().expect("a waiter ends"), Ok(()));
    }
    waker.assert_rest(futaphore, 0);
}

fn exclusion() {
    let [one, other] = desks();
    let futaphore = one.make(1);
    let sum = Arc::new(Guarded::new(0));
    let add = move |desk: &Desk, sum: &Guarded<u32>| {
        assert_eq!(desk.p(futaphore), Ok(()));
        sum.with_mut(|sum| *sum += 1);
        assert_eq!(desk.v(futaphore), Ok(()));
    };
    let shared = sum.clone();
    let adding = thread::spawn(move || add(&other, &shared));
    add(&one, &sum);
    adding.join().expect("the other ends");
    assert_eq!(one.p(futaphore), Ok(()));
    assert_eq!(sum.get(), 2);
    one.assert_rest(futaphore, 0);
}

fn late_and_waiting() {
    let [late, waiting, waker] = desks();
    let futaphore = waker.make(0);
    let hurried = thread::spawn(move || late.slot(futaphore).p_until(&late, || Instant::ZERO));
    let patient = thread::spawn(move || waiting.p(futaphore));
    assert_eq!(waker.v(futaphore), Ok(()));
    let outcome = hurried.join().expect("the late one ends");
    if outcome == Ok(()) {
        assert_eq!(waker.v(futaphore), Ok(()));
    } else {
        assert_eq!(outcome, Err(Errno::ETIMEDOUT));
    }
    assert_eq!(patient.join().expect("the patient one ends"), Ok(()));
    waker.assert_rest(futaphore, 0);
}

fn interrupted_against_v() {
    let [waiter, other, waker] = desks();
    let futaphore = waker.make(0);
    let me = waiter.seat.current();
    let waiting = thread::spawn(move || {
        let taken = waiter.p(futaphore);
        // Nobody wakes this one.
        (taken, waiter.seat.wait(Word::A, None))
    });
    let interrupting = thread::spawn(move || other.seat.interrupt(me));
    assert_eq!(waker.v(futaphore), Ok(()));
    interrupting.join().expect("the other ends");
    assert_eq!(waiting.join().expect("the waiter ends"), (Ok(()), Err(Errno::EINTR)));
    waker.assert_rest(futaphore, 0);
}

fn interrupted_and_away() {
    let [waiter, other] = desks();
    let futaphore = other.make(0);
    let me = waiter.seat.current();
    let waiting = thread::spawn(move || {
        let attentive = Known { desk: &waiter, may_enter: true, attends_at: Some(futaphore) };
        waiter.slot(futaphore).p(&attentive)
    });
    other.seat.interrupt(me);
    assert_eq!(other.v(futaphore), Ok(()));
    assert_eq!(waiting.join().expect("the waiter ends"), Ok(()));
    other.assert_rest(futaphore, 0);
}

fn free_and_p() {
    let [waiter, other] = desks();
    let futaphore = other.make(0);
    let waiting = thread::spawn(move || waiter.p(futaphore));
    assert_eq!(other.page.free(&other, futaphore), Ok(()));
    let waited = waiting.join().expect("the waiter ends");
    assert!(waited == Err(Errno::EIDRM) || waited == Err(Errno::EINVAL), "{waited:?}");
    assert_eq!(other.page.free(&other, futaphore), Err(Errno::EINVAL));
    assert_eq!((other.seat.table().waiters(), other.page.count()), (0, 0));
}

fn made_again() {
    let [waiter, other] = desks();
    let futaphore = other.make(0);
    // The waiter has looked, and has not done anything yet.
    let seen = waiter.slot(futaphore).state();
    let waiting = thread::spawn(move || waiter.slot(futaphore).p_since(&waiter, seen));
    assert_eq!(other.page.free(&other, futaphore), Ok(()));
    assert_eq!(other.make(1), futaphore);
    assert_eq!(waiting.join().expect("the waiter ends"), Err(Errno::EIDRM));
    other.assert_rest(futaphore, 1);
}

fn two_makers() {
    let [one, other] = desks();
    let making = thread::spawn(move || one.page.make(&one, 0));
    let mine = other.page.make(&other, 0);
    let theirs = making.join().expect("the other ends");
    assert!(mine.is_ok() && theirs.is_ok() && mine != theirs, "{mine:?} and {theirs:?}");
    assert_eq!(other.page.make(&other, 0), Err(Errno::ENOSPC));
    assert_eq!(other.page.count(), 2);
}
