//! Headers of extension for packets of IPv6 (RFC 8200 4): honest ones, chains of them, and such as lie.

use fastrand::Rng;

use super::sums::{ETHERNET, is_v6, mend, put16, tell_length};
use crate::world::hits;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
/// Kinds that a chain is made of: the first is what a packet may begin with, 51 and 135 have lengths of other units.
const KINDS: [u8; 9] = [HOP_BY_HOP, HOP_BY_HOP, ROUTING, ROUTING, FRAGMENT, FRAGMENT, 60, 51, 135];
/// Where the first header of extension begins.
const FIRST: usize = ETHERNET + 40;

/// A number below this one.
fn below(dice: &mut Rng, below: usize) -> usize {
    (dice.u64(..) % below.max(1) as u64) as usize
}

/// Puts a hop-by-hop header that asks for nothing before what a packet carries; whether it is one of IPv6.
pub fn put_hop_by_hop(frame: &mut Vec<u8>) -> bool {
    if !is_v6(frame) {
        return false;
    }
    let next = core::mem::replace(&mut frame[ETHERNET + 6], HOP_BY_HOP);
    // PadN with four bytes of padding (RFC 8200 4.2).
    frame.splice(FIRST..FIRST, [next, 0, 1, 4, 0, 0, 0, 0]);
    tell_length(frame);
    true
}

/// Puts headers of extension before what a packet of IPv6 carries; a half of the time something in them lies.
pub fn extend(dice: &mut Rng, frame: &mut Vec<u8>) {
    if !is_v6(frame) {
        return;
    }
    if hits(dice, 25) {
        put_hop_by_hop(frame);
    } else {
        let count = if hits(dice, 3) { 1 + below(dice, 60) } else { 1 + below(dice, 3) };
        for at in 0..count {
            // The one that is put there last comes first.
            let is_first = at + 1 == count;
            let kind = if is_first && hits(dice, 60) { HOP_BY_HOP } else { KINDS[below(dice, KINDS.len())] };
            let next = core::mem::replace(&mut frame[ETHERNET + 6], kind);
            let header = header(dice, kind, next);
            frame.splice(FIRST..FIRST, header);
        }
        tell_length(frame);
    }
    if hits(dice, 50) {
        lie(dice, frame);
    }
    mend(frame);
}

fn header(dice: &mut Rng, kind: u8, next: u8) -> Vec<u8> {
    let units = if kind == FRAGMENT { 0 } else { [0, 0, 0, 1, 2, 7][below(dice, 6)] };
    let mut header = vec![0; 8 + units * 8];
    (header[0], header[1]) = (next, units as u8);
    let rest = header.len() - 4;
    match kind {
        // The whole packet in one fragment (RFC 6946), or a piece.
        FRAGMENT => {
            if hits(dice, 50) {
                header[2..].fill_with(|| dice.u64(..) as u8);
            }
        }
        // No segments are left to visit, or there are.
        ROUTING => (header[2], header[3]) = ([0, 2, 3, 4, 253][below(dice, 5)], below(dice, 3) as u8),
        // One option, known or not, that says what becomes of the packet if it is not (RFC 8200 4.2), and as long as there is room.
        _ => (header[2], header[3]) = ([1, 1, 5, 0x1e, 0x4b, 0x8a, 0xc2, 0xff][below(dice, 8)], rest as u8),
    }
    if hits(dice, 15) {
        let at = 2 + below(dice, header.len() - 2);
        header[at] = dice.u64(..) as u8;
    }
    header
}

/// A length or a kind is another, or the packet ends among its headers.
fn lie(dice: &mut Rng, frame: &mut Vec<u8>) {
    let extreme = [0, 1, 2, 0x1f, 0x7f, 0x80, 0xfe, 0xff][below(dice, 8)];
    match below(dice, 5) {
        0 => frame[FIRST + 1] = extreme,
        1 => {
            let at = FIRST + below(dice, 4) * 8;
            if let Some(byte) = frame.get_mut(at + 1) {
                *byte = extreme;
            }
        }
        2 => {
            let length = frame.len() - FIRST;
            let told = [0, 1, 7, 8, 9, length.saturating_sub(1), length + 1, 0xffff][below(dice, 8)];
            put16(frame, ETHERNET + 4, told as u16);
        }
        3 => {
            let kind = [HOP_BY_HOP, ROUTING, FRAGMENT, 60, 59, 58, 6, 17, 4, 41, extreme][below(dice, 11)];
            frame[FIRST] = kind;
        }
        _ => {
            frame.truncate(FIRST + below(dice, 24));
            if hits(dice, 50) {
                tell_length(frame);
            }
        }
    }
}
