//! The sockets' numbers. A number carries a generation: one that was closed is never another socket's.

use core::sync::atomic::{AtomicU32, Ordering};

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use skete_abi::Errno;

use crate::one;
use crate::socket::{Family, Kind, Signals, Socket};

/// The bits of a number that say the place; the others are the generation.
const PLACE_BITS: u32 = 16;
const PLACE: u32 = (1 << PLACE_BITS) - 1;

struct Slot<A: Allocator> {
    generation: u16,
    signals: &'static Signals,
    socket: Option<Socket<A>>,
}

/// All sockets. Inside the stack a socket is known by its place; programs' calls have its number.
pub struct Table<A: Allocator> {
    space: A,
    slots: Vec<Slot<A>, A>,
    free: Vec<u32, A>,
}

impl<A: Allocator + Clone + 'static> Table<A> {
    /// No socket.
    pub fn new(space: A) -> Self {
        Self { slots: Vec::new_in(space.clone()), free: Vec::new_in(space.clone()), space }
    }

    /// Opens a socket; its number.
    ///
    /// # Errors
    /// `ENFILE`: there are as many as numbers. `ENOMEM`.
    pub fn open(&mut self, family: Family, kind: Kind<A>) -> Result<u32, Errno> {
        let place = match self.free.pop() {
            Some(place) => place,
            None => self.grow()?,
        };
        let slot = self.slots.get_mut(place as usize).ok_or(Errno::ENFILE)?;
        slot.socket = Some(Socket::new(family, kind, slot.signals));
        Ok(u32::from(slot.generation) << PLACE_BITS | place)
    }

    fn grow(&mut self) -> Result<u32, Errno> {
        let place = u32::try_from(self.slots.len()).ok().filter(|place| *place < PLACE).ok_or(Errno::ENFILE)?;
        // Room for all to come back, so that closing never wants memory.
        self.free.try_reserve(self.slots.len() + 1).map_err(|_| Errno::ENOMEM)?;
        self.slots.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        let signals = one(self.space.clone(), Signals { read: AtomicU32::new(0), write: AtomicU32::new(0) });
        let signals = signals.and_then(|one| one.leak().first()).ok_or(Errno::ENOMEM)?;
        self.slots.push(Slot { generation: 0, signals, socket: None });
        Ok(place)
    }

    /// The place that a number means.
    ///
    /// # Errors
    /// `EBADF`: the socket was closed.
    pub fn place(&self, number: u32) -> Result<u32, Errno> {
        let slot = self.slots.get((number & PLACE) as usize).filter(|slot| slot.socket.is_some());
        slot.filter(|slot| u32::from(slot.generation) == number >> PLACE_BITS).map(|_| number & PLACE).ok_or(Errno::EBADF)
    }

    /// The socket at a place.
    ///
    /// # Errors
    /// `EBADF`: there is none.
    pub fn at(&mut self, place: u32) -> Result<&mut Socket<A>, Errno> {
        self.slots.get_mut(place as usize).and_then(|slot| slot.socket.as_mut()).ok_or(Errno::EBADF)
    }

    /// The socket at a place, to be read.
    pub fn peek(&self, place: u32) -> Option<&Socket<A>> {
        self.slots.get(place as usize).and_then(|slot| slot.socket.as_ref())
    }

    /// Ends a socket's number; what it was. Whoever waits for it looks again, and finds it gone.
    pub fn close(&mut self, place: u32) -> Option<Socket<A>> {
        let slot = self.slots.get_mut(place as usize)?;
        let socket = slot.socket.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        slot.signals.read.fetch_add(1, Ordering::Relaxed);
        slot.signals.write.fetch_add(1, Ordering::Relaxed);
        self.free.push(place);
        Some(socket)
    }

    /// How many places there are: sockets are at those below.
    #[must_use]
    pub fn places(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(PLACE)
    }

    /// How many sockets are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use allocator_api2::alloc::Global;

    use super::*;
    use crate::socket::Stream;

    #[test]
    fn a_closed_number_is_nobodys_though_its_place_is_taken_again() {
        let mut table = Table::new(Global);
        let first = table.open(Family::V4, Kind::Stream(Stream::Idle)).expect("there is room");
        let place = table.place(first).expect("it is open");
        let seen = table.at(place).expect("it is open").signals.seen();
        assert!(table.close(place).is_some());
        assert_eq!(table.place(first), Err(Errno::EBADF));
        let second = table.open(Family::V6, Kind::Stream(Stream::Idle)).expect("there is room");
        assert_ne!(first, second);
        assert_eq!(table.place(second), Ok(place));
        assert_ne!(table.at(place).expect("it is open").signals.seen(), seen, "whoever waited looks again");
    }
}
