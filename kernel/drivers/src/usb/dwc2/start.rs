//! From whatever the firmware left to a device that answers at address 0. The firmware has given the controller power.
//!
//! Each look at a register that is to change is followed by a pause of a millisecond, and each has a limit.

use super::channel::Channel;
use super::registers::{
    ARCHITECTURE_INTERNAL, ARCHITECTURE_MASK, Ahb, CHANNELS_SHIFT, Character, GAHBCFG, GHWCFG2, GINTMSK, GINTSTS, GNPTXFSIZ, GRSTCTL,
    GRXFSIZ, GSNPSID, GUSBCFG, HAINTMSK, HCCHAR, HCFG, HPRT0, HPTXFSIZ, IDENTITY, IDENTITY_MASK, PCGCTL, Port, Reset, Usb, of_channel,
};
use crate::usb::{Patience, Speed, UsbError};
use crate::window::Registers;

/// Channels that are used at least: for requests, for what comes, for what leaves.
pub const CHANNELS: u8 = 3;

/// How long the controller may take for a reset or for emptying a buffer, in milliseconds.
const SETTLE_MS: u32 = 100;
/// How long it rests after its reset.
const REST_MS: u32 = 100;
/// How long a device may take until it is seen. USB 2.0, 7.1.7.3: 100 ms, after its power is there.
const CONNECT_MS: u32 = 500;
/// How long after a look at the port comes the next.
const LOOK_MS: u32 = 10;
/// How long a plug settles (7.1.7.3).
const DEBOUNCE_MS: u32 = 100;
/// How long a root port's reset is (7.1.7.5).
const RESET_MS: u32 = 50;
/// How long a device rests after that; 10 ms at least (7.1.7.5).
const RECOVERY_MS: u32 = 20;

/// The buffers, in words: what comes, what leaves at no set time, what leaves at set times; one behind the other.
const RECEIVE_WORDS: u32 = 1024;
const BULK_WORDS: u32 = 1024;
const TIMED_WORDS: u32 = 1024;

/// Starts the controller: it has power at its port, and tells of channels that halt.
///
/// # Errors
/// [`UsbError::Controller`], [`UsbError::Reset`], [`UsbError::Flush`].
pub fn controller(registers: &impl Registers, patience: &mut dyn Patience) -> Result<(), UsbError> {
    let hardware = registers.read(GHWCFG2);
    let channels = hardware >> CHANNELS_SHIFT & 0xF;
    let is_ours = registers.read(GSNPSID) & IDENTITY_MASK == IDENTITY && hardware & ARCHITECTURE_MASK == ARCHITECTURE_INTERNAL;
    if !is_ours || channels + 1 < CHANNELS.into() {
        return Err(UsbError::Controller);
    }
    change(registers, GAHBCFG, Ahb::INTERRUPTS.bits(), 0);
    change(registers, GUSBCFG, (Usb::EXTERNAL_POWER | Usb::DATA_LINE_PULSE).bits(), 0);
    reset(registers, patience)?;
    let off = Usb::WIDE | Usb::ULPI | Usb::SRP | Usb::HNP | Usb::ULPI_FULL_SPEED | Usb::ULPI_CLOCK;
    change(registers, GUSBCFG, off.bits(), 0);
    change(registers, GAHBCFG, Ahb::BURST.bits(), (Ahb::DMA | Ahb::WAIT_FOR_WRITES).bits());
    registers.write(PCGCTL, 0);
    change(registers, HCFG, 3, 0);
    registers.write(GRXFSIZ, RECEIVE_WORDS);
    registers.write(GNPTXFSIZ, BULK_WORDS << 16 | RECEIVE_WORDS);
    registers.write(HPTXFSIZ, TIMED_WORDS << 16 | (RECEIVE_WORDS + BULK_WORDS));
    flush(registers, patience, Reset::TRANSMIT | Reset::ALL, Reset::TRANSMIT)?;
    flush(registers, patience, Reset::RECEIVE, Reset::RECEIVE)?;
    for channel in 0..16 {
        if u32::from(channel) <= channels {
            silence(registers, patience, channel)?;
            Channel::new(channel).ready(registers);
        }
    }
    registers.write(GINTMSK, 0);
    registers.write(GINTSTS, u32::MAX);
    registers.write(HAINTMSK, (1 << CHANNELS) - 1);
    change(registers, GAHBCFG, 0, Ahb::INTERRUPTS.bits());
    let port = port(registers);
    if !port.contains(Port::POWER) {
        write_port(registers, port | Port::POWER);
    }
    Ok(())
}

