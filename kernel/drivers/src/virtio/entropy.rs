//! The virtio entropy device: random bytes from the machine that emulates this one. Source: VIRTIO 1.1, 5.4.
//!
//! Bounded: the caller says how often the device is looked at, and what happens in between. One user at a time.
#![allow(unsafe_code, reason = "buffers are lent to the device by address, through virtio-drivers' unsafe queue functions")]

use core::marker::PhantomData;
use core::ptr::NonNull;

use bitflags::bitflags;
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{DeviceStatus, Transport};
use virtio_drivers::{BufferDirection, Error, Hal, PhysAddr};

/// The device's one queue.
const REQUEST_QUEUE: u16 = 0;
/// One request is under way at a time; a queue has at least this many places.
const PLACES: usize = 2;
/// The most bytes that one request brings.
pub const MOST_BYTES: usize = 256;

bitflags! {
    /// The features that are used, of those in 6.
    #[derive(Clone, Copy, Debug)]
    struct Features: u64 {
        const VERSION_1 = 1 << 32;
    }
}

/// Why there are no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntropyError {
    /// The device did not answer within the given number of polls. It may still do so: ask again.
    TimedOut,
    /// The device answered with nothing.
    Empty,
    /// The queue could not be used.
    Queue(Error),
}

impl From<Error> for EntropyError {
    fn from(error: Error) -> Self {
        Self::Queue(error)
    }
}

/// An entropy device.
pub struct Entropy<H: Hal, T: Transport> {
    transport: T,
    queue: VirtQueue<H, PLACES>,
    /// What the device writes into. It belongs to the device while a request is under way, and lives as long as the queue: an answer
    /// that comes after its caller has given up still finds it.
    buffer: Page<H>,
    /// The request that is under way.
    asked: Option<u16>,
}

impl<H: Hal, T: Transport> Entropy<H, T> {
    /// Sets up the device behind this transport.
    ///
    /// # Errors
    /// [`Error::DmaError`] if there is no memory for its queue; others if it is no entropy device, or broken.
    pub fn new(mut transport: T) -> Result<Self, Error> {
        transport.begin_init(Features::all());
        let queue = VirtQueue::new(&mut transport, REQUEST_QUEUE, false, false)?;
        let buffer = Page::new()?;
        transport.finish_init();
        Ok(Self { transport, queue, buffer, asked: None })
    }

    /// Fills the front of `bytes`, at most [`MOST_BYTES`] of it, with random bytes; how many. Looks for the device's answer at most
    /// `polls` times, with `relax` before each look but the first: it should hold YIELD or WFE, for the emulator to get its turn.
    ///
    /// # Errors
    /// [`EntropyError`].
    pub fn fill(&mut self, bytes: &mut [u8], polls: u32, mut relax: impl FnMut()) -> Result<usize, EntropyError> {
        let token = match self.asked {
            Some(token) => token,
            None => self.ask()?,
        };
        for poll in 0..polls {
            if poll > 0 {
                relax();
            }
            if self.queue.can_pop() {
                return self.take(token, bytes);
            }
        }
        Err(EntropyError::TimedOut)
    }

    /// Lends the buffer to the device.
    fn ask(&mut self) -> Result<u16, Error> {
        // SAFETY: `asked` says that no device uses the page.
        let lent = unsafe { self.buffer.lend() };
        // SAFETY: `asked` keeps everybody off the buffer until `take` pops the token, and the buffer lives until the device is reset.
        let token = unsafe { self.queue.add(&[], &mut [lent]) }?;
        self.asked = Some(token);
        if self.queue.should_notify() {
            self.transport.notify(REQUEST_QUEUE);
        }
        Ok(token)
    }

    /// Takes the buffer back and copies what the device says it wrote.
    fn take(&mut self, token: u16, bytes: &mut [u8]) -> Result<usize, EntropyError> {
        // SAFETY: the used ring says that the device is done with the page.
        let lent = unsafe { self.buffer.lend() };
        // SAFETY: this is the buffer that was added under `token`.
        let written = unsafe { self.queue.pop_used(token, &[], &mut [&mut lent[..]]) }?;
        self.asked = None;
        let written = usize::try_from(written).map_or(MOST_BYTES, |n| n.min(MOST_BYTES));
        let count = written.min(bytes.len());
        if count == 0 {
            return Err(EntropyError::Empty);
        }
        bytes[..count].copy_from_slice(&lent[..count]);
        lent.fill(0);
        Ok(count)
    }
}

impl<H: Hal, T: Transport> Drop for Entropy<H, T> {
    fn drop(&mut self) {
        // A device that is reset forgets the memory that is about to be freed.
        self.transport.set_status(DeviceStatus::empty());
    }
}

/// One page that the device may write into.
struct Page<H: Hal> {
    physical: PhysAddr,
    memory: NonNull<u8>,
    hal: PhantomData<H>,
}

impl<H: Hal> Page<H> {
    fn new() -> Result<Self, Error> {
        let (physical, memory) = H::dma_alloc(1, BufferDirection::DeviceToDriver);
        if physical == 0 {
            return Err(Error::DmaError);
        }
        Ok(Self { physical, memory, hal: PhantomData })
    }

    /// The page's front.
    ///
    /// # Safety
    /// No device writes to the page, from now on until the borrow ends.
    unsafe fn lend(&mut self) -> &mut [u8; MOST_BYTES] {
        // SAFETY: `Hal` gave a zeroed page of its own, larger and better aligned than this; the caller keeps the device off.
        unsafe { self.memory.cast().as_mut() }
    }
}

// SAFETY: the page is this value's alone, and memory does not care which thread uses it.
unsafe impl<H: Hal> Send for Page<H> {}

impl<H: Hal> Drop for Page<H> {
    fn drop(&mut self) {
        // SAFETY: `new` got exactly this page, and nobody gave it back before. A refusal leaks it, which is safe.
        let _ = unsafe { H::dma_dealloc(self.physical, self.memory, 1) };
    }
}

#[cfg(test)]
mod tests;
