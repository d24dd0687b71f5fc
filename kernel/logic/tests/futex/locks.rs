//! What each operation on a lock that lends priority answers, after `futex(2)`.

use super::machine::Machine;
use skete_abi::Errno;
use skete_abi::futex::{OWNER_DIED, WAITERS};
use skete_logic::futex::pi::Heirs;
use skete_logic::futex::{ANY, Shares};
use skete_logic::host::Host;
use skete_logic::thread::{Thread, Tid};

const T: [Thread; 5] = [Thread::new(0), Thread::new(1), Thread::new(2), Thread::new(3), Thread::new(4)];
const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

fn tid(machine: &Machine, thread: Thread) -> u32 {
    machine.tid(thread).number()
}

/// True: it holds the lock; false: it waits.
fn lock(machine: &Machine, thread: Thread, word: usize) -> Result<bool, Errno> {
    machine.current.set(thread);
    machine.table.enter_lock_pi(machine, Machine::lock(word))
}

fn unlock(machine: &Machine, thread: Thread, word: usize) -> Result<(), Errno> {
    machine.current.set(thread);
    machine.table.unlock_pi(machine, Machine::lock(word))
}

fn priorities(machine: &Machine) -> Vec<u8> {
    (0..5).map(|index| machine.priority(T[index])).collect()
}

/// Threads of priorities 1 to 5, of whom the first holds A.
fn held() -> Machine {
    let machine = Machine::new(&[1, 2, 3, 4, 5]);
    assert_eq!(lock(&machine, T[0], A), Ok(true));
    assert_eq!(machine.words[A].get(), tid(&machine, T[0]));
    machine
}

#[test]
fn a_lock_is_handed_to_the_most_urgent_and_what_it_lent_is_taken_back() {
    let machine = held();
    for thread in [T[1], T[3], T[2]] {
        assert_eq!(lock(&machine, thread, A), Ok(false));
    }
    assert_eq!(machine.words[A].get(), tid(&machine, T[0]) | WAITERS);
    assert_eq!(priorities(&machine), [4, 2, 3, 4, 5]);
    assert_eq!(unlock(&machine, T[0], A), Ok(()));
    assert_eq!((machine.unparked(), machine.words[A].get()), (vec![T[3]], tid(&machine, T[3]) | WAITERS));
    assert_eq!(priorities(&machine), [1, 2, 3, 4, 5]);
    assert_eq!(unlock(&machine, T[3], A), Ok(()));
    assert_eq!(unlock(&machine, T[2], A), Ok(()));
    // The last one is told that nobody waits any more.
    assert_eq!((machine.unparked(), machine.words[A].get()), (vec![T[2], T[1]], tid(&machine, T[1])));
    assert_eq!(unlock(&machine, T[1], A), Ok(()));
    assert_eq!((machine.words[A].get(), machine.table.waiters()), (0, 0));
}

#[test]
fn priority_travels_along_a_chain_and_back_when_a_waiter_is_late() {
    let machine = held();
    assert_eq!((lock(&machine, T[1], B), lock(&machine, T[2], C)), (Ok(true), Ok(true)));
    assert_eq!((lock(&machine, T[1], A), lock(&machine, T[2], B)), (Ok(false), Ok(false)));
    assert_eq!(priorities(&machine), [3, 3, 3, 4, 5]);
    assert_eq!(lock(&machine, T[4], C), Ok(false));
    assert_eq!(priorities(&machine), [5, 5, 5, 4, 5]);
    assert!(machine.table.withdraw_lock(&machine, T[4]));
    assert_eq!(priorities(&machine), [3, 3, 3, 4, 5]);
    assert!(machine.table.withdraw_lock(&machine, T[2]));
    assert_eq!(priorities(&machine), [2, 2, 3, 4, 5]);
    assert!(machine.table.withdraw_lock(&machine, T[1]));
    assert_eq!((priorities(&machine), machine.table.waiters()), (vec![1, 2, 3, 4, 5], 0));
}

#[test]
fn a_new_priority_of_ones_own_counts_if_it_is_the_higher_one_and_moves_the_waiter() {
    let machine = held();
    assert_eq!((lock(&machine, T[1], A), lock(&machine, T[2], A)), (Ok(false), Ok(false)));
    assert_eq!(machine.table.set_base_priority(&machine, machine.tid(T[0]), 2), Ok(()));
    assert_eq!(priorities(&machine)[0], 3);
    assert_eq!(machine.table.set_base_priority(&machine, machine.tid(T[1]), 9), Ok(()));
    assert_eq!(priorities(&machine)[..2], [9, 9]);
    assert_eq!(machine.table.set_base_priority(&machine, machine.tid(T[1]), 0), Ok(()));
    assert_eq!(priorities(&machine)[..2], [3, 0]);
    let ended = Tid::new(T[3], machine.tid(T[3]).generation().wrapping_sub(1));
    assert_eq!(machine.table.set_base_priority(&machine, ended, 9), Err(Errno::ESRCH));
    assert_eq!(machine.heir(T[3]).base(), priorities(&machine)[3]);
    assert_eq!(unlock(&machine, T[0], A), Ok(()));
    assert_eq!((machine.unparked(), priorities(&machine)[0]), (vec![T[2]], 2));
}

