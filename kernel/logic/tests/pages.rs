//! Pages and units of the window, one step at a time; what cores do to each other's is in the models.
#![cfg(not(loom))]

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use skete_logic::pages::touch::{self, Frames, Replaced};
use skete_logic::pages::units::{PAGES, Unit, Units};
use skete_logic::pages::{Access, Entry, PAGE};

/// What was asked of the machine, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Take(u64),
    Give(u64),
    Zero(u64),
    Publish,
    Forget(u64),
}

/// A machine with some frames left, numbered downwards.
struct Machine {
    left: RefCell<u64>,
    asked: RefCell<Vec<Asked>>,
}

impl Machine {
    fn new(left: u64) -> Self {
        Self { left: RefCell::new(left), asked: RefCell::default() }
    }

    fn ask(&self, what: Asked) {
        self.asked.borrow_mut().push(what);
    }

    fn heard(&self) -> Vec<Asked> {
        self.asked.take()
    }
}

impl Frames for Machine {
    fn take(&self) -> Option<u64> {
        let frame = *self.left.borrow() * PAGE;
        if frame == 0 {
            return None;
        }
        *self.left.borrow_mut() -= 1;
        self.ask(Asked::Take(frame));
        Some(frame)
    }

    fn give(&self, frame: u64) {
        self.ask(Asked::Give(frame));
    }

    fn zero(&self, frame: u64) {
        self.ask(Asked::Zero(frame));
    }

    fn publish(&self) {
        self.ask(Asked::Publish);
    }

    fn forget(&self, address: u64) {
        self.ask(Asked::Forget(address));
    }
}

const ADDRESS: u64 = 0x2_0000_0000;

fn lazy() -> AtomicU64 {
    AtomicU64::new(Entry::lazy(Access::Data, true).0)
}

fn entry(slot: &AtomicU64) -> Entry {
    Entry(slot.load(Ordering::Relaxed))
}

#[test]
fn a_first_touch_zeroes_before_it_maps_and_a_second_takes_nothing() {
    let (machine, slot) = (Machine::new(7), lazy());
    assert!(touch::touch(&slot, &machine));
    assert_eq!(machine.heard(), [Asked::Take(7 * PAGE), Asked::Zero(7 * PAGE), Asked::Publish]);
    assert_eq!(entry(&slot), Entry::page(7 * PAGE, Access::Data));
    assert!(touch::touch(&slot, &machine));
    assert_eq!(machine.heard(), []);
}

#[test]
fn a_touch_of_what_was_never_promised_or_without_memory_maps_nothing() {
    for (left, promised) in [(7, Entry::NONE), (7, Entry::GUARD), (7, Entry::page(PAGE, Access::Data).denied())] {
        let (machine, slot) = (Machine::new(left), AtomicU64::new(promised.0));
        assert!(!touch::touch(&slot, &machine));
        assert_eq!((machine.heard(), entry(&slot)), (vec![], promised));
    }
    let (machine, slot) = (Machine::new(0), lazy());
    assert!(!touch::touch(&slot, &machine));
    assert!(entry(&slot).is_lazy());
}

#[test]
fn a_frame_is_forgotten_before_it_goes_back_even_if_access_was_denied() {
    for is_denied in [false, true] {
        let (machine, slot) = (Machine::new(7), lazy());
        assert!(touch::touch(&slot, &machine));
        if is_denied {
            assert!(touch::protect(&slot, ADDRESS, None, &machine).is_some_and(Entry::is_denied));
        }
        machine.heard();
        assert_eq!(touch::replace(&slot, ADDRESS, Entry::NONE, &machine), Replaced::Page);
        assert_eq!(machine.heard(), [Asked::Forget(ADDRESS), Asked::Give(7 * PAGE)]);
        assert_eq!(touch::replace(&slot, ADDRESS, Entry::NONE, &machine), Replaced::Nothing);
        assert_eq!(machine.heard(), []);
    }
}

#[test]
fn a_lent_page_is_neither_protected_nor_replaced() {
    let lent = Entry::page(PAGE, Access::Data).lent();
    let (machine, slot) = (Machine::new(7), AtomicU64::new(lent.0));
    assert_eq!(touch::protect(&slot, ADDRESS, None, &machine), None);
    assert_eq!(touch::replace(&slot, ADDRESS, Entry::NONE, &machine), Replaced::Lent);
    assert_eq!((machine.heard(), entry(&slot)), (vec![], lent));
}

#[test]
fn a_unit_goes_back_with_its_last_page_and_only_then() {
    let machine = Machine::new(7);
    let mut book = Units::<64, 1>::new();
    assert_eq!(book.take(Units::<64, 1>::LENGTH), Some(0));
    let slots: [AtomicU64; PAGES] = std::array::from_fn(|_| lazy());
    let unit = Unit { number: 5, start: ADDRESS, slots: &slots };
    assert!(unit.unmap(4..PAGES, || &mut book, &machine));
    assert_eq!(book.take(1), None);
    assert!(unit.unmap(0..5, || &mut book, &machine));
    assert_eq!(book.take(1), Some(5));
    // It is another's now, who has mapped nothing yet.
    assert!(unit.unmap(0..PAGES, || &mut book, &machine));
    assert_eq!(book.take(1), None);
}

#[test]
fn what_is_passed_over_by_a_claim_is_found_again() {
    let mut book = Units::<64, 1>::new();
    assert_eq!(book.take(2), Some(0));
    assert!(book.claim(4..6));
    assert!(!book.claim(5..9) && !book.claim(0..1), "some of it is taken");
    assert_eq!((book.end(), book.take(Units::<64, 1>::LENGTH - 6)), (6, Some(6)));
    assert_eq!(book.take(2), Some(2));
    assert_eq!(book.take(1), None);
}
