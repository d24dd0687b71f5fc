//! Memory that a virtio driver shares with a device that a test plays.
#![allow(unsafe_code, reason = "virtio-drivers' contract for a host's memory")]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

/// The memory that driver and device share. A physical address is an offset into it; its first page is never given out.
#[repr(align(4096))]
pub struct Ram([AtomicU8; RAM_PAGES * PAGE_SIZE]);

const RAM_PAGES: usize = 2048;
pub static RAM: Ram = Ram([const { AtomicU8::new(0) }; RAM_PAGES * PAGE_SIZE]);
static GIVEN_PAGES: AtomicUsize = AtomicUsize::new(1);

impl Ram {
    pub fn read<const N: usize>(&self, address: usize) -> [u8; N] {
        core::array::from_fn(|offset| self.0[address + offset].load(Relaxed))
    }

    pub fn write(&self, address: usize, bytes: &[u8]) {
        for (cell, &byte) in self.0[address..].iter().zip(bytes) {
            cell.store(byte, Relaxed);
        }
    }

    pub fn read_half(&self, address: usize) -> u16 {
        u16::from_le_bytes(self.read(address))
    }
}

/// Hands it out, page by page.
pub struct Pages;

// SAFETY: each page is zero, aligned, and given out once and for all.
unsafe impl Hal for Pages {
    fn dma_alloc(count: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let physical = GIVEN_PAGES.fetch_add(count, Relaxed) * PAGE_SIZE;
        let memory = RAM.0[physical..][..count * PAGE_SIZE].as_ptr();
        let memory = NonNull::new(memory.cast_mut()).expect("a static has an address");
        (physical as u64, memory.cast())
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0
    }

    unsafe fn mmio_phys_to_virt(_: PhysAddr, _: usize) -> NonNull<u8> {
        unreachable!("there is no PCI here")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        (buffer.cast::<u8>().as_ptr().addr() - RAM.0.as_ptr().addr()) as u64
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
