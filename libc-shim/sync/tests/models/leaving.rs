//! Models of a thread that ends while others send.

use super::runner::Model;
use loom::sync::{Arc, Mutex as Lock};
use loom::thread;
use skete_sync::leaving::{Leaving, Pending};
use skete_sync::mutant::Mutant;

pub const MODELS: &[Model] = &[Model {
    name: "leaving::what_is_sent_while_a_thread_ends_is_taken_by_it_or_by_another",
    body: sent,
    mutants: &[Mutant::LeaverLooksFirst, Mutant::AnnouncedLate],
}];

/// One thread ends, another sends a signal. The lock of the signals guards how many were given to the one that ends.
fn sent() {
    let (leaving, pending, given) = (Arc::new(Leaving::new()), Arc::new(Pending::new()), Arc::new(Lock::new(0)));
    let sender = {
        let (leaving, pending, given) = (leaving.clone(), pending.clone(), given.clone());
        thread::spawn(move || {
            let mut given = given.lock().expect("nobody panics");
            pending.announce(*given + 1);
            let is_elsewhere = leaving.has_left();
            *given += u32::from(!is_elsewhere);
            pending.tell(*given);
            is_elsewhere
        })
    };
    let mut taken = 0;
    while !leaving.leave(&pending) {
        let mut given = given.lock().expect("nobody panics");
        if *given == 0 {
            break;
        }
        leaving.stay();
        taken += core::mem::take(&mut *given);
        pending.tell(0);
    }
    let is_elsewhere = sender.join().expect("it ends");
    assert_eq!((taken, *given.lock().expect("nobody panics")), (u32::from(!is_elsewhere), 0));
}
