//! The chip itself, for tests: requests and packets in, answers and frames out, without a clock. It is one model for the driver's own tests
//! and for a machine that QEMU makes (`cargo xtask run --card lan9514`).
//!
//! - [`mac`]: its registers and its PHY · [`mischief`]: what goes wrong as a seed says
//!
//! It is strict: what a chip would put up with by chance only is an [objection](Model::objections), such as a register that is written while
//! the chip is in its reset, a receiver without an address, or a transfer of full packets that has no end.

pub mod mac;
pub mod mischief;

extern crate std;

use std::collections::VecDeque;
use std::format;
use std::string::String;
use std::vec::Vec;

use self::mac::Mac;
use self::mischief::{Coming, Mischief};
use super::registers::Status;
use crate::card::{LONGEST, Pace};
use crate::usb::request::Setup;

/// Bytes of a bulk packet.
pub const PACKET: usize = 512;
/// Its endpoint for what comes to the host; the other bulk endpoint, and that of interrupts.
pub const IN: u8 = 1;
/// For what leaves the host.
pub const OUT: u8 = 2;
/// The shortest frame on a cable, its sum not counted.
const SHORTEST: usize = 60;
/// The most that is kept of a transfer that does not end.
const MOST: usize = 4096;
/// Frames on their way to the host for which the chip has room: 20 KB.
const ROOM: usize = 20 << 10;
/// The same, with those that the other side keeps meanwhile.
const ROOM_WITH_PAUSES: usize = 1 << 20;

/// What the device says of itself.
pub const DEVICE: [u8; 18] = [18, 1, 0, 2, 0xFF, 0, 1, 64, 0x24, 4, 0, 0xEC, 0, 2, 0, 0, 0, 1];
/// Its one configuration.
pub const CONFIGURATION: [u8; 39] = [
    9, 2, 39, 0, 1, 1, 0, 0xE0, 1, // configuration 1
    9, 4, 0, 0, 3, 0xFF, 0, 0xFF, 0, // interface 0
    7, 5, 0x81, 2, 0, 2, 0, 7, 5, 2, 2, 0, 2, 0, // bulk
    7, 5, 0x83, 3, 16, 0, 4, // interrupt
];

/// What a device answers to a packet or a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This; to what was sent to it, nothing.
    Data(Vec<u8>),
    /// Not now.
    Nak,
    /// Never.
    Stall,
}

/// The chip.
#[derive(Debug)]
pub struct Model {
    mac: Mac,
    mischief: Mischief,
    is_configured: bool,
    /// Which of its bulk endpoints refuse: what comes, what leaves.
    is_halted: [bool; 2],
    /// Frames on their way to the host, and their bytes.
    arriving: VecDeque<Vec<u8>>,
    arriving_bytes: usize,
    /// What is left of the transfer that is under way to the host.
    coming: Option<Vec<u8>>,
    /// What has come of the transfer that is under way from it.
    leaving: Vec<u8>,
    /// Frames that have left by the cable.
    sent: VecDeque<Vec<u8>>,
    /// Frames that have left since the driver could know how fast the cable is.
    sent_since: u32,
}

impl Model {
    /// A chip without an address, and with a cable that leads nowhere; what goes wrong is as the seed says, or nothing.
    #[must_use]
    pub fn new(seed: Option<u64>) -> Self {
        Self {
            mac: Mac::default(),
            mischief: Mischief::new(seed),
            is_configured: false,
            is_halted: [false; 2],
            arriving: VecDeque::new(),
            arriving_bytes: 0,
            coming: None,
            leaving: Vec::new(),
            sent: VecDeque::new(),
            sent_since: 0,
        }
    }

    /// The port is reset.
    pub fn reset(&mut self) {
        self.mac.reset(false);
        (self.is_configured, self.is_halted, self.coming) = (false, [false; 2], None);
        self.leaving.clear();
        self.arriving.clear();
        self.arriving_bytes = 0;
    }

    /// The cable leads somewhere, so fast, or nowhere.
    pub fn plug(&mut self, pace: Option<Pace>) {
        self.mac.plug(pace);
        self.sent_since = 0;
    }

