//! Models of a page's entry, changed by several cores at once, and of the window's units.
//!
//! The machine: two frames, and a table of translations that all cores see. What a core does with a page it does by that table, whatever
//! the entry says by now, as hardware does.

use super::runner::Model;
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;
use skete_cell::Guarded;
use skete_logic::mutant::Mutant;
use skete_logic::pages::touch::{self, Frames, Replaced};
use skete_logic::pages::units::{Unit, Units};
use skete_logic::pages::{Access, Entry, PAGE};

pub const MODELS: &[Model] = &[
    Model {
        name: "pages::two_first_touches_of_a_page_map_one_zeroed_frame",
        body: touched_twice,
        mutants: &[Mutant::TouchStores, Mutant::TouchKeepsTheFrame],
    },
    Model {
        name: "pages::a_page_that_is_taken_away_while_it_is_touched_keeps_no_frame",
        body: touched_and_taken_away,
        mutants: &[Mutant::TouchStores, Mutant::TouchKeepsTheFrame, Mutant::ReplacedInTwoSteps],
    },
    Model {
        name: "pages::a_page_that_is_protected_while_it_is_touched_is_mapped",
        body: touched_and_protected,
        mutants: &[Mutant::TouchStores, Mutant::TouchGivesUp],
    },
    Model {
        name: "pages::a_frame_goes_back_when_every_core_has_forgotten_it",
        body: used_and_denied_and_taken_away,
        mutants: &[Mutant::FrameGivenBeforeForgotten, Mutant::DeniedNotForgotten],
    },
    Model {
        name: "pages::a_unit_is_given_back_once_by_those_who_take_its_pages_away",
        body: unmapped_in_halves,
        mutants: &[Mutant::UnitEmptiedOutsideTheLock, Mutant::UnitGivenByWhoeverLooks],
    },
];

const ADDRESS: u64 = 0x2_0000;
const LEFT_THERE: u32 = 0xdead;

struct Frame {
    is_taken: AtomicBool,
    content: Guarded<u32>,
}

/// One page, and the frames that it may get.
struct Machine {
    slot: AtomicU64,
    frames: [Frame; 2],
    /// The translation of the page, if a core has walked to it.
    translation: Mutex<Option<Entry>>,
}

impl Machine {
    fn new(entry: Entry) -> Arc<Self> {
        let frames = [(); 2].map(|()| Frame { is_taken: AtomicBool::new(false), content: Guarded::new(LEFT_THERE) });
        Arc::new(Self { slot: AtomicU64::new(entry.0), frames, translation: Mutex::new(None) })
    }

    fn frame(&self, address: u64) -> &Frame {
        &self.frames[(address / PAGE - 1) as usize]
    }

    fn entry(&self) -> Entry {
        Entry(self.slot.load(Ordering::Acquire))
    }

    fn touch(&self) -> bool {
        touch::touch(&self.slot, self)
    }

    fn replace(&self) -> Replaced {
        touch::replace(&self.slot, ADDRESS, Entry::NONE, self)
    }

    /// What a load by the program does: by the translation at hand, else by the entry. `None`: it faults.
    fn load(&self) -> Option<u32> {
        let mut translation = self.translation.lock().expect("no section panics in a model that goes on");
        let entry = translation.or_else(|| Some(self.entry()).filter(|entry| entry.is_valid()))?;
        *translation = Some(entry);
        let frame = self.frame(entry.address());
        assert!(frame.is_taken.load(Ordering::Acquire), "a page is used whose frame went back");
        Some(frame.content.get())
    }

    /// Every frame is free but the one that the page has.
    fn assert_none_lost(&self) {
        let entry = self.entry();
        for number in 1..=2 {
            let is_mapped = entry.address() == number * PAGE;
            assert_eq!(self.frame(number * PAGE).is_taken.load(Ordering::Acquire), is_mapped, "a frame is lost, or in two hands");
        }
    }
}

impl Frames for Machine {
    fn take(&self) -> Option<u64> {
        (1..=2).map(|number| number * PAGE).find(|&address| !self.frame(address).is_taken.swap(true, Ordering::AcqRel))
    }

    fn give(&self, frame: u64) {
        assert!(self.frame(frame).is_taken.swap(false, Ordering::AcqRel), "a frame is given back twice");
    }

