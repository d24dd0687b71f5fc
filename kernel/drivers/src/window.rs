//! A register window: how a driver reaches its device's 32-bit registers.
//!
//! Every driver here is generic over [`Registers`]. On the machine that is a [`Window`], which costs one load or store per access;
//! in a test it is a [`fake::Script`] that says what the driver must do, access by access.
#![allow(unsafe_code, reason = "a device's registers are reached through raw addresses, here and nowhere else in this crate")]

pub mod fake;

/// The registers of one device, by byte offset from its base. Each call is exactly one access, 32 bits wide, in program order with
/// the other calls on the same device.
pub trait Registers {
    /// Reads the register at `offset`.
    fn read(&self, offset: usize) -> u32;
    /// Writes the register at `offset`.
    fn write(&self, offset: usize, value: u32);
}

impl<R: Registers + ?Sized> Registers for &R {
    #[inline]
    fn read(&self, offset: usize) -> u32 {
        (**self).read(offset)
    }

    #[inline]
    fn write(&self, offset: usize, value: u32) {
        (**self).write(offset, value);
    }
}

/// A device's registers at their address in memory.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    base: usize,
    bytes: usize,
}

impl Window {
    /// A window of `bytes` at address `base`.
    ///
    /// # Safety
    /// For as long as the window is used, `base..base + bytes` is mapped as device memory (or the MMU is off), holds a device that
    /// takes 32-bit accesses, and `base` is a multiple of 4.
    #[must_use]
    pub const unsafe fn new(base: usize, bytes: usize) -> Self {
        Self { base, bytes }
    }

    /// The address of the first register.
    #[must_use]
    pub const fn base(&self) -> usize {
        self.base
    }

    #[inline]
    fn register(&self, offset: usize) -> *mut u32 {
        debug_assert!(offset.is_multiple_of(4) && offset + 4 <= self.bytes, "a register lies outside its window");
        core::ptr::with_exposed_provenance_mut(self.base + offset)
    }
}

impl Registers for Window {
    #[inline]
    fn read(&self, offset: usize) -> u32 {
        // SAFETY: the maker of the window promised mapped, aligned 32-bit registers; `offset` is a driver's constant inside it.
        unsafe { self.register(offset).read_volatile() }
    }

    #[inline]
    fn write(&self, offset: usize, value: u32) {
        // SAFETY: as in `read`.
        unsafe { self.register(offset).write_volatile(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_reads_back_what_was_written_at_the_same_offset() {
        let mut memory = [0u32; 4];
        // SAFETY: four aligned words of this test's own memory.
        let window = unsafe { Window::new(memory.as_mut_ptr().expose_provenance(), 16) };
        window.write(8, 0xCAFE);
        assert_eq!(window.read(8), 0xCAFE);
        assert_eq!(window.read(4), 0);
    }
}
