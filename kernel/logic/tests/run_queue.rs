//! The run queue against a plain model: 32 `VecDeque`s.
#![cfg(not(loom))]

use proptest::prelude::*;
use skete_cell::Guarded;
use skete_logic::run_queue::{Link, Links, PRIORITIES, RunQueue};
use skete_logic::thread::Thread;
use std::collections::VecDeque;

struct Records(Vec<Guarded<Link>>);

impl Records {
    fn new(count: u16) -> Self {
        Self((0..count).map(|_| Guarded::new(Link::NONE)).collect())
    }
}

impl Links for Records {
    fn link(&self, thread: Thread) -> &Guarded<Link> {
        &self.0[thread.index()]
    }
}

const THREADS: u16 = 12;

#[derive(Clone, Debug)]
enum Step {
    PushBack(u16, u8),
    PushFront(u16, u8),
    Pop,
    Remove(u16),
    StealOdd,
}

fn step() -> impl Strategy<Value = Step> {
    let priority = prop_oneof![Just(0u8), Just(2), Just(2), Just(31), 0..PRIORITIES];
    let thread = 0..THREADS;
    prop_oneof![
        4 => (thread.clone(), priority.clone()).prop_map(|(t, p)| Step::PushBack(t, p)),
        2 => (thread.clone(), priority).prop_map(|(t, p)| Step::PushFront(t, p)),
        3 => Just(Step::Pop),
        2 => thread.prop_map(Step::Remove),
        1 => Just(Step::StealOdd),
    ]
}

/// What the run queue is documented to do, done plainly.
#[derive(Default)]
struct Plain {
    lines: [VecDeque<u16>; PRIORITIES as usize],
}

impl Plain {
    fn place(&self, thread: u16) -> Option<(usize, usize)> {
        let (priority, line) = (self.lines.iter().enumerate()).find(|(_, l)| l.contains(&thread))?;
        Some((priority, line.iter().position(|&t| t == thread)?))
    }

    fn take_first(&mut self, allowed: impl Fn(u16) -> bool) -> Option<u16> {
        let all = (0..self.lines.len()).rev().flat_map(|p| self.lines[p].iter().copied());
        let thread = all.into_iter().find(|&t| allowed(t))?;
        self.remove(thread);
        Some(thread)
    }

    fn remove(&mut self, thread: u16) -> Option<u8> {
        let (priority, position) = self.place(thread)?;
        self.lines[priority].remove(position);
        u8::try_from(priority).ok()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn a_run_queue_behaves_like_a_line_per_priority(steps in prop::collection::vec(step(), 1..80)) {
        let (records, mut queue, mut plain) = (Records::new(THREADS), RunQueue::new(), Plain::default());
        for step in steps {
            match step {
                Step::PushBack(thread, priority) if plain.place(thread).is_none() => {
                    queue.push_back(&records, Thread::new(thread), priority);
                    plain.lines[usize::from(priority)].push_back(thread);
                }
                Step::PushFront(thread, priority) if plain.place(thread).is_none() => {
                    queue.push_front(&records, Thread::new(thread), priority);
                    plain.lines[usize::from(priority)].push_front(thread);
                }
                Step::PushBack(..) | Step::PushFront(..) => {}
                Step::Pop => {
                    prop_assert_eq!(queue.pop(&records), plain.take_first(|_| true).map(Thread::new));
                }
                Step::Remove(thread) => {
                    if let Some(priority) = plain.remove(thread) {
                        queue.remove(&records, Thread::new(thread), priority);
                    }
                }
                Step::StealOdd => {
                    let stolen = queue.steal(&records, |t| t.index() % 2 == 1);
                    prop_assert_eq!(stolen, plain.take_first(|t| t % 2 == 1).map(Thread::new));
                }
            }
            prop_assert_eq!(queue.len(), plain.lines.iter().map(VecDeque::len).sum::<usize>());
            let top = plain.lines.iter().rposition(|line| !line.is_empty());
            prop_assert_eq!(queue.top_priority().map(usize::from), top);
            prop_assert_eq!(queue.is_empty(), top.is_none());
        }
    }
}

#[test]
fn the_highest_priority_runs_first_and_equals_take_turns() {
    let (records, mut queue) = (Records::new(4), RunQueue::new());
    let [a, b, c, d] = [0, 1, 2, 3].map(Thread::new);
    queue.push_back(&records, a, 2);
    queue.push_back(&records, b, 2);
    queue.push_back(&records, c, 31);
    queue.push_front(&records, d, 2);
    let order = std::iter::from_fn(|| queue.pop(&records)).collect::<Vec<_>>();
    assert_eq!(order, [c, d, a, b]);
}

#[test]
fn a_thief_takes_the_oldest_of_the_highest_that_it_may_run() {
    let (records, mut queue) = (Records::new(4), RunQueue::new());
    let [a, b, c, d] = [0, 1, 2, 3].map(Thread::new);
    for (thread, priority) in [(a, 2), (b, 2), (c, 9), (d, 0)] {
        queue.push_back(&records, thread, priority);
    }
    assert_eq!(queue.steal(&records, |t| t != c), Some(a));
    assert_eq!(queue.steal(&records, |_| true), Some(c));
    assert_eq!(queue.steal(&records, |t| t == a), None);
    assert_eq!(queue.len(), 2);
}
