//! The chip's registers and its PHY, and what they want.

extern crate std;

use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::super::registers::{self as regs, Hardware, Mac as Control, phy};
use crate::card::{Pace, is_single};

/// How often a bit that falls back by itself is seen before it does.
const RESET_LOOKS: u32 = 2;
/// How often the PHY is asked before the two sides agree.
const AGREE_LOOKS: u32 = 2;
/// What the other side can do: all of it, and pauses.
const PARTNER: u16 = 0x45E1;
/// ADDRL and ADDRH of a chip without an address.
const NOTHING: u32 = !0;

/// Registers that may be written, but for those that [`Mac::write`] knows.
const PLAIN: [u16; 10] = [
    regs::INT_STS,
    regs::TX_CFG,
    regs::LED_GPIO_CFG,
    regs::AFC_CFG,
    regs::BURST_CAP,
    regs::BULK_IN_DLY,
    regs::ADDRL,
    regs::FLOW,
    regs::VLAN1,
    regs::COE_CR,
];

/// The PHY.
#[derive(Debug)]
struct Phy {
    registers: BTreeMap<u8, u16>,
    /// How often it still is asked before its reset is over, and before the two sides agree.
    reset: u32,
    agree: u32,
    pace: Option<Pace>,
    /// The cable led nowhere since the last look.
    was_down: bool,
    /// The next cable, and after how many looks it is plugged in.
    next: Option<(Pace, u32)>,
    /// It was told how fast the cable is, since that is so.
    is_known: bool,
}

/// The registers.
#[derive(Debug)]
pub struct Mac {
    registers: BTreeMap<u16, u32>,
    phy: Phy,
    was_reset: bool,
    phy_was_reset: bool,
    /// How often resets, and an access to the PHY, are still seen under way.
    reset: u32,
    phy_reset: u32,
    busy: u32,
    /// The next transfer is the first since it receives.
    is_first: bool,
    objections: Vec<String>,
}

impl Phy {
    fn new() -> Self {
        let registers = BTreeMap::from([(phy::BMCR, 0x3000)]);
        Self { registers, reset: 0, agree: AGREE_LOOKS, pace: None, was_down: true, next: None, is_known: false }
    }

    fn register(&self, register: u8) -> u16 {
        self.registers.get(&register).copied().unwrap_or(0)
    }

    fn has_agreed(&self) -> bool {
        self.pace.is_some() && self.agree == 0
    }

    fn read(&mut self, register: u8) -> u16 {
        match register {
            phy::BMCR => {
                let resetting = if self.reset > 0 { phy::RESET } else { 0 };
                self.reset = self.reset.saturating_sub(1);
                self.register(register) & !phy::RESET | resetting
            }
            phy::BMSR => {
                match self.next {
                    Some((pace, 0)) => (self.pace, self.next) = (Some(pace), None),
                    Some((pace, looks)) => self.next = Some((pace, looks - 1)),
                    None => {}
                }
                if self.pace.is_some() {
                    self.agree = self.agree.saturating_sub(1);
                }
                let link = if self.has_agreed() && !self.was_down { phy::LINK } else { 0 };
                self.was_down = !self.has_agreed();
                0x7809 | link | if self.has_agreed() { phy::AGREED } else { 0 }
            }
            phy::ANLPAR if self.has_agreed() => PARTNER,
            phy::SPECIAL => {
                self.is_known = self.has_agreed();
                match self.pace.filter(|_| self.has_agreed()) {
                    Some(Pace { mbit, is_full }) => {
                        let speed = if mbit == 100 { 2 } else { 1 };
                        phy::DONE | (speed | if is_full { 4 } else { 0 }) << 2
                    }
                    None => 0,
                }
            }
            _ => self.register(register),
        }
    }

    fn write(&mut self, register: u8, value: u16) {
        self.registers.insert(register, value);
        if register == phy::BMCR {
            if value & phy::RESET != 0 {
                self.reset = RESET_LOOKS;
            }
            self.agree = AGREE_LOOKS;
            self.was_down = true;
        }
    }
}

