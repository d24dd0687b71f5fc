//! A socket that takes connections: those that have begun, and those that nobody has accepted.
//!
//! smoltcp's listening socket is one connection's. Here one is taken when somebody begins to connect, and it is an end like any other from
//! then on; so one listener of a program's stands for as many of smoltcp's as its backlog says. When that is full, who wants to connect is
//! not answered, and tries again. But of connections that have only begun, one that is older than an honest handshake takes makes room: so
//! a flood of beginnings without ends is over when it is over.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use skete_abi::Errno;

/// The most connections that a listener keeps for its program.
pub const MOST: usize = 1024;

/// The connections of a listener.
pub struct Listener<A: Allocator> {
    backlog: usize,
    /// The ends of complete connections, the oldest at `first`: a ring of as many as the backlog.
    complete: Vec<u32, A>,
    first: usize,
    count: usize,
    /// How many have only begun.
    pub begun: usize,
}

/// What becomes of one who begins to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// There is room.
    Welcome,
    /// There is, once the oldest that has only begun is gone, if that is old enough.
    InPlaceOfTheOldest,
    /// None: not answered.
    Unanswered,
}

impl<A: Allocator> Listener<A> {
    /// A listener with room for `backlog` connections, one at least and [`MOST`] at most (`listen(2)`).
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(space: A, backlog: i32) -> Result<Self, Errno> {
        let backlog = usize::try_from(backlog).unwrap_or(0).clamp(1, MOST);
        let mut complete = Vec::new_in(space);
        complete.try_reserve_exact(backlog).map_err(|_| Errno::ENOMEM)?;
        complete.resize(backlog, 0);
        Ok(Self { backlog, complete, first: 0, count: 0, begun: 0 })
    }

    /// What becomes of one more.
    pub fn admission(&self) -> Admission {
        if self.count >= self.backlog {
            Admission::Unanswered
        } else if self.count + self.begun < self.backlog {
            Admission::Welcome
        } else {
            Admission::InPlaceOfTheOldest
        }
    }

    /// A connection that had begun is complete. False: there is no room for it.
    pub fn push(&mut self, end: u32) -> bool {
        if self.count >= self.backlog {
            return false;
        }
        let at = (self.first + self.count) % self.backlog;
        self.complete[at] = end;
        self.count += 1;
        true
    }

    /// The connection that has been complete for longest.
    pub fn pop(&mut self) -> Option<u32> {
        if self.count == 0 {
            return None;
        }
        let end = self.complete[self.first];
        self.first = (self.first + 1) % self.backlog;
        self.count -= 1;
        Some(end)
    }

    /// Whether a connection waits to be accepted.
    pub fn has_complete(&self) -> bool {
        self.count > 0
    }
}

#[cfg(test)]
mod tests {
    use allocator_api2::alloc::Global;

    use super::*;

    #[test]
    fn connections_are_accepted_in_the_order_in_which_they_were_complete() {
        let mut listener = Listener::new(Global, 2).expect("there is memory");
        assert!(listener.push(7) && listener.push(8) && !listener.push(9));
        assert_eq!(listener.admission(), Admission::Unanswered);
        assert_eq!(listener.pop(), Some(7));
        assert!(listener.push(10));
        assert_eq!([listener.pop(), listener.pop(), listener.pop()], [Some(8), Some(10), None]);
    }

    #[test]
    fn beginnings_make_room_for_one_another_and_complete_ones_for_nobody() {
        let mut listener = Listener::new(Global, 2).expect("there is memory");
        listener.begun = 1;
        assert_eq!(listener.admission(), Admission::Welcome);
        listener.begun = 2;
        assert_eq!(listener.admission(), Admission::InPlaceOfTheOldest);
        listener.begun = 1;
        assert!(listener.push(1));
        assert_eq!(listener.admission(), Admission::InPlaceOfTheOldest);
    }

    #[test]
    fn a_backlog_of_nothing_is_one() {
        for backlog in [0, -5] {
            let mut listener = Listener::new(Global, backlog).expect("there is memory");
            assert!(listener.push(1) && !listener.push(2));
        }
    }
}
