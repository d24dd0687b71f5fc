//! Whether the cable leads somewhere, and how fast: the PHY is asked, over the MAC's registers, one access after the other; the MAC is told
//! what the two sides have agreed on. It decides which access is next; the card carries it out.
//!
//! The PHY's own interrupt is not used: its endpoint would have to be asked again and again, too, and says nothing that need not be asked
//! for then.

use super::registers::{
    AFC_ANY, AFC_CFG, AFC_DEFAULT, FLOW, FLOW_FCEN, FLOW_PAUSE, MAC_CR, MII_ADDR, MII_BUSY, MII_DATA, MII_PHY, MII_REGISTER_SHIFT, Mac, phy,
};
use crate::card::Pace;

/// How often a register of the PHY's may be busy.
const BUSY_LOOKS: u32 = 100;
/// How often the PHY is asked for its status in one go: what has happened since the last look hides what is.
const STATUS_LOOKS: u32 = 2;

/// The bits of MAC_CR that never change: it receives, what is for groups too, and sends.
pub const MAC: Mac = Mac::RXEN.union(Mac::TXEN).union(Mac::MCPAS);

/// An access to one of the chip's registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read it.
    Read(u16),
    /// Write it.
    Write(u16, u32),
}

/// Where the questions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing is asked.
    Idle,
    /// What was given up in the middle may still be under way; it was so often.
    Free(u32),
    /// The PHY's register of this number is to be read.
    Ask(u8),
    /// It is read, and was busy so often.
    Wait(u8, u32),
    /// It was read.
    Take(u8),
    /// The MAC is told of pauses.
    Flow,
    /// So is its buffer.
    Buffer,
    /// It is told of the duplex.
    Duplex,
}

/// What the PHY has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    step: Step,
    looks: u32,
    /// What the MAC was told, if the cable leads somewhere.
    pace: Option<Pace>,
    /// What it is about to be told.
    next: Pace,
    has_pauses: bool,
}

impl Default for Link {
    /// Nothing is known.
    fn default() -> Self {
        let next = Pace { mbit: 10, is_full: false };
        Self { step: Step::Idle, looks: 0, pace: None, next, has_pauses: false }
    }
}

impl Link {
    /// How fast the cable is, if it leads somewhere.
    pub const fn pace(&self) -> Option<Pace> {
        self.pace
    }

    /// Begins to ask, unless it does already.
    pub fn begin(&mut self) {
        if self.step == Step::Idle {
            (self.step, self.looks) = (Step::Free(0), STATUS_LOOKS);
        }
    }

    /// The next access; none: all was asked.
    pub fn access(&self) -> Option<Access> {
        let Pace { is_full, .. } = self.next;
        Some(match self.step {
            Step::Idle => return None,
            Step::Ask(register) => Access::Write(MII_ADDR, MII_PHY | u32::from(register) << MII_REGISTER_SHIFT | MII_BUSY),
            Step::Free(_) | Step::Wait(..) => Access::Read(MII_ADDR),
            Step::Take(_) => Access::Read(MII_DATA),
            // IEEE 802.3, annex 28B: both sides offer pauses, which exist where both may speak at once.
            Step::Flow if self.has_pauses && is_full => Access::Write(FLOW, FLOW_PAUSE | FLOW_FCEN),
            Step::Flow => Access::Write(FLOW, 0),
            // Where one may speak at a time, the chip keeps the other side off by speaking itself.
            Step::Buffer if self.has_pauses || !is_full => Access::Write(AFC_CFG, AFC_DEFAULT | AFC_ANY),
            Step::Buffer => Access::Write(AFC_CFG, AFC_DEFAULT),
            Step::Duplex => Access::Write(MAC_CR, (MAC | if is_full { Mac::FDPX } else { Mac::RCVOWN }).bits()),
        })
    }

    /// The access was carried out; a read one has brought `value`. None: it was refused.
    pub fn answered(&mut self, value: Option<u32>) {
        let Some(value) = value else {
            self.step = Step::Idle;
            return;
        };
        let [a, b, ..] = value.to_le_bytes();
        let half = u16::from_le_bytes([a, b]);
        self.step = match self.step {
            Step::Free(_) if value & MII_BUSY == 0 => Step::Ask(phy::BMSR),
            Step::Free(looks) if looks < BUSY_LOOKS => Step::Free(looks + 1),
            Step::Idle | Step::Free(_) => Step::Idle,
            Step::Ask(register) => Step::Wait(register, 0),
            Step::Wait(register, _) if value & MII_BUSY == 0 => Step::Take(register),
            Step::Wait(register, looks) if looks < BUSY_LOOKS => Step::Wait(register, looks + 1),
            Step::Wait(..) => Step::Idle,
            Step::Take(register) => self.told(register, half),
            Step::Flow => Step::Buffer,
            Step::Buffer => Step::Duplex,
            Step::Duplex => {
                self.pace = Some(self.next);
                Step::Idle
            }
        };
    }

