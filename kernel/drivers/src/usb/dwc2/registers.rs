//! The controller's registers and their bits, by the names of Linux' `dwc2/hw.h`.

use bitflags::bitflags;

/// How it reaches memory.
pub const GAHBCFG: usize = 0x008;
/// How it speaks to its transceiver.
pub const GUSBCFG: usize = 0x00C;
/// Resets, of the whole and of buffers.
pub const GRSTCTL: usize = 0x010;
/// What has happened.
pub const GINTSTS: usize = 0x014;
/// What of that interrupts.
pub const GINTMSK: usize = 0x018;
/// Words of the buffer for all that comes.
pub const GRXFSIZ: usize = 0x024;
/// The buffer for what leaves at no set time: where, and how many words.
pub const GNPTXFSIZ: usize = 0x028;
/// What the controller is.
pub const GSNPSID: usize = 0x040;
/// What it has.
pub const GHWCFG2: usize = 0x048;
/// The buffer for what leaves at set times.
pub const HPTXFSIZ: usize = 0x100;
/// The clock of the transceiver.
pub const HCFG: usize = 0x400;
/// Which channels interrupt.
pub const HAINTMSK: usize = 0x418;
/// The root port.
pub const HPRT0: usize = 0x440;
/// Sleep.
pub const PCGCTL: usize = 0xE00;

/// The first channel's registers, and how far apart channels are.
const CHANNELS: usize = 0x500;
const CHANNEL_BYTES: usize = 0x20;
/// Whom a channel speaks to; writing it begins.
pub const HCCHAR: usize = 0x00;
/// Splits.
pub const HCSPLT: usize = 0x04;
/// What has happened to it.
pub const HCINT: usize = 0x08;
/// What of that interrupts.
pub const HCINTMSK: usize = 0x0C;
/// How much, in how many packets.
pub const HCTSIZ: usize = 0x10;
/// Where in memory.
pub const HCDMA: usize = 0x14;

/// A register of a channel.
#[must_use]
pub const fn of_channel(number: u8, register: usize) -> usize {
    CHANNELS + CHANNEL_BYTES * number as usize + register
}

/// GSNPSID without its revision: "OT2".
pub const IDENTITY: u32 = 0x4F54_2000;
/// The bits that hold it.
pub const IDENTITY_MASK: u32 = 0xFFFF_F000;
/// GHWCFG2: how it reaches memory (4:3), of which 2 is by itself, and how many channels it has but one (17:14).
pub const ARCHITECTURE_MASK: u32 = 3 << 3;
/// By itself.
pub const ARCHITECTURE_INTERNAL: u32 = 2 << 3;
/// Where the number of channels is.
pub const CHANNELS_SHIFT: u32 = 14;

bitflags! {
    /// GAHBCFG.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Ahb: u32 {
        /// Interrupts leave the controller.
        const INTERRUPTS = 1 << 0;
        /// Bursts: this board's bus wants them off, which means four.
        const BURST = 3 << 1;
        /// The board's own: wait for writes to arrive.
        const WAIT_FOR_WRITES = 1 << 4;
        /// Reach memory.
        const DMA = 1 << 5;
        const _ = !0;
    }

    /// GUSBCFG.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Usb: u32 {
        /// A transceiver of 16 bits.
        const WIDE = 1 << 3;
        /// ULPI, not UTMI+.
        const ULPI = 1 << 4;
        /// Session requests.
        const SRP = 1 << 8;
        /// Roles that change.
        const HNP = 1 << 9;
        /// Full speed over ULPI.
        const ULPI_FULL_SPEED = 1 << 17;
        /// ULPI's clock while asleep.
        const ULPI_CLOCK = 1 << 19;
        /// Power from outside.
        const EXTERNAL_POWER = 1 << 20;
        /// Pulses on the data line.
        const DATA_LINE_PULSE = 1 << 22;
        const _ = !0;
    }

    /// GRSTCTL.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Reset: u32 {
        /// The whole.
        const CORE = 1 << 0;
        /// The buffer for what comes.
        const RECEIVE = 1 << 4;
        /// Buffers for what leaves, as bits 10:6 say.
        const TRANSMIT = 1 << 5;
        /// All of them.
        const ALL = 0x10 << 6;
        /// Nothing is under way to memory.
        const IDLE = 1 << 31;
        const _ = !0;
    }

    /// GINTSTS and GINTMSK.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Global: u32 {
        /// A channel.
        const CHANNEL = 1 << 25;
        const _ = !0;
    }

    /// HPRT0.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Port: u32 {
        /// Something is plugged in.
        const CONNECTED = 1 << 0;
        /// That has changed; writing it forgets so.
        const CONNECTED_CHANGED = 1 << 1;
        /// It may speak; writing it forbids that.
        const ENABLED = 1 << 2;
        /// That has changed; writing it forgets so.
        const ENABLED_CHANGED = 1 << 3;
        /// Overcurrent has changed; writing it forgets so.
        const OVERCURRENT_CHANGED = 1 << 5;
        /// The line is held in reset.
        const RESET = 1 << 8;
        /// The port has power.
        const POWER = 1 << 12;
        /// 0 high, 1 full, 2 low.
        const SPEED = 3 << 17;
        const _ = !0;
    }

    /// HCCHAR, but for its numbers.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Character: u32 {
        /// The device sends.
        const IN = 1 << 15;
        /// It is slow.
        const LOW_SPEED = 1 << 17;
        /// Stop.
        const DISABLE = 1 << 30;
        /// Begin.
        const ENABLE = 1 << 31;
        const _ = !0;
    }

    /// HCINT and HCINTMSK.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Happened: u32 {
        /// All was transferred, or as much as the device has.
        const COMPLETE = 1 << 0;
        /// The channel has stopped.
        const HALTED = 1 << 1;
        /// Memory was not reached.
        const AHB_ERROR = 1 << 2;
        /// The device refuses.
        const STALL = 1 << 3;
        /// Not now.
        const NAK = 1 << 4;
        /// A transaction went wrong three times.
        const TRANSACTION_ERROR = 1 << 7;
        /// The device sent more than it may.
        const BABBLE = 1 << 8;
        /// A frame was over.
        const FRAME_OVERRUN = 1 << 9;
        /// The wrong data toggle.
        const TOGGLE_ERROR = 1 << 10;
        /// All of them.
        const ALL = 0x7FF;
        const _ = !0;
    }
}
