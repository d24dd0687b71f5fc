//! Frames that no honest machine sends, made of those that honest ones have just sent each other.
//!
//! A [`Shape`] is one way to make one. Where its sums are mended, what lies behind them is looked at; a shape that is made of a frame of the
//! moment has the numbers of a connection that lives.

use std::collections::VecDeque;

use fastrand::Rng;

use crate::world::hits;

/// Honest frames that are remembered: late ones are taken from far back.
const REMEMBERED: usize = 512;
const ETHERNET: usize = 14;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMP_V6: u8 = 58;

/// A way to spoil a frame, or to repeat an honest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// No frame at all.
    Noise,
    /// It ends too early, its lengths as they were.
    Cut,
    /// It is longer than its lengths say, up to more than a card takes.
    Long,
    /// Bytes of its headers are others, and its sums are wrong.
    Changed,
    /// The same with sums that are right.
    Mended,
    /// A length, an offset or a count is at its extreme, the sums are right.
    Extreme,
    /// A segment of one to three bytes out of the middle of an honest one.
    Tiny,
    /// Flags, window, numbers or the urgent pointer of a segment are others.
    Flags,
    /// Somebody else begins to connect, and does not go on.
    Flood,
    /// The same once more.
    Again,
    /// One from a while ago.
    Late,
}

pub const SHAPES: [Shape; 11] = [
    Shape::Noise,
    Shape::Cut,
    Shape::Long,
    Shape::Changed,
    Shape::Mended,
    Shape::Extreme,
    Shape::Tiny,
    Shape::Flags,
    Shape::Flood,
    Shape::Again,
    Shape::Late,
];

/// Where lengths, offsets, counts and kinds stand in a frame of IPv4 or IPv6 with TCP, UDP or ICMP, and in ARP and DHCP behind them.
const TELLING: [usize; 26] = [12, 13, 14, 16, 17, 18, 20, 21, 22, 23, 24, 26, 34, 36, 38, 39, 44, 46, 47, 48, 50, 52, 54, 55, 278, 284];

/// Who makes them.
pub struct Forge {
    dice: Rng,
    honest: VecDeque<Vec<u8>>,
    /// How many there were of each shape.
    pub counts: [u64; SHAPES.len()],
}

impl Forge {
    pub fn new(seed: u64, honest: Vec<Vec<u8>>) -> Self {
        let dice = Rng::with_seed(seed);
        Self { dice, honest: honest.into(), counts: [0; SHAPES.len()] }
    }

    /// Remembers a frame of the moment.
    pub fn remember(&mut self, frame: &[u8]) {
        if self.honest.len() >= REMEMBERED {
            // Those that were there first are of all kinds, and stay.
            let at = self.below(REMEMBERED as u64 / 2) + REMEMBERED / 2;
            self.honest.remove(at);
        }
        self.honest.push_back(frame.to_vec());
    }

    fn below(&mut self, below: u64) -> usize {
        (self.dice.u64(..) % below.max(1)) as usize
    }

    fn recent(&mut self) -> Vec<u8> {
        let most = self.honest.len().min(24) as u64;
        let back = self.below(most) + 1;
        self.honest[self.honest.len() - back].clone()
    }

    fn any(&mut self) -> Vec<u8> {
        let at = self.below(self.honest.len() as u64);
        self.honest[at].clone()
    }

    /// The next frame, for the machine with this address mostly.
    pub fn frame(&mut self, mac: [u8; 6]) -> Vec<u8> {
        let number = self.below(SHAPES.len() as u64);
        let mut frame = if hits(&mut self.dice, 50) { self.recent() } else { self.any() };
        self.counts[number] += 1;
        match SHAPES[number] {
            Shape::Noise => frame = (0..self.below(200)).map(|_| self.dice.u64(..) as u8).collect(),
            Shape::Cut => frame.truncate(self.below(frame.len() as u64)),
            Shape::Long => {
                let more = if hits(&mut self.dice, 5) { self.below(65_000) } else { self.below(1600) };
                frame.resize(frame.len() + more, 0xaa);
            }
            Shape::Changed => self.change(&mut frame),
            Shape::Mended => {
                self.change(&mut frame);
                mend(&mut frame);
            }
            Shape::Extreme => {
                for _ in 0..=self.below(2) {
                    let at = TELLING[self.below(TELLING.len() as u64)];
                    let value = [0, 1, 0x0f, 0x45, 0x4f, 0x50, 0x7f, 0x80, 0xf0, 0xff][self.below(10)];
                    if let Some(byte) = frame.get_mut(at) {
                        *byte = value;
                    }
                }
                mend(&mut frame);
            }
            Shape::Tiny => frame = self.tiny(frame),
            Shape::Flags => self.flags(&mut frame),
            Shape::Flood => self.flood(&mut frame),
            Shape::Again => frame = self.recent(),
            Shape::Late => frame = self.any(),
        }
        if hits(&mut self.dice, 90) && frame.len() > 6 {
            frame[..6].copy_from_slice(&mac);
        }
        frame
    }

    /// Changes one to four bytes, of the headers mostly: that is where the lengths are.
    fn change(&mut self, frame: &mut [u8]) {
        for _ in 0..=self.below(4) {
            let reach = if hits(&mut self.dice, 80) { frame.len().min(64) } else { frame.len() };
            let (at, bits) = (self.below(reach as u64), self.dice.u64(..) as u8);
            if let Some(byte) = frame.get_mut(at) {
                *byte = if bits & 1 == 0 { *byte ^ 1 << (bits >> 5) } else { bits };
            }
        }
    }

