//! Memory for the Pi's USB controller, which knows nothing of the cores' caches, and its window.
//!
//! What is lent is never given back: QEMU's controller may write to it even after its channel was stopped.
#![allow(unsafe_code, reason = "memory that a device writes to is known by its address")]

use core::ops::Range;
use core::slice;

use aarch64_cpu::asm::barrier;
use skete_drivers::mailbox::bus_address;
use skete_drivers::usb::dwc2;
use skete_drivers::usb::memory::Memory;
use skete_drivers::window::Window;
use skete_logic::pages::{Access, PAGE};

use super::{frames, map};
use crate::arch::cpu;
use crate::board;

/// Frames in a row, which nobody else has.
pub struct Shared {
    start: usize,
    bytes: usize,
    bus: u32,
}

impl Shared {
    /// Takes `bytes`, rounded up to whole frames. None: there are not so many in a row, or they lie where the controller does not reach.
    pub fn take(bytes: usize) -> Option<Self> {
        let pages = bytes.div_ceil(PAGE as usize);
        let start = frames::take_row(pages)?;
        let bytes = pages * PAGE as usize;
        let bus = bus_address(u32::try_from(start).ok().filter(|start| *start < 1 << 30)?);
        Some(Self { start: usize::try_from(start).ok()?, bytes, bus })
    }
}

impl Memory for Shared {
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn bus_address(&self) -> u32 {
        self.bus
    }

    fn lend(&mut self, range: Range<usize>, act: &mut dyn FnMut(&mut [u8])) {
        let end = range.end.min(self.bytes);
        let start = range.start.min(end);
        let first = (self.start + start) as *mut u8;
        // SAFETY: inside the frames, which are mapped at their own addresses, initialized as far as memory is, and this value's alone; the
        // driver lends nothing that a channel which has not halted may use.
        act(unsafe { slice::from_raw_parts_mut(first, end - start) });
    }

    fn clean(&mut self, range: Range<usize>) {
        // What the controller's registers said comes first.
        barrier::dsb(barrier::SY);
        let end = range.end.min(self.bytes);
        cpu::clean_to_memory(self.start + range.start.min(end), end.saturating_sub(range.start));
    }
}

/// The controller's registers, mapped by now. None: no frame for a table.
pub fn window() -> Option<Window> {
    let (base, bytes) = (dwc2::BASE as u64, dwc2::WINDOW_BYTES as u64);
    map::map_same(base..base + bytes, Access::Device).then(|| board::window(base, bytes))
}
