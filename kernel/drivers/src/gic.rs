//! What both generations of ARM's Generic Interrupt Controller share: interrupt numbers, triggers, and the receipt for an
//! acknowledged interrupt. The drivers are [`crate::gic_v2`] and [`crate::gic_v3`]; the board says which one there is.
//!
//! Own code, because four cores acknowledge and end interrupts at the same time without a lock: every function here takes `&self`.
//! (Crate `arm-gic` wants `&mut` for each, prohibits a second instance, polls without a bound, and its GICv2 half writes the
//! priority of one interrupt over those of its three neighbours.)

#[cfg(test)]
pub(crate) mod fake;

/// The number of an interrupt (INTID, GIC Architecture Specification IHI 0069, "INTIDs"): 0–15 are software-generated (SGI), 16–31
/// belong to one core (PPI), 32–1019 are shared peripherals' (SPI).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Intid(u16);

impl Intid {
    /// The non-secure physical timer of EL1, a PPI by the Base System Architecture (DEN 0094, "PPI assignments").
    pub const PHYSICAL_TIMER: Self = Self(30);
    /// The virtual timer of EL1, a PPI by the same table.
    pub const VIRTUAL_TIMER: Self = Self(27);
    /// One past the last number that can stand for an interrupt; 1020–1023 have special meanings.
    pub const END: u16 = 1020;

    /// The interrupt `number`, or none if there can be no such interrupt.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if number < Self::END { Some(Self(number)) } else { None }
    }

    /// The shared peripheral interrupt that a devicetree calls `<0 number …>`: `number + 32`.
    #[must_use]
    pub const fn shared(number: u16) -> Option<Self> {
        match number.checked_add(32) {
            Some(intid) => Self::new(intid),
            None => None,
        }
    }

    /// The number itself.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Whether software sends it from core to core.
    #[must_use]
    pub const fn is_software_generated(self) -> bool {
        self.0 < 16
    }

    /// Whether each core has its own copy of it (SGI and PPI).
    #[must_use]
    pub const fn is_private(self) -> bool {
        self.0 < 32
    }

    /// Offset of the word that holds this interrupt's field, and the field's lowest bit in it, in a bank of registers that gives
    /// each interrupt `bits` bits.
    pub(crate) const fn field(self, bank: usize, bits: usize) -> (usize, u32) {
        let bit = self.0 as usize * bits;
        // A remainder of 32 fits every type.
        #[expect(clippy::cast_possible_truncation, reason = "the value is below 32")]
        let shift = (bit % 32) as u32;
        (bank + bit / 32 * 4, shift)
    }
}

/// A software-generated interrupt: one of sixteen reasons for which a core may interrupt another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sgi(u8);

impl Sgi {
    /// Number 0–15; none above.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number < 16 { Some(Self(number)) } else { None }
    }

    /// The number, 0–15.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The interrupt that the receiver sees.
    #[must_use]
    pub const fn intid(self) -> Intid {
        Intid(self.0 as u16)
    }
}

/// How a device says that it wants attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The line stays up until the device is served.
    Level,
    /// A change of the line is remembered until it is acknowledged.
    Edge,
}

/// The receipt for one acknowledged interrupt; [`crate::gic_v2::GicV2::end`] or [`crate::gic_v3::cpu_interface::end`] takes it back. Until
/// then this core gets no other interrupt of the same or a lower priority.
#[must_use = "an interrupt that is not ended blocks its core's interrupts"]
#[derive(Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// What the acknowledge register held, to be written back as it was: a GICv2 keeps the sending core in it.
    pub(crate) raw: u32,
    pub(crate) intid: Intid,
}

impl Acknowledged {
    /// Which interrupt it is.
    #[must_use]
    pub const fn intid(&self) -> Intid {
        self.intid
    }
}

/// Why a controller could not be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GicError {
    /// A bit that the hardware should have changed did not change within the given number of polls.
    TimedOut,
    /// The core may not use the ICC system registers: ICC_SRE_EL2.Enable (or EL3's) was not set before the drop to EL1.
    NoSystemRegisters,
    /// The controller has no such interrupt.
    NoSuchInterrupt,
}

/// How many interrupts a distributor has, from GICD_TYPER.ITLinesNumber (IHI 0048 4.3.2; the same in IHI 0069).
pub(crate) const fn interrupts(typer: u32) -> u16 {
    let lines = (typer & 0x1F) as u16;
    let interrupts = 32 * (lines + 1);
    if interrupts < Intid::END { interrupts } else { Intid::END }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_above_1019_are_no_interrupts() {
        assert_eq!(Intid::new(1019).map(Intid::number), Some(1019));
        assert_eq!(Intid::new(1020), None);
        assert_eq!(Intid::shared(16).map(Intid::number), Some(48));
        assert_eq!(Intid::shared(u16::MAX), None);
        assert_eq!(Sgi::new(16), None);
    }

    #[test]
    fn a_field_is_found_in_a_bank_of_any_width() {
        let intid = Intid(49);
        assert_eq!(intid.field(0x100, 1), (0x104, 17));
        assert_eq!(intid.field(0xC00, 2), (0xC0C, 2));
        assert_eq!(intid.field(0x400, 8), (0x430, 8));
    }

    #[test]
    fn a_distributor_counts_its_interrupts_in_groups_of_32_up_to_1020() {
        assert_eq!(interrupts(0), 32);
        assert_eq!(interrupts(0x8), 288);
        assert_eq!(interrupts(0xFFFF_FFFF), 1020);
    }
}