#[test]
fn a_chain_that_leads_back_is_edeadlk_however_long() {
    let machine = held();
    assert_eq!(lock(&machine, T[0], A), Err(Errno::EDEADLK));
    assert_eq!((lock(&machine, T[1], B), lock(&machine, T[2], C)), (Ok(true), Ok(true)));
    assert_eq!((lock(&machine, T[1], A), lock(&machine, T[2], B)), (Ok(false), Ok(false)));
    assert_eq!(lock(&machine, T[0], C), Err(Errno::EDEADLK));
    // It has left nothing behind.
    assert_eq!((machine.table.waiters(), priorities(&machine)), (2, vec![3, 3, 3, 4, 5]));
    assert_eq!(unlock(&machine, T[0], A), Ok(()));
    assert_eq!(lock(&machine, T[0], C), Ok(false));
}

#[test]
fn who_does_not_hold_a_lock_cannot_let_it_go() {
    let machine = held();
    assert_eq!(unlock(&machine, T[1], A), Err(Errno::EPERM));
    assert_eq!(unlock(&machine, T[1], B), Err(Errno::EPERM));
    assert_eq!(machine.words[A].get(), tid(&machine, T[0]));
}

#[test]
fn a_try_takes_a_free_lock_and_waits_for_none() {
    let machine = held();
    let attempt = |thread, word| {
        machine.current.set(thread);
        machine.table.try_lock_pi(&machine, Machine::lock(word))
    };
    assert_eq!(attempt(T[1], A), Err(Errno::EAGAIN));
    assert_eq!(attempt(T[0], A), Err(Errno::EDEADLK));
    assert_eq!((attempt(T[1], B), machine.words[B].get()), (Ok(()), tid(&machine, T[1])));
    assert_eq!(machine.table.waiters(), 0);
}

#[test]
fn a_word_that_names_no_thread_is_esrch() {
    let machine = held();
    machine.replace(T[0], 1);
    for word in [machine.words[A].get(), 60_000, 0x3fff_ffff, 1 << 29] {
        machine.words[A].set(word);
        assert_eq!(lock(&machine, T[1], A), Err(Errno::ESRCH));
        assert_eq!(lock(&machine, T[1], A), Err(Errno::ESRCH));
    }
    assert_eq!(machine.table.waiters(), 0);
}

#[test]
fn a_word_that_is_not_there_is_efault() {
    let machine = held();
    let nowhere = skete_logic::futex::pi::Target { address: 0, ..Machine::lock(A) };
    assert_eq!(machine.table.enter_lock_pi(&machine, nowhere), Err(Errno::EFAULT));
    assert_eq!(machine.table.try_lock_pi(&machine, nowhere), Err(Errno::EFAULT));
    assert_eq!(machine.table.unlock_pi(&machine, nowhere), Err(Errno::EFAULT));
}

#[test]
fn who_ends_hands_over_with_the_news_of_its_death() {
    let machine = held();
    assert_eq!((lock(&machine, T[1], A), lock(&machine, T[2], A)), (Ok(false), Ok(false)));
    machine.current.set(T[0]);
    machine.replace(T[0], 7);
    assert_eq!((machine.unparked(), machine.words[A].get()), (vec![T[2]], tid(&machine, T[2]) | WAITERS | OWNER_DIED));
    assert_eq!(priorities(&machine), [7, 2, 3, 4, 5]);
    // Its next holder says what it likes of the dead.
    assert_eq!(unlock(&machine, T[2], A), Ok(()));
    assert_eq!((machine.unparked(), machine.words[A].get()), (vec![T[1]], tid(&machine, T[1])));
}

#[test]
fn a_lock_that_its_dead_holder_marked_is_taken_with_the_mark() {
    let machine = held();
    machine.words[A].set(OWNER_DIED | WAITERS);
    assert_eq!((lock(&machine, T[1], A), machine.words[A].get()), (Ok(true), tid(&machine, T[1]) | OWNER_DIED));
    assert_eq!((unlock(&machine, T[1], A), machine.words[A].get()), (Ok(()), 0));
}

