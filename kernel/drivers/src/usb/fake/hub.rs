//! A hub, and a device that is nothing of use.

use std::boxed::Box;
use std::vec::Vec;

use super::{Answer, Plugged};
use crate::usb::Speed;
use crate::usb::request::Setup;

const HUB: [u8; 18] = [18, 1, 0, 2, 9, 0, 0, 64, 0x24, 4, 0x14, 0x95, 0, 2, 0, 0, 0, 1];
const CONFIGURATION: [u8; 25] = [9, 2, 25, 0, 1, 1, 0, 0xE0, 1, 9, 4, 0, 0, 1, 9, 0, 0, 0, 7, 5, 0x81, 3, 1, 0, 12];

/// A port.
pub struct Port {
    what: Option<(Speed, Box<dyn Plugged>)>,
    has_power: bool,
    is_enabled: bool,
    is_reset: bool,
}

/// A hub.
pub struct FakeHub {
    address: u8,
    is_configured: bool,
    ports: Vec<Port>,
}

/// A hub with these in its ports.
pub fn plugged(ports: Vec<Option<(Speed, Box<dyn Plugged>)>>) -> Box<dyn Plugged> {
    let port = |what| Port { what, has_power: false, is_enabled: false, is_reset: false };
    Box::new(FakeHub { address: 0, is_configured: false, ports: ports.into_iter().map(port).collect() })
}

impl Port {
    fn status(&self) -> u32 {
        let Some((speed, _)) = self.what.as_ref().filter(|_| self.has_power) else { return 1 << 8 };
        let speed = match speed {
            Speed::High => 1 << 10,
            Speed::Full => 0,
            Speed::Low => 1 << 9,
        };
        1 | u32::from(self.is_enabled) << 1 | 1 << 8 | speed | u32::from(self.is_reset) << 20
    }

    fn set(&mut self, feature: u16) {
        match feature {
            8 => self.has_power = true,
            4 => {
                (self.is_enabled, self.is_reset) = (true, true);
                if let Some((_, device)) = &mut self.what {
                    *device.address() = 0;
                }
            }
            _ => panic!("feature {feature} is set"),
        }
    }

    fn clear(&mut self, feature: u16) {
        match feature {
            1 => self.is_enabled = false,
            16 => {}
            20 => self.is_reset = false,
            _ => panic!("feature {feature} is cleared"),
        }
    }
}

impl Plugged for FakeHub {
    fn address(&mut self) -> &mut u8 {
        &mut self.address
    }

    fn ask(&mut self, setup: Setup) -> Answer {
        let count = self.ports.len().to_le_bytes()[0];
        let port = usize::from(setup.index).checked_sub(1).and_then(|index| self.ports.get_mut(index));
        Answer::Data(match (setup.kind, setup.request, setup.value, port) {
            (0x80, 6, 0x0100, _) => HUB.to_vec(),
            (0x80, 6, 0x0200, _) => CONFIGURATION.to_vec(),
            (0, 9, 1, _) => {
                self.is_configured = true;
                Vec::new()
            }
            (0xA0, 6, 0x2900, _) if self.is_configured => [9, 0x29, count, 9, 0, 50, 0, 0, 0xFF].to_vec(),
            (0xA3, 0, 0, Some(port)) => port.status().to_le_bytes().to_vec(),
            (0x23, 3, feature, Some(port)) => {
                port.set(feature);
                Vec::new()
            }
            (0x23, 1, feature, Some(port)) => {
                port.clear(feature);
                Vec::new()
            }
            _ => return Answer::Stall,
        })
    }

    fn behind(&mut self) -> Vec<&mut Box<dyn Plugged>> {
        let speaking = self.ports.iter_mut().filter(|port| port.is_enabled);
        speaking.filter_map(|port| port.what.as_mut()).map(|(_, device)| device).collect()
    }
}

/// Answers every request with bytes of its own choice.
pub struct Nonsense {
    address: u8,
    bytes: Vec<u8>,
}

/// A device that answers so.
pub fn nonsense(bytes: &[u8]) -> Box<dyn Plugged> {
    Box::new(Nonsense { address: 0, bytes: bytes.to_vec() })
}

impl Plugged for Nonsense {
    fn address(&mut self) -> &mut u8 {
        &mut self.address
    }

    fn ask(&mut self, _: Setup) -> Answer {
        Answer::Data(self.bytes.clone())
    }
}
