//! A counter that can be waited for: eventfd(2).

use skete_abi::Errno;

/// The highest count.
const MOST: u64 = u64::MAX - 1;

/// The counter behind an eventfd.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    count: u64,
    /// How often it was added to or taken from.
    changes: u32,
    /// A read takes one instead of all.
    is_semaphore: bool,
}

impl Event {
    /// A counter that stands at `count`.
    #[must_use]
    pub const fn new(count: u64, is_semaphore: bool) -> Self {
        Self { count, changes: 0, is_semaphore }
    }

    /// Another number after each [`Event::take`] and [`Event::add`].
    #[must_use]
    pub const fn changes(&self) -> u32 {
        self.changes
    }

    /// Whether [`Event::take`] would find something.
    #[must_use]
    pub const fn is_readable(&self) -> bool {
        self.count > 0
    }

    /// Whether one more can be added.
    #[must_use]
    pub const fn is_writable(&self) -> bool {
        self.count < MOST
    }

    /// Takes the count, or one of it.
    ///
    /// # Errors
    /// `EAGAIN` at zero.
    pub const fn take(&mut self) -> Result<u64, Errno> {
        if self.count == 0 {
            return Err(Errno::EAGAIN);
        }
        let taken = if self.is_semaphore { 1 } else { self.count };
        self.count -= taken;
        self.changes = self.changes.wrapping_add(1);
        Ok(taken)
    }

    /// Adds `more`.
    ///
    /// # Errors
    /// `EAGAIN` if the sum is too high for now, `EINVAL` if `more` alone is.
    pub const fn add(&mut self, more: u64) -> Result<(), Errno> {
        if more > MOST {
            return Err(Errno::EINVAL);
        }
        if more > MOST - self.count {
            return Err(Errno::EAGAIN);
        }
        self.count += more;
        self.changes = self.changes.wrapping_add(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_takes_all_and_of_a_semaphore_one() {
        let mut event = Event::new(3, false);
        assert_eq!((event.take(), event.take()), (Ok(3), Err(Errno::EAGAIN)));
        let mut semaphore = Event::new(2, true);
        assert_eq!([semaphore.take(), semaphore.take(), semaphore.take()], [Ok(1), Ok(1), Err(Errno::EAGAIN)]);
        assert!(!semaphore.is_readable());
    }

    #[test]
    fn whatever_happens_to_it_is_counted() {
        let mut event = Event::new(0, false);
        let seen =
            [event.changes(), event.add(1).map(|()| event.changes()).unwrap_or(0), event.take().map(|_| event.changes()).unwrap_or(0)];
        assert!(seen[0] != seen[1] && seen[1] != seen[2]);
        assert_eq!(event.take().map_err(|_| event.changes()), Err(seen[2]));
    }

    #[test]
    fn the_highest_count_is_one_below_all_ones() {
        let mut event = Event::new(0, false);
        assert_eq!(event.add(u64::MAX), Err(Errno::EINVAL));
        assert_eq!(event.add(u64::MAX - 1), Ok(()));
        assert!(!event.is_writable());
        assert_eq!(event.add(1), Err(Errno::EAGAIN));
        assert_eq!(event.add(0), Ok(()));
    }
}