    /// The cable leads nowhere, and somewhere, so fast, after so many looks at the PHY.
    pub fn plug_later(&mut self, pace: Pace, looks: u32) {
        self.mac.replug((pace, looks));
        self.sent_since = 0;
    }

    /// A frame comes over the cable.
    pub fn arrive(&mut self, mut frame: Vec<u8>) {
        // Where the other side waits, what the chip has no room for stays there.
        let room = if self.mac.has_pauses() { ROOM_WITH_PAUSES } else { ROOM };
        if frame.len() > LONGEST || !self.mac.hears(&frame) || self.arriving_bytes + frame.len() > room {
            return;
        }
        frame.resize(frame.len().max(SHORTEST), 0);
        self.arriving_bytes += frame.len();
        self.arriving.push_back(frame);
    }

    /// The next frame that has left by the cable.
    pub fn take_sent(&mut self) -> Option<Vec<u8>> {
        self.sent.pop_front()
    }

    /// What the driver did that it must not do. One that has ended in the middle of a transfer is among that.
    pub fn objections(&mut self) -> Vec<String> {
        if self.leaving.len().is_multiple_of(PACKET) && !self.leaving.is_empty() {
            let bytes = self.leaving.len();
            self.mac.object(format!("a transfer of {bytes} bytes has no end: an empty packet is missing"));
            self.leaving.clear();
        }
        self.mac.take_objections()
    }

    /// A bulk endpoint, that of what comes to the host or the other, refuses until it is told to go on.
    pub fn halt(&mut self, is_in: bool) {
        self.is_halted[usize::from(!is_in)] = true;
    }

    /// Whether frames wait for the host.
    #[must_use]
    pub fn has_frames(&self) -> bool {
        !self.arriving.is_empty()
    }

    /// What went wrong as the seed said.
    #[must_use]
    pub fn done(&self) -> &mischief::Done {
        self.mischief.done()
    }

    /// Answers a request, with which `data` came.
    pub fn request(&mut self, setup: Setup, data: &[u8]) -> Answer {
        let Setup { kind, request, value, index, length } = setup;
        let answer = match (kind, request, value, index) {
            (0x80, 6, 0x0100, 0) => DEVICE.to_vec(),
            (0x80, 6, 0x0200, 0) => CONFIGURATION.to_vec(),
            (0, 9, 0 | 1, 0) => {
                self.is_configured = value == 1;
                self.is_halted = [false; 2];
                Vec::new()
            }
            (2, 1, 0, 0x81 | 0x02) => {
                let is_in = index == 0x81;
                self.is_halted[usize::from(!is_in)] = false;
                Vec::new()
            }
            (0xC0, 0xA1, 0, register) if self.is_configured && length == 4 => match self.mischief.request(self.mac.is_receiving()) {
                Some(answer) => return answer,
                None => self.mac.read(register).to_le_bytes().to_vec(),
            },
            (0x40, 0xA0, 0, register) if self.is_configured => {
                let Ok(bytes) = data.try_into() else {
                    self.mac.object(format!("register {register:#x} is given {} bytes", data.len()));
                    return Answer::Stall;
                };
                self.mac.write(register, u32::from_le_bytes(bytes));
                Vec::new()
            }
            _ => {
                self.mac.object(format!("it was asked {setup:x?}"));
                return Answer::Stall;
            }
        };
        Answer::Data(answer.into_iter().take(length.into()).collect())
    }

    /// Takes a packet that leaves the host.
    pub fn take(&mut self, packet: &[u8]) -> Answer {
        if !self.is_configured || self.is_halted[1] {
            return Answer::Stall;
        }
        match self.mischief.leaving() {
            Some(Answer::Stall) => {
                self.is_halted[1] = true;
                self.leaving.clear();
                return Answer::Stall;
            }
            Some(answer) => return answer,
            None => {}
        }
        if !self.mac.is_sending() {
            self.mac.object("a frame is sent by a chip that does not send".into());
        }
        self.leaving.extend(packet);
        if packet.len() < PACKET {
            self.leave();
        } else if self.leaving.len() > MOST {
            self.mac.object("a transfer does not end".into());
            self.leaving.clear();
        }
        Answer::Data(Vec::new())
    }