#[test]
fn one_may_wait_for_a_lock_whose_holder_has_marked_it_and_not_handed_it_over_yet() {
    let machine = held();
    assert_eq!(lock(&machine, T[1], A), Ok(false));
    machine.words[A].set(OWNER_DIED | WAITERS);
    assert_eq!(lock(&machine, T[2], A), Ok(false));
    machine.current.set(T[0]);
    machine.replace(T[0], 1);
    assert_eq!((machine.unparked(), machine.words[A].get()), (vec![T[2]], tid(&machine, T[2]) | WAITERS | OWNER_DIED));
}

#[test]
fn a_word_that_says_another_holder_than_the_kernel_knows_is_einval() {
    let machine = held();
    assert_eq!(lock(&machine, T[1], A), Ok(false));
    machine.words[A].set(tid(&machine, T[3]) | WAITERS);
    assert_eq!(lock(&machine, T[2], A), Err(Errno::EINVAL));
    assert_eq!(unlock(&machine, T[3], A), Err(Errno::EINVAL));
}

#[test]
fn a_lock_and_a_plain_futex_on_one_word_are_einval() {
    let machine = held();
    assert_eq!(lock(&machine, T[1], A), Ok(false));
    for nr in [1, 9] {
        assert_eq!(machine.table.try_wake(&machine, Machine::key(A), nr, ANY), Err(Errno::EINVAL));
    }
    for (one, other) in [(A, B), (B, A)] {
        let woken = machine.table.wake_op(&machine, Machine::key(one), 1, Machine::key(other), 1, || Ok(true));
        assert_eq!(woken, Err(Errno::EINVAL));
    }
    let shares = Shares { wake: 1, requeue: 1 };
    assert_eq!(machine.table.requeue(&machine, Machine::key(A), Machine::key(C), shares, || Ok(0), None), Err(Errno::EINVAL));
    assert_eq!(machine.enter(T[2], A, ANY, machine.words[A].get()), Ok(()));
    assert_eq!(lock(&machine, T[3], A), Err(Errno::EINVAL));
    assert_eq!(unlock(&machine, T[0], A), Err(Errno::EINVAL));
    assert_eq!(machine.table.try_wake(&machine, Machine::key(A), 1, ANY), Ok(1));
    assert_eq!((unlock(&machine, T[0], A), machine.unparked()), (Ok(()), vec![T[2], T[1]]));
}

#[test]
fn a_plain_waiter_that_stands_behind_is_nobodys_business() {
    let machine = held();
    assert_eq!(lock(&machine, T[2], A), Ok(false));
    assert_eq!(machine.enter(T[1], A, ANY, machine.words[A].get()), Ok(()));
    assert_eq!(lock(&machine, T[3], A), Ok(false));
    assert_eq!((unlock(&machine, T[0], A), machine.unparked()), (Ok(()), vec![T[3]]));
    assert_eq!((unlock(&machine, T[3], A), machine.unparked()), (Ok(()), vec![T[2]]));
    assert_eq!((unlock(&machine, T[2], A), machine.table.waiters()), (Err(Errno::EINVAL), 1), "now it stands first");
    assert_eq!(machine.table.try_wake(&machine, Machine::key(A), 1, ANY), Ok(1));
    assert_eq!(unlock(&machine, T[2], A), Ok(()));
}

/// `thread` waits for B, to be moved to A.
fn wait_requeue(machine: &Machine, thread: Thread) -> Result<(), Errno> {
    machine.current.set(thread);
    machine.table.enter_requeue_pi(machine, Machine::key(B), Machine::lock(A), || Ok(machine.words[B].get()), 0)
}

fn move_them(machine: &Machine, thread: Thread, nr: u32) -> Result<u32, Errno> {
    machine.current.set(thread);
    machine.table.cmp_requeue_pi(machine, Machine::key(B), Machine::lock(A), nr, || Ok(machine.words[B].get()), 0)
}

#[test]
fn those_who_are_moved_to_a_free_lock_get_it_one_after_the_other() {
    let machine = Machine::new(&[1, 2, 3, 4, 5]);
    for thread in [T[1], T[2], T[3]] {
        assert_eq!(wait_requeue(&machine, thread), Ok(()));
    }
    assert_eq!(move_them(&machine, T[0], 9), Ok(3));
    assert_eq!((machine.unparked(), machine.words[A].get()), (vec![T[3]], tid(&machine, T[3]) | WAITERS));
    assert_eq!((unlock(&machine, T[3], A), unlock(&machine, T[2], A)), (Ok(()), Ok(())));
    assert_eq!((machine.unparked(), machine.words[A].get()), (vec![T[2], T[1]], tid(&machine, T[1])));
    assert_eq!(machine.table.waiters(), 0);
}

