//! Models of locks for readers and writers.

use super::fake::{LATE, Seat, seats};
use super::mutex::Inside;
use super::runner::Model;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use skete_abi::Errno;
use skete_sync::RwLock;
use skete_sync::mutant::Mutant;

pub const MODELS: &[Model] = &[
    Model {
        name: "rwlock::a_reader_waits_for_a_writer",
        body: || pass(false, [Way::Write, Way::Read]),
        mutants: &[Mutant::ReaderSilent, Mutant::LockTakenRelaxed],
    },
    Model {
        name: "rwlock::a_writer_waits_for_a_reader",
        body: || pass(false, [Way::Read, Way::Write]),
        mutants: &[Mutant::WriterForgotten],
    },
    Model {
        name: "rwlock::a_writer_waits_for_a_writer",
        body: || pass(true, [Way::Write, Way::Write]),
        mutants: &[Mutant::WriterForgotten, Mutant::LockTakenRelaxed],
    },
    Model {
        name: "rwlock::a_preferred_writer_and_a_reader_wait_for_a_reader",
        body: || pass(true, [Way::Read, Way::Write, Way::Read]),
        mutants: &[Mutant::WriterForgotten],
    },
    Model { name: "rwlock::readers_go_on_when_a_preferred_writer_gives_up", body: given_up, mutants: &[Mutant::LateWriterForgetsReaders] },
    Model {
        name: "rwlock::a_writer_goes_on_when_a_reader_gave_up",
        body: || pass(false, [Way::Write, Way::ReadLate, Way::Write]),
        mutants: &[Mutant::LateReadersCounted],
    },
];

#[derive(Clone, Copy)]
enum Way {
    Read,
    ReadLate,
    Write,
}

/// The first holds the lock when the others come; one that is [`Way::ReadLate`] has given up before that one lets go.
fn pass<const N: usize>(prefers_writers: bool, ways: [Way; N]) {
    let (lock, inside) = (Arc::new(RwLock::new(prefers_writers)), Arc::new(UnsafeCell::new(0)));
    let take = |lock: &RwLock, seat: &Seat, way| match way {
        Way::Read => lock.read(seat, None),
        Way::ReadLate => lock.read(seat, LATE),
        Way::Write => lock.write(seat, None),
    };
    let look = |inside: &UnsafeCell<u32>, way| match way {
        Way::Write => inside.with_mut(|_| ()),
        Way::Read | Way::ReadLate => inside.with(|_| ()),
    };
    let seats: [Seat; N] = seats(&[]);
    let mut others = Vec::new();
    for (seat, way) in seats.iter().zip(ways).rev() {
        let (lock, inside, seat) = (lock.clone(), inside.clone(), seat.clone());
        others.push(move || {
            assert_eq!(take(&lock, &seat, way), Ok(()));
            look(&inside, way);
            assert_eq!(lock.unlock(&seat), Ok(()));
        });
    }
    let _first = others.pop();
    assert_eq!(take(&lock, &seats[0], ways[0]), Ok(()));
    let mut waiting = Vec::new();
    for (at, other) in others.into_iter().rev().enumerate() {
        match ways[at + 1] {
            Way::ReadLate => assert_eq!(take(&lock, &seats[at + 1], Way::ReadLate), Err(Errno::ETIMEDOUT)),
            Way::Read | Way::Write => waiting.push(thread::spawn(other)),
        }
    }
    look(&inside, ways[0]);
    assert_eq!(lock.unlock(&seats[0]), Ok(()));
    for other in waiting {
        other.join().expect("it ends");
    }
    // Nothing is left of those who waited.
    assert_eq!((lock.is_free(), seats[0].sleepers()), (true, 0));
    assert_eq!((lock.try_read(), lock.unlock(&seats[0]), lock.try_write(&seats[0])), (Ok(()), Ok(()), Ok(())));
}

/// A reader that lets go only when another reader has been inside: a writer that gave up must not stand between them.
fn given_up() {
    let (lock, inside) = (Arc::new(RwLock::new(true)), Arc::new(Inside::new()));
    let [first, second, hasty] = seats(&[]);
    assert_eq!(lock.read(&first, None), Ok(()));
    let reading = {
        let (lock, inside) = (lock.clone(), inside.clone());
        thread::spawn(move || {
            assert_eq!(lock.read(&second, None), Ok(()));
            inside.touch();
            assert_eq!(lock.unlock(&second), Ok(()));
        })
    };
    assert_eq!(lock.write(&hasty, LATE), Err(Errno::ETIMEDOUT));
    reading.join().expect("the reader ends");
    assert_eq!((lock.unlock(&first), lock.is_free(), first.sleepers()), (Ok(()), true, 0));
}
