//! A network card as QEMU's `usb-net` is: two configurations, of which the second is CDC-ECM.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use super::{Answer, Plugged};
use crate::usb::request::Setup;

/// The configuration of index 0: another protocol's.
pub const RNDIS: [u8; 67] = [
    9, 2, 67, 0, 2, 2, 7, 0xC0, 50, // configuration 2
    9, 4, 0, 0, 1, 2, 2, 0xFF, 8, // interface 0
    5, 0x24, 0, 0x10, 1, 5, 0x24, 1, 0, 1, 4, 0x24, 2, 0, 5, 0x24, 6, 0, 1, // its parts
    7, 5, 0x81, 3, 16, 0, 32, // interrupt
    9, 4, 1, 0, 2, 0x0A, 0, 0, 0, // interface 1
    7, 5, 0x82, 2, 64, 0, 0, 7, 5, 2, 2, 64, 0, 0, // bulk
];

/// The configuration of index 1.
pub const ECM: [u8; 80] = [
    9, 2, 80, 0, 2, 1, 6, 0xC0, 50, // configuration 1
    9, 4, 0, 0, 1, 2, 6, 0, 5, // interface 0
    5, 0x24, 0, 0x10, 1, 5, 0x24, 6, 0, 1, 13, 0x24, 15, 3, 0, 0, 0, 0, 0xEA, 5, 0, 0, 0, // its parts
    7, 5, 0x81, 3, 16, 0, 32, // interrupt
    9, 4, 1, 0, 0, 0x0A, 0, 0, 0, // interface 1, setting 0
    9, 4, 1, 1, 2, 0x0A, 0, 0, 0, // interface 1, setting 1
    7, 5, 0x82, 2, 64, 0, 0, 7, 5, 2, 2, 64, 0, 0, // bulk
];

/// The address that its text 3 tells.
pub const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x57];

/// What a test sees of it.
#[derive(Default)]
pub struct Cable {
    /// Frames for the guest.
    pub arriving: VecDeque<Vec<u8>>,
    /// Frames from it.
    pub sent: VecDeque<Vec<u8>>,
    /// Which of its two configurations it has, and the setting of its frames.
    pub is: (u16, u16),
    /// Every request is refused.
    pub refuses: bool,
    /// Its bulk endpoints refuse.
    pub is_stalled: bool,
}

/// The card.
pub struct FakeCard {
    address: u8,
    toggles: [bool; 2],
    leaving: Vec<u8>,
    entering: Option<Vec<u8>>,
    packet: u16,
    cable: Arc<Mutex<Cable>>,
}

/// A card with packets of this size, and its cable.
pub fn plugged(packet: u16) -> (std::boxed::Box<dyn Plugged>, Arc<Mutex<Cable>>) {
    let cable = Arc::<Mutex<Cable>>::default();
    let card = FakeCard { address: 0, toggles: [false; 2], leaving: Vec::new(), entering: None, packet, cable: Arc::clone(&cable) };
    (std::boxed::Box::new(card), cable)
}

/// The cable, whoever failed while he held it.
pub fn held(cable: &Mutex<Cable>) -> MutexGuard<'_, Cable> {
    cable.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text(text: &str) -> Vec<u8> {
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [&[bytes.len().to_le_bytes()[0] + 2, 3], &bytes[..]].concat()
}

impl FakeCard {
    fn ecm(&self) -> Vec<u8> {
        let mut bytes = ECM.to_vec();
        for at in [ECM.len() - 3, ECM.len() - 10] {
            bytes[at..at + 2].copy_from_slice(&self.packet.to_le_bytes());
        }
        bytes
    }

    fn answer(&mut self, setup: Setup) -> Option<Vec<u8>> {
        let cable = &mut *held(&self.cable);
        Some(match (setup.kind, setup.request, setup.value, setup.index) {
            (0x80, 6, 0x0100, 0) => [18, 1, 0, 2, 2, 0, 0, 64, 0x25, 5, 0xA2, 0xA4, 0, 0, 1, 2, 10, 2].to_vec(),
            (0x80, 6, 0x0200, 0) => RNDIS.to_vec(),
            (0x80, 6, 0x0201, 0) => self.ecm(),
            (0x80, 6, 0x0300, 0) => [4, 3, 9, 4].to_vec(),
            (0x80, 6, 0x0303, 0x0409) => text("525400123457"),
            (0, 9, configuration @ 1..=2, 0) => {
                cable.is = (configuration, 0);
                Vec::new()
            }
            (1, 11, setting @ 0..=1, 1) => {
                cable.is.1 = setting;
                self.toggles = [false; 2];
                Vec::new()
            }
            (0x21, 0x43, 0x0E, 0) => Vec::new(),
            _ => return None,
        })
    }
}

impl Plugged for FakeCard {
    fn address(&mut self) -> &mut u8 {
        &mut self.address
    }

    fn ask(&mut self, setup: Setup) -> Answer {
        if held(&self.cable).refuses {
            return Answer::Stall;
        }
        self.answer(setup).map_or(Answer::Stall, Answer::Data)
    }

    fn toggle(&mut self, endpoint: u8, is_in: bool) -> &mut bool {
        assert_eq!(endpoint, 2, "its endpoints both have this number");
        &mut self.toggles[usize::from(is_in)]
    }

    fn bulk(&mut self, _: u8, sent: Option<&[u8]>) -> Answer {
        let cable = &mut *held(&self.cable);
        let packet = usize::from(self.packet);
        if cable.is != (1, 1) || cable.is_stalled {
            return Answer::Stall;
        }
        if let Some(sent) = sent {
            self.leaving.extend(sent);
            if sent.len() < packet {
                cable.sent.push_back(core::mem::take(&mut self.leaving));
            }
            return Answer::Data(Vec::new());
        }
        let Some(mut frame) = self.entering.take().or_else(|| cable.arriving.pop_front()) else { return Answer::Nak };
        let rest = frame.split_off(frame.len().min(packet));
        // A full packet is followed by another, be it empty.
        self.entering = (frame.len() == packet).then_some(rest);
        Answer::Data(frame)
    }
}