#[test]
fn those_who_are_moved_to_a_held_lock_lend_to_its_holder() {
    let machine = held();
    for thread in [T[1], T[2]] {
        assert_eq!(wait_requeue(&machine, thread), Ok(()));
    }
    assert_eq!(priorities(&machine)[0], 1);
    assert_eq!(move_them(&machine, T[4], 0), Ok(1));
    assert_eq!((priorities(&machine)[0], machine.unparked()), (3, vec![]));
    assert_eq!(move_them(&machine, T[4], 9), Ok(1));
    assert!(machine.table.withdraw_lock(&machine, T[2]), "late where it is");
    assert_eq!(priorities(&machine)[0], 2);
    assert_eq!((unlock(&machine, T[0], A), machine.unparked()), (Ok(()), vec![T[1]]));
}

#[test]
fn a_move_to_another_lock_than_was_asked_for_or_of_others_is_einval() {
    let machine = held();
    assert_eq!(wait_requeue(&machine, T[1]), Ok(()));
    let moved = machine.table.cmp_requeue_pi(&machine, Machine::key(B), Machine::lock(C), 9, || Ok(0), 0);
    assert_eq!(moved, Err(Errno::EINVAL));
    let same = machine.table.cmp_requeue_pi(&machine, Machine::key(B), Machine::lock(B), 9, || Ok(0), 0);
    assert_eq!(same, Err(Errno::EINVAL));
    assert_eq!(machine.table.try_wake(&machine, Machine::key(B), 1, ANY), Err(Errno::EINVAL));
    assert_eq!(machine.enter(T[4], C, ANY, 0), Ok(()));
    let plain = machine.table.cmp_requeue_pi(&machine, Machine::key(C), Machine::lock(A), 9, || Ok(0), 0);
    assert_eq!(plain, Err(Errno::EINVAL));
    assert_eq!(machine.table.waiters(), 2);
}

#[test]
fn a_move_whose_word_has_changed_is_eagain() {
    let machine = held();
    assert_eq!(wait_requeue(&machine, T[1]), Ok(()));
    machine.words[B].set(5);
    assert_eq!(move_them(&machine, T[2], 9), Err(Errno::EAGAIN));
    assert_eq!(wait_requeue(&machine, T[2]), Err(Errno::EAGAIN));
    assert!(machine.table.withdraw_lock(&machine, T[1]));
    assert_eq!(machine.table.waiters(), 0);
}

#[test]
fn one_who_is_moved_into_a_ring_is_sent_away() {
    let machine = held();
    // The second holds C, for which the first will wait; it is moved to A, which the first holds.
    assert_eq!(lock(&machine, T[1], C), Ok(true));
    assert_eq!(wait_requeue(&machine, T[1]), Ok(()));
    assert_eq!(lock(&machine, T[0], C), Ok(false));
    assert_eq!(move_them(&machine, T[2], 9), Ok(1));
    assert_eq!((machine.unparked(), machine.table.waiters()), (vec![T[1]], 1));
    assert!(machine.waiter(T[1]).is_woken());
    // It goes on without the lock.
    assert_eq!(machine.words[A].get(), tid(&machine, T[0]) | WAITERS);
}

#[test]
fn one_who_cannot_be_moved_since_the_holder_ends_stays_the_first() {
    let machine = Machine::new(&[1, 2, 2, 2, 2]);
    assert_eq!(lock(&machine, T[0], A), Ok(true));
    assert_eq!(wait_requeue(&machine, T[1]), Ok(()));
    machine.current.set(T[2]);
    assert_eq!(machine.table.enter_requeue_pi(&machine, Machine::key(B), Machine::lock(C), || Ok(0), 0), Ok(()));
    assert_eq!(machine.lender_left(machine.tid(T[0])), None);
    machine.has_gone(T[0], 1);
    // It ends meanwhile; the second, who asked for another lock, is not looked at.
    assert_eq!(move_them(&machine, T[3], 9), Err(Errno::ESRCH));
    assert_eq!(move_them(&machine, T[3], 9), Err(Errno::ESRCH));
    assert!(machine.table.withdraw_lock(&machine, T[1]));
    assert_eq!(move_them(&machine, T[3], 9), Err(Errno::EINVAL));
}

#[test]
fn a_semaphore_wakes_nobody_who_is_in_no_wakes_reach() {
    let machine = Machine::new(&[2, 3]);
    machine.current.set(T[0]);
    assert_eq!(machine.table.enter_requeue_pi(&machine, Machine::key(B), Machine::lock(C), || Ok(0), 0), Ok(()));
    assert!(!machine.table.wake_lone(&machine, Machine::key(B), || panic!("nobody may be woken")));
    let wakes = |waiting| {
        machine.table.wake_decided(&machine, Machine::key(B), |found| {
            assert_eq!(found, waiting);
            true
        });
    };
    wakes(0);
    assert_eq!(machine.enter(T[1], B, ANY, 0), Ok(()));
    wakes(1);
    assert_eq!((machine.unparked(), machine.table.waiters()), (vec![T[1]], 1));
    assert!(machine.table.withdraw(&machine, T[0]));
}
