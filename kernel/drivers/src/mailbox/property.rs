//! The properties that are asked for, as values: each [`Request`] and [`Reply`] knows its tag and its words.

use bitflags::bitflags;

const BOARD_REVISION: u32 = 0x0001_0002;
const MAC_ADDRESS: u32 = 0x0001_0003;
const ARM_MEMORY: u32 = 0x0001_0005;
const VC_MEMORY: u32 = 0x0001_0006;
const SET_POWER: u32 = 0x0002_8001;
pub(super) const CLOCK_RATE: u32 = 0x0003_0002;
const MAX_CLOCK_RATE: u32 = 0x0003_0004;
const TEMPERATURE: u32 = 0x0003_0006;
const THROTTLED: u32 = 0x0003_0046;
pub(super) const SET_CLOCK_RATE: u32 = 0x0003_8002;

/// The most words that a request or a reply has.
pub(super) const VALUE_WORDS: usize = 3;
/// The id of the one temperature sensor.
const SENSOR: u32 = 0;

/// A clock, by the firmware's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Arasan's SD host.
    Emmc = 1,
    /// The PL011's reference.
    Uart = 2,
    /// The four cores.
    Arm = 3,
    /// The VideoCore, the mini UART and SDHOST.
    Core = 4,
}

impl Clock {
    const fn from_id(id: u32) -> Option<Self> {
        match id {
            1 => Some(Self::Emmc),
            2 => Some(Self::Uart),
            3 => Some(Self::Arm),
            4 => Some(Self::Core),
            _ => None,
        }
    }
}

/// A device that the firmware can switch off, by the firmware's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerDevice {
    /// The SD card.
    SdCard = 0,
    /// The USB host controller, off until it is asked for.
    Usb = 3,
}

impl PowerDevice {
    const fn from_id(id: u32) -> Option<Self> {
        match id {
            0 => Some(Self::SdCard),
            3 => Some(Self::Usb),
            _ => None,
        }
    }
}

bitflags! {
    /// The state of a device's power. In a request the second bit means "wait until it is stable", in a reply "there is no such device".
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Power: u32 {
        /// It is (to be) on.
        const ON = 1 << 0;
        /// Request: answer when it is stable. Reply: the device does not exist.
        const WAIT_OR_MISSING = 1 << 1;
        const _ = !0;
    }

    /// Why the firmware holds the clocks down.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Throttled: u32 {
        /// The supply is below 4.63 V.
        const UNDER_VOLTAGE = 1 << 0;
        /// The ARM's clock is capped.
        const CAPPED = 1 << 1;
        /// The ARM's clock is at its minimum.
        const THROTTLED = 1 << 2;
        /// The soft temperature limit is reached.
        const SOFT_LIMIT = 1 << 3;
        /// The same four, at any time since the reset.
        const UNDER_VOLTAGE_SEEN = 1 << 16;
        /// Capped at some time.
        const CAPPED_SEEN = 1 << 17;
        /// Throttled at some time.
        const THROTTLED_SEEN = 1 << 18;
        /// Soft limit at some time.
        const SOFT_LIMIT_SEEN = 1 << 19;
        const _ = !0;
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Which memory is the ARM's.
    ArmMemory,
    /// Which memory is the VideoCore's.
    VcMemory,
    /// Which board this is: 0xA02082 is a 3B, 0xA020D3 a 3B+.
    BoardRevision,
    /// The Ethernet address.
    MacAddress,
    /// How fast a clock runs.
    ClockRate(Clock),
    /// How fast it may run.
    MaxClockRate(Clock),
    /// Let a clock run at `hz`; if it is the ARM's, without touching other clocks if `skips_turbo`.
    SetClockRate {
        /// Which.
        clock: Clock,
        /// How fast.
        hz: u32,
        /// Leave the other clocks alone.
        skips_turbo: bool,
    },
    /// How warm the chip is.
    Temperature,
    /// Whether the clocks are held down.
    Throttled,
    /// Switch a device on or off.
    SetPower {
        /// Which.
        device: PowerDevice,
        /// How.
        power: Power,
    },
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The ARM's memory.
    ArmMemory {
        /// First byte, physical.
        base: u32,
        /// How much.
        bytes: u32,
    },
    /// The VideoCore's memory.
    VcMemory {
        /// First byte, physical.
        base: u32,
        /// How much.
        bytes: u32,
    },
    /// The board's revision code.
    BoardRevision(u32),
    /// The Ethernet address, in the order of transmission.
    MacAddress([u8; 6]),
    /// How fast a clock runs; 0 if there is no such clock.
    ClockRate(Clock, u32),
    /// How fast it may run.
    MaxClockRate(Clock, u32),
    /// How fast it runs now.
    SetClockRate(Clock, u32),
    /// Thousandths of a degree Celsius.
    Temperature(u32),
    /// Whether the clocks are held down.
    Throttled(Throttled),
    /// The state of a device's power.
    SetPower(PowerDevice, Power),
}

/// The words of one tag's value; those above `used` are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) tag: u32,
    pub(super) words: [u32; VALUE_WORDS],
    pub(super) used: usize,
}

impl Value {
    fn new<const N: usize>(tag: u32, used: [u32; N]) -> Self {
        let mut words = [0; VALUE_WORDS];
        words[..N].copy_from_slice(&used);
        Self { tag, words, used: N }
    }
}

