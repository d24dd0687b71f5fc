//! Models of semaphores.

use super::fake::{LATE, seats};
use super::runner::Model;
use loom::sync::Arc;
use loom::thread;
use skete_abi::Errno;
use skete_sync::Semaphore;
use skete_sync::mutant::Mutant;

pub const MODELS: &[Model] = &[
    Model { name: "semaphore::two_posts_let_one_go_twice", body: twice, mutants: &[Mutant::SemaphoreWaitedForSilently] },
    Model { name: "semaphore::two_posts_at_once_both_count", body: posts, mutants: &[Mutant::PostedInTwoSteps] },
    Model {
        name: "semaphore::one_who_gives_up_takes_nothing_and_one_who_does_not_hands_it_on",
        body: late,
        mutants: &[Mutant::SemaphoreWaitedForSilently, Mutant::TakerForgetsOthers, Mutant::LeaverForgetsOthers],
    },
    Model { name: "semaphore::one_there_and_one_post_let_two_go", body: two, mutants: &[Mutant::SemaphoreWaitedForSilently] },
    Model { name: "semaphore::who_was_woken_in_vain_is_woken_again", body: between, mutants: &[Mutant::SemaphoreWaitedForSilently] },
];

fn twice() {
    let semaphore = Arc::new(Semaphore::new(0));
    let [waiter, poster] = seats(&[]);
    let waiting = {
        let semaphore = semaphore.clone();
        thread::spawn(move || assert_eq!([semaphore.wait(&waiter, None), semaphore.wait(&waiter, None)], [Ok(()); 2]))
    };
    assert_eq!([semaphore.post(&poster), semaphore.post(&poster)], [Ok(()); 2]);
    waiting.join().expect("the waiter ends");
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

fn two() {
    let semaphore = Arc::new(Semaphore::new(1));
    let [one, other, poster] = seats(&[]);
    let waiting = [one, other].map(|seat| {
        let semaphore = semaphore.clone();
        thread::spawn(move || assert_eq!(semaphore.wait(&seat, None), Ok(())))
    });
    assert_eq!(semaphore.post(&poster), Ok(()));
    for thread in waiting {
        thread.join().expect("it ends");
    }
    assert_eq!((semaphore.count(), poster.sleepers()), (0, 0));
}

fn between() {
    let semaphore = Arc::new(Semaphore::new(0));
    let [waiter, poster] = seats(&[]);
    let waiting = {
        let semaphore = semaphore.clone();
        thread::spawn(move || assert_eq!(semaphore.wait(&waiter, None), Ok(())))
    };
    assert_eq!(semaphore.post(&poster), Ok(()));
    if semaphore.try_wait().is_ok() {
        assert_eq!(semaphore.post(&poster), Ok(()));
    }
    waiting.join().expect("it ends");
    assert_eq!((semaphore.count(), poster.sleepers()), (0, 0));
}
