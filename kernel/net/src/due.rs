//! What must be looked at when: connections that send again, names that are asked for, leases that end.
//!
//! The deadlines are [`skete_logic`]'s, a heap in memory that is taken once; what is due is known by a number.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use skete_cell::Guarded;
use skete_logic::deadlines::{Deadlines, Place, Places};
use skete_logic::thread::Thread;
use skete_logic::time::Instant as Moment;
use smoltcp::time::Instant;

/// The deadlines, each under its number.
pub struct Due<A: Allocator> {
    deadlines: Deadlines<A>,
    places: Row<A>,
}

struct Row<A: Allocator>(Vec<Guarded<Place>, A>);

impl<A: Allocator> Places for Row<A> {
    fn place(&self, thread: Thread) -> &Guarded<Place> {
        &self.0[thread.index()]
    }
}

impl<A: Allocator + Clone> Due<A> {
    /// Nothing is due, and room for the numbers below `count`; none, if there is no memory.
    pub fn new(space: A, count: u16) -> Option<Self> {
        let (mut room, mut places) = (Vec::new_in(space.clone()), Vec::new_in(space));
        room.try_reserve_exact(count.into()).ok()?;
        places.try_reserve_exact(count.into()).ok()?;
        places.extend((0..count).map(|_| Guarded::new(Place::NONE)));
        Some(Self { deadlines: Deadlines::new(room), places: Row(places) })
    }

    /// `number` is due at `at`, or never.
    pub fn set(&mut self, number: u16, at: Option<Instant>) {
        if usize::from(number) >= self.places.0.len() {
            return;
        }
        let thread = Thread::new(number);
        match at {
            Some(at) => _ = self.deadlines.insert(&self.places, thread, moment(at)),
            None => _ = self.deadlines.remove(&self.places, thread),
        }
    }

    /// Takes a number that is due, the earliest first.
    pub fn take(&mut self, now: Instant) -> Option<u16> {
        let thread = self.deadlines.pop_expired(&self.places, moment(now))?;
        u16::try_from(thread.index()).ok()
    }

    /// When something is due next.
    pub fn earliest(&self) -> Option<Instant> {
        let us = self.deadlines.earliest()?.as_ns() / 1000;
        Some(Instant::from_micros(i64::try_from(us).unwrap_or(i64::MAX)))
    }
}

fn moment(at: Instant) -> Moment {
    Moment::from_ns(u64::try_from(at.total_micros()).unwrap_or(0).saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use allocator_api2::alloc::Global;

    use super::*;

    #[test]
    fn the_earliest_comes_first_and_what_was_moved_comes_once() {
        let mut due = Due::new(Global, 4).expect("there is memory");
        let at = Instant::from_millis;
        for (number, moment) in [(0, 30), (1, 10), (2, 20), (3, 40)] {
            due.set(number, Some(at(moment)));
        }
        due.set(0, Some(at(5)));
        due.set(2, None);
        due.set(9, Some(at(1)));
        assert_eq!(due.earliest(), Some(at(5)));
        assert_eq!([due.take(at(20)), due.take(at(20)), due.take(at(20))], [Some(0), Some(1), None]);
        assert_eq!(due.earliest(), Some(at(40)));
    }
}
