//! The signals that were sent and not yet taken, in the order in which they came.
//!
//! Of an ordinary signal one is pending for each receiver at most, of a real-time signal any number, as long as there is room. The lowest
//! number is taken first, of one number the oldest, and what was sent to the thread before what was sent to the program.

use skete_abi::Errno;

use crate::set::{Set, Signal};

/// To whom a signal was sent: a thread by a number that names no other, or [`PROGRAM`].
pub type Receiver = usize;

/// Whichever thread does not mask it.
pub const PROGRAM: Receiver = 0;

/// A signal with what its handler is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Which.
    pub signal: Signal,
    /// `si_code`: who sent it, and how.
    pub code: i32,
    /// `si_value`.
    pub value: u64,
    /// The timer whose it is; `None`: a thread's.
    pub timer: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    to: Receiver,
    info: Info,
}

/// All zero, as a table without any is.
const NONE: Entry = Entry { to: PROGRAM, info: Info { signal: Signal::NOBODYS, code: 0, value: 0, timer: None } };

/// Room that real-time signals leave for the others.
const LEFT_FREE: usize = 64;

/// At most `N` signals.
#[derive(Debug)]
pub struct Queue<const N: usize> {
    entries: [Entry; N],
    count: usize,
}

impl<const N: usize> Queue<N> {
    /// Without any.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: [NONE; N], count: 0 }
    }

    /// How many are pending.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries[..self.count].iter()
    }

    /// Puts one in. An ordinary signal that is pending already stays as it is.
    ///
    /// # Errors
    /// `EAGAIN`: there is no room.
    pub fn put(&mut self, to: Receiver, info: Info) -> Result<(), Errno> {
        if !info.signal.is_queued() && self.pending_for(to).has(info.signal) {
            return Ok(());
        }
        let room = if info.signal.is_queued() { N.saturating_sub(LEFT_FREE) } else { N };
        if self.count >= room {
            return Err(Errno::EAGAIN);
        }
        self.entries[self.count] = Entry { to, info };
        self.count += 1;
        Ok(())
    }

    /// What is pending for exactly this receiver.
    #[must_use]
    #[inline(never)]
    pub fn pending_for(&self, to: Receiver) -> Set {
        self.all().filter(|entry| entry.to == to).fold(Set::NONE, |set, entry| set.and(Set::of(entry.info.signal)))
    }

    /// What `thread` could take: its own, and the program's.
    #[must_use]
    pub fn pending(&self, thread: Receiver) -> Set {
        self.pending_for(thread).and(self.pending_for(PROGRAM))
    }

    /// Takes the next of `wanted` for `thread`, if any is pending.
    pub fn take(&mut self, thread: Receiver, wanted: Set) -> Option<Info> {
        let order = |(place, entry): &(usize, &Entry)| (entry.info.signal.number(), entry.to == PROGRAM, *place);
        let is_wanted = |(_, entry): &(usize, &Entry)| (entry.to == thread || entry.to == PROGRAM) && wanted.has(entry.info.signal);
        let (place, entry) = self.all().enumerate().filter(is_wanted).min_by_key(order)?;
        let info = entry.info;
        self.remove(place);
        Some(info)
    }

    #[inline(never)]
    fn remove(&mut self, place: usize) {
        self.entries.copy_within(place + 1..self.count, place);
        self.count -= 1;
    }

    /// Drops what `is_dropped` says, telling `dropped` of each.
    fn drop_if(&mut self, is_dropped: impl Fn(&Entry) -> bool, mut dropped: impl FnMut(Info)) {
        let mut place = 0;
        while place < self.count {
            let entry = self.entries[place];
            if is_dropped(&entry) {
                self.remove(place);
                dropped(entry.info);
            } else {
                place += 1;
            }
        }
    }

    /// Drops every signal of `signals`, whoever was to take it.
    pub fn discard(&mut self, signals: Set, dropped: impl FnMut(Info)) {
        self.drop_if(|entry| signals.has(entry.info.signal), dropped);
    }

    /// Drops what was sent to `thread`, which ends.
    pub fn forget(&mut self, thread: Receiver, dropped: impl FnMut(Info)) {
        self.drop_if(|entry| entry.to == thread, dropped);
    }

    /// Drops the signal of timer `timer`.
    pub fn forget_timer(&mut self, timer: u8) {
        self.drop_if(|entry| entry.info.timer == Some(timer), |_| {});
    }
}

impl<const N: usize> Default for Queue<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(number: i32, value: u64) -> Info {
        Info { signal: Signal::new(number).expect("a signal"), code: 0, value, timer: None }
    }

    fn values(queue: &mut Queue<80>, thread: Receiver) -> [u64; 4] {
        core::array::from_fn(|_| queue.take(thread, Set::ALL).map_or(0, |info| info.value))
    }

    #[test]
    fn the_lowest_number_goes_first_and_of_one_number_the_oldest() {
        let mut queue = Queue::<80>::new();
        for (number, value) in [(40, 1), (35, 2), (40, 3), (35, 4)] {
            assert_eq!(queue.put(PROGRAM, info(number, value)), Ok(()));
        }
        assert_eq!(values(&mut queue, 7), [2, 4, 1, 3]);
        assert_eq!(queue.count(), 0);
    }

    #[test]
    fn an_ordinary_signal_is_pending_once_for_each_receiver() {
        let mut queue = Queue::<80>::new();
        for (to, value) in [(PROGRAM, 1), (PROGRAM, 2), (7, 3), (8, 4)] {
            assert_eq!(queue.put(to, info(10, value)), Ok(()));
        }
        assert_eq!(values(&mut queue, 7), [3, 1, 0, 0]);
        assert_eq!(values(&mut queue, 8), [4, 0, 0, 0]);
    }

    #[test]
    fn real_time_signals_leave_room_for_the_others() {
        let mut queue = Queue::<80>::new();
        let taken = (0..80).filter(|value| queue.put(PROGRAM, info(35, *value)).is_ok()).count();
        assert_eq!(taken, 80 - LEFT_FREE);
        assert_eq!(queue.put(PROGRAM, info(10, 1)), Ok(()));
        assert_eq!(queue.put(PROGRAM, info(35, 1)), Err(Errno::EAGAIN));
    }

    #[test]
    fn only_what_is_wanted_is_taken_and_only_ones_own() {
        let mut queue = Queue::<80>::new();
        assert_eq!(queue.put(8, info(10, 1)), Ok(()));
        assert_eq!(queue.put(PROGRAM, info(12, 2)), Ok(()));
        assert_eq!(queue.take(7, Set::of(Signal::ALARM)), None);
        assert_eq!(queue.pending(7), Set::of(info(12, 0).signal));
        assert_eq!(values(&mut queue, 7), [2, 0, 0, 0]);
        assert_eq!(queue.count(), 1);
    }

    #[test]
    fn what_is_ignored_or_was_for_one_who_ended_is_dropped() {
        let mut queue = Queue::<80>::new();
        for (to, number) in [(7, 10), (8, 10), (PROGRAM, 10), (7, 12), (PROGRAM, 40)] {
            assert_eq!(queue.put(to, Info { timer: (number == 40).then_some(3), ..info(number, 1) }), Ok(()));
        }
        let mut dropped = 0;
        queue.discard(Set::of(info(10, 0).signal), |_| dropped += 1);
        queue.forget(7, |_| dropped += 1);
        assert_eq!((dropped, queue.count()), (4, 1));
        queue.forget_timer(3);
        assert_eq!(queue.count(), 0);
    }
}
