//! What the Pi's firmware is asked: at boot clocks, power for USB, and the address of the Ethernet on board; by a benchmark, how the
//! board is doing.
//!
//! The VideoCore reads and writes memory past the cores' caches, so the message is cleaned out of them before it is sent and dropped from
//! them before the answer is read. A firmware that once did not answer in time is never asked again: it may still write into the message.

use skete_drivers::card::Mac;
use skete_drivers::firmware::Board;
use skete_drivers::mailbox::{self, Answer, Buffer, Clock, Mailbox, Message, Power, PowerDevice, Reply, Request};

use super::window;
use crate::arch::cpu;
use crate::lock::Spin;

/// Looks at the mailbox per step: a tenth of a second and more, where an answer takes milliseconds at most.
const POLLS: u32 = 1_000_000;

struct Firmware {
    message: Buffer,
    is_silent: bool,
}

static FIRMWARE: Spin<Firmware> = Spin::new(Firmware { message: Buffer::new(), is_silent: false });

/// Asks the firmware one thing.
fn ask(request: Request) -> Option<Reply> {
    let mut firmware = FIRMWARE.lock();
    if firmware.is_silent {
        return None;
    }
    let mut message = Message::new(&mut firmware.message.0);
    message.ask(request).ok()?;
    message.finish();
    // The image lies in RAM at its own address, below 1 GiB.
    let address = (&raw const firmware.message).expose_provenance();
    cpu::clean_to_memory(address, size_of::<Buffer>());
    let mailbox = Mailbox::new(window(mailbox::BASE as u64, mailbox::WINDOW_BYTES as u64));
    let is_answered = mailbox.call(mailbox::bus_address(u32::try_from(address).ok()?), POLLS).is_ok();
    // A line may have been fetched again meanwhile, unchanged: cleaning writes nothing back, and drops it.
    cpu::clean_to_memory(address, size_of::<Buffer>());
    firmware.is_silent = !is_answered;
    if !is_answered {
        return None;
    }
    Answer::check(&firmware.message.0).ok()?.replies().next()
}

/// Lets the cores run as fast as they may; their rate then, in MHz, if the firmware tells.
pub fn raise_arm_clock() -> Option<u32> {
    mailbox::fastest(Clock::Arm, ask).map(|hz| hz / 1_000_000)
}

/// The rate of the VideoCore's clock, which is the mini UART's, in Hz.
pub fn core_clock_hz() -> Option<u32> {
    match ask(Request::ClockRate(Clock::Core))? {
        Reply::ClockRate(_, hz @ 1..) => Some(hz),
        _ => None,
    }
}

/// Asks for a rate of the PL011's clock; what it is then, in Hz.
pub fn set_uart_clock(hz: u32) -> Option<u32> {
    match ask(Request::SetClockRate { clock: Clock::Uart, hz, skips_turbo: false })? {
        Reply::SetClockRate(_, hz @ 1..) => Some(hz),
        _ => None,
    }
}

/// How the board is doing, each as far as the firmware tells.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    /// The cores' rate, in Hz.
    pub arm_hz: Option<u32>,
    /// The chip's temperature, in thousandths of a degree Celsius.
    pub millidegrees: Option<u32>,
    /// Why the firmware holds the clocks down, or has: the bits of [`mailbox::Throttled`].
    pub throttled: Option<u32>,
}

/// How the board is doing now; `None`: it is no Pi.
pub fn condition() -> Option<Condition> {
    if super::get().machine.board != Board::RaspberryPi3 {
        return None;
    }
    let arm_hz = match ask(Request::ClockRate(Clock::Arm)) {
        Some(Reply::ClockRate(_, hz @ 1..)) => Some(hz),
        _ => None,
    };
    let millidegrees = match ask(Request::Temperature) {
        Some(Reply::Temperature(millidegrees)) => Some(millidegrees),
        _ => None,
    };
    let throttled = match ask(Request::Throttled) {
        Some(Reply::Throttled(throttled)) => Some(throttled.bits()),
        _ => None,
    };
    Some(Condition { arm_hz, millidegrees, throttled })
}

/// The address of the Ethernet on board, which has no memory for it.
pub fn ethernet_address() -> Option<Mac> {
    match ask(Request::MacAddress)? {
        Reply::MacAddress(mac) => Some(mac),
        _ => None,
    }
}

/// Gives the USB controller power, and waits until it has it. False: the firmware does not.
pub fn power_usb() -> bool {
    let power = Power::ON | Power::WAIT_OR_MISSING;
    match ask(Request::SetPower { device: PowerDevice::Usb, power }) {
        Some(Reply::SetPower(_, power)) => power.contains(Power::ON) && !power.contains(Power::WAIT_OR_MISSING),
        _ => false,
    }
}
