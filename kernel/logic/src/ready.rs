//! One core's ready threads behind their lock, and what the other cores see of them without it.
//!
//! Who queues a thread learns, under that lock, how urgent the thread is to what the core runs; and a core that idled begins to run
//! under it. So of the two one is first: either the core finds the thread when it begins, or the one who queues finds the core
//! running. [`crate::placement`] builds on that.

use crate::host::RawLock;
use crate::mutant::{self, Mutant};
use crate::run_queue::{Links, RunQueue};
use crate::thread::Thread;
use skete_cell::Guarded;
use skete_cell::atomic::{AtomicI32, AtomicU16, AtomicU32, Ordering};

/// What a core runs, seen from a thread that was queued there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Runs {
    /// Nothing: it looks at its queue before it sleeps, or must be woken.
    Nothing,
    /// A less urgent one, which must give way.
    Less,
    /// An equal.
    Equal,
    /// A more urgent one.
    More,
}

/// Where a thread is queued, kept in its record.
///
/// | bits | meaning |
/// |---|---|
/// | 0–7 | the core whose queue holds it, plus one; 0: none |
/// | 8–15 | the priority that it is queued at |
///
/// Written under the lock of the queue that holds the thread or takes it in. So a core that finds its own number here, holding its lock,
/// knows that the thread is in its queue, and in which line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Home(pub u16);

impl Home {
    /// In no queue.
    pub const NONE: Self = Self(0);

    #[inline(always)]
    const fn new(name: u8, priority: u8) -> Self {
        Self(name as u16 | (priority as u16) << 8)
    }

    const fn priority_on(self, name: u8) -> Option<u8> {
        let [core, priority] = self.0.to_le_bytes();
        if core == name { Some(priority) } else { None }
    }
}

/// The table of thread records, as far as the cores' queues know it.
pub trait Homes: Links {
    /// The [`Home`] in the record of `thread`, which is never [`Thread::NONE`].
    fn home(&self, thread: Thread) -> &AtomicU16;
}

/// One core's ready threads.
#[derive(Debug)]
pub struct Ready<L> {
    lock: L,
    /// Guarded by `lock`.
    queue: Guarded<RunQueue>,
    /// How many are queued; written under `lock`, read by anybody.
    count: AtomicU32,
    /// The running thread's priority; below all of them while idle. Written by this core alone.
    running: AtomicI32,
    /// The core's number plus one: its name in a [`Home`].
    name: u8,
}

/// Nothing runs.
const IDLE: i32 = -2;
/// Something is about to run; what, the queue decides.
const BEGINS: i32 = -1;

impl<L: RawLock> Ready<L> {
    skete_cell::constructor! {
        /// Nothing ready on core `core`, which idles.
        pub fn new(core: u8, lock: L) -> Self {
            Self { lock, queue: Guarded::new(RunQueue::new()), count: AtomicU32::new(0), running: AtomicI32::new(IDLE), name: core + 1 }
        }
    }

    /// How many threads are queued: a look without the lock.
    #[inline(always)]
    pub fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    /// What there is to do here: queued threads and the running one.
    #[inline]
    pub fn load(&self) -> usize {
        self.count() as usize + usize::from(!self.is_idle())
    }

