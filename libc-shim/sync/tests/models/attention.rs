//! Models of what a thread is to attend to.

use super::runner::Model;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicI32, Ordering};
use loom::thread;
use skete_sync::Attention;
use skete_sync::mutant::Mutant;

pub const MODELS: &[Model] = &[
    Model { name: "attention::nobody_is_wanted_when_all_have_looked", body: || counted(false), mutants: &[Mutant::WantedTwice] },
    Model { name: "attention::nor_when_one_has_ended", body: || counted(true), mutants: &[Mutant::ClosedInTwoSteps] },
    Model {
        name: "attention::who_waits_is_told_before_it_sleeps_or_at_its_wakes_end",
        body: told,
        mutants: &[Mutant::WaitEndedInTwoSteps],
    },
];

/// How many threads are wanted, as the surroundings count them.
struct Wanted(AtomicI32);

impl Wanted {
    fn more(&self, is_so: bool) {
        self.0.fetch_add(i32::from(is_so), Ordering::Relaxed);
    }

    fn fewer(&self, is_so: bool) {
        self.0.fetch_sub(i32::from(is_so), Ordering::Relaxed);
    }
}

/// Two signal a thread, which looks, and may end meanwhile.
fn counted(ends: bool) {
    let (attention, wanted) = (Arc::new(Attention::new()), Arc::new(Wanted(AtomicI32::new(0))));
    let signallers = [(), ()].map(|()| {
        let (attention, wanted) = (attention.clone(), wanted.clone());
        thread::spawn(move || wanted.more(attention.signal()))
    });
    wanted.fewer(attention.forget_signal());
    if ends {
        wanted.fewer(attention.close());
    }
    for signaller in signallers {
        signaller.join().expect("it ends");
    }
    assert_eq!(wanted.0.load(Ordering::Relaxed), i32::from(attention.is_wanted()));
    wanted.fewer(attention.forget_signal());
    assert_eq!(wanted.0.load(Ordering::Relaxed), 0);
}

/// One waits while another signals it, and interrupts it only if it does not wait.
fn told() {
    let attention = Arc::new(Attention::new());
    let signaller = {
        let attention = attention.clone();
        thread::spawn(move || {
            let _ = attention.signal();
            !attention.is_waiting()
        })
    };
    let is_told = !attention.begin_wait() || attention.end_wait();
    let is_interrupted = signaller.join().expect("it ends");
    assert!(is_told || is_interrupted);
}
