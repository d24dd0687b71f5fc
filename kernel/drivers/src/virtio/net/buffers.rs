//! The buffers of one queue: memory that the device may use, and which of it the device has.
#![allow(unsafe_code, reason = "memory that a device writes to is known by its address")]

use core::marker::PhantomData;
use core::ptr::NonNull;

use virtio_drivers::{BufferDirection, Error, Hal, PAGE_SIZE, PhysAddr};

/// Bytes of a buffer: a header and the longest frame, and room for what the device must not send.
pub const BYTES: usize = 2048;

/// `N` buffers. A place is the number of one; a token is the device's name for one that it has.
pub struct Buffers<H: Hal, const N: usize> {
    physical: PhysAddr,
    memory: NonNull<u8>,
    /// The place lent under each token.
    lent: [Option<u8>; N],
    /// The free places: the first `count` of these.
    free: [u8; N],
    count: usize,
    lengths: [u16; N],
    hal: PhantomData<H>,
}

impl<H: Hal, const N: usize> Buffers<H, N> {
    const PAGES: usize = N * BYTES / PAGE_SIZE;

    /// Buffers that nobody uses.
    ///
    /// # Errors
    /// [`Error::DmaError`]: no memory.
    pub fn new() -> Result<Self, Error> {
        const { assert!(N <= 256, "a place is one byte") };
        let (physical, memory) = H::dma_alloc(Self::PAGES, BufferDirection::Both);
        if physical == 0 {
            return Err(Error::DmaError);
        }
        #[allow(clippy::cast_possible_truncation, reason = "below 256")]
        let free = core::array::from_fn(|place| place as u8);
        Ok(Self { physical, memory, lent: [None; N], free, count: N, lengths: [0; N], hal: PhantomData })
    }

    /// A place that the device has not.
    pub fn free(&self) -> Option<usize> {
        self.count.checked_sub(1).map(|last| usize::from(self.free[last]))
    }

    /// The device has the place that [`Buffers::free`] told, under `token`.
    pub fn lend(&mut self, place: usize, token: u16) {
        debug_assert_eq!(self.free(), Some(place), "the place that was told is lent");
        self.count = self.count.saturating_sub(1);
        if let Some(lent) = self.lent.get_mut(usize::from(token)) {
            *lent = u8::try_from(place).ok();
        }
    }

    /// The place that the device has under `token`; none, if it has none.
    pub fn lent(&self, token: u16) -> Option<usize> {
        self.lent.get(usize::from(token)).copied().flatten().map(usize::from)
    }

    /// The device has `token`'s place no more.
    pub fn take(&mut self, token: u16) {
        if let Some(place) = self.lent.get_mut(usize::from(token)).and_then(Option::take) {
            self.free[self.count] = place;
            self.count += 1;
        }
    }

    /// How much of a place is lent.
    pub fn length(&self, place: usize) -> usize {
        usize::from(self.lengths[place]).min(BYTES)
    }

    /// Notes how much of a place is lent.
    pub fn set_length(&mut self, place: usize, length: usize) {
        self.lengths[place] = u16::try_from(length).unwrap_or(u16::MAX);
    }

    /// The buffer at a place.
    ///
    /// # Safety
    /// No device writes to it, nor reads it while it is written to, from now on until the borrow ends; `place` is below `N`, and no other
    /// borrow of it lives.
    pub unsafe fn buffer<'a>(&self, place: usize) -> &'a mut [u8] {
        // SAFETY: below `N`, by the caller: inside the memory.
        let start = unsafe { self.memory.add(place * BYTES) };
        // SAFETY: `Hal` gave that memory, zeroed, to this value alone, which lives as long as its card; the caller keeps everybody off.
        unsafe { NonNull::slice_from_raw_parts(start, BYTES).as_mut() }
    }
}

// SAFETY: the memory is this value's alone, and memory does not care which thread uses it.
unsafe impl<H: Hal, const N: usize> Send for Buffers<H, N> {}

impl<H: Hal, const N: usize> Drop for Buffers<H, N> {
    fn drop(&mut self) {
        // SAFETY: `new` got exactly these pages, and nobody gave them back before. A refusal leaks them, which is safe.
        let _ = unsafe { H::dma_dealloc(self.physical, self.memory, Self::PAGES) };
    }
}
