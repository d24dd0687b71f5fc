//! Frames and addresses of a small machine, as the registry of shared memory asks for them.

use skete_abi::Errno;
use skete_logic::pages::PAGE;
use skete_logic::sysv::shm::{Memory, UNIT};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

/// Where the window begins.
pub const START: u64 = 128 << 30;
/// How many units it has.
pub const UNITS: u64 = 12;
/// A unit in it that belongs to somebody else.
pub const FOREIGN: u64 = START + 7 * UNIT;
/// How many frames there are.
pub const FRAMES: u64 = 100;

/// The frames of a segment, by number.
pub struct Frames {
    numbers: Range<u64>,
    live: Rc<Cell<u64>>,
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.live.set(self.live.get() - (self.numbers.end - self.numbers.start));
    }
}

/// A page as mapped: its frame, and whether writes fault.
pub type Page = (u64, bool);

/// The machine.
pub struct Machine {
    pub live: Rc<Cell<u64>>,
    next: Cell<u64>,
    pub pages: RefCell<BTreeMap<u64, Page>>,
    pub taken: RefCell<BTreeSet<u64>>,
    /// Whether there is no memory for tables just now.
    pub is_out_of_tables: Cell<bool>,
}

impl Machine {
    pub fn new() -> Self {
        let taken = RefCell::new([FOREIGN].into());
        Self { live: Rc::default(), next: Cell::new(0), pages: RefCell::default(), taken, is_out_of_tables: Cell::new(false) }
    }

    /// What is mapped in `range`.
    pub fn mapped(&self, range: Range<u64>) -> Vec<Page> {
        self.pages.borrow().range(range).map(|(_, page)| *page).collect()
    }
}

fn units(range: Range<u64>) -> impl Iterator<Item = u64> {
    assert!(range.start.is_multiple_of(UNIT) && range.end.is_multiple_of(UNIT) && !range.is_empty(), "whole units: {range:x?}");
    steps(range, UNIT)
}

fn steps(range: Range<u64>, bytes: u64) -> impl Iterator<Item = u64> {
    (0..(range.end - range.start) / bytes).map(move |step| range.start + step * bytes)
}

impl Memory for Machine {
    type Frames = Frames;

    fn window(&self) -> Range<u64> {
        START..START + UNITS * UNIT
    }

    fn frames(&self, pages: u64) -> Result<Frames, Errno> {
        if pages > FRAMES - self.live.get() {
            return Err(Errno::ENOMEM);
        }
        let first = self.next.get();
        self.next.set(first + pages);
        self.live.set(self.live.get() + pages);
        Ok(Frames { numbers: first..first + pages, live: self.live.clone() })
    }

    fn choose(&self, pages: u64) -> Option<u64> {
        let bytes = (pages * PAGE).next_multiple_of(UNIT);
        let mut starts = units(self.window());
        starts.find(|start| start + bytes <= self.window().end && self.claim(*start..start + bytes))
    }

    fn claim(&self, range: Range<u64>) -> bool {
        assert!(range.start >= self.window().start && range.end <= self.window().end, "only what lies in the window is claimed");
        let mut taken = self.taken.borrow_mut();
        let is_free = units(range.clone()).all(|unit| !taken.contains(&unit));
        if is_free {
            taken.extend(units(range));
        }
        is_free
    }

    fn release(&self, range: Range<u64>, _is_named: bool) {
        assert_eq!(self.mapped(range.clone()), [], "nothing is mapped in what is given back");
        for unit in units(range) {
            assert!(unit != FOREIGN && self.taken.borrow_mut().remove(&unit), "what is given back was ours: {unit:#x}");
        }
    }

    fn map(&self, start: u64, frames: &Frames, is_read_only: bool) -> bool {
        if self.is_out_of_tables.get() {
            return false;
        }
        for (page, frame) in (0..).zip(frames.numbers.clone()) {
            let address = start + page * PAGE;
            assert!(self.taken.borrow().contains(&(address / UNIT * UNIT)), "only what was taken is mapped");
            let before = self.pages.borrow_mut().insert(address, (frame, is_read_only));
            assert_eq!(before, None, "nothing is mapped over");
        }
        true
    }

    fn unmap(&self, range: Range<u64>) {
        for page in steps(range, PAGE) {
            assert!(self.pages.borrow_mut().remove(&page).is_some(), "only what is mapped is unmapped");
        }
    }
}
