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
        name: "rwlock::a_reader_and_two_writers_exclude_and_pass",
        body: || pass(false, [Way::Write, Way::Write, Way::Read]),
        mutants: &[Mutant::ReaderSilent, Mutant::LockTakenRelaxed],
    },
    Model {
        name: "rwlock::two_readers_and_a_writer_that_is_preferred_pass",
        body: || pass(true, [Way::Read, Way::Write, Way::Read]),
        mutants: &[Mutant::ReaderSilent, Mutant::WriterForgotten],
    },
    Model { name: "rwlock::readers_go_on_when_a_preferred_writer_gives_up", body: given_up, mutants: &[Mutant::LateWriterForgetsReaders] },
    Model {
        name: "rwlock::a_writer_goes_on_when_a_reader_gave_up",
        body: || pass(false, [Way::Write, Way::Write, Way::ReadLate]),
        mutants: &[Mutant::LateReadersCounted],
    },
];

#[derive(Clone, Copy)]
enum Way {
    Read,
    ReadLate,
    Write,
}

struct Guarded(UnsafeCell<u32>);

/// Each goes through once, in its way; the first holds the lock when the others come.
fn pass(prefers_writers: bool, ways: [Way; 3]) {
    let (lock, inside) = (Arc::new(RwLock::new(prefers_writers)), Arc::new(Guarded(UnsafeCell::new(0))));
    let take = |lock: &RwLock, seat: &Seat, way| match way {
        Way::Read => lock.read(seat, None),
        Way::ReadLate => lock.read(seat, LATE),
        Way::Write => lock.write(seat, None),
    };
    let enter = |seat: Seat, way: Way| {
        let (lock, inside) = (lock.clone(), inside.clone());
        move || {
            match (way, take(&lock, &seat, way)) {
                (Way::ReadLate, Err(Errno::ETIMEDOUT)) => return,
                (Way::Write, Ok(())) => inside.0.with_mut(|_| ()),
                (_, taken) => {
                    assert_eq!(taken, Ok(()));
                    inside.0.with(|_| ());
                }
            }
            assert_eq!(lock.unlock(&seat), Ok(()));
        }
    };
    let [first, second, third] = seats(&[]);
    assert_eq!(take(&lock, &first, ways[0]), Ok(()));
    let others = [thread::spawn(enter(second, ways[1])), thread::spawn(enter(third, ways[2]))];
    if let Way::Write = ways[0] {
        inside.0.with_mut(|_| ());
    }
    assert_eq!(lock.unlock(&first), Ok(()));
    for other in others {
        other.join().expect("it ends");
    }
    assert_eq!((lock.destroy(), first.sleepers()), (Ok(()), 0));
    // Nothing is left of those who waited.
    assert_eq!((lock.try_read(), lock.unlock(&first), lock.try_write(&first)), (Ok(()), Ok(()), Ok(())));
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
    assert_eq!((lock.unlock(&first), lock.destroy(), first.sleepers()), (Ok(()), Ok(()), 0));
}
