//! The driver with the real transport, on registers that are plain memory; the device is played by the test's `relax`.
#![allow(unsafe_code, reason = "registers that are memory")]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::boxed::Box;
use std::vec::Vec;

use virtio_drivers::PAGE_SIZE;
use virtio_drivers::transport::mmio::MmioTransport;

use super::*;
use crate::virtio::fake::{Pages, RAM};

/// The registers and the configuration space of one slot, and how many requests the device has served.
struct Device {
    registers: &'static [AtomicU32; 128],
    served: u16,
}

const STATUS: usize = 0x70;

impl Device {
    fn new(version: u32) -> Self {
        let registers: &[AtomicU32; 128] = Box::leak(Box::new([const { AtomicU32::new(0) }; 128]));
        let preset = [
            (0x00, 0x7472_6976),
            (0x04, version),
            (0x08, 4),
            // The same word answers for both halves of the features: bit 0 of the upper half is VERSION_1.
            (0x10, version - 1),
            (0x34, 8),
        ];
        for (offset, value) in preset {
            registers[offset / 4].store(value, Relaxed);
        }
        Self { registers, served: 0 }
    }

    fn driver(&self) -> Entropy<Pages, MmioTransport<'static>> {
        // SAFETY: the registers are leaked memory of a slot's size that may be written through a shared reference.
        let transport = unsafe { MmioTransport::new(NonNull::from(self.registers).cast(), 512) };
        Entropy::new(transport.expect("the slot holds a device")).expect("the device is good")
    }

    fn register(&self, offset: usize) -> usize {
        self.registers[offset / 4].load(Relaxed) as usize
    }

    /// The descriptor table, the available ring and the used ring, wherever the driver has put them.
    fn rings(&self) -> [usize; 3] {
        if self.register(0x04) == 1 {
            let table = self.register(0x40) * PAGE_SIZE;
            [table, table + 16 * PLACES, table + PAGE_SIZE]
        } else {
            [0x80, 0x90, 0xA0].map(|low| self.register(low) | self.register(low + 4) << 32)
        }
    }

    /// Serves one request with `bytes`, but says that it wrote `length`; whether there was one.
    fn serve(&mut self, bytes: &[u8], length: u32) -> bool {
        let [table, available, used] = self.rings();
        if RAM.read_half(available + 2) == self.served {
            return false;
        }
        let place = usize::from(self.served) % PLACES;
        let head = RAM.read_half(available + 4 + 2 * place);
        let descriptor = table + 16 * usize::from(head);
        let address = u64::from_le_bytes(RAM.read(descriptor));
        let room = u32::from_le_bytes(RAM.read(descriptor + 8));
        let flags = RAM.read_half(descriptor + 12);
        assert_eq!((room, flags), (256, 2), "a buffer for the device to write");
        RAM.write(usize::try_from(address).expect("an offset"), bytes);
        self.served += 1;
        RAM.write(used + 4 + 8 * place, &u32::from(head).to_le_bytes());
        RAM.write(used + 8 + 8 * place, &length.to_le_bytes());
        RAM.write(used + 2, &self.served.to_le_bytes());
        true
    }
}

#[test]
fn bytes_come_through_both_versions_of_the_transport_again_and_again() {
    for version in [1, 2] {
        let mut device = Device::new(version);
        let mut driver = device.driver();
        assert_eq!(device.register(STATUS), 0xF, "the driver is ready");
        for round in 0..5u8 {
            let random: Vec<u8> = (0..16).map(|n| n * 3 + round).collect();
            let mut bytes = [0; 16];
            let count = driver.fill(&mut bytes, 9, || {
                device.serve(&random, 16);
            });
            assert_eq!((count, &bytes[..]), (Ok(16), &random[..]));
        }
        drop(driver);
        assert_eq!(device.register(STATUS), 0, "the device is reset");
    }
}

#[test]
fn a_silent_device_is_given_up_and_its_late_answer_still_counts() {
    let mut device = Device::new(2);
    let mut driver = device.driver();
    let mut looks = 1;
    let mut bytes = [0; 4];
    assert_eq!(driver.fill(&mut bytes, 5, || looks += 1), Err(EntropyError::TimedOut));
    assert_eq!(looks, 5);
    assert!(device.serve(&[1, 2, 3, 4], 4));
    assert_eq!(driver.fill(&mut bytes, 1, || {}), Ok(4));
    assert_eq!(bytes, [1, 2, 3, 4]);
    assert!(!device.serve(&[], 0), "no second request was made");
}

#[test]
fn what_the_device_says_about_its_length_is_not_believed() {
    let mut device = Device::new(1);
    let mut driver = device.driver();
    let mut bytes = [0; 512];
    let count = driver.fill(&mut bytes, 2, || {
        device.serve(&[7; 256], u32::MAX);
    });
    assert_eq!(count, Ok(MOST_BYTES));
    assert_eq!((bytes[255], bytes[256]), (7, 0));
    let count = driver.fill(&mut bytes, 2, || {
        device.serve(&[], 0);
    });
    assert_eq!(count, Err(EntropyError::Empty));
}
