//! The chip's registers and their bits, by the names of Linux' `smsc95xx.h`.

use bitflags::bitflags;

/// What the chip is: its kind in the upper half.
pub const ID_REV: u16 = 0x00;
/// What has happened; written back, it is forgotten.
pub const INT_STS: u16 = 0x08;
/// The transmitter.
pub const TX_CFG: u16 = 0x10;
/// How the chip works.
pub const HW_CFG: u16 = 0x14;
/// Power, and the PHY's reset.
pub const PM_CTRL: u16 = 0x20;
/// What the LEDs show.
pub const LED_GPIO_CFG: u16 = 0x24;
/// When the chip asks the other side for a pause.
pub const AFC_CFG: u16 = 0x2C;
/// How many packets a burst of frames may have.
pub const BURST_CAP: u16 = 0x38;
/// How long a burst waits to grow.
pub const BULK_IN_DLY: u16 = 0x6C;
/// The MAC.
pub const MAC_CR: u16 = 0x100;
/// The last two bytes of its address.
pub const ADDRH: u16 = 0x104;
/// The first four.
pub const ADDRL: u16 = 0x108;
/// Which of the PHY's registers is read or written.
pub const MII_ADDR: u16 = 0x114;
/// Its value.
pub const MII_DATA: u16 = 0x118;
/// Pauses.
pub const FLOW: u16 = 0x11C;
/// Which frames carry a tag, and may be longer.
pub const VLAN1: u16 = 0x120;
/// Sums that the chip checks and makes.
pub const COE_CR: u16 = 0x130;

/// ID_REV of a LAN9512 and a LAN9514.
pub const CHIP: u32 = 0xEC00;
/// INT_STS: all of it.
pub const INT_STS_ALL: u32 = !0;
/// TX_CFG: it works.
pub const TX_CFG_ON: u32 = 1 << 2;
/// PM_CTRL: the PHY begins anew; falls back by itself.
pub const PHY_RST: u32 = 1 << 4;
/// LED_GPIO_CFG: speed, link and duplex.
pub const LEDS: u32 = 1 << 24 | 1 << 20 | 1 << 16;
/// AFC_CFG: pauses are asked for above 15.5 KB, until there are 3 KB; Linux' choice.
pub const AFC_DEFAULT: u32 = 0x00F8_30A0;
/// AFC_CFG: for all frames.
pub const AFC_ANY: u32 = 0xF;
/// FLOW: the other side's pauses count.
pub const FLOW_FCEN: u32 = 1 << 1;
/// FLOW: how long a pause is that is asked for.
pub const FLOW_PAUSE: u32 = 0xFFFF << 16;
/// BULK_IN_DLY: 137 µs; Linux' choice.
pub const BULK_IN_DELAY: u32 = 0x2000;
/// VLAN1: the tag of IEEE 802.1Q.
pub const VLAN_TAG: u32 = 0x8100;
/// MII_ADDR: the PHY inside.
pub const MII_PHY: u32 = 1 << 11;
/// MII_ADDR: where the register's number is.
pub const MII_REGISTER_SHIFT: u32 = 6;
/// MII_ADDR: it is written.
pub const MII_WRITE: u32 = 1 << 1;
/// MII_ADDR: it is not done yet; written to begin.
pub const MII_BUSY: u32 = 1 << 0;

bitflags! {
    /// HW_CFG.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Hardware: u32 {
        /// Bursts end at BURST_CAP.
        const BCE = 1 << 1;
        /// The chip begins anew, but for its place at USB; falls back by itself.
        const LRST = 1 << 3;
        /// Several frames to a transfer.
        const MEF = 1 << 5;
        /// Where in what comes a frame begins, behind its status.
        const RXDOFF = 3 << 9;
        /// Who asks for frames when there are none is told to wait, rather than given nothing.
        const BIR = 1 << 12;
        const _ = !0;
    }

    /// MAC_CR.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Mac: u32 {
        /// It receives.
        const RXEN = 1 << 2;
        /// It sends.
        const TXEN = 1 << 3;
        /// Nothing for all.
        const BCAST = 1 << 11;
        /// Everything.
        const PRMS = 1 << 18;
        /// Everything for groups.
        const MCPAS = 1 << 19;
        /// Both ways at once.
        const FDPX = 1 << 20;
        /// Not what it sends itself, where that could be heard.
        const RCVOWN = 1 << 23;
        const _ = !0;
    }

    /// What comes in front of a frame.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Status: u32 {
        /// The sum at its end is wrong.
        const CRC = 1 << 1;
        /// It did not end where bytes end.
        const DB = 1 << 2;
        /// The PHY saw an error.
        const ME = 1 << 3;
        /// It took too long.
        const RW = 1 << 4;
        /// It is longer than 1,518 bytes.
        const TL = 1 << 7;
        /// It is damaged.
        const RF = 1 << 11;
        /// Its length is not what it says.
        const LE = 1 << 12;
        /// Any of these.
        const ES = 1 << 15;
        /// It is for somebody else.
        const FF = 1 << 30;
        const _ = !0;
    }
}

/// The PHY's registers (IEEE 802.3, 22.2.4; those from 16 on are the maker's).
pub mod phy {
    /// Control.
    pub const BMCR: u8 = 0;
    /// Status.
    pub const BMSR: u8 = 1;
    /// What this side offers.
    pub const ANAR: u8 = 4;
    /// What the other side can do.
    pub const ANLPAR: u8 = 5;
    /// What came of it.
    pub const SPECIAL: u8 = 31;

    /// BMCR: it begins anew; falls back by itself.
    pub const RESET: u16 = 1 << 15;
    /// BMCR: both sides agree on the fastest way that both know, from now on.
    pub const NEGOTIATE: u16 = 1 << 12 | 1 << 9;
    /// BMSR: the two have agreed.
    pub const AGREED: u16 = 1 << 5;
    /// BMSR: the cable leads somewhere, and did since the last look.
    pub const LINK: u16 = 1 << 2;
    /// ANAR and ANLPAR: pauses in both directions.
    pub const PAUSE: u16 = 1 << 10;
    /// ANAR: pauses in one direction; 100 and 10 Mbit/s, both duplexes; IEEE 802.3.
    pub const OFFER: u16 = 1 << 11 | PAUSE | 0xF << 5 | 1;
    /// SPECIAL: the two have agreed.
    pub const DONE: u16 = 1 << 12;
}
