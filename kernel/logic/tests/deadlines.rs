//! Deadlines against a plain model: an ordered set.
#![cfg(not(loom))]

use allocator_api2::alloc::{Allocator, Global};
use allocator_api2::vec::Vec as Room;
use proptest::prelude::*;
use skete_cell::Guarded;
use skete_logic::deadlines::{Deadlines, Entry, Place, Places};
use skete_logic::thread::Thread;
use skete_logic::time::Instant;
use std::collections::BTreeSet;

const THREADS: u16 = 40;

struct Records(Vec<Guarded<Place>>);

impl Records {
    fn new() -> Self {
        Self((0..THREADS).map(|_| Guarded::new(Place::NONE)).collect())
    }
}

impl Places for Records {
    fn place(&self, thread: Thread) -> &Guarded<Place> {
        &self.0[thread.index()]
    }
}

/// Room for every thread's deadline.
fn room<A: Allocator>(memory: A) -> Room<Entry, A> {
    Room::with_capacity_in(THREADS.into(), memory)
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, u64),
    Remove(u16),
    Expire(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..THREADS, 0u64..60).prop_map(|(t, at)| Step::Insert(t, at)),
        3 => (0..THREADS).prop_map(Step::Remove),
        1 => (0u64..60).prop_map(Step::Expire),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn deadlines_expire_in_order_and_leave_at_once(steps in prop::collection::vec(step(), 1..200)) {
        let records = Records::new();
        let mut deadlines = Deadlines::new(room(Global));
        let mut plain = BTreeSet::<(Instant, Thread)>::new();
        for step in steps {
            let earliest = plain.first().map(|&(at, _)| at);
            match step {
                Step::Insert(thread, at) => {
                    let (thread, at) = (Thread::new(thread), Instant::from_ns(at));
                    plain.retain(|&(_, t)| t != thread);
                    plain.insert((at, thread));
                    let changed = deadlines.insert(&records, thread, at);
                    prop_assert_eq!(changed, plain.first().map(|&(at, _)| at) != earliest);
                }
                Step::Remove(thread) => {
                    let thread = Thread::new(thread);
                    let count = plain.len();
                    plain.retain(|&(_, t)| t != thread);
                    prop_assert_eq!(deadlines.remove(&records, thread), plain.len() < count);
                }
                Step::Expire(now) => {
                    let now = Instant::from_ns(now);
                    while let Some(thread) = deadlines.pop_expired(&records, now) {
                        prop_assert_eq!(plain.pop_first().map(|(_, t)| t), Some(thread));
                    }
                    prop_assert!(plain.first().is_none_or(|&(at, _)| at > now));
                }
            }
            prop_assert_eq!(deadlines.earliest(), plain.first().map(|&(at, _)| at));
            prop_assert_eq!(deadlines.len(), plain.len());
            for thread in (0..THREADS).map(Thread::new) {
                let set = records.place(thread).get().is_set();
                prop_assert_eq!(set, plain.iter().any(|&(_, t)| t == thread));
            }
        }
    }
}

#[test]
fn a_deadline_is_never_early() {
    let (records, mut deadlines) = (Records::new(), Deadlines::new(room(Global)));
    let thread = Thread::new(3);
    assert!(deadlines.insert(&records, thread, Instant::from_ns(1000)));
    assert_eq!(deadlines.pop_expired(&records, Instant::from_ns(999)), None);
    assert_eq!(deadlines.pop_expired(&records, Instant::from_ns(1000)), Some(thread));
    assert!(deadlines.is_empty());
}

#[test]
fn the_same_deadline_set_again_moves() {
    let (records, mut deadlines) = (Records::new(), Deadlines::new(room(Global)));
    let [a, b] = [0, 1].map(Thread::new);
    deadlines.insert(&records, a, Instant::from_ns(10));
    assert!(!deadlines.insert(&records, b, Instant::from_ns(20)));
    assert!(deadlines.insert(&records, a, Instant::from_ns(30)));
    assert_eq!(deadlines.earliest(), Some(Instant::from_ns(20)));
    assert_eq!(deadlines.len(), 2);
}
