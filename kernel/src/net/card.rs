//! Which card there is: the first that can be used.
//!
//! On `virt` a virtio card; on a Pi one at its USB.

use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use allocator_api2::vec::Vec;
use skete_drivers::card::{Card, Mac};
use skete_drivers::firmware::Board;
use skete_drivers::usb::UsbError;
use skete_drivers::virtio::net;
use skete_net::Stack;
use skete_net::setup::Fixed;

use super::usb;
use crate::board::{self, options};
use crate::memory::{Heap, virtio};
use crate::sched::devices::{self, Device};

/// What came of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A card is in use.
    Card {
        /// What it is.
        name: &'static str,
        /// Its address.
        mac: Mac,
    },
    /// There is none.
    None,
    /// There is one, and it cannot be used.
    Refused(Refusal),
}

/// Why a card cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// These words say it.
    Words(&'static str),
    /// USB has none that can.
    Usb(UsbError),
}

impl From<&'static str> for Refusal {
    fn from(words: &'static str) -> Self {
        Self::Words(words)
    }
}

impl From<UsbError> for Refusal {
    fn from(error: UsbError) -> Self {
        Self::Usb(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => f.write_str(words),
            Self::Usb(error) => error.fmt(f),
        }
    }
}

/// Where the virtio card's slot is, and how long: for its interrupt.
static SLOT: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// A card, for good.
pub type Opened = &'static mut dyn Card;

const NO_MEMORY: &str = "no memory for the card";

/// Looks for a card and lets `stack` use it; `bell` counts its interrupts.
pub fn attach(stack: &mut Stack<Heap>, bell: &'static AtomicU32) -> Found {
    let opened = match board::get().machine.board {
        Board::RaspberryPi3 => usb::open(bell).map(Some),
        _ => open_virtio(bell),
    };
    let card = match opened {
        Ok(Some(card)) => card,
        Ok(None) => return Found::None,
        Err(reason) => return Found::Refused(reason),
    };
    let (name, mac) = (card.name(), card.mac());
    let fixed = match options::value("ip") {
        None => None,
        Some(word) => match fixed(word.bytes()) {
            Some(fixed) => Some(fixed),
            None => return Found::Refused("option ip is no ADDRESS/BITS[,GATEWAY[,NAMES]]".into()),
        },
    };
    if !stack.attach(card, fixed, super::random(), super::now()) {
        return Found::Refused(NO_MEMORY.into());
    }
    Found::Card { name, mac }
}

/// The virtio card; none, if there is none.
fn open_virtio(bell: &'static AtomicU32) -> Result<Option<Opened>, Refusal> {
    let Some(found) = virtio::network() else { return Ok(None) };
    let (net, slot) = found.map_err(|_| "virtio-net does not do what its specification says")?;
    let number = slot.interrupt.and_then(|number| u16::try_from(number).ok()).ok_or("virtio-net has no interrupt")?;
    SLOT[0].store(slot.base, Ordering::Relaxed);
    SLOT[1].store(slot.bytes, Ordering::Relaxed);
    if !devices::register(Device { number, quiet, count: bell }) {
        return Err("too many devices interrupt".into());
    }
    keep(net).map(Some)
}

/// Keeps a card for good.
///
/// # Errors
/// There is no memory.
pub fn keep<C: Card + 'static>(card: C) -> Result<Opened, Refusal> {
    let mut home = Vec::new_in(Heap);
    home.try_reserve_exact(1).map_err(|_| NO_MEMORY)?;
    home.push(card);
    match home.leak() {
        [card] => Ok(card),
        _ => Err(NO_MEMORY.into()),
    }
}

/// Answers the virtio card's interrupt: the device falls silent until the next frame.
fn quiet() {
    let [base, bytes] = [&SLOT[0], &SLOT[1]].map(|word| word.load(Ordering::Relaxed));
    net::acknowledge(&board::window(base, bytes));
}

/// Reads the option that fixes the address.
fn fixed(bytes: impl Iterator<Item = u8>) -> Option<Fixed> {
    let mut text = [0; 64];
    let mut length = 0;
    for byte in bytes {
        *text.get_mut(length)? = byte;
        length += 1;
    }
    Fixed::parse(core::str::from_utf8(text.get(..length)?).ok()?)
}