    /// A few bytes of a segment's payload, with the number that they have in the stream.
    fn tiny(&mut self, mut frame: Vec<u8>) -> Vec<u8> {
        let Some((at, end)) = segment(&frame) else { return frame };
        let payload = at + usize::from(frame[at + 12] >> 4) * 4;
        if payload >= end {
            return frame;
        }
        let first = self.below((end - payload) as u64);
        let length = (1 + self.below(3)).min(end - payload - first);
        let bytes = frame[payload + first..][..length].to_vec();
        frame.truncate(payload);
        frame.extend(bytes);
        let number = get32(&frame, at + 4).wrapping_add(first as u32);
        put32(&mut frame, at + 4, number);
        let total = (frame.len() - ETHERNET) as u16;
        frame[ETHERNET + 2..ETHERNET + 4].copy_from_slice(&total.to_be_bytes());
        mend(&mut frame);
        frame
    }

    /// What a segment asks for is something else, near to what it was.
    fn flags(&mut self, frame: &mut [u8]) {
        let Some((at, _)) = segment(frame) else { return };
        let roll = self.dice.u64(..);
        match roll % 6 {
            0 => frame[at + 13] = (roll >> 8) as u8,
            1 => frame[at + 14..at + 16].fill(0),
            2 => put32(frame, at + 4, get32(frame, at + 4).wrapping_add((roll >> 16) as u32 % 200_000).wrapping_sub(100_000)),
            3 => put32(frame, at + 8, get32(frame, at + 8).wrapping_add((roll >> 16) as u32 % 200_000).wrapping_sub(100_000)),
            4 => {
                frame[at + 13] |= 0x20;
                frame[at + 18..at + 20].copy_from_slice(&[(roll >> 8) as u8, (roll >> 16) as u8]);
            }
            // A reset, a half of the time one that fits.
            _ => {
                frame[at + 13] = 0x14;
                put32(frame, at + 4, get32(frame, at + 4).wrapping_add((roll >> 8) as u32 & 1));
            }
        }
        mend(frame);
    }

    /// A first segment from a port, and a machine, that nobody has.
    fn flood(&mut self, frame: &mut [u8]) {
        let Some((at, _)) = segment(frame) else { return };
        let roll = self.dice.u64(..);
        frame[ETHERNET + 15] = (roll >> 8) as u8;
        frame[at..at + 2].copy_from_slice(&[(roll >> 16) as u8, (roll >> 24) as u8]);
        frame[at + 2..at + 4].copy_from_slice(&80_u16.to_be_bytes());
        frame[at + 13] = 2;
        mend(frame);
    }
}

fn get32(frame: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]])
}

fn put32(frame: &mut [u8], at: usize, number: u32) {
    frame[at..at + 4].copy_from_slice(&number.to_be_bytes());
}

/// Where a segment of TCP over IPv4 begins and ends, if the frame holds a whole one.
fn segment(frame: &[u8]) -> Option<(usize, usize)> {
    let (protocol, at, end) = packet(frame)?;
    let is_whole = protocol == TCP && frame[12..14] == [8, 0] && at + 20 <= end;
    is_whole.then_some((at, end))
}

/// What an IP packet carries, and where that begins and ends.
fn packet(frame: &[u8]) -> Option<(u8, usize, usize)> {
    let ip = frame.get(ETHERNET..).filter(|ip| ip.len() >= 20)?;
    let length = |at: usize| usize::from(u16::from_be_bytes([ip[at], ip[at + 1]]));
    let (protocol, header, total) = match frame[12..14] {
        [8, 0] => (ip[9], usize::from(ip[0] & 0xf) * 4, length(2)),
        [0x86, 0xdd] if ip.len() >= 40 => (ip[6], 40, 40 + length(4)),
        _ => return None,
    };
    let end = total.min(ip.len());
    (header >= 20 && header <= end).then_some((protocol, ETHERNET + header, ETHERNET + end))
}

/// The sum of bytes (RFC 1071), before its ends are folded together.
fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum()
}

fn folded(mut sum: u32) -> [u8; 2] {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

/// Makes the sums right, so that what is behind them is looked at: of the header of IPv4, of TCP, UDP and both kinds of ICMP.
pub fn mend(frame: &mut [u8]) {
    let Some((protocol, at, end)) = packet(frame) else { return };
    let is_v4 = frame[12] == 8;
    if is_v4 {
        frame[24..26].fill(0);
        let sum = folded(sum(&frame[ETHERNET..at]));
        frame[24..26].copy_from_slice(&sum);
    }
    let place = match protocol {
        TCP => 16,
        UDP => 6,
        ICMP | ICMP_V6 => 2,
        _ => return,
    };
    if at + place + 2 > end {
        return;
    }
    frame[at + place..at + place + 2].fill(0);
    let addresses = if is_v4 { 26..34 } else { 22..54 };
    let front = if protocol == ICMP { 0 } else { sum(&frame[addresses]) + u32::from(protocol) + (end - at) as u32 };
    let sum = folded(front + sum(&frame[at..end]));
    frame[at + place..at + place + 2].copy_from_slice(&sum);
}

#[test]
fn sums_are_mended_as_an_honest_machine_has_them() {
    let honest = crate::malformed::honest();
    let mended = honest.iter().filter(|frame| {
        let mut mended = frame.to_vec();
        if let Some((protocol, at, end)) = packet(frame) {
            let place =
                at + [(TCP, 16), (UDP, 6), (ICMP, 2), (ICMP_V6, 2)].iter().find(|(kind, _)| *kind == protocol).map_or(0, |kind| kind.1);
            if place > at && place + 2 <= end {
                mended[place] ^= 0x55;
            }
        }
        mend(&mut mended);
        mended == **frame
    });
    assert!(mended.count() * 20 > honest.len() * 19, "all but few");
}