    fn zero(&self, frame: u64) {
        self.frame(frame).content.set(0);
    }

    fn publish(&self) {}

    fn forget(&self, _address: u64) {
        *self.translation.lock().expect("no section panics in a model that goes on") = None;
    }
}

fn touched_twice() {
    let machine = Machine::new(Entry::lazy(Access::Data, true));
    let other = machine.clone();
    let touching = thread::spawn(move || {
        assert!(other.touch());
        assert_eq!(other.load(), Some(0));
    });
    assert!(machine.touch());
    assert_eq!(machine.load(), Some(0));
    touching.join().expect("a touch ends");
    machine.assert_none_lost();
}

fn touched_and_taken_away() {
    let machine = Machine::new(Entry::lazy(Access::Data, true));
    let other = machine.clone();
    let touching = thread::spawn(move || {
        if other.touch() {
            assert!(matches!(other.load(), None | Some(0)));
        }
    });
    assert_eq!(machine.replace(), Replaced::Page);
    touching.join().expect("a touch ends");
    assert_eq!(machine.entry(), Entry::NONE);
    machine.assert_none_lost();
}

fn touched_and_protected() {
    let machine = Machine::new(Entry::lazy(Access::Data, true));
    let other = machine.clone();
    let touching = thread::spawn(move || assert!(other.touch(), "the page is reserved all the while"));
    assert!(touch::protect(&machine.slot, ADDRESS, Some(Access::Constant), &*machine).is_some());
    touching.join().expect("a touch ends");
    assert_eq!(machine.entry().with_access(Access::Constant), machine.entry(), "the protection stays");
    machine.assert_none_lost();
}

fn used_and_denied_and_taken_away() {
    let machine = Machine::new(Entry::lazy(Access::Data, true));
    assert!(machine.touch());
    assert_eq!(machine.load(), Some(0));
    let user = machine.clone();
    let using = thread::spawn(move || user.load());
    let denier = machine.clone();
    let denying = thread::spawn(move || touch::protect(&denier.slot, ADDRESS, None, &*denier));
    assert_eq!(machine.replace(), Replaced::Page);
    using.join().expect("a load ends");
    denying.join().expect("a change ends");
    machine.assert_none_lost();
}

type Book = Units<64, 1>;

/// A window whose units are all taken, and the two pages of the last of them.
struct Window {
    book: Mutex<Book>,
    slots: [AtomicU64; 2],
    /// Knows no frame: nothing was touched.
    frames: Arc<Machine>,
}

const LAST: usize = Book::LENGTH - 1;

impl Window {
    fn new() -> Arc<Self> {
        let mut book = Book::new();
        assert_eq!(book.take(Book::LENGTH), Some(0));
        let slots = [(); 2].map(|()| AtomicU64::new(Entry::lazy(Access::Data, true).0));
        Arc::new(Self { book: Mutex::new(book), slots, frames: Machine::new(Entry::NONE) })
    }

    fn unmap(&self, page: usize) {
        let unit = Unit { number: LAST, start: ADDRESS, slots: &self.slots };
        let lock = || self.book.lock().expect("no section panics in a model that goes on");
        assert!(unit.unmap(page..page + 1, lock, &*self.frames), "nothing is lent");
    }

    fn take(&self) -> Option<usize> {
        self.book.lock().expect("no section panics in a model that goes on").take(1)
    }
}

fn unmapped_in_halves() {
    let window = Window::new();
    let half = window.clone();
    let first = thread::spawn(move || half.unmap(0));
    let half = window.clone();
    let second = thread::spawn(move || {
        half.unmap(1);
        // A mistake of the program's, which must hurt nobody else.
        half.unmap(1);
    });
    let mut taken = window.take();
    if taken.is_some() {
        window.slots[0].store(Entry::lazy(Access::Data, true).0, Ordering::Release);
    }
    first.join().expect("an unmapping ends");
    second.join().expect("an unmapping ends");
    let later = window.take();
    assert!(taken.is_none() || later.is_none(), "a unit is handed out twice");
    taken = taken.or(later);
    assert_eq!(taken, Some(LAST), "a unit is lost");
}
