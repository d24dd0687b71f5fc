//! A card that is memory: a test hands it frames and finds what was sent.

extern crate std;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use super::{Abilities, Card, Full, LONGEST, Mac};

/// What a test sees of the card's other side.
#[derive(Debug, Default)]
pub struct Cable {
    /// Frames on their way to the card.
    pub arriving: VecDeque<Vec<u8>>,
    /// Frames that the card has sent.
    pub sent: VecDeque<Vec<u8>>,
    /// How many more frames the card can send; none: as many as it likes.
    pub room: Option<usize>,
    /// Whether the cable is out.
    pub is_out: bool,
    /// After how many milliseconds the card looks at that again; none: it never tells.
    pub looks: Option<u64>,
}

/// The card. Its clones share one cable.
#[derive(Clone, Debug)]
pub struct Fake {
    mac: Mac,
    cable: Arc<Mutex<Cable>>,
}

impl Fake {
    /// A card with this address and an empty cable.
    #[must_use]
    pub fn new(mac: Mac) -> Self {
        Self { mac, cable: Arc::default() }
    }

    /// The cable. A test that failed while it held it is no reason to fail another.
    pub fn cable(&self) -> MutexGuard<'_, Cable> {
        self.cable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Card for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn mac(&self) -> Mac {
        self.mac
    }

    fn abilities(&self) -> Abilities {
        Abilities { payload: 1500, has_checked_sums: false }
    }

    fn is_broken(&self) -> bool {
        false
    }

    fn is_up(&mut self) -> bool {
        !self.cable().is_out
    }

    fn tend(&mut self, now: u64) -> Option<u64> {
        self.cable().looks.map(|looks| now + looks)
    }

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        loop {
            let frame = self.cable().arriving.pop_front()?;
            if let Some(front) = into.get_mut(..frame.len()) {
                front.copy_from_slice(&frame);
                return Some(frame.len());
            }
        }
    }

    fn has_room(&mut self) -> bool {
        self.cable().room != Some(0)
    }

    fn transmit(&mut self, length: usize, fill: &mut dyn FnMut(&mut [u8])) -> Result<(), Full> {
        if !self.has_room() || length > LONGEST {
            return Err(Full);
        }
        let mut frame = std::vec![0; length];
        fill(&mut frame);
        let mut cable = self.cable();
        cable.room = cable.room.map(|room| room - 1);
        if !cable.is_out {
            cable.sent.push_back(frame);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = [2, 0, 0, 0, 0, 1];

    #[test]
    fn what_is_sent_is_on_the_cable_and_what_arrives_is_received() {
        let mut card = Fake::new(MAC);
        assert_eq!(card.transmit(3, &mut |frame| frame.copy_from_slice(b"abc")), Ok(()));
        assert_eq!(card.cable().sent.pop_front().as_deref(), Some(&b"abc"[..]));
        card.cable().arriving.extend([std::vec![0; 100], b"xyz".to_vec()]);
        let mut into = [0; 16];
        assert_eq!(card.receive(&mut into), Some(3), "what is too long is passed over");
        assert_eq!(&into[..3], b"xyz");
        assert_eq!(card.receive(&mut into), None);
    }

    #[test]
    fn a_full_card_sends_nothing() {
        let mut card = Fake::new(MAC);
        card.cable().room = Some(1);
        assert_eq!(card.transmit(1, &mut |_| ()), Ok(()));
        assert_eq!((card.has_room(), card.transmit(1, &mut |_| ())), (false, Err(Full)));
    }
}
