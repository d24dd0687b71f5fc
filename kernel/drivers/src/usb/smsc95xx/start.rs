//! From whatever the chip was to one that sends and receives, in the order of Linux' `smsc95xx_reset` and of U-Boot's driver: the chip
//! anew, the PHY anew, the address, how transfers are, pauses, the PHY's negotiation, and last the two directions.

use super::link::MAC;
use super::registers::{
    ADDRH, ADDRL, AFC_CFG, AFC_DEFAULT, BULK_IN_DELAY, BULK_IN_DLY, BURST_CAP, CHIP, COE_CR, FLOW, HW_CFG, Hardware, ID_REV, INT_STS,
    INT_STS_ALL, LED_GPIO_CFG, LEDS, MAC_CR, MII_ADDR, MII_BUSY, MII_DATA, MII_PHY, MII_REGISTER_SHIFT, MII_WRITE, Mac as MacControl,
    PHY_RST, PM_CTRL, TX_CFG, TX_CFG_ON, VLAN_TAG, VLAN1, phy,
};
use crate::card::{Mac, is_single};
use crate::usb::host::{Asked, Host};
use crate::usb::memory::Memory;
use crate::usb::request::Setup;
use crate::usb::{Patience, UsbError};
use crate::window::Registers;

/// How long after a look at a register that is to change comes the next, and how many there are: a second.
const LOOK_MS: u32 = 10;
const LOOKS: u32 = 100;

/// The chip, and who waits for it.
pub struct Start<'a, R, M> {
    /// The controller.
    pub host: &'a mut Host<R, M>,
    /// Whom to ask.
    pub asked: &'a Asked,
    /// Who waits.
    pub patience: &'a mut dyn Patience,
}

impl<R: Registers, M: Memory> Start<'_, R, M> {
    fn read(&mut self, register: u16) -> Result<u32, UsbError> {
        let mut bytes = [0; 4];
        match self.host.ask(self.asked, Setup::read_register(register), &mut bytes, self.patience)?.len() {
            4 => Ok(u32::from_le_bytes(bytes)),
            _ => Err(UsbError::Chip { register }),
        }
    }

    fn write(&mut self, register: u16, value: u32) -> Result<(), UsbError> {
        self.host.give(self.asked, Setup::write_register(register), &value.to_le_bytes(), self.patience)
    }

    /// Waits until none of the bits `busy` is there.
    fn settle(&mut self, register: u16, busy: u32) -> Result<(), UsbError> {
        for _ in 0..LOOKS {
            if self.read(register)? & busy == 0 {
                return Ok(());
            }
            self.patience.pause(LOOK_MS);
        }
        Err(UsbError::Chip { register })
    }

    fn read_phy(&mut self, register: u8) -> Result<u16, UsbError> {
        self.write(MII_ADDR, MII_PHY | u32::from(register) << MII_REGISTER_SHIFT | MII_BUSY)?;
        self.settle(MII_ADDR, MII_BUSY)?;
        let [a, b, ..] = self.read(MII_DATA)?.to_le_bytes();
        Ok(u16::from_le_bytes([a, b]))
    }

    fn write_phy(&mut self, register: u8, value: u16) -> Result<(), UsbError> {
        self.write(MII_DATA, value.into())?;
        self.write(MII_ADDR, MII_PHY | u32::from(register) << MII_REGISTER_SHIFT | MII_WRITE | MII_BUSY)?;
        self.settle(MII_ADDR, MII_BUSY)
    }

    /// Starts the chip: it sends and receives then, as soon as the cable leads somewhere. `known` is the address that it is to have; it has
    /// one of its own where there is an EEPROM, as on a Pi there is not. Which address it has.
    ///
    /// # Errors
    /// [`UsbError::Chip`], [`UsbError::NoAddress`]; those of [`Host::ask`].
    pub fn carry_out(&mut self, known: Option<Mac>) -> Result<Mac, UsbError> {
        self.write(HW_CFG, Hardware::LRST.bits())?;
        self.settle(HW_CFG, Hardware::LRST.bits())?;
        if self.read(ID_REV)? >> 16 != CHIP {
            return Err(UsbError::Chip { register: ID_REV });
        }
        self.write(PM_CTRL, PHY_RST)?;
        self.settle(PM_CTRL, PHY_RST)?;
        let mac = self.address(known)?;
        let hardware = Hardware::from_bits_retain(self.read(HW_CFG)?);
        // One frame a transfer (see `frame`), its status in front of it, and none where there is none.
        let plain = hardware.difference(Hardware::RXDOFF | Hardware::MEF | Hardware::BCE) | Hardware::BIR;
        self.write(HW_CFG, plain.bits())?;
        self.write(BURST_CAP, 0)?;
        self.write(BULK_IN_DLY, BULK_IN_DELAY)?;
        self.write(INT_STS, INT_STS_ALL)?;
        self.write(LED_GPIO_CFG, LEDS)?;
        self.write(FLOW, 0)?;
        self.write(AFC_CFG, AFC_DEFAULT)?;
        self.write(VLAN1, VLAN_TAG)?;
        self.write(COE_CR, 0)?;
        self.negotiate()?;
        self.write(MAC_CR, (MAC - MacControl::RXEN).bits())?;
        self.write(TX_CFG, TX_CFG_ON)?;
        self.write(MAC_CR, MAC.bits())?;
        Ok(mac)
    }

    /// Gives the chip its address.
    fn address(&mut self, known: Option<Mac>) -> Result<Mac, UsbError> {
        let [a, b, c, d] = self.read(ADDRL)?.to_le_bytes();
        let [e, f, ..] = self.read(ADDRH)?.to_le_bytes();
        let both = [known, Some([a, b, c, d, e, f])];
        let mac = both.into_iter().flatten().find(|mac| is_single(*mac)).ok_or(UsbError::NoAddress)?;
        let [a, b, c, d, e, f] = mac;
        self.write(ADDRL, u32::from_le_bytes([a, b, c, d]))?;
        self.write(ADDRH, u32::from_le_bytes([e, f, 0, 0]))?;
        Ok(mac)
    }

    /// The PHY begins to agree with whoever is at the other end of its cable.
    fn negotiate(&mut self) -> Result<(), UsbError> {
        self.write_phy(phy::BMCR, phy::RESET)?;
        let mut looks = LOOKS;
        while self.read_phy(phy::BMCR)? & phy::RESET != 0 {
            looks = looks.checked_sub(1).ok_or(UsbError::Chip { register: MII_DATA })?;
            self.patience.pause(LOOK_MS);
        }
        self.write_phy(phy::ANAR, phy::OFFER)?;
        self.write_phy(phy::BMCR, phy::NEGOTIATE)
    }
}
