//! Memory for virtio devices, and the one that a boot may want: entropy.
//!
//! `virt`'s devices are coherent, and RAM lies at its own addresses, so a buffer's bus address is its address. Stacks and `mmap` regions
//! are not RAM at its own address: drivers copy through pages from here.
#![allow(unsafe_code, reason = "virtio-drivers' contract for a host's memory")]

use core::ptr::NonNull;

use skete_drivers::virtio::{self, entropy::Entropy};
use skete_logic::pages::PAGE;
use virtio_drivers::transport::DeviceType;
use virtio_drivers::transport::mmio::MmioTransport;
use virtio_drivers::{BufferDirection, Hal, PhysAddr};

use super::{frames, map};
use crate::arch::cpu;
use crate::board;

/// The kernel's frames as virtio-drivers asks for them.
pub struct Frames;

// SAFETY: frames are mapped at their own addresses, zeroed, and nobody else's until they are given back.
unsafe impl Hal for Frames {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let Some(start) = frames::take_row(pages) else { return (0, NonNull::dangling()) };
        for page in 0..pages as u64 {
            map::zero(start + page * PAGE);
        }
        (start, NonNull::new(start as *mut u8).unwrap_or(NonNull::dangling()))
    }

    unsafe fn dma_dealloc(start: PhysAddr, _virtual: NonNull<u8>, pages: usize) -> i32 {
        for page in 0..pages as u64 {
            frames::give(start + page * PAGE);
        }
        0
    }

    unsafe fn mmio_phys_to_virt(start: PhysAddr, _bytes: usize) -> NonNull<u8> {
        NonNull::new(start as *mut u8).unwrap_or(NonNull::dangling())
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> PhysAddr {
        let address = buffer.cast::<u8>().as_ptr() as u64;
        map::physical(address).unwrap_or(address)
    }

    unsafe fn unshare(_start: PhysAddr, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}

/// Fills `bytes` from a virtio entropy device, looking at most `polls` times; false if there is none or it does not answer.
pub fn random(bytes: &mut [u8], polls: u32) -> bool {
    let slots = &board::get().machine.virtio;
    let found = slots.iter().find(|slot| virtio::probe(&board::window(slot.base, slot.bytes)) == Some(DeviceType::EntropySource));
    let Some(slot) = found else { return false };
    let Some(header) = NonNull::new(slot.base as *mut _) else { return false };
    // SAFETY: the devicetree names the slot, it is mapped as a device, and this is its only user.
    let Ok(transport) = (unsafe { MmioTransport::new(header, slot.bytes as usize) }) else { return false };
    let Ok(mut device) = Entropy::<Frames, _>::new(transport) else { return false };
    device.fill(bytes, polls, cpu::pass_turn).is_ok_and(|count| count == bytes.len())
}
