//! Histories of locks that lend priority: simulated threads lock, unlock, wait for conditions, are late, change their own priority and end,
//! a step at a time; the end is several, with others' between them. After each step every word, every thread's priority and who waits for
//! what are those of the plain reference, which knows no lists: a priority is the highest of one's own and of those who wait for what one
//! holds.

mod plain;

use super::machine::Machine;
use plain::{Ending, Lock, Plain, Waiting};
use proptest::prelude::*;
use skete_abi::Errno;
use skete_abi::futex::{OWNER_DIED, WAITERS};
use skete_logic::futex::pi::Heirs;
use skete_logic::host::Host;
use skete_logic::thread::Thread;

const THREADS: usize = 4;
/// Words 0 to 2 are locks, word 3 is a condition's.
const LOCKS: usize = 3;
const CONDITION: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    Lock {
        lock: usize,
        ticks: Option<u32>,
    },
    Try {
        lock: usize,
    },
    Unlock {
        lock: usize,
    },
    /// Waits for the condition, to be moved to the lock.
    Condition {
        lock: usize,
        ticks: Option<u32>,
    },
    Move {
        lock: usize,
        nr: u32,
    },
    Base {
        priority: u8,
    },
    /// Begins to end; whether it marks what it holds first, as its robust list asks. Its next turns go on with that, whatever their steps
    /// are; then another begins in its record.
    End {
        marks: bool,
        priority: u8,
    },
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    let (lock, ticks, priority) = (0..LOCKS, prop::option::weighted(0.3, 1..4u32), 0..6u8);
    prop_oneof![
        8 => (lock.clone(), ticks.clone()).prop_map(|(lock, ticks)| Step::Lock { lock, ticks }),
        1 => lock.clone().prop_map(|lock| Step::Try { lock }),
        4 => lock.clone().prop_map(|lock| Step::Unlock { lock }),
        2 => (lock.clone(), ticks).prop_map(|(lock, ticks)| Step::Condition { lock, ticks }),
        2 => (lock, prop_oneof![Just(0), Just(1), Just(u32::MAX)]).prop_map(|(lock, nr)| Step::Move { lock, nr }),
        2 => priority.clone().prop_map(|priority| Step::Base { priority }),
        2 => (any::<bool>(), priority).prop_map(|(marks, priority)| Step::End { marks, priority }),
        2 => Just(Step::Tick),
    ]
}

/// A machine beside its reference.
struct History {
    machine: Machine,
    plain: Plain,
    now: u32,
}

fn thread(index: usize) -> Thread {
    Thread::new(u16::try_from(index).expect("a handful"))
}

impl History {
    fn new(base: [u8; THREADS]) -> Self {
        Self { machine: Machine::new(&base), plain: Plain::new(base), now: 0 }
    }

    fn tid(&self, index: usize) -> u32 {
        self.machine.tid(thread(index)).number()
    }

    fn run(&mut self, me: usize, step: Step) {
        let before = self.plain.priorities();
        if matches!(step, Step::Tick) {
            self.tick();
        } else if !self.plain.is_waiting(me) {
            self.machine.current.set(thread(me));
            match step {
                // The rest of its program is never run.
                _ if self.plain.ending[me].is_some() => self.go_on_ending(me),
                Step::Lock { lock, ticks } => self.lock(me, lock, ticks),
                Step::Try { lock } => self.attempt(me, lock),
                Step::Unlock { lock } => self.unlock(me, lock),
                Step::Condition { lock, ticks } => self.wait_for_condition(me, lock, ticks),
                Step::Move { lock, nr } => self.move_them(lock, nr),
                Step::Base { priority } => {
                    self.plain.base[me] = priority;
                    assert_eq!(self.machine.table.set_base_priority(&self.machine, self.machine.tid(thread(me)), priority), Ok(()));
                }
                Step::End { marks, priority } => self.end(me, marks, priority),
                Step::Tick => {}
            }
        }
        let after = self.plain.priorities();
        for waiting in self.plain.locks.iter_mut().flat_map(|lock| &mut lock.waiting) {
            waiting.is_unsure |= before[waiting.thread] != after[waiting.thread];
        }
        self.compare();
    }

