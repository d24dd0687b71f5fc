//! What goes wrong, as a seed says: answers that are withheld, endpoints that refuse, transfers that are no frames, frames that are damaged,
//! a cable that is plugged out and in.

extern crate std;

use std::vec;
use std::vec::Vec;

use super::Answer;
use crate::card::Pace;

/// How often each thing went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Answers that were withheld.
    pub naks: u32,
    /// Requests and transfers that were refused.
    pub stalls: u32,
    /// Frames that were damaged.
    pub damaged: u32,
    /// Transfers that were no frames.
    pub nonsense: u32,
    /// Cables that were plugged out and in.
    pub cables: u32,
}

/// What comes instead of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coming {
    /// Nothing goes wrong.
    Frame,
    /// The frame, damaged, with errors in its status.
    Damaged,
    /// A transfer of these bytes; the frame comes later.
    Instead(Vec<u8>),
    /// Not now.
    Nak,
    /// Nothing, until the endpoint is told to go on.
    Stall,
}

/// Numbers that the seed decides (xorshift), and what came of them.
#[derive(Debug)]
pub struct Mischief {
    state: Option<u64>,
    done: Done,
}

impl Mischief {
    /// As this seed says; nothing goes wrong without one.
    pub fn new(seed: Option<u64>) -> Self {
        Self { state: seed.map(|seed| seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1), done: Done::default() }
    }

    /// What was done.
    pub fn done(&self) -> &Done {
        &self.done
    }

    /// A number below `below`; none, if nothing goes wrong.
    fn roll(&mut self, below: u64) -> Option<u64> {
        let state = self.state.as_mut()?;
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        Some((*state >> 16) % below)
    }

    fn nak(&mut self) -> Answer {
        self.done.naks += 1;
        Answer::Nak
    }

    fn stall(&mut self) -> Answer {
        self.done.stalls += 1;
        Answer::Stall
    }

    /// What becomes of a request that reads a register. A driver that starts the chip takes no for an answer: it is left alone.
    pub fn request(&mut self, is_started: bool) -> Option<Answer> {
        match self.roll(100)? {
            0..3 => Some(self.nak()),
            3..5 if is_started => Some(self.stall()),
            _ => None,
        }
    }

    /// What becomes of a packet that leaves the host.
    pub fn leaving(&mut self) -> Option<Answer> {
        match self.roll(200)? {
            0..6 => Some(self.nak()),
            6 => Some(self.stall()),
            _ => None,
        }
    }

    /// What becomes of a frame on its way to the host.
    pub fn coming(&mut self, frame: &[u8]) -> Coming {
        let Some(roll) = self.roll(200) else { return Coming::Frame };
        let (length, half) = (u32::try_from(frame.len()).unwrap_or(0), frame.len() / 2);
        match roll {
            0..6 => {
                self.done.naks += 1;
                Coming::Nak
            }
            6 => {
                self.done.stalls += 1;
                Coming::Stall
            }
            7..9 => {
                self.done.damaged += 1;
                Coming::Damaged
            }
            9..17 => {
                self.done.nonsense += 1;
                Coming::Instead(match roll {
                    9 => Vec::new(),
                    10 => vec![0xA5; 3],
                    // Less than its status says; and more than a frame can have.
                    11 => [&((length + 4) << 16).to_le_bytes()[..], &frame[..half]].concat(),
                    12 => [&0x3FFF_0000_u32.to_le_bytes()[..], &[0; 1996]].concat(),
                    // A status and no frame; whole packets of nothing.
                    13 => vec![0; 4],
                    14 => vec![0; 512],
                    15 => vec![0xFF; 1024],
                    _ => [&0x0004_0000_u32.to_le_bytes()[..], &[0; 60]].concat(),
                })
            }
            _ => Coming::Frame,
        }
    }

    /// Whether the cable, which is so fast, is plugged out, and what is plugged in after how many looks at the PHY.
    pub fn cable(&mut self, pace: Option<Pace>) -> Option<(Pace, u32)> {
        let roll = self.roll(4000)?;
        if roll >= 4 || pace.is_none() {
            return None;
        }
        self.done.cables += 1;
        Some((Pace { mbit: if roll < 2 { 10 } else { 100 }, is_full: roll.is_multiple_of(2) }, 1 + u32::try_from(roll).unwrap_or(0)))
    }
}
