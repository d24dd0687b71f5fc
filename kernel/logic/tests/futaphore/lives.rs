//! What was seen of one life of a slot says nothing of the next.

use super::machine::{Machine, Seat, THREADS};
use skete_abi::Errno;
use skete_logic::thread::Thread;

#[test]
fn a_v_that_began_in_a_freed_life_gives_nothing_to_the_next() {
    let machine = Machine::new([2; THREADS]);
    let (page, seat) = (&machine.page, Seat::alone(&machine, Thread::new(0)));
    let number = page.make(&seat, 0).expect("a slot is free");
    let slot = page.slot(number).expect("it is one");
    // As a V sees it when somebody waits, and when one of several that wait was given something.
    let seen = [slot.state().emptied(), slot.state().emptied().given(true).expect("there is room")];
    page.free(&seat, number).expect("it is in use");
    assert_eq!(page.make(&seat, 0), Ok(number), "the same slot");
    for seen in seen {
        assert!(seen.is_awaited() && !seen.is_one_life(slot.state()));
        assert_eq!(slot.v_since(&seat, seen), Err(Errno::EIDRM));
        assert_eq!(slot.value(), Ok(0));
    }
}