    /// A register of the PHY's says this; what follows.
    fn told(&mut self, register: u8, value: u16) -> Step {
        match register {
            phy::BMSR if value & phy::LINK == 0 => {
                // Or it was gone for a moment, after which everything may be another.
                self.pace = None;
                self.looks -= 1;
                if self.looks > 0 { Step::Ask(phy::BMSR) } else { Step::Idle }
            }
            phy::BMSR if self.pace.is_some() || value & phy::AGREED == 0 => Step::Idle,
            phy::BMSR => Step::Ask(phy::ANLPAR),
            phy::ANLPAR => {
                self.has_pauses = value & phy::PAUSE != 0;
                Step::Ask(phy::SPECIAL)
            }
            _ => match pace(value) {
                Some(pace) => {
                    self.next = pace;
                    Step::Flow
                }
                None => Step::Idle,
            },
        }
    }
}

/// What the two sides have agreed on, as the PHY's register SPECIAL tells.
fn pace(special: u16) -> Option<Pace> {
    let (mbit, is_full) = match special >> 2 & 7 {
        1 => (10, false),
        2 => (100, false),
        5 => (10, true),
        6 => (100, true),
        _ => return None,
    };
    (special & phy::DONE != 0).then_some(Pace { mbit, is_full })
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::{any, prop_assert, proptest};

    use super::*;

    /// Asks a PHY whose registers are these; what was written to the chip but MII_ADDR.
    fn ask(link: &mut Link, registers: &mut dyn FnMut(u8) -> u16) -> Vec<(u16, u32)> {
        let mut written = Vec::new();
        let mut asked = 0;
        link.begin();
        while let Some(access) = link.access() {
            let value = match access {
                Access::Write(MII_ADDR, value) => {
                    asked = (value >> MII_REGISTER_SHIFT & 0x1F).to_le_bytes()[0];
                    0
                }
                Access::Write(register, value) => {
                    written.push((register, value));
                    0
                }
                Access::Read(MII_DATA) => registers(asked).into(),
                Access::Read(_) => 0,
            };
            link.answered(Some(value));
        }
        written
    }

    fn phy(status: u16, partner: u16, special: u16) -> impl FnMut(u8) -> u16 {
        move |register| match register {
            phy::BMSR => status,
            phy::ANLPAR => partner,
            _ => special,
        }
    }

    const UP: u16 = phy::LINK | phy::AGREED;

    #[test]
    fn the_mac_is_told_what_the_two_sides_have_agreed_on() {
        let (full, half) = ((MAC | Mac::FDPX).bits(), (MAC | Mac::RCVOWN).bits());
        for (partner, special, pace, told) in [
            (phy::PAUSE, 0x1018, (100, true), [(FLOW, 0xFFFF_0002), (AFC_CFG, 0x00F8_30AF), (MAC_CR, full)]),
            (0, 0x1018, (100, true), [(FLOW, 0), (AFC_CFG, 0x00F8_30A0), (MAC_CR, full)]),
            (phy::PAUSE, 0x1008, (100, false), [(FLOW, 0), (AFC_CFG, 0x00F8_30AF), (MAC_CR, half)]),
            (0, 0x1014, (10, true), [(FLOW, 0), (AFC_CFG, 0x00F8_30A0), (MAC_CR, full)]),
            (0, 0x1004, (10, false), [(FLOW, 0), (AFC_CFG, 0x00F8_30AF), (MAC_CR, half)]),
        ] {
            let mut link = Link::default();
            assert_eq!(ask(&mut link, &mut phy(UP, partner, special)), told);
            assert_eq!(link.pace(), Some(Pace { mbit: pace.0, is_full: pace.1 }));
            assert_eq!(ask(&mut link, &mut phy(UP, partner, special)), [], "what is so already is not told again");
        }
    }

    #[test]
    fn a_cable_that_leads_nowhere_or_has_not_agreed_yet_is_down() {
        for (status, special) in [(0, 0x1018), (phy::LINK, 0x1018), (UP, 0x0018), (UP, 0x1000)] {
            let mut link = Link::default();
            assert_eq!((ask(&mut link, &mut phy(status, 0, special)), link.pace()), (Vec::new(), None));
        }
    }

    #[test]
    fn a_link_that_was_gone_for_a_moment_is_asked_for_again() {
        let mut link = Link::default();
        ask(&mut link, &mut phy(UP, 0, 0x1018));
        let mut looks = 0;
        let mut registers = |register| {
            if register == phy::BMSR {
                looks += 1;
                return if looks == 1 { phy::AGREED } else { UP };
            }
            phy(UP, 0, 0x1004)(register)
        };
        assert_eq!(ask(&mut link, &mut registers).len(), 3);
        assert_eq!(link.pace(), Some(Pace { mbit: 10, is_full: false }));
        ask(&mut link, &mut phy(0, 0, 0));
        assert_eq!(link.pace(), None);
    }

    #[test]
    fn a_phy_that_is_busy_for_ever_is_asked_again_another_time() {
        let mut link = Link::default();
        link.begin();
        let mut accesses = 0;
        while link.access().is_some() {
            link.answered(Some(MII_BUSY));
            accesses += 1;
        }
        assert!(accesses <= BUSY_LOOKS + 3, "{accesses}");
        assert_eq!(link.pace(), None);
    }

    proptest! {
        #[test]
        fn whatever_is_answered_questions_end(answers in proptest::collection::vec(any::<Option<u32>>(), 600)) {
            let mut link = Link::default();
            for answers in answers.chunks(300) {
                link.begin();
                answers.iter().for_each(|answer| link.answered(*answer));
                prop_assert!(link.access().is_none());
            }
        }
    }
}
