//! A channel: it is told what to do, and halts when that is done or cannot be.

use super::registers::{Character, HCCHAR, HCDMA, HCINT, HCINTMSK, HCSPLT, HCTSIZ, Happened, of_channel};
use crate::usb::Speed;
use crate::window::Registers;

/// Which packet comes next: HCTSIZ.PID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pid(u32);

impl Pid {
    /// The first of a bulk endpoint.
    pub const DATA0: Self = Self(0);
    /// The first after a request.
    pub const DATA1: Self = Self(2);
    /// A request.
    pub const SETUP: Self = Self(3);
}

/// What kind an endpoint is: HCCHAR.EPType.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Requests.
    Control = 0,
    /// Whatever there is, when there is room for it.
    Bulk = 2,
}

/// Whom a channel speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pipe {
    /// The device's address.
    pub address: u8,
    /// How fast it is.
    pub speed: Speed,
    /// The endpoint's number.
    pub endpoint: u8,
    /// Its kind.
    pub kind: Kind,
    /// The device sends.
    pub is_in: bool,
    /// Bytes of a packet.
    pub packet: u16,
}

/// What a channel is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Bytes; what comes is a multiple of a packet.
    pub bytes: u32,
    /// Where in memory, as the controller sees it.
    pub address: u32,
    /// With which packet it begins.
    pub pid: Pid,
}

impl Order {
    /// In how many packets.
    #[must_use]
    pub fn packets(&self, pipe: &Pipe) -> u32 {
        self.bytes.div_ceil(u32::from(pipe.packet)).max(1)
    }
}

/// How a channel has halted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halt {
    /// Why.
    pub happened: Happened,
    /// Bytes of the order that are left, as the controller counts them: exact for what came.
    pub left_bytes: u32,
    /// Packets that are left.
    pub left_packets: u32,
    /// The next packet, on a board.
    pub pid: Pid,
}

const BYTES_MASK: u32 = 0x7_FFFF;
const PACKETS_SHIFT: u32 = 19;
const PACKETS_MASK: u32 = 0x3FF;
const PID_SHIFT: u32 = 29;

/// A channel of the controller. It is used by one transfer at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    number: u8,
    is_listened_to: bool,
}

impl Channel {
    /// The channel of this number, which was [readied](Channel::ready).
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self { number, is_listened_to: false }
    }

    fn write(self, registers: &impl Registers, register: usize, value: u32) {
        registers.write(of_channel(self.number, register), value);
    }

    fn read(self, registers: &impl Registers, register: usize) -> u32 {
        registers.read(of_channel(self.number, register))
    }

    /// Forgets what has happened to it, which does not run.
    pub fn ready(self, registers: &impl Registers) {
        self.write(registers, HCINTMSK, 0);
        self.write(registers, HCINT, Happened::ALL.bits());
        self.write(registers, HCSPLT, 0);
    }

    /// Begins. It does not interrupt before [`Channel::listen`]: what QEMU does at once is seen by the next look.
    pub fn begin(self, registers: &impl Registers, pipe: &Pipe, order: &Order) {
        let packets = order.packets(pipe) & PACKETS_MASK;
        self.write(registers, HCTSIZ, order.bytes & BYTES_MASK | packets << PACKETS_SHIFT | order.pid.0 << PID_SHIFT);
        self.write(registers, HCDMA, order.address);
        let mut flags = Character::ENABLE;
        flags.set(Character::IN, pipe.is_in);
        flags.set(Character::LOW_SPEED, pipe.speed == Speed::Low);
        let numbers = u32::from(pipe.packet) | u32::from(pipe.endpoint) << 11 | (pipe.kind as u32) << 18 | 1 << 20;
        self.write(registers, HCCHAR, numbers | u32::from(pipe.address) << 22 | flags.bits());
    }

    /// It interrupts when it halts, or has halted.
    pub fn listen(&mut self, registers: &impl Registers) {
        if !self.is_listened_to {
            self.is_listened_to = true;
            self.write(registers, HCINTMSK, Happened::HALTED.bits());
        }
    }

    /// How it has halted; none as long as it has not. Told once, and it is ready again then.
    #[must_use]
    pub fn look(&mut self, registers: &impl Registers) -> Option<Halt> {
        let happened = Happened::from_bits_retain(self.read(registers, HCINT));
        if !happened.contains(Happened::HALTED) {
            return None;
        }
        let size = self.read(registers, HCTSIZ);
        if self.is_listened_to {
            self.is_listened_to = false;
            self.write(registers, HCINTMSK, 0);
        }
        self.write(registers, HCINT, Happened::ALL.bits());
        let (left_bytes, left_packets) = (size & BYTES_MASK, size >> PACKETS_SHIFT & PACKETS_MASK);
        Some(Halt { happened, left_bytes, left_packets, pid: Pid(size >> PID_SHIFT & 3) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::fake::{Access::Read, Access::Write, Script};

    const PIPE: Pipe = Pipe { address: 3, speed: Speed::Full, endpoint: 2, kind: Kind::Bulk, is_in: true, packet: 64 };

    #[test]
    fn a_channel_is_told_everything_before_it_begins() {
        let order = Order { bytes: 2048, address: 0xC010_0000, pid: Pid::DATA1 };
        let character = 64 | 2 << 11 | 1 << 15 | 2 << 18 | 1 << 20 | 3 << 22 | 1 << 31;
        let accesses = [
            Write(0x52C, 0),
            Write(0x528, 0x7FF),
            Write(0x524, 0),
            Write(0x530, 2048 | 32 << 19 | 2 << 29),
            Write(0x534, 0xC010_0000),
            Write(0x520, character),
        ];
        let script = Script::new(&accesses);
        let channel = Channel::new(1);
        channel.ready(&script);
        channel.begin(&script, &PIPE, &order);
        script.assert_done();
    }

    #[test]
    fn a_channel_that_still_runs_is_left_alone() {
        let script = Script::new(&[Read(0x508, 0x10)]);
        assert_eq!(Channel::new(0).look(&script), None, "refused for now is no halt");
        script.assert_done();
    }

    #[test]
    fn a_halt_is_told_once_with_what_is_left() {
        let script = Script::new(&[Read(0x508, 3), Read(0x510, 1988 | 31 << 19 | 2 << 29), Write(0x508, 0x7FF)]);
        let halt = Channel::new(0).look(&script).expect("it has halted");
        assert_eq!((halt.left_bytes, halt.left_packets, halt.pid), (1988, 31, Pid::DATA1));
        assert_eq!(halt.happened, Happened::COMPLETE | Happened::HALTED);
        script.assert_done();
    }

    #[test]
    fn a_channel_interrupts_from_when_it_is_listened_to_until_its_halt_is_told() {
        let halt = [Read(0x508, 3), Read(0x510, 0)];
        let mut accesses = std::vec![Write(0x50C, 2), Read(0x508, 0)];
        accesses.extend(halt);
        accesses.extend([Write(0x50C, 0), Write(0x508, 0x7FF)]);
        accesses.extend(halt);
        accesses.extend([Write(0x508, 0x7FF), Write(0x50C, 2)]);
        let script = Script::new(&accesses);
        let mut channel = Channel::new(0);
        channel.listen(&script);
        channel.listen(&script);
        assert!(channel.look(&script).is_none() && channel.look(&script).is_some() && channel.look(&script).is_some());
        channel.listen(&script);
        script.assert_done();
    }

    #[test]
    fn a_transfer_of_nothing_is_one_packet() {
        let order = Order { bytes: 0, address: 0, pid: Pid::DATA1 };
        assert_eq!(order.packets(&PIPE), 1);
    }
}
