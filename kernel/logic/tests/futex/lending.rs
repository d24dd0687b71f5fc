//! Histories of locks that lend priority: simulated threads lock, unlock, wait for conditions, are late, change their own priority and end,
//! a step at a time. After each step every word, every thread's priority and who waits for what are those of the plain reference, which
//! knows no lists: a priority is the highest of one's own and of those who wait for what one holds.

use super::machine::Machine;
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
    /// Ends; whether it marks what it holds first, as its robust list asks. Another begins in its record.
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
        1 => (any::<bool>(), priority).prop_map(|(marks, priority)| Step::End { marks, priority }),
        2 => Just(Step::Tick),
    ]
}

/// Who waits, as the reference knows it.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    thread: usize,
    turn: u64,
    /// As it was when it began to wait.
    priority: u8,
    /// Whether its place among its equals is not known any more: its priority changed since.
    is_unsure: bool,
}

#[derive(Clone, Debug, Default)]
struct Lock {
    holder: Option<usize>,
    /// Of a holder that ended without a waiter, the word still has the name.
    is_orphan: bool,
    waiting: Vec<Waiting>,
    word: u32,
}

#[derive(Debug)]
struct Plain {
    base: [u8; THREADS],
    locks: [Lock; LOCKS],
    /// Who waits for the condition, to be moved where.
    condition: Vec<(Waiting, usize)>,
    until: [Option<u32>; THREADS],
    turn: u64,
}

impl Plain {
    fn priorities(&self) -> [u8; THREADS] {
        let mut priorities = self.base;
        for _ in 0..THREADS {
            for lock in &self.locks {
                if let Some(holder) = lock.holder.filter(|_| !lock.is_orphan) {
                    let lent = lock.waiting.iter().map(|waiting| priorities[waiting.thread]).max();
                    priorities[holder] = priorities[holder].max(lent.unwrap_or(0));
                }
            }
        }
        priorities
    }

    fn lock_of(&self, thread: usize) -> Option<usize> {
        self.locks.iter().position(|lock| lock.waiting.iter().any(|waiting| waiting.thread == thread))
    }

    fn is_waiting(&self, thread: usize) -> bool {
        self.lock_of(thread).is_some() || self.condition.iter().any(|(waiting, _)| waiting.thread == thread)
    }

    /// Whether one who waits for `lock` would wait for itself.
    fn is_ring(&self, thread: usize, lock: usize) -> bool {
        let mut holder = self.locks[lock].holder;
        for _ in 0..=THREADS {
            match holder {
                Some(holder) if holder == thread => return true,
                Some(other) => holder = self.lock_of(other).and_then(|lock| self.locks[lock].holder),
                None => return false,
            }
        }
        false
    }

    fn new_waiting(&mut self, thread: usize) -> Waiting {
        self.turn += 1;
        Waiting { thread, turn: self.turn, priority: self.priorities()[thread], is_unsure: false }
    }

    /// Whether `heir` may be the one to whom `lock` is handed.
    fn may_inherit(&self, lock: usize, heir: usize) -> bool {
        let priorities = self.priorities();
        let line = &self.locks[lock].waiting;
        let Some(mine) = line.iter().find(|waiting| waiting.thread == heir) else { return false };
        let is_before = |other: &Waiting| {
            let (its, my) = (priorities[other.thread], priorities[heir]);
            its > my || its == my && other.turn < mine.turn && !other.is_unsure && !mine.is_unsure
        };
        !line.iter().any(is_before)
    }

    fn remove(&mut self, thread: usize) {
        for lock in &mut self.locks {
            lock.waiting.retain(|waiting| waiting.thread != thread);
        }
        self.condition.retain(|(waiting, _)| waiting.thread != thread);
        self.until[thread] = None;
    }

    /// Everyone's place among equals may have changed.
    fn unsettle(&mut self) {
        self.locks.iter_mut().flat_map(|lock| &mut lock.waiting).for_each(|waiting| waiting.is_unsure = true);
    }
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
        let plain = Plain { base, locks: Default::default(), condition: vec![], until: [None; THREADS], turn: 0 };
        Self { machine: Machine::new(&base), plain, now: 0 }
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
            None => Some(Ok(true)),
            Some(_) if is_orphan => Some(Err(Errno::ESRCH)),
            Some(holder) if holder == me => Some(Err(Errno::EDEADLK)),
            Some(_) => None,
        }
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
        for lock in 0..LOCKS {
            if marks && self.plain.locks[lock].holder == Some(me) && !self.plain.locks[lock].is_orphan {
                let word = self.machine.words[lock].get() & WAITERS | OWNER_DIED;
                self.machine.words[lock].set(word);
                self.plain.locks[lock].word = word;
                if self.plain.locks[lock].waiting.is_empty() {
                    self.plain.locks[lock].holder = None;
                }
            }
        }
        self.machine.replace(thread(me), priority);
        let heirs = self.machine.unparked();
        for lock in 0..LOCKS {
            if self.plain.locks[lock].holder == Some(me) && !self.plain.locks[lock].is_orphan {
                if self.plain.locks[lock].waiting.is_empty() {
                    self.plain.locks[lock].is_orphan = true;
                    continue;
                }
                let heir = heirs.iter().find(|heir| self.plain.lock_of(heir.index()) == Some(lock)).expect("it is handed over");
                self.hand_over(lock, Some(heir.index()), OWNER_DIED);
            }
        }
        self.plain.base[me] = priority;
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
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30_000, max_shrink_iters: 20_000, ..ProptestConfig::default() })]
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