    /// What the kernel answers to one who wants `lock`, unless it must wait.
    fn answer(&self, me: usize, lock: usize) -> Option<Result<bool, Errno>> {
        let Lock { holder, is_orphan, .. } = self.plain.locks[lock];
        match holder {
            _ if self.plain.is_free(lock) => Some(Ok(true)),
            Some(_) if is_orphan => Some(Err(Errno::ESRCH)),
            Some(holder) if holder == me => Some(Err(Errno::EDEADLK)),
            Some(_) | None => None,
        }
    }

    /// Somebody wanted to wait for `lock`. If its holder was gone, its end was awaited first, and the word still says that somebody waits.
    fn was_wanted(&mut self, lock: usize) {
        let Lock { holder, is_orphan, .. } = self.plain.locks[lock];
        let Some(holder) = holder.filter(|&holder| !is_orphan && !self.plain.is_free(lock) && self.plain.is_gone(holder)) else { return };
        assert!(!self.machine.is_gone(thread(holder)), "the end was not awaited");
        self.plain.locks[lock].word |= WAITERS;
        self.plain.begin_anew(holder);
    }

    fn take(&mut self, me: usize, lock: usize) {
        let tid = self.tid(me);
        let lock = &mut self.plain.locks[lock];
        (lock.holder, lock.word) = (Some(me), lock.word & OWNER_DIED | tid);
    }

    fn lock(&mut self, me: usize, lock: usize, ticks: Option<u32>) {
        // The program takes a free lock by itself.
        if self.machine.words[lock].get() == 0 {
            self.machine.words[lock].set(self.tid(me));
            return self.take(me, lock);
        }
        let entered = self.machine.table.enter_lock_pi(&self.machine, Machine::lock(lock));
        self.was_wanted(lock);
        match self.answer(me, lock) {
            Some(expected) => {
                assert_eq!(entered, expected);
                if expected == Ok(true) {
                    self.take(me, lock);
                }
            }
            None => {
                self.plain.locks[lock].word |= WAITERS;
                if self.plain.is_ring(me, lock) {
                    assert_eq!(entered, Err(Errno::EDEADLK));
                    self.plain.unsettle();
                } else {
                    assert_eq!(entered, Ok(false));
                    let waiting = self.plain.new_waiting(me);
                    self.plain.locks[lock].waiting.push(waiting);
                    self.plain.until[me] = ticks.map(|ticks| self.now + ticks);
                }
            }
        }
    }

    fn attempt(&mut self, me: usize, lock: usize) {
        let tried = self.machine.table.try_lock_pi(&self.machine, Machine::lock(lock));
        let expected = self.answer(me, lock).unwrap_or(Err(Errno::EAGAIN));
        assert_eq!(tried.map(|()| true), expected);
        if expected == Ok(true) {
            self.take(me, lock);
        }
    }

    fn unlock(&mut self, me: usize, lock: usize) {
        if self.machine.words[lock].get() == self.tid(me) {
            self.machine.words[lock].set(0);
            (self.plain.locks[lock].holder, self.plain.locks[lock].word) = (None, 0);
            return;
        }
        let unlocked = self.machine.table.unlock_pi(&self.machine, Machine::lock(lock));
        if self.plain.locks[lock].holder != Some(me) || self.plain.locks[lock].is_orphan {
            assert_eq!(unlocked, Err(Errno::EPERM));
        } else {
            assert_eq!(unlocked, Ok(()));
            let heirs = self.machine.unparked();
            assert!(heirs.len() <= 1);
            self.hand_over(lock, heirs.first().map(|heir| heir.index()), 0);
        }
    }