    /// A transfer has ended: a frame leaves by the cable.
    fn leave(&mut self) {
        let transfer = core::mem::take(&mut self.leaving);
        let Some(mut frame) = sent(&transfer) else {
            let front = &transfer[..transfer.len().min(8)];
            let bytes = transfer.len();
            self.mac.object(format!("{bytes} bytes that begin with {front:x?} are no frame; or the one before lacked its empty packet"));
            return;
        };
        if self.mac.pace().is_none() {
            return;
        }
        // What was on its way when the driver learned of it does not count.
        self.sent_since += u32::from(self.mac.is_known());
        if self.sent_since > 32 && !self.mac.is_right() {
            self.mac.object("frames are sent with the wrong duplex".into());
            self.sent_since = 0;
        }
        frame.resize(frame.len().max(SHORTEST), 0);
        self.sent.push_back(frame);
    }

    /// Gives the host, which has room for so many bytes, what comes next; whole packets, but for the last.
    pub fn give(&mut self, room: usize) -> Answer {
        if !self.is_configured || self.is_halted[0] {
            return Answer::Stall;
        }
        if self.coming.is_none() {
            match self.begin() {
                Answer::Data(transfer) => self.coming = Some(transfer),
                answer => return answer,
            }
        }
        let mut transfer = self.coming.take().unwrap_or_default();
        let rest = transfer.split_off(transfer.len().min(room / PACKET * PACKET));
        // A full packet is followed by another, be it empty.
        self.coming = (!transfer.is_empty() && transfer.len().is_multiple_of(PACKET)).then_some(rest);
        Answer::Data(transfer)
    }

    /// The next transfer to the host.
    fn begin(&mut self) -> Answer {
        if self.mac.is_first() {
            return Answer::Data(Vec::new());
        }
        if !self.mac.is_receiving() || self.mac.pace().is_none() {
            self.arriving.clear();
            self.arriving_bytes = 0;
            return if self.mac.tells_to_wait() { Answer::Nak } else { Answer::Data(Vec::new()) };
        }
        let Some(frame) = self.arriving.front() else {
            return if self.mac.tells_to_wait() { Answer::Nak } else { Answer::Data(Vec::new()) };
        };
        let (answer, is_used) = match self.mischief.coming(frame) {
            Coming::Frame => (Answer::Data(received(frame, Status::empty())), true),
            Coming::Damaged => (Answer::Data(received(frame, Status::ES | Status::CRC)), true),
            Coming::Instead(transfer) => (Answer::Data(transfer), false),
            Coming::Nak => (Answer::Nak, false),
            Coming::Stall => {
                self.is_halted[0] = true;
                (Answer::Stall, false)
            }
        };
        if is_used && let Some(frame) = self.arriving.pop_front() {
            self.arriving_bytes -= frame.len();
        }
        if let Some(pace) = self.mischief.cable(self.mac.pace()) {
            self.mac.replug(pace);
            self.sent_since = 0;
        }
        answer
    }
}

/// The frame in a transfer from the host: one segment, the first and the last, whose two words tell its length and nothing else.
fn sent(transfer: &[u8]) -> Option<Vec<u8>> {
    let (words, frame) = transfer.split_first_chunk::<8>()?;
    let [a, b, c, d, e, f, g, h] = *words;
    let (first, second) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    let length = u32::try_from(frame.len()).ok().filter(|length| (14..=1514).contains(length))?;
    (first == 0x3000 + length && second == length).then(|| frame.to_vec())
}

/// A frame as the host gets it: its status, and behind it its sum.
fn received(frame: &[u8], status: Status) -> Vec<u8> {
    let length = u32::try_from(frame.len() + 4).unwrap_or(0);
    [&(status.bits() | length << 16).to_le_bytes()[..], frame, &[0xC5; 4]].concat()
}

#[cfg(test)]
mod tests;
