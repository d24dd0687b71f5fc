//! Threads that wait for a device: each counts its interrupts in a word, and who waits for the device waits for that word.
//!
//! A level-triggered device would interrupt for ever: its interrupt is answered by [`Device::quiet`], which makes it fall silent, before
//! the word changes.

use core::sync::atomic::{AtomicU32, Ordering};

use super::futex;
use crate::lock::Spin;

/// How many devices may interrupt.
const DEVICES: usize = 8;

/// A device as its interrupt sees it.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    /// Its interrupt's number.
    pub number: u16,
    /// Makes it silent. Runs in the interrupt, on the core's own stack.
    pub quiet: fn(),
    /// Counts its interrupts; who waits for it waits for this word.
    pub count: &'static AtomicU32,
}

static TABLE: Spin<[Option<Device>; DEVICES]> = Spin::new([None; DEVICES]);

/// Answers `device`'s interrupts from now on, and lets them come. False: there are too many devices.
pub fn register(device: Device) -> bool {
    let mut table = TABLE.lock();
    let Some(slot) = table.iter_mut().find(|slot| slot.is_none()) else { return false };
    *slot = Some(device);
    drop(table);
    crate::interrupt::enable(device.number);
    true
}

/// Interrupt `number` came.
pub fn interrupted(number: u16) {
    let device = TABLE.lock().iter().flatten().find(|device| device.number == number).copied();
    if let Some(device) = device {
        (device.quiet)();
        device.count.fetch_add(1, Ordering::Release);
        futex::wake(device.count, u32::MAX);
    }
}