    /// `lock` went to `heir`, if there is one, with `died` in its word.
    fn hand_over(&mut self, lock: usize, heir: Option<usize>, died: u32) {
        let Some(heir) = heir else {
            assert!(self.plain.locks[lock].waiting.is_empty(), "handed to nobody");
            (self.plain.locks[lock].holder, self.plain.locks[lock].word) = (None, 0);
            return;
        };
        assert!(self.plain.may_inherit(lock, heir), "handed to the wrong one");
        self.plain.remove(heir);
        let tid = self.tid(heir);
        let lock = &mut self.plain.locks[lock];
        (lock.holder, lock.word) = (Some(heir), tid | died | if lock.waiting.is_empty() { 0 } else { WAITERS });
    }

    fn wait_for_condition(&mut self, me: usize, lock: usize, ticks: Option<u32>) {
        let entered = self.machine.table.enter_requeue_pi(&self.machine, Machine::key(CONDITION), Machine::lock(lock), || Ok(0), 0);
        assert_eq!(entered, Ok(()));
        let waiting = self.plain.new_waiting(me);
        self.plain.condition.push((waiting, lock));
        self.plain.until[me] = ticks.map(|ticks| self.now + ticks);
    }

    fn move_them(&mut self, lock: usize, nr: u32) {
        let moved = self.machine.table.cmp_requeue_pi(&self.machine, Machine::key(CONDITION), Machine::lock(lock), nr, || Ok(0), 0);
        let (mut expected, mut newcomers, mut woken) = (Ok(0), vec![], vec![]);
        while expected.is_ok_and(|count| count <= nr) {
            let first = self.plain.condition.iter().copied().min_by_key(|(w, _)| (u8::MAX - w.priority, w.turn));
            let Some((Waiting { thread: next, .. }, target)) = first else { break };
            if target == lock {
                self.was_wanted(lock);
            }
            let answer = if target == lock { self.answer(next, lock) } else { Some(Err(Errno::EINVAL)) };
            match answer {
                Some(Err(errno)) => {
                    expected = expected.and_then(|count| if count == 0 { Err(errno) } else { Ok(count) });
                    break;
                }
                Some(Ok(_)) => {
                    self.plain.remove(next);
                    self.take(next, lock);
                    woken.push(thread(next));
                }
                None => {
                    let until = self.plain.until[next];
                    self.plain.remove(next);
                    self.plain.until[next] = until;
                    let waiting = self.plain.new_waiting(next);
                    self.plain.locks[lock].waiting.push(waiting);
                    self.plain.locks[lock].word |= WAITERS;
                    newcomers.push(next);
                }
            }
            expected = expected.map(|count| count + 1);
        }
        assert_eq!(moved, expected);
        // Of several whom the chain leads back to, one may have been sent away in time for another.
        let unparked = self.machine.unparked();
        let sent_away: Vec<usize> = unparked.iter().filter(|thread| !woken.contains(thread)).map(|thread| thread.index()).collect();
        assert!(woken.iter().all(|thread| unparked.contains(thread)));
        for &away in &sent_away {
            assert!(newcomers.contains(&away) && self.plain.is_ring(away, lock), "sent away without need");
            self.plain.remove(away);
            self.plain.unsettle();
        }
        assert!(newcomers.iter().all(|&next| sent_away.contains(&next) || !self.plain.is_ring(next, lock)), "left in a ring");
    }

    fn end(&mut self, me: usize, marks: bool, priority: u8) {
        if marks {
            for lock in self.plain.held_by(me) {
                let word = &self.machine.words[lock];
                word.set(word.get() & WAITERS | OWNER_DIED);
            }
            self.plain.mark(me);
        }
        self.plain.ending[me] = Some((Ending::Leaves, priority));
    }

