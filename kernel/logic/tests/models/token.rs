//! Models of the wake-up token: a thread leaves its stack while others notify it.

use super::machine::RunSignal;
use super::runner::Model;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use skete_cell::Guarded;
use skete_logic::mutant::Mutant;
use skete_logic::token::Token;

pub const MODELS: &[Model] = &[
    Model {
        name: "token::a_notification_before_or_while_parking_is_not_lost",
        body: one_notifier,
        mutants: &[Mutant::TokenSettledBlindly],
    },
    Model {
        name: "token::two_notifications_are_both_seen",
        body: two_notifiers,
        mutants: &[Mutant::TokenSettledBlindly, Mutant::TokenTakenInTwoSteps],
    },
];

/// A thread record with what a scheduler does to it.
struct Record {
    token: Token,
    /// The saved registers: the parking core's until it settles, then whoever's made the thread ready.
    registers: Guarded<u32>,
    run: RunSignal,
    flags: [AtomicU32; 2],
}

impl Record {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            token: Token::new(),
            registers: Guarded::new(0),
            run: RunSignal::new(),
            flags: [AtomicU32::new(0), AtomicU32::new(0)],
        })
    }

    /// What a notifier does: publishes its flag, then makes the thread ready if it slept.
    fn raise(&self, flag: usize) {
        self.flags[flag].store(1, Ordering::Relaxed);
        if self.token.notify() {
            self.registers.with_mut(|registers| *registers += 1);
            self.run.make_ready();
        }
    }

    /// What the thread does: looks, and parks until it likes what it sees.
    fn await_flags(&self, count: usize) {
        while !self.flags.iter().take(count).all(|flag| flag.load(Ordering::Relaxed) == 1) {
            if self.token.take() {
                continue;
            }
            self.registers.with_mut(|registers| *registers += 1);
            if self.token.settle() {
                self.run.wait_to_run();
            }
        }
    }
}

fn one_notifier() {
    let record = Record::new();
    let notifier = record.clone();
    let raising = thread::spawn(move || notifier.raise(0));
    record.await_flags(1);
    raising.join().expect("the notifier ends");
}

fn two_notifiers() {
    let record = Record::new();
    let raising = [0, 1].map(|flag| {
        let notifier = record.clone();
        thread::spawn(move || notifier.raise(flag))
    });
    record.await_flags(2);
    for thread in raising {
        thread.join().expect("a notifier ends");
    }
}
