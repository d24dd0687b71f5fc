//! virtio devices on memory-mapped transports (QEMU `virt`). The queues are crate `virtio-drivers`'; here is what it leaves to its user:
//! finding the slots that hold a device, and waiting for one without waiting for ever. Source: Virtual I/O Device (VIRTIO) 1.1,
//! 4.2.2 and 4.2.4.
//!
//! # How the kernel plugs in
//! 1. For each `virtio,mmio` node of the devicetree: make a window of its `reg`, and [`probe`] it. QEMU has 32 slots of 0x200 bytes and
//!    fills them from the highest down; both transport versions are understood.
//! 2. Implement `virtio_drivers::Hal` for a type of the kernel's: `dma_alloc` takes zeroed, physically contiguous pages of identity-mapped,
//!    write-back memory (QEMU's devices are coherent) and returns 0 as the physical address when there are none; `share` returns the
//!    physical address of a buffer of such memory; `unshare` does nothing; `mmio_phys_to_virt` is for PCI only.
//! 3. `unsafe { MmioTransport::new(base, bytes) }`, with the crate's own name for the slot's registers, gives what
//!    [`entropy::Entropy::new`], or another device of the crate, takes. From then on the slot's window is not used any more.
//!
//! The crate's own `VirtIORng`, and whatever ends in its `add_notify_wait_pop`, spins on `core::hint::spin_loop` without a bound: not in
//! this kernel. Use the queue's `add` and `pop_used`, as [`entropy`] does.

pub mod entropy;
#[cfg(test)]
mod fake;
pub mod net;

use virtio_drivers::transport::DeviceType;

use crate::window::Registers;

/// Bytes of one slot: its registers, and the device's configuration behind them.
pub const SLOT_BYTES: usize = 0x200;

const MAGIC_VALUE: usize = 0x000;
const VERSION: usize = 0x004;
const DEVICE_ID: usize = 0x008;

/// "virt", the lowest byte first.
const MAGIC: u32 = 0x7472_6976;
const LEGACY: u32 = 1;
const MODERN: u32 = 2;

/// Which device the slot behind this window holds; none if it is empty or nothing that `virtio-drivers` knows.
pub fn probe(registers: &impl Registers) -> Option<DeviceType> {
    if registers.read(MAGIC_VALUE) != MAGIC {
        return None;
    }
    if !matches!(registers.read(VERSION), LEGACY | MODERN) {
        return None;
    }
    DeviceType::try_from(registers.read(DEVICE_ID)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::fake::{Access, Access::Read, Script};

    fn play(accesses: &[Access]) -> Option<DeviceType> {
        let script = Script::new(accesses);
        let device = probe(&script);
        script.assert_done();
        device
    }

    #[test]
    fn both_versions_of_the_transport_are_found() {
        for version in [1, 2] {
            let accesses = [Read(0, MAGIC), Read(4, version), Read(8, 4)];
            assert_eq!(play(&accesses), Some(DeviceType::EntropySource));
        }
    }

    #[test]
    fn an_empty_slot_holds_nothing() {
        assert_eq!(play(&[Read(0, MAGIC), Read(4, 1), Read(8, 0)]), None);
    }

    #[test]
    fn what_is_no_slot_is_asked_nothing_more() {
        assert_eq!(play(&[Read(0, 0)]), None);
        assert_eq!(play(&[Read(0, MAGIC), Read(4, 3)]), None);
    }
}