    /// Whether nothing runs here.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.running.load(Ordering::Relaxed) == IDLE
    }

    /// The core goes idle: nothing was ready. It is to look at all queues once more.
    #[inline]
    pub fn idle(&self) {
        self.running.store(IDLE, Ordering::Relaxed);
    }

    /// The core begins to run something of its queue; how many are queued. Whoever queues from now on does not find it idle.
    pub fn begin(&self) -> usize {
        if mutant::is(Mutant::BegunOutsideTheLock) {
            let count = self.change(|queue| queue.len());
            self.running.store(BEGINS, Ordering::Relaxed);
            return count;
        }
        self.change(|queue| {
            self.running.store(BEGINS, Ordering::Relaxed);
            queue.len()
        })
    }

    /// The running thread's priority changed.
    #[inline]
    pub fn set_running(&self, priority: u8) {
        self.running.store(priority.into(), Ordering::Relaxed);
    }

    /// Queues `thread` behind its equals. `priority` is asked under the lock: whoever changes it looks at every queue afterwards.
    #[inline(always)]
    pub fn push_back<K: Homes>(&self, links: &K, thread: Thread, priority: impl FnOnce() -> u8) -> Runs {
        let (priority, running) = self.change(|queue| {
            let priority = priority();
            queue.push_back(links, thread, priority);
            self.take_in(links, queue, thread, priority);
            (priority, self.running.load(Ordering::Relaxed))
        });
        Runs::seen_from(priority, running)
    }

    /// Queues the running `thread` before its equals: it gives way with time left in its slice.
    #[inline]
    pub fn push_front<K: Homes>(&self, links: &K, thread: Thread, priority: impl FnOnce() -> u8) {
        self.change(|queue| {
            let priority = priority();
            queue.push_front(links, thread, priority);
            self.take_in(links, queue, thread, priority);
        });
    }

    /// Takes the thread that should run now. `run` is told of it, and whether it was the last, under the lock: what it writes is seen by
    /// whoever queues another.
    #[inline(always)]
    pub fn pop<K: Homes, R>(&self, links: &K, run: impl FnOnce(Thread, bool) -> R) -> Option<R> {
        self.change(|queue| self.take_first(links, queue, run))
    }

    /// Queues the running `thread` behind its equals and takes the one that should run now, as [`pop`](Self::pop) does.
    #[inline(always)]
    pub fn rotate<K: Homes, R>(
        &self,
        links: &K,
        thread: Thread,
        priority: impl FnOnce() -> u8,
        run: impl FnOnce(Thread, bool) -> R,
    ) -> Option<R> {
        self.change(|queue| {
            let priority = priority();
            queue.push_back(links, thread, priority);
            self.take_in(links, queue, thread, priority);
            self.take_first(links, queue, run)
        })
    }

    /// Tells `look` the priority of the thread that [`pop`](Self::pop) would take, under the lock: what it writes is seen by whoever queues
    /// another.
    #[inline]
    pub fn look<R>(&self, look: impl FnOnce(Option<u8>) -> R) -> R {
        self.lock.locked(|| look(self.queue.with(RunQueue::top_priority)))
    }

    /// Takes a thread for another core: of those that `may` run there the one that waits longest at the highest priority.
    pub fn steal<K: Homes>(&self, links: &K, may: impl Fn(Thread) -> bool) -> Option<Thread> {
        self.change(|queue| {
            let stolen = queue.steal(links, may)?;
            self.tell(queue);
            links.home(stolen).store(Home::NONE.0, Ordering::Relaxed);
            Some(stolen)
        })
    }

    /// Queues `thread` anew, if it is in this queue: its priority changed. `None`: it is not.
    pub fn requeue<K: Homes>(&self, links: &K, thread: Thread, priority: impl FnOnce() -> u8) -> Option<Runs> {
        self.change(|queue| {
            let old = Home(links.home(thread).load(Ordering::Relaxed)).priority_on(self.name)?;
            queue.remove(links, thread, old);
            let priority = priority();
            queue.push_back(links, thread, priority);
            self.take_in(links, queue, thread, priority);
            Some(Runs::seen_from(priority, self.running.load(Ordering::Relaxed)))
        })
    }

    /// Changes the queue under its lock.
    #[inline(always)]
    fn change<R>(&self, change: impl FnOnce(&mut RunQueue) -> R) -> R {
        self.lock.locked(|| self.queue.with_mut(change))
    }

    /// Tells the queue's length: right behind each change, while it is at hand.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "no more than there are records")]
    fn tell(&self, queue: &RunQueue) {
        self.count.store(queue.len() as u32, Ordering::Relaxed);
    }

    #[inline(always)]
    fn take_in<K: Homes>(&self, links: &K, queue: &RunQueue, thread: Thread, priority: u8) {
        self.tell(queue);
        links.home(thread).store(Home::new(self.name, priority).0, Ordering::Relaxed);
    }

    #[inline(always)]
    fn take_first<K: Homes, R>(&self, links: &K, queue: &mut RunQueue, run: impl FnOnce(Thread, bool) -> R) -> Option<R> {
        let priority = queue.top_priority()?;
        let thread = queue.pop(links)?;
        self.tell(queue);
        links.home(thread).store(Home::NONE.0, Ordering::Relaxed);
        self.set_running(priority);
        Some(run(thread, queue.is_empty()))
    }
}

impl Runs {
    /// What runs, seen from a thread of `priority`, on a core whose [`Ready::running`] says so.
    #[inline(always)]
    fn seen_from(priority: u8, running: i32) -> Self {
        let priority = i32::from(priority);
        if running == priority {
            Self::Equal
        } else if running > priority {
            Self::More
        } else if running == IDLE {
            Self::Nothing
        } else {
            Self::Less
        }
    }
}
