//! USB: the Pi's host controller, what is plugged into it, and the network card among that. Sources: Universal Serial Bus Specification 2.0;
//! USB Class Definitions for CDC 1.2 and its subclass ECM 1.2.
//!
//! - [`dwc2`]: the controller: its start, its root port, and its channels, which carry transfers
//! - [`memory`]: the memory that it and the driver share, past caches that know nothing of it
//! - [`request`]: what a device is asked · [`descriptor`]: what it says of itself, without believing it
//! - [`host`]: questions and answers over one channel · [`hub`]: ports · [`search`]: who is there, and the network card among them
//! - [`bulk`]: frames, both ways · [`ecm`]: a network card of the class CDC-ECM · [`smsc95xx`]: the one that is on a Pi 3
//!
//! # What is not done
//! What is plugged in later is not found. A slow or full-speed device behind a hub of high speed is passed over: it needs split
//! transactions, which a network card of the Pi's does not.

pub mod bulk;
pub mod descriptor;
pub mod dwc2;
pub mod ecm;
#[cfg(test)]
mod fake;
pub mod host;
pub mod hub;
pub mod memory;
pub mod request;
pub mod search;
pub mod smsc95xx;

use core::fmt;

/// What a driver cannot do without a thread and a clock: let time pass.
pub trait Patience {
    /// Lets at least so many milliseconds pass.
    fn pause(&mut self, ms: u32);

    /// Waits until the controller has interrupted since this was called last, or so many milliseconds have passed; false then.
    fn is_interrupted(&mut self, ms: u32) -> bool;
}

/// How fast a device speaks; as the root port tells it (HPRT0.PrtSpd).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// 480 Mbit/s.
    High,
    /// 12 Mbit/s.
    Full,
    /// 1.5 Mbit/s.
    Low,
}

/// Why there is no network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsbError {
    /// The registers are not those of a DWC2 with DMA.
    Controller,
    /// It does not come out of its reset.
    Reset,
    /// It does not empty its buffers.
    Flush,
    /// Nothing is plugged in.
    Nothing,
    /// What is plugged in is not there after its reset.
    Port,
    /// A transfer neither ends nor fails.
    Silent {
        /// Whose: 0 is a device that has no address yet.
        address: u8,
        /// What was asked.
        request: u8,
    },
    /// A device refuses what it was asked.
    Refused,
    /// A device answers with errors on the line.
    Line,
    /// A device describes itself as nothing that can be.
    Descriptor,
    /// A port of a hub does not come out of its reset.
    HubPort,
    /// There are devices, but no network card that is known.
    NoCard,
    /// The Ethernet chip does not do what its register asks of it.
    Chip {
        /// Which.
        register: u16,
    },
    /// Neither the firmware nor the Ethernet chip knows an address for it.
    NoAddress,
    /// The memory that is shared is too small or lies badly.
    Memory,
}

impl fmt::Display for UsbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Controller => "the USB controller is no DWC2 with DMA",
            Self::Reset => "the USB controller does not come out of its reset",
            Self::Flush => "the USB controller does not empty its buffers",
            Self::Nothing => "nothing is plugged into USB",
            Self::Port => "what is plugged into USB does not survive its port's reset",
            Self::Silent { address, request } => {
                return write!(f, "the USB device at address {address} does not answer request {request}");
            }
            Self::Refused => "a USB device refuses a request that each must answer",
            Self::Line => "the line to a USB device has errors",
            Self::Descriptor => "a USB device describes itself as nothing that can be",
            Self::HubPort => "a USB hub's port does not come out of its reset",
            Self::NoCard => "no USB device is a network card that is known",
            Self::Chip { register } => return write!(f, "the Ethernet chip at USB does not do what its register {register:#x} asks"),
            Self::NoAddress => "nobody tells the Ethernet chip's address",
            Self::Memory => "no memory for USB",
        })
    }
}
