//! The memory that the controller and the driver share, past caches that know nothing of it.
//!
//! The controller is not coherent with the cores' caches. So what the driver has written is [cleaned](Memory::clean) before the controller
//! is told of it, and what the controller is to write is cleaned before that, lest a written line is evicted over it, and again before it is
//! read, for a line may have been fetched meanwhile. Cleaning writes a line back and drops it. Each buffer has [`LINE`]s of its own.

use core::ops::Range;

/// Bytes of a cache line, to which buffers are aligned.
pub const LINE: usize = 64;

/// Memory that the controller may read and write, and nobody else.
pub trait Memory: Send {
    /// How much there is.
    fn bytes(&self) -> usize;

    /// Where it begins, as the controller sees it: a multiple of [`LINE`].
    fn bus_address(&self) -> u32;

    /// Lets `act` see and change these bytes of it. The controller does nothing with them meanwhile.
    fn lend(&mut self, range: Range<usize>, act: &mut dyn FnMut(&mut [u8]));

    /// Cleans and drops the cache lines of these bytes, in order with accesses to the controller.
    fn clean(&mut self, range: Range<usize>);
}

/// A part of the memory: whole lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Where it begins in the memory: a multiple of [`LINE`].
    pub start: usize,
    /// How long it is: a multiple of [`LINE`].
    pub bytes: usize,
}

impl Buffer {
    /// The bytes at its front.
    #[must_use]
    pub fn front(self, bytes: usize) -> Range<usize> {
        self.start..self.start + bytes.min(self.bytes)
    }

    /// Writes `from` to its front, as far as it fits, for the controller to read.
    pub fn fill(self, memory: &mut dyn Memory, from: &[u8]) {
        let range = self.front(from.len());
        memory.lend(range.clone(), &mut |bytes| bytes.copy_from_slice(&from[..bytes.len()]));
        memory.clean(range);
    }

    /// Reads its front, which the controller has written, into `into`, as far as it goes.
    pub fn take(self, memory: &mut dyn Memory, into: &mut [u8]) {
        self.take_behind(0, memory, into);
    }

    /// Reads what is behind its first `skipped` bytes, as [`Buffer::take`] does.
    pub fn take_behind(self, skipped: usize, memory: &mut dyn Memory, into: &mut [u8]) {
        let range = self.start + skipped.min(self.bytes)..self.front(skipped.saturating_add(into.len())).end;
        memory.clean(range.clone());
        memory.lend(range, &mut |bytes| into[..bytes.len()].copy_from_slice(bytes));
    }
}