/// Waits until something is plugged into the root port, and resets it: it answers at address 0 then. How fast it is.
///
/// # Errors
/// [`UsbError::Nothing`], [`UsbError::Port`].
pub fn root_port(registers: &impl Registers, patience: &mut dyn Patience) -> Result<Speed, UsbError> {
    let mut looks = CONNECT_MS / LOOK_MS;
    while !port(registers).contains(Port::CONNECTED) {
        looks = looks.checked_sub(1).ok_or(UsbError::Nothing)?;
        patience.pause(LOOK_MS);
    }
    patience.pause(DEBOUNCE_MS);
    write_port(registers, port(registers) | Port::RESET);
    patience.pause(RESET_MS);
    write_port(registers, port(registers) - Port::RESET);
    patience.pause(RECOVERY_MS);
    let port = port(registers);
    if !port.contains(Port::CONNECTED | Port::ENABLED) {
        return Err(UsbError::Port);
    }
    match (port & Port::SPEED).bits() >> 17 {
        0 => Ok(Speed::High),
        1 => Ok(Speed::Full),
        2 => Ok(Speed::Low),
        _ => Err(UsbError::Port),
    }
}

fn change(registers: &impl Registers, register: usize, clear: u32, set: u32) {
    let value = registers.read(register);
    registers.write(register, value & !clear | set);
}

/// Waits until `register` has none of the bits `busy`, and all of `wanted`.
fn settle(registers: &impl Registers, patience: &mut dyn Patience, register: usize, busy: u32, wanted: u32) -> bool {
    for _ in 0..SETTLE_MS {
        let value = registers.read(register);
        if value & busy == 0 && value & wanted == wanted {
            return true;
        }
        patience.pause(1);
    }
    false
}

fn reset(registers: &impl Registers, patience: &mut dyn Patience) -> Result<(), UsbError> {
    if !settle(registers, patience, GRSTCTL, 0, Reset::IDLE.bits()) {
        return Err(UsbError::Reset);
    }
    change(registers, GRSTCTL, 0, Reset::CORE.bits());
    if !settle(registers, patience, GRSTCTL, Reset::CORE.bits(), 0) {
        return Err(UsbError::Reset);
    }
    patience.pause(REST_MS);
    Ok(())
}

fn flush(registers: &impl Registers, patience: &mut dyn Patience, what: Reset, busy: Reset) -> Result<(), UsbError> {
    registers.write(GRSTCTL, what.bits());
    if !settle(registers, patience, GRSTCTL, busy.bits(), 0) {
        return Err(UsbError::Flush);
    }
    patience.pause(1);
    Ok(())
}

/// Stops what a channel was doing for whoever ran before.
fn silence(registers: &impl Registers, patience: &mut dyn Patience, channel: u8) -> Result<(), UsbError> {
    let register = of_channel(channel, HCCHAR);
    if registers.read(register) & Character::ENABLE.bits() == 0 {
        return Ok(());
    }
    change(registers, register, 0, (Character::ENABLE | Character::DISABLE).bits());
    if settle(registers, patience, register, Character::ENABLE.bits(), 0) { Ok(()) } else { Err(UsbError::Flush) }
}

fn port(registers: &impl Registers) -> Port {
    Port::from_bits_retain(registers.read(HPRT0))
}

/// Writes the port's register; what writing forgets or forbids is left out.
fn write_port(registers: &impl Registers, port: Port) {
    let forgets = Port::CONNECTED_CHANGED | Port::ENABLED | Port::ENABLED_CHANGED | Port::OVERCURRENT_CHANGED;
    registers.write(HPRT0, (port - forgets).bits());
}

#[cfg(test)]
mod tests;
