//! Memory for virtio devices, and those that there may be: entropy, and a network card.
//!
//! `virt`'s devices are coherent, and RAM lies at its own addresses, so a buffer's bus address is its address. Stacks and `mmap` regions
//! are not RAM at its own address: drivers copy through pages from here.
#![allow(unsafe_code, reason = "virtio-drivers' contract for a host's memory")]

use core::ptr::NonNull;

use skete_drivers::firmware::Device;
use skete_drivers::virtio::{self, entropy::Entropy, net::Net};
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

/// The slot that holds a device of this type.
fn slot_of(kind: DeviceType) -> Option<Device> {
    let slots = &board::get().machine.virtio;
    slots.iter().find(|slot| virtio::probe(&board::window(slot.base, slot.bytes)) == Some(kind)).copied()
}

/// The way to the device in `slot`, of which this is to be the only user.
fn transport(slot: Device) -> Option<MmioTransport<'static>> {
    let header = NonNull::new(slot.base as *mut _)?;
    // SAFETY: the devicetree names the slot, it is mapped as a device, and the caller is its only user.
    unsafe { MmioTransport::new(header, slot.bytes as usize) }.ok()
}

/// Fills `bytes` from a virtio entropy device, looking at most `polls` times; false if there is none or it does not answer.
pub fn random(bytes: &mut [u8], polls: u32) -> bool {
    let Some(transport) = slot_of(DeviceType::EntropySource).and_then(transport) else { return false };
    let Ok(mut device) = Entropy::<Frames, _>::new(transport) else { return false };
    device.fill(bytes, polls, cpu::pass_turn).is_ok_and(|count| count == bytes.len())
}

/// A virtio network card, and its slot; none, if there is none. Called once.
///
/// # Errors
/// It cannot be used.
pub fn network() -> Option<Result<(Net<Frames, MmioTransport<'static>>, Device), virtio_drivers::Error>> {
    let slot = slot_of(DeviceType::Network)?;
    Some(Net::new(transport(slot)?).map(|net| (net, slot)))
}