impl Request {
    /// Its tag and words.
    pub(super) fn emit(self) -> Value {
        match self {
            Self::ArmMemory => Value::new(ARM_MEMORY, []),
            Self::VcMemory => Value::new(VC_MEMORY, []),
            Self::BoardRevision => Value::new(BOARD_REVISION, []),
            Self::MacAddress => Value::new(MAC_ADDRESS, []),
            Self::ClockRate(clock) => Value::new(CLOCK_RATE, [clock as u32]),
            Self::MaxClockRate(clock) => Value::new(MAX_CLOCK_RATE, [clock as u32]),
            Self::SetClockRate { clock, hz, skips_turbo } => Value::new(SET_CLOCK_RATE, [clock as u32, hz, skips_turbo.into()]),
            Self::Temperature => Value::new(TEMPERATURE, [SENSOR]),
            Self::Throttled => Value::new(THROTTLED, []),
            Self::SetPower { device, power } => Value::new(SET_POWER, [device as u32, power.bits()]),
        }
    }

    /// The request in a tag's words; none if it is not one of these. The firmware's side, for tests and models of it.
    #[must_use]
    pub fn parse(tag: u32, words: &[u32]) -> Option<Self> {
        Some(match (tag, words) {
            (ARM_MEMORY, []) => Self::ArmMemory,
            (VC_MEMORY, []) => Self::VcMemory,
            (BOARD_REVISION, []) => Self::BoardRevision,
            (MAC_ADDRESS, []) => Self::MacAddress,
            (CLOCK_RATE, &[id]) => Self::ClockRate(Clock::from_id(id)?),
            (MAX_CLOCK_RATE, &[id]) => Self::MaxClockRate(Clock::from_id(id)?),
            (SET_CLOCK_RATE, &[id, hz, skips]) => Self::SetClockRate { clock: Clock::from_id(id)?, hz, skips_turbo: skips != 0 },
            (TEMPERATURE, &[SENSOR]) => Self::Temperature,
            (THROTTLED, []) => Self::Throttled,
            (SET_POWER, &[id, power]) => Self::SetPower { device: PowerDevice::from_id(id)?, power: Power::from_bits_retain(power) },
            _ => return None,
        })
    }

    /// How many words its reply has.
    pub(super) const fn reply_words(self) -> usize {
        match self {
            Self::BoardRevision | Self::Throttled => 1,
            _ => 2,
        }
    }
}

impl Reply {
    /// Its tag and words. The firmware's side, for tests and models of it.
    #[cfg(test)]
    pub(super) fn emit(self) -> Value {
        match self {
            Self::ArmMemory { base, bytes } => Value::new(ARM_MEMORY, [base, bytes]),
            Self::VcMemory { base, bytes } => Value::new(VC_MEMORY, [base, bytes]),
            Self::BoardRevision(revision) => Value::new(BOARD_REVISION, [revision]),
            Self::MacAddress([a, b, c, d, e, f]) => {
                let low = u32::from_le_bytes([a, b, c, d]);
                Value::new(MAC_ADDRESS, [low, u32::from_le_bytes([e, f, 0, 0])])
            }
            Self::ClockRate(clock, hz) => Value::new(CLOCK_RATE, [clock as u32, hz]),
            Self::MaxClockRate(clock, hz) => Value::new(MAX_CLOCK_RATE, [clock as u32, hz]),
            Self::SetClockRate(clock, hz) => Value::new(SET_CLOCK_RATE, [clock as u32, hz]),
            Self::Temperature(degrees) => Value::new(TEMPERATURE, [SENSOR, degrees]),
            Self::Throttled(throttled) => Value::new(THROTTLED, [throttled.bits()]),
            Self::SetPower(device, power) => Value::new(SET_POWER, [device as u32, power.bits()]),
        }
    }

    /// The reply in a tag's words, of which there may be more than needed; none if it is not one of these, or cut short.
    #[must_use]
    pub fn parse(tag: u32, words: &[u32]) -> Option<Self> {
        Some(match (tag, words) {
            (ARM_MEMORY, &[base, bytes, ..]) => Self::ArmMemory { base, bytes },
            (VC_MEMORY, &[base, bytes, ..]) => Self::VcMemory { base, bytes },
            (BOARD_REVISION, &[revision, ..]) => Self::BoardRevision(revision),
            (MAC_ADDRESS, &[low, high, ..]) => {
                let [a, b, c, d] = low.to_le_bytes();
                let [e, f, _, _] = high.to_le_bytes();
                Self::MacAddress([a, b, c, d, e, f])
            }
            (CLOCK_RATE, &[id, hz, ..]) => Self::ClockRate(Clock::from_id(id)?, hz),
            (MAX_CLOCK_RATE, &[id, hz, ..]) => Self::MaxClockRate(Clock::from_id(id)?, hz),
            (SET_CLOCK_RATE, &[id, hz, ..]) => Self::SetClockRate(Clock::from_id(id)?, hz),
            (TEMPERATURE, &[SENSOR, degrees, ..]) => Self::Temperature(degrees),
            (THROTTLED, &[throttled, ..]) => Self::Throttled(Throttled::from_bits_retain(throttled)),
            (SET_POWER, &[id, power, ..]) => Self::SetPower(PowerDevice::from_id(id)?, Power::from_bits_retain(power)),
            _ => return None,
        })
    }
}
