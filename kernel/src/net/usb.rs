//! A network card at the Pi's USB: power, the controller's interrupt, and the time that devices need.

use core::sync::atomic::{AtomicU32, Ordering};

use skete_drivers::bcm2835_intc::Irq;
use skete_drivers::usb::bulk::MEMORY_BYTES;
use skete_drivers::usb::dwc2::{self, close_gate};
use skete_drivers::usb::ecm::Ecm;
use skete_drivers::usb::host::Host;
use skete_drivers::usb::search::{self, FoundCard};
use skete_drivers::usb::smsc95xx::Smsc95xx;
use skete_drivers::usb::{Patience, UsbError};
use skete_logic::time::Instant;

use super::card::{Opened, Refusal, keep};
use crate::board::{self, mailbox};
use crate::memory::usb::{self, Shared};
use crate::sched::devices::{self, Device};
use crate::sched::{futex, park};
use crate::time;

/// Nanoseconds of a millisecond.
const MS: u64 = 1_000_000;

/// How the driver waits: the controller's interrupts are counted in `bell`.
struct Bell {
    bell: &'static AtomicU32,
    seen: u32,
}

impl Patience for Bell {
    fn pause(&mut self, ms: u32) {
        park::sleep(u64::from(ms) * MS);
    }

    fn is_interrupted(&mut self, ms: u32) -> bool {
        let deadline: Instant = time::now().saturating_add_ns(u64::from(ms) * MS);
        loop {
            // Acquire pairs with the Release of the interrupt's handler: the gate is closed.
            let count = self.bell.load(Ordering::Acquire);
            if count != self.seen {
                self.seen = count;
                return true;
            }
            if time::now() >= deadline {
                return false;
            }
            let _ = futex::wait(self.bell, count, Some(deadline));
        }
    }
}

/// Finds the card and sets it up; `bell` counts the controller's interrupts from now on.
///
/// # Errors
/// Why there is none.
pub fn open(bell: &'static AtomicU32) -> Result<Opened, Refusal> {
    if !mailbox::power_usb() {
        return Err("the firmware gives USB no power".into());
    }
    let memory = Shared::take(MEMORY_BYTES).ok_or(UsbError::Memory)?;
    let registers = usb::window().ok_or(UsbError::Memory)?;
    close_gate(&registers);
    if !devices::register(Device { number: Irq::USB.number().into(), quiet, count: bell }) {
        return Err("too many devices interrupt".into());
    }
    let patience = &mut Bell { bell, seen: bell.load(Ordering::Relaxed) };
    let mut host = Host::new(registers, memory, patience)?;
    match search::card(&mut host, patience)? {
        FoundCard::Ecm(found) => keep(Ecm::new(host, &found, patience)?),
        FoundCard::Smsc95xx(found) => keep(Smsc95xx::new(host, &found, mailbox::ethernet_address(), patience)?),
    }
}

/// Answers the controller's interrupt: it falls silent until everything was looked at.
fn quiet() {
    close_gate(&board::window(dwc2::BASE as u64, dwc2::WINDOW_BYTES as u64));
}