impl Default for Mac {
    /// What it is when it gets power.
    fn default() -> Self {
        let registers = BTreeMap::from([(regs::ID_REV, regs::CHIP << 16 | 2), (regs::ADDRL, NOTHING), (regs::ADDRH, 0xFFFF)]);
        Self {
            registers,
            phy: Phy::new(),
            was_reset: false,
            phy_was_reset: false,
            reset: 0,
            phy_reset: 0,
            busy: 0,
            is_first: false,
            objections: Vec::new(),
        }
    }
}

impl Mac {
    fn register(&self, register: u16) -> u32 {
        self.registers.get(&register).copied().unwrap_or(0)
    }

    fn control(&self) -> Control {
        Control::from_bits_retain(self.register(regs::MAC_CR))
    }

    fn hardware(&self) -> Hardware {
        Hardware::from_bits_retain(self.register(regs::HW_CFG))
    }

    /// Whether it receives.
    pub fn is_receiving(&self) -> bool {
        self.control().contains(Control::RXEN)
    }

    /// Whether it sends.
    pub fn is_sending(&self) -> bool {
        self.control().contains(Control::TXEN) && self.register(regs::TX_CFG) & regs::TX_CFG_ON != 0
    }

    /// Whether who asks for frames when there are none is told to wait.
    pub fn tells_to_wait(&self) -> bool {
        self.hardware().contains(Hardware::BIR)
    }

    /// Whether the next transfer is the first since it receives; told once.
    pub fn is_first(&mut self) -> bool {
        core::mem::take(&mut self.is_first)
    }

    /// How fast the cable is; none, if it leads nowhere.
    pub fn pace(&self) -> Option<Pace> {
        self.phy.pace
    }

    /// Whether the driver was told how fast the cable is.
    pub fn is_known(&self) -> bool {
        self.phy.is_known
    }

    /// Whether the MAC does as the two sides have agreed.
    pub fn is_right(&self) -> bool {
        self.phy.pace.is_none_or(|pace| pace.is_full == self.control().contains(Control::FDPX))
    }

    /// The cable leads somewhere, so fast, or nowhere.
    pub fn plug(&mut self, pace: Option<Pace>) {
        (self.phy.pace, self.phy.agree, self.phy.is_known, self.phy.next) = (pace, AGREE_LOOKS, false, None);
        self.phy.was_down = true;
    }

    /// The cable is plugged out, and in again after some looks at the PHY.
    pub fn replug(&mut self, (pace, looks): (Pace, u32)) {
        self.plug(None);
        self.phy.next = Some((pace, looks));
    }

    /// Begins anew, with the same cable, and `was_reset` or not.
    pub fn reset(&mut self, was_reset: bool) {
        let (pace, next, objections) = (self.phy.pace, self.phy.next, self.take_objections());
        *self = Self { was_reset, reset: if was_reset { RESET_LOOKS } else { 0 }, objections, ..Self::default() };
        (self.phy.pace, self.phy.next) = (pace, next);
    }

    /// Whether the other side waits when the chip asks it to.
    pub fn has_pauses(&self) -> bool {
        self.register(regs::FLOW) & regs::FLOW_PAUSE != 0
    }

    /// Whether it takes this frame from the cable.
    pub fn hears(&self, frame: &[u8]) -> bool {
        let Some(to) = frame.first_chunk::<6>() else { return false };
        let control = self.control();
        let is_for_it = if *to == [0xFF; 6] {
            !control.contains(Control::BCAST)
        } else if to[0] & 1 != 0 {
            control.contains(Control::MCPAS)
        } else {
            *to == self.address()
        };
        self.is_receiving() && self.phy.has_agreed() && (is_for_it || control.contains(Control::PRMS))
    }

    /// Its address.
    fn address(&self) -> [u8; 6] {
        let [a, b, c, d] = self.register(regs::ADDRL).to_le_bytes();
        let [e, f, ..] = self.register(regs::ADDRH).to_le_bytes();
        [a, b, c, d, e, f]
    }

    /// The driver did what it must not do. The first hundred are kept.
    pub fn object(&mut self, objection: String) {
        if self.objections.len() < 100 {
            self.objections.push(objection);
        }
    }

    /// All that was objected to.
    pub fn take_objections(&mut self) -> Vec<String> {
        core::mem::take(&mut self.objections)
    }

