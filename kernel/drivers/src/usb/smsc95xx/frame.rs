//! How a frame looks on its way between the chip and its driver: two words in front of one that leaves, a status in front of one that
//! came. Source: Linux' `smsc95xx.h`.
//!
//! Each frame is a transfer of its own: the chip's way with several of them (HW_CFG.MEF) is not used. Nothing that a frame says of itself
//! then decides where another one begins, a frame is handed on as soon as it has come, and the chip's buffer of 20 KB is long enough for
//! the time between two transfers. What it costs is an interrupt a frame while few come; where many do, the next is looked for first.

use super::registers::Status;
use crate::card::LONGEST;

/// Bytes in front of a frame that leaves.
pub const SEND_BYTES: usize = 8;
/// Bytes in front of one that came.
pub const STATUS_BYTES: usize = 4;
/// Bytes behind it: the sum that the chip has checked.
const SUM_BYTES: usize = 4;
/// Bytes of an Ethernet header, which the shortest frame has.
const SHORTEST: usize = 14;

/// The first part of a frame, and the last: here, all of it.
const FIRST: u32 = 1 << 13;
const LAST: u32 = 1 << 12;
/// Where a frame's length is in both words.
const LENGTH_MASK: u32 = 0x7FF;

/// The words in front of a frame of `length` bytes, at most 2,047. The chip fills it up to 60 bytes and adds its sum.
#[must_use]
pub fn words(length: usize) -> [u8; SEND_BYTES] {
    let length = u32::try_from(length).unwrap_or(0) & LENGTH_MASK;
    let ([a, b, c, d], [e, f, g, h]) = ((length | FIRST | LAST).to_le_bytes(), length.to_le_bytes());
    [a, b, c, d, e, f, g, h]
}

/// How long the frame is that stands behind this status in a transfer of `bytes`, its sum not counted; none, if it has errors, or cannot be.
#[must_use]
pub fn received(status: [u8; STATUS_BYTES], bytes: usize) -> Option<usize> {
    let word = u32::from_le_bytes(status);
    if Status::from_bits_retain(word).intersects(Status::ES | Status::FF) {
        return None;
    }
    let with_sum = (word >> 16 & 0x3FFF) as usize;
    let length = with_sum.checked_sub(SUM_BYTES)?;
    let is_there = STATUS_BYTES + with_sum <= bytes && (SHORTEST..=LONGEST).contains(&length);
    is_there.then_some(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    #[test]
    fn words_and_status_are_as_linux_writes_and_reads_them() {
        assert_eq!(words(1514), [0xEA, 0x35, 0, 0, 0xEA, 5, 0, 0]);
        assert_eq!(words(0x7FF), [0xFF, 0x37, 0, 0, 0xFF, 7, 0, 0]);
        assert_eq!(received(0x0040_0000_u32.to_le_bytes(), 68), Some(60));
    }

    fn status(length: u32, flags: Status) -> [u8; STATUS_BYTES] {
        (flags.bits() | (length + 4) << 16).to_le_bytes()
    }

    #[test]
    fn a_frame_with_errors_is_none_whatever_else_is_right() {
        for flags in [Status::ES | Status::CRC, Status::ES | Status::RF, Status::ES, Status::FF] {
            assert_eq!(received(status(60, flags), 68), None);
        }
    }

    #[test]
    fn a_length_that_lies_is_no_frame() {
        assert_eq!(received(status(60, Status::empty()), 67), None, "more than came");
        assert_eq!(received(status(1515, Status::empty()), 2048), None, "more than a frame has");
        assert_eq!(received(status(13, Status::empty()), 2048), None, "less than its header");
        assert_eq!(received([0; 4], 2048), None, "less than its sum");
    }

    proptest! {
        #[test]
        fn whatever_a_status_says_the_frame_is_inside_of_what_came(status: [u8; 4], bytes in 0_usize..4096) {
            if let Some(length) = received(status, bytes) {
                prop_assert!(STATUS_BYTES + length + SUM_BYTES <= bytes && length <= LONGEST);
            }
        }
    }
}
