//! Hubs: ports that are given power, looked at, and reset one by one. Source: USB 2.0, 11.23 and 11.24.

use bitflags::bitflags;

use super::host::{Asked, Host};
use super::memory::Memory;
use super::request::Setup;
use super::{Patience, Speed, UsbError};
use crate::window::Registers;

/// A port's features (table 11-17).
const PORT_ENABLE: u16 = 1;
const PORT_RESET: u16 = 4;
const PORT_POWER: u16 = 8;
const C_PORT_CONNECTION: u16 = 16;
const C_PORT_RESET: u16 = 20;

/// The kind of a hub's descriptor.
const HUB: u8 = 0x29;
/// Bytes of it that are read: up to how long power takes.
const DESCRIPTOR_BYTES: usize = 7;

/// How long a plug settles (7.1.7.3).
const DEBOUNCE_MS: u32 = 100;
/// How long after a look at a port in reset comes the next, and how many there are. 11.5.1.5: 20 ms.
const LOOK_MS: u32 = 10;
const LOOKS: u32 = 50;
/// How long a device rests after its reset (7.1.7.5).
const RECOVERY_MS: u32 = 20;

bitflags! {
    /// How a port is (tables 11-21 and 11-22), changes above.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Status: u32 {
        /// Something is plugged in.
        const CONNECTED = 1 << 0;
        /// It may speak.
        const ENABLED = 1 << 1;
        /// It is slow.
        const LOW_SPEED = 1 << 9;
        /// It is fast.
        const HIGH_SPEED = 1 << 10;
        /// Its reset is over.
        const RESET_DONE = 1 << 20;
        const _ = !0;
    }
}

/// A hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hub {
    /// The hub itself.
    pub asked: Asked,
    /// How many ports it has.
    pub ports: u8,
    /// How long power takes at its ports, in milliseconds.
    power_ms: u32,
}

impl Hub {
    /// What the hub that is configured already says of itself.
    ///
    /// # Errors
    /// [`UsbError::Descriptor`]; those of [`Host::ask`].
    pub fn new<R: Registers, M: Memory>(host: &mut Host<R, M>, asked: Asked, patience: &mut dyn Patience) -> Result<Self, UsbError> {
        let mut bytes = [0; DESCRIPTOR_BYTES];
        let told = host.ask(&asked, Setup::hub_descriptor(), &mut bytes, patience)?;
        match told {
            &mut [_, HUB, ports, _, _, power, _] => Ok(Self { asked, ports, power_ms: u32::from(power) * 2 }),
            _ => Err(UsbError::Descriptor),
        }
    }

    /// Gives all ports power, and time to tell what is plugged in.
    ///
    /// # Errors
    /// Those of [`Host::tell`].
    pub fn give_power<R: Registers, M: Memory>(&self, host: &mut Host<R, M>, patience: &mut dyn Patience) -> Result<(), UsbError> {
        for port in 1..=self.ports {
            host.tell(&self.asked, Setup::set_port_feature(port, PORT_POWER), patience)?;
        }
        patience.pause(self.power_ms + DEBOUNCE_MS);
        Ok(())
    }

    /// Shuts a port: what is plugged in there hears nothing more.
    ///
    /// # Errors
    /// Those of [`Host::tell`].
    pub fn shut<R: Registers, M: Memory>(&self, host: &mut Host<R, M>, port: u8, patience: &mut dyn Patience) -> Result<(), UsbError> {
        host.tell(&self.asked, Setup::clear_port_feature(port, PORT_ENABLE), patience)
    }

    fn status<R: Registers, M: Memory>(&self, host: &mut Host<R, M>, port: u8, patience: &mut dyn Patience) -> Result<Status, UsbError> {
        let mut bytes = [0; 4];
        match host.ask(&self.asked, Setup::port_status(port), &mut bytes, patience)?.len() {
            4 => Ok(Status::from_bits_retain(u32::from_le_bytes(bytes))),
            _ => Err(UsbError::Descriptor),
        }
    }

    /// Resets what is plugged into a port: it answers at address 0 then. How fast it is; none, if nothing is there.
    ///
    /// # Errors
    /// [`UsbError::HubPort`]; those of [`Host::ask`].
    pub fn reset<R: Registers, M: Memory>(
        &self,
        host: &mut Host<R, M>,
        port: u8,
        patience: &mut dyn Patience,
    ) -> Result<Option<Speed>, UsbError> {
        if !self.status(host, port, patience)?.contains(Status::CONNECTED) {
            return Ok(None);
        }
        host.tell(&self.asked, Setup::clear_port_feature(port, C_PORT_CONNECTION), patience)?;
        host.tell(&self.asked, Setup::set_port_feature(port, PORT_RESET), patience)?;
        let mut looks = LOOKS;
        let status = loop {
            patience.pause(LOOK_MS);
            let status = self.status(host, port, patience)?;
            if status.contains(Status::RESET_DONE) {
                break status;
            }
            looks = looks.checked_sub(1).ok_or(UsbError::HubPort)?;
        };
        host.tell(&self.asked, Setup::clear_port_feature(port, C_PORT_RESET), patience)?;
        if !status.contains(Status::CONNECTED | Status::ENABLED) {
            return Err(UsbError::HubPort);
        }
        patience.pause(RECOVERY_MS);
        let is_low = status.contains(Status::LOW_SPEED);
        let is_high = status.contains(Status::HIGH_SPEED);
        Ok(Some(if is_high {
            Speed::High
        } else if is_low {
            Speed::Low
        } else {
            Speed::Full
        }))
    }
}
