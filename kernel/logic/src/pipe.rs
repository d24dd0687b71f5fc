//! Bytes on their way from those who write to those who read: pipe(2).

use allocator_api2::alloc::Allocator;
use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;
use core::mem::MaybeUninit;

use skete_abi::Errno;

/// How many bytes are on their way at most.
pub const ROOM: usize = 64 << 10;
/// A write of up to this many is not mixed with others (POSIX PIPE_BUF, as Linux has it).
pub const WHOLE: usize = 4 << 10;

/// An end of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Where bytes come out.
    Read,
    /// Where they go in.
    Write,
}

/// A pipe: a ring of bytes, and which of its ends are open.
pub struct Pipe<A: Allocator> {
    ring: Box<[u8], A>,
    /// Where the first byte is.
    first: usize,
    count: usize,
    is_read: bool,
    is_written: bool,
}

impl<A: Allocator> Pipe<A> {
    /// An empty one with both ends open, whose ring is in `space`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(space: A) -> Result<Self, Errno> {
        let mut ring = Vec::new_in(space);
        ring.try_reserve_exact(ROOM).map_err(|_| Errno::ENOMEM)?;
        ring.resize(ROOM, 0);
        Ok(Self { ring: ring.into_boxed_slice(), first: 0, count: 0, is_read: true, is_written: true })
    }

    /// Whether a read would not wait: there are bytes, or none will come.
    #[must_use]
    pub const fn is_readable(&self) -> bool {
        self.count > 0 || !self.is_written
    }

    /// Whether a write of up to [`WHOLE`] bytes would not wait.
    #[must_use]
    pub const fn is_writable(&self) -> bool {
        ROOM - self.count >= WHOLE || !self.is_read
    }

    /// Whether this end is open.
    #[must_use]
    pub const fn is_open(&self, end: End) -> bool {
        match end {
            End::Read => self.is_read,
            End::Write => self.is_written,
        }
    }

    /// Closes an end; whether both are closed now.
    pub const fn close(&mut self, end: End) -> bool {
        match end {
            End::Read => self.is_read = false,
            End::Write => self.is_written = false,
        }
        !self.is_read && !self.is_written
    }

    /// Takes the bytes that came first; how many. 0: none will come.
    ///
    /// # Errors
    /// `EAGAIN`: none are there.
    pub fn read(&mut self, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        if self.count == 0 && self.is_written && !into.is_empty() {
            return Err(Errno::EAGAIN);
        }
        let taken = self.look(0, into);
        self.pass(taken);
        Ok(taken)
    }

    /// Copies the bytes behind the first `skipped`, which stay; how many.
    pub fn look(&self, skipped: usize, into: &mut [MaybeUninit<u8>]) -> usize {
        let seen = into.len().min(self.count.saturating_sub(skipped));
        let (straight, round) = self.parts((self.first + skipped) % ROOM, seen);
        let (into_straight, into_round) = into[..seen].split_at_mut(straight.len());
        into_straight.write_copy_of_slice(&self.ring[straight]);
        into_round.write_copy_of_slice(&self.ring[round]);
        seen
    }

    /// Drops the first `count` bytes.
    pub fn pass(&mut self, count: usize) {
        let passed = count.min(self.count);
        self.first = (self.first + passed) % ROOM;
        self.count -= passed;
    }

    /// The first bytes, if there are so many.
    #[must_use]
    pub fn head<const N: usize>(&self) -> Option<[u8; N]> {
        (self.count >= N).then(|| core::array::from_fn(|at| self.ring[(self.first + at) % ROOM]))
    }

    /// Bytes on their way.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Bytes that there is room for.
    #[must_use]
    pub const fn room(&self) -> usize {
        ROOM - self.count
    }

    /// Puts bytes behind those that are there; how many: all of up to [`WHOLE`], of more as many as there is room for.
    ///
    /// # Errors
    /// `EPIPE`: nobody will read them. `EAGAIN`: there is no room.
    pub fn write(&mut self, from: &[u8]) -> Result<usize, Errno> {
        if !self.is_read {
            return Err(Errno::EPIPE);
        }
        let room = ROOM - self.count;
        if room < from.len().min(WHOLE) || room == 0 && !from.is_empty() {
            return Err(Errno::EAGAIN);
        }
        let put = from.len().min(room);
        let (straight, round) = self.parts((self.first + self.count) % ROOM, put);
        let (from_straight, from_round) = from[..put].split_at(straight.len());
        self.ring[straight].copy_from_slice(from_straight);
        self.ring[round].copy_from_slice(from_round);
        self.count += put;
        Ok(put)
    }

    /// Where `count` bytes from `start` on lie: up to the ring's end, and from its beginning.
    fn parts(&self, start: usize, count: usize) -> (core::ops::Range<usize>, core::ops::Range<usize>) {
        let straight = count.min(self.ring.len() - start);
        (start..start + straight, 0..count - straight)
    }
}
