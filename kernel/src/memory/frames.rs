//! Physical pages: one bit each, set while free.
//!
//! RAM is entered into the bitmap piece by piece as it is needed, so that a machine with much of it boots no slower. The lock is a
//! leaf: the fault handler takes it.

use core::ops::Range;

use skete_logic::bitmap::Bitmap;
use skete_logic::pages::PAGE;

use crate::lock::Spin;

/// Ranges of RAM that a board may report, holes cut out.
const RANGES: usize = 16;
/// How many pages enter the bitmap at a time: 8 MiB.
const PIECE: usize = 2048;

/// 4 GiB of frames, all that a board has.
type Bits = Bitmap<16384, 256>;

struct Frames {
    /// Frame n is the one at n × 4 KiB.
    free: Bits,
    /// RAM not entered yet, in frame numbers.
    fresh: [Range<usize>; RANGES],
    total: usize,
    free_count: usize,
}

static FRAMES: Spin<Frames> = Spin::new(Frames { free: Bits::new(), fresh: [const { 0..0 }; RANGES], total: 0, free_count: 0 });

impl Frames {
    /// Enters the next piece; false if there is none.
    fn enter_piece(&mut self) -> bool {
        let Some(range) = self.fresh.iter_mut().find(|range| range.start < range.end) else { return false };
        let end = range.end.min(range.start + PIECE);
        let piece = range.start..end;
        range.start = end;
        self.free.insert(piece);
        true
    }

    /// Enters pieces until one holds `count` frames in a row, or RAM is all entered.
    fn enter_at_least(&mut self, count: usize) -> bool {
        let mut entered = 0;
        while entered < count {
            if !self.enter_piece() {
                return entered > 0;
            }
            entered += PIECE;
        }
        true
    }
}

/// Gives the allocator `ram` (physical bytes) but for `taken`, which need not be sorted. Called once, by core 0.
pub fn add(ram: Range<u64>, taken: &[Range<u64>]) {
    let mut start = ram.start.next_multiple_of(PAGE);
    let end = ram.end / PAGE * PAGE;
    while start < end {
        let inside = taken.iter().find(|t| t.start <= start && start < t.end);
        if let Some(hole) = inside {
            start = hole.end.next_multiple_of(PAGE);
            continue;
        }
        let next = taken.iter().map(|t| t.start).filter(|t| *t > start).fold(end, u64::min);
        add_piece(frame(start)..frame(next / PAGE * PAGE));
        start = next.next_multiple_of(PAGE);
    }
}

fn frame(address: u64) -> usize {
    usize::try_from(address / PAGE).unwrap_or(usize::MAX).min(Bits::LENGTH)
}

fn add_piece(piece: Range<usize>) {
    if piece.is_empty() {
        return;
    }
    let mut frames = FRAMES.lock();
    frames.total += piece.len();
    frames.free_count += piece.len();
    if let Some(slot) = frames.fresh.iter_mut().find(|slot| slot.start >= slot.end) {
        *slot = piece;
    } else {
        frames.free.insert(piece);
    }
}

/// Takes one frame: its physical address. Its content is what was left there.
pub fn take() -> Option<u64> {
    let mut frames = FRAMES.lock();
    let frame = match frames.free.take() {
        Some(frame) => frame,
        None if frames.enter_piece() => frames.free.take()?,
        None => return None,
    };
    frames.free_count -= 1;
    Some(frame as u64 * PAGE)
}

/// Takes `count` frames in a row: the physical address of the first.
pub fn take_row(count: usize) -> Option<u64> {
    let mut frames = FRAMES.lock();
    if count > frames.free_count {
        return None;
    }
    loop {
        if let Some(first) = frames.free.take_row(count) {
            frames.free_count -= count;
            return Some(first as u64 * PAGE);
        }
        if !frames.enter_at_least(count) {
            return None;
        }
    }
}

/// Gives back the frame at `address`, which [`take`] gave.
pub fn give(address: u64) {
    let mut frames = FRAMES.lock();
    let was_taken = frames.free.give(frame(address));
    debug_assert!(was_taken, "a frame is given back once");
    frames.free_count += 1;
}

/// Frames in all, and free now.
pub fn count() -> (usize, usize) {
    let frames = FRAMES.lock();
    (frames.total, frames.free_count)
}
