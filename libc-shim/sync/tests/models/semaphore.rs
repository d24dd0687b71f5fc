//! Models of semaphores.

use super::fake::{LATE, seats};
use super::runner::Model;
use loom::sync::Arc;
use loom::thread;
use skete_abi::Errno;
use skete_sync::Semaphore;
use skete_sync::mutant::Mutant;

pub const MODELS: &[Model] = &[
    Model { name: "semaphore::two_posts_let_two_go", body: two, mutants: &[Mutant::PostForgetsOthers, Mutant::SemaphoreWaitedForSilently] },
    Model { name: "semaphore::two_posts_at_once_both_count", body: posts, mutants: &[Mutant::PostedInTwoSteps] },
    Model { name: "semaphore::one_who_gives_up_takes_nothing", body: late, mutants: &[Mutant::SemaphoreWaitedForSilently] },
];

fn two() {
    let semaphore = Arc::new(Semaphore::new(0));
    let [one, other, poster] = seats(&[]);
    let waiting = [one, other].map(|seat| {
        let semaphore = semaphore.clone();
        thread::spawn(move || assert_eq!(semaphore.wait(&seat, None), Ok(())))
    });
    assert_eq!([semaphore.post(&poster), semaphore.post(&poster)], [Ok(()); 2]);
    for waiter in waiting {
        waiter.join().expect("a waiter ends");
    }
    assert_eq!((semaphore.count(), poster.sleepers()), (0, 0));
}

fn posts() {
    let semaphore = Arc::new(Semaphore::new(0));
    let [one, other] = seats(&[]);
    let posting = {
        let semaphore = semaphore.clone();
        thread::spawn(move || assert_eq!(semaphore.post(&one), Ok(())))
    };
    assert_eq!(semaphore.post(&other), Ok(()));
    posting.join().expect("it ends");
    assert_eq!(semaphore.count(), 2);
}

fn late() {
    let semaphore = Arc::new(Semaphore::new(0));
    let [hasty, patient, poster] = seats(&[]);
    let hasty = {
        let semaphore = semaphore.clone();
        thread::spawn(move || {
            let waited = semaphore.wait(&hasty, LATE);
            assert!(matches!(waited, Ok(()) | Err(Errno::ETIMEDOUT)));
            if waited.is_ok() {
                assert_eq!(semaphore.post(&hasty), Ok(()));
            }
        })
    };
    let patient = {
        let semaphore = semaphore.clone();
        thread::spawn(move || assert_eq!(semaphore.wait(&patient, None), Ok(())))
    };
    assert_eq!(semaphore.post(&poster), Ok(()));
    hasty.join().expect("it ends");
    patient.join().expect("it ends");
    assert_eq!((semaphore.count(), poster.sleepers()), (0, 0));
}
