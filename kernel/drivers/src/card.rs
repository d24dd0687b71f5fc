//! What every network card can do: the one face between the network and virtio, USB, or a fake.
//!
//! Frames are Ethernet's, from the destination's address to the last byte of the payload; the checksum behind it is the card's. A card
//! never waits: what cannot be done now is answered so, and its interrupt tells when to look again. Whatever a device says about lengths
//! and buffers is checked behind this face.

#[cfg(any(test, feature = "fake"))]
pub mod fake;

/// Bytes of the longest frame that is exchanged: 1,500 of payload behind a header of 14.
pub const LONGEST: usize = 1514;

/// A card's address.
pub type Mac = [u8; 6];

/// Whether `mac` can be a card's address: one of a single card, and not all zeros.
#[must_use]
pub fn is_single(mac: Mac) -> bool {
    mac[0] & 1 == 0 && mac != [0; 6]
}

/// What a card can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Bytes of payload that a frame may carry, at most 1,500.
    pub payload: usize,
    /// The sums of what came were checked: nobody needs to do it again.
    pub has_checked_sums: bool,
}

/// How fast a cable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Mbit a second.
    pub mbit: u16,
    /// Both ways at once.
    pub is_full: bool,
}

/// There is no room to send now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A network card.
pub trait Card: Send {
    /// What the card is, as a boot line says it.
    fn name(&self) -> &'static str;

    /// Its address; [`is_single`].
    fn mac(&self) -> Mac;

    /// What it can do.
    fn abilities(&self) -> Abilities;

    /// Whether it did what no card may, or fails: it does nothing any more.
    fn is_broken(&self) -> bool;

    /// Whether a cable leads somewhere.
    fn is_up(&mut self) -> bool;

    /// How fast the cable is, if that is known.
    fn pace(&self) -> Option<Pace> {
        None
    }

    /// How many frames came damaged, and were dropped.
    fn dropped(&self) -> u32 {
        0
    }

    /// Does what is due at this moment, in milliseconds of a clock that never goes back; when it is to be called next, at the latest. None:
    /// nothing is ever due; [`Card::is_up`] tells nothing then that changes.
    fn tend(&mut self, now: u64) -> Option<u64> {
        let _ = now;
        None
    }

    /// Takes the next frame that came into the front of `into`; its length. A frame that is longer than `into` is dropped.
    fn receive(&mut self, into: &mut [u8]) -> Option<usize>;

    /// Whether [`Card::transmit`] would find room.
    fn has_room(&mut self) -> bool;

    /// Sends a frame of `length` bytes, at most [`LONGEST`], which `fill` writes. `fill` is called once, unless there is no room or
    /// the frame is lost because the cable leads nowhere.
    ///
    /// # Errors
    /// [`Full`]: there is no room, or the frame is too long; nothing was sent.
    fn transmit(&mut self, length: usize, fill: &mut dyn FnMut(&mut [u8])) -> Result<(), Full>;
}

#[cfg(test)]
mod tests {
    use super::is_single;

    #[test]
    fn groups_and_nothing_are_no_cards_address() {
        assert!(is_single([0x52, 0x54, 0, 0x12, 0x34, 0x56]));
        assert!(!is_single([0x01, 0, 0x5e, 0, 0, 1]) && !is_single([0; 6]) && !is_single([0xff; 6]));
    }
}