    /// The next step of one's end.
    fn go_on_ending(&mut self, me: usize) {
        let (tid, table) = (self.machine.tid(thread(me)), &self.machine.table);
        let (ending, priority) = self.plain.ending[me].expect("it ends");
        let next = match ending {
            Ending::Leaves => {
                let lender = self.machine.lender_left(tid).map(Thread::index);
                let is_known = |lender| self.plain.held_by(me).any(|lock| self.plain.may_inherit(lock, lender));
                match lender {
                    Some(lender) => assert!(is_known(lender), "it lends nothing"),
                    None => {
                        assert!(self.plain.held_by(me).all(|lock| self.plain.locks[lock].waiting.is_empty()), "it leaves one behind");
                        self.machine.has_gone(thread(me), priority);
                    }
                }
                lender.map_or(Ending::Gone, Ending::Found)
            }
            Ending::Found(lender) => {
                table.bequeath(&self.machine, tid, thread(lender));
                let heirs = self.machine.unparked();
                let lock = self.plain.lock_of(lender).filter(|&lock| self.plain.held_by(me).any(|held| held == lock));
                match (heirs.as_slice(), lock) {
                    ([heir], Some(lock)) if heir.index() == lender => self.hand_over(lock, Some(lender), OWNER_DIED),
                    (heirs, lock) => {
                        let line = |lock: usize| self.plain.locks[lock].waiting.iter();
                        let is_first = |lock| line(lock).all(|one| one.thread == lender || !self.plain.may_inherit(lock, one.thread));
                        assert!(heirs.is_empty() && !lock.is_some_and(is_first), "not handed over to the first");
                    }
                }
                Ending::Leaves
            }
            Ending::Gone => {
                self.machine.begin_anew(thread(me), priority);
                return self.plain.begin_anew(me);
            }
        };
        self.plain.ending[me] = Some((next, priority));
    }

    fn tick(&mut self) {
        self.now += 1;
        for late in 0..THREADS {
            if self.plain.until[late].is_some_and(|until| until <= self.now) {
                assert!(self.machine.table.withdraw_lock(&self.machine, thread(late)), "nobody has woken it");
                self.plain.remove(late);
            }
        }
    }

    fn compare(&self) {
        let words: Vec<u32> = self.machine.words.iter().map(|word| word.get()).collect();
        let expected: Vec<u32> = self.plain.locks.iter().map(|lock| lock.word).chain([0]).collect();
        assert_eq!(words, expected);
        let priorities: Vec<u8> = (0..THREADS).map(|index| self.machine.priority(thread(index))).collect();
        assert_eq!(priorities, self.plain.priorities());
        let waiting = (0..THREADS).filter(|&index| self.plain.is_waiting(index)).count();
        assert_eq!(self.machine.table.waiters() as usize, waiting);
        for index in 0..THREADS {
            let lock = self.plain.lock_of(index).or_else(|| self.plain.is_waiting(index).then_some(CONDITION));
            assert_eq!(self.machine.waiter(thread(index)).awaited(), lock.map(Machine::key));
            assert!(self.machine.table.is_in_place(&self.machine, thread(index)), "it is elsewhere than it says");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30_000, ..ProptestConfig::default() })]
    #[test]
    fn every_history_of_locks_is_one_of_the_plain_reference(
        base in prop::array::uniform4(0..6u8),
        steps in prop::collection::vec((0..THREADS, step()), 0..40),
    ) {
        let mut history = History::new(base);
        for (me, step) in steps {
            history.run(me, step);
        }
        // Whoever waits gives up, and nothing is left of what was lent.
        for late in 0..THREADS {
            let is_waiting = history.plain.is_waiting(late);
            prop_assert_eq!(history.machine.table.withdraw_lock(&history.machine, thread(late)), is_waiting);
            history.plain.remove(late);
            history.compare();
        }
        prop_assert_eq!(history.machine.table.waiters(), 0);
        let priorities: Vec<u8> = (0..THREADS).map(|index| history.machine.priority(thread(index))).collect();
        prop_assert_eq!(&priorities[..], &history.plain.base[..]);
    }
}