    /// Reads a register.
    pub fn read(&mut self, register: u16) -> u32 {
        let value = self.register(register);
        match register {
            regs::HW_CFG => {
                let resetting = if self.reset > 0 { Hardware::LRST.bits() } else { 0 };
                self.reset = self.reset.saturating_sub(1);
                value | resetting
            }
            regs::PM_CTRL => {
                let resetting = if self.phy_reset > 0 { regs::PHY_RST } else { 0 };
                self.phy_reset = self.phy_reset.saturating_sub(1);
                value | resetting
            }
            regs::MII_ADDR => {
                let busy = if self.busy > 0 { regs::MII_BUSY } else { 0 };
                self.busy = self.busy.saturating_sub(1);
                value & !regs::MII_BUSY | busy
            }
            regs::ID_REV | regs::MAC_CR | regs::ADDRH | regs::MII_DATA => value,
            _ if PLAIN.contains(&register) => value,
            _ => {
                self.object(format!("register {register:#x} is read, which it has not"));
                0
            }
        }
    }

    /// Writes a register.
    pub fn write(&mut self, register: u16, value: u32) {
        let begins_anew = register == regs::HW_CFG && value & Hardware::LRST.bits() != 0;
        if !self.was_reset && !begins_anew {
            self.object(format!("register {register:#x} is written before the chip was reset"));
        }
        if self.reset > 0 {
            self.object(format!("register {register:#x} is written while the chip is in its reset"));
        }
        match register {
            regs::HW_CFG if begins_anew => self.reset(true),
            regs::HW_CFG => {
                let hardware = Hardware::from_bits_retain(value);
                if hardware.intersects(Hardware::MEF | Hardware::BCE | Hardware::RXDOFF) {
                    self.object("several frames to a transfer, or a gap in front of them, are more than this model has".into());
                }
                self.registers.insert(register, value);
            }
            regs::PM_CTRL if value & regs::PHY_RST != 0 => {
                (self.phy_was_reset, self.phy_reset) = (true, RESET_LOOKS);
                self.registers.insert(register, value & !regs::PHY_RST);
            }
            regs::MII_ADDR => self.access(value),
            regs::MAC_CR => self.direct(value),
            regs::PM_CTRL | regs::ADDRH | regs::MII_DATA => drop(self.registers.insert(register, value)),
            _ if PLAIN.contains(&register) => drop(self.registers.insert(register, value)),
            _ => self.object(format!("register {register:#x} is written, which it has not")),
        }
    }

    /// An access to the PHY begins.
    fn access(&mut self, value: u32) {
        if !self.phy_was_reset || self.phy_reset > 0 {
            self.object("the PHY is spoken to before its reset is over".into());
        }
        if self.busy > 0 {
            self.object("the PHY is spoken to while it is busy".into());
        }
        if value & regs::MII_BUSY == 0 || value >> 11 & 0x1F != 1 {
            self.object(format!("MII_ADDR {value:#x} speaks to nobody"));
        }
        let register = (value >> regs::MII_REGISTER_SHIFT & 0x1F).to_le_bytes()[0];
        if value & regs::MII_WRITE != 0 {
            let [a, b, ..] = self.register(regs::MII_DATA).to_le_bytes();
            self.phy.write(register, u16::from_le_bytes([a, b]));
        } else {
            let read = self.phy.read(register);
            self.registers.insert(regs::MII_DATA, read.into());
        }
        self.busy = 1;
        self.registers.insert(regs::MII_ADDR, value);
    }

    /// MAC_CR is written.
    fn direct(&mut self, value: u32) {
        let (before, now) = (self.control(), Control::from_bits_retain(value));
        if now.contains(Control::RXEN) && !before.contains(Control::RXEN) {
            if !is_single(self.address()) {
                self.object("it is to receive, and has no address".into());
            }
            if !self.tells_to_wait() {
                self.object("it is to receive without BIR: who asks when there is nothing gets nothing, at once, for ever".into());
            }
            if self.phy.register(phy::BMCR) & phy::NEGOTIATE == 0 || self.phy.register(phy::ANAR) & 0x1F != 1 {
                self.object("it is to receive, and its PHY does not negotiate".into());
            }
            self.is_first = true;
        }
        self.registers.insert(regs::MAC_CR, value);
    }
}
