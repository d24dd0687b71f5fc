//! Frames that no honest machine sends, made of those that honest ones have just sent each other.
//!
//! A [`Shape`] is one way to make one. Where its sums are mended, what lies behind them is looked at; a shape that is made of a frame of the
//! moment has the numbers of a connection that lives.

mod extensions;
mod sums;

use std::collections::VecDeque;

use fastrand::Rng;

use crate::world::hits;
use sums::{Carried, ETHERNET, get32, is_v6, put32, segment, tell_length};

pub use extensions::put_hop_by_hop;
pub use sums::mend;

/// Honest frames that are remembered: late ones are taken from far back.
const REMEMBERED: usize = 512;

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
    /// A packet of IPv6 with headers of extension, which may lie.
    Extended,
    /// The same once more.
    Again,
    /// One from a while ago.
    Late,
}

pub const SHAPES: [Shape; 12] = [
    Shape::Noise,
    Shape::Cut,
    Shape::Long,
    Shape::Changed,
    Shape::Mended,
    Shape::Extreme,
    Shape::Tiny,
    Shape::Flags,
    Shape::Flood,
    Shape::Extended,
    Shape::Again,
    Shape::Late,
];

/// Where lengths, offsets, counts and kinds stand in a frame of IPv4 or IPv6 with TCP, UDP or ICMP, and in ARP, DNS and DHCP behind them.
const TELLING: [usize; 39] = [
    12, 13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 26, 34, 36, 38, 39, 44, 46, 47, 48, 50, 52, 54, 55, 58, 59, 66, 67, 70, 71, 72, 73, 74,
    78, 79, 80, 278, 284,
];

/// Who makes them.
pub struct Forge {
    dice: Rng,
    honest: VecDeque<Vec<u8>>,
    /// How many there were of each shape.
    pub counts: [u64; SHAPES.len()],
    /// How many of these were made of a segment of TCP over IPv6.
    pub six: [u64; SHAPES.len()],
}

impl Forge {
    pub fn new(seed: u64, honest: Vec<Vec<u8>>) -> Self {
        let dice = Rng::with_seed(seed);
        Self { dice, honest: honest.into(), counts: [0; SHAPES.len()], six: [0; SHAPES.len()] }
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

    /// One of IPv6: this one, if it is, or another that is remembered.
    fn six(&mut self, mut frame: Vec<u8>) -> Vec<u8> {
        while !is_v6(&frame) {
            frame = self.any();
        }
        frame
    }

    /// The next frame, for the machine with this address mostly.
    pub fn frame(&mut self, mac: [u8; 6]) -> Vec<u8> {
        let number = self.below(SHAPES.len() as u64);
        let mut frame = if hits(&mut self.dice, 50) { self.recent() } else { self.any() };
        if SHAPES[number] == Shape::Extended {
            frame = self.six(frame);
        }
        self.counts[number] += 1;
        self.six[number] += u64::from(is_v6(&frame) && segment(&frame).is_some());
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
            Shape::Extended => extensions::extend(&mut self.dice, &mut frame),
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
        let Some(Carried { at, end, .. }) = segment(&frame) else { return frame };
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
        tell_length(&mut frame);
        mend(&mut frame);
        frame
    }

    /// What a segment asks for is something else, near to what it was.
    fn flags(&mut self, frame: &mut [u8]) {
        let Some(Carried { at, .. }) = segment(frame) else { return };
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
        let Some(Carried { at, is_v4, .. }) = segment(frame) else { return };
        let roll = self.dice.u64(..);
        // The last byte of the address that it comes from.
        frame[ETHERNET + if is_v4 { 15 } else { 23 }] = (roll >> 8) as u8;
        frame[at..at + 2].copy_from_slice(&[(roll >> 16) as u8, (roll >> 24) as u8]);
        frame[at + 2..at + 4].copy_from_slice(&80_u16.to_be_bytes());
        frame[at + 13] = 2;
        mend(frame);
    }
}
