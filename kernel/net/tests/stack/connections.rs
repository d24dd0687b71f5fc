//! Connections between two machines: they begin, carry every byte whatever the cable does, end, and break.

use std::collections::VecDeque;

use skete_abi::Errno;
use skete_net::socket::{Ready, Received};
use skete_net::stack::Half;
use skete_net::{Duration, IpAddress, IpEndpoint};

use crate::world::{Faults, LIMITS, OTHER, World, count, listen, receive, set, stream, woken};
use fastrand::Rng;

#[test]
fn two_machines_find_each_other_and_know_each_others_names() {
    let mut world = World::new();
    let (near, far, _) = world.connection();
    let name = world.one.net.name(near).unwrap();
    assert_eq!((name.addr, world.one.net.peer(near)), (IpAddress::v4(10, 0, 0, 1), Ok(OTHER)));
    assert_eq!((world.other.net.name(far), world.other.net.peer(far)), (Ok(OTHER), Ok(name)));
    assert_eq!(world.one.net.send(near, b"hello", None), Ok(5));
    world.settle();
    assert_eq!(receive(&mut world.other.net, far).as_deref(), Ok(&b"hello"[..]));
    assert_eq!(receive(&mut world.other.net, far), Err(Errno::EAGAIN));
}

/// Sends so many bytes there and so many back over a cable with these faults, and checks each.
fn exchange(faults: Faults, seed: u64, there: usize, back: usize) {
    let mut world = World::with(faults, seed, LIMITS);
    let (near, far, _) = world.connection();
    let mut ends = [Transfer::new(near, there, back, seed), Transfer::new(far, back, there, seed + 1)];
    let is_done = world.run_until(Duration::from_secs(3000), |world| {
        let [one, other] = &mut ends;
        one.step(&mut world.one.net, &mut other.expected);
        other.step(&mut world.other.net, &mut one.expected);
        one.is_done() && other.is_done()
    });
    assert!(is_done, "seed {seed}: everything arrives");
    let [near, far] = ends.map(|end| end.socket);
    world.one.net.close(near).unwrap();
    world.other.net.close(far).unwrap();
    let is_clean = world.run_until(Duration::from_secs(200), |world| world.one.net.connections() + world.other.net.connections() == 0);
    assert!(is_clean, "seed {seed}: nothing is left behind");
}

/// One end of an exchange.
struct Transfer {
    socket: u32,
    left: usize,
    wanted: usize,
    dice: Rng,
    /// What the other end has sent, and this end has not received.
    expected: VecDeque<u8>,
}

impl Transfer {
    fn new(socket: u32, left: usize, wanted: usize, seed: u64) -> Self {
        Self { socket, left, wanted, dice: Rng::with_seed(seed * 31 + 7), expected: VecDeque::new() }
    }

    fn step(&mut self, net: &mut crate::world::Net, towards: &mut VecDeque<u8>) {
        if self.left > 0 {
            let length = (self.dice.u64(..) as usize % 5000 + 1).min(self.left);
            let piece: Vec<u8> = (0..length).map(|_| self.dice.u64(..) as u8).collect();
            match net.send(self.socket, &piece, None) {
                Ok(sent) => {
                    towards.extend(&piece[..sent]);
                    self.left -= sent;
                }
                Err(error) => assert_eq!(error, Errno::EAGAIN),
            }
        }
        while let Ok(bytes) = receive(net, self.socket) {
            self.wanted -= bytes.len();
            for byte in bytes {
                assert_eq!(Some(byte), self.expected.pop_front());
            }
        }
    }

    fn is_done(&self) -> bool {
        self.left == 0 && self.wanted == 0
    }
}

#[test]
fn every_byte_arrives_over_a_good_cable() {
    exchange(Faults::default(), 3, 500_000, 300_000);
}

#[test]
fn every_byte_arrives_whatever_the_cable_does() {
    // One way at a time: smoltcp gives an acknowledgement that it sends while it sends again itself an old number, which its own kind
    // ignores.
    for seed in 1..=6 {
        let faults = Faults { loses: 5, repeats: 5, reorders: 10 };
        exchange(faults, seed, 60_000, 0);
        exchange(faults, seed, 0, 60_000);
    }
    exchange(Faults { loses: 25, repeats: 0, reorders: 0 }, 9, 20_000, 0);
    exchange(Faults { loses: 0, repeats: 30, reorders: 30 }, 10, 100_000, 100_000);
}

#[test]
fn a_half_that_ends_leaves_the_other_open() {
    let mut world = World::new();
    let (near, far, _) = world.connection();
    world.one.net.send(near, b"question", None).unwrap();
    world.one.net.shut_down(near, Half::Write).unwrap();
    assert_eq!(world.one.net.send(near, b"more", None), Err(Errno::EPIPE));
    world.settle();
    assert_eq!(receive(&mut world.other.net, far).as_deref(), Ok(&b"question"[..]));
    assert_eq!(receive(&mut world.other.net, far).as_deref(), Ok(&b""[..]), "the end");
    world.other.net.send(far, b"answer", None).unwrap();
    world.other.net.close(far).unwrap();
    world.settle();
    assert_eq!(receive(&mut world.one.net, near).as_deref(), Ok(&b"answer"[..]));
    assert_eq!(receive(&mut world.one.net, near).as_deref(), Ok(&b""[..]), "the end");
    world.one.net.close(near).unwrap();
    world.pass(Duration::from_secs(30));
    assert_eq!((world.one.net.connections(), world.other.net.connections()), (0, 0));
}

#[test]
fn who_closes_with_something_unread_breaks_the_connection() {
    let mut world = World::new();
    let (near, far, _) = world.connection();
    world.one.net.send(near, b"unread", None).unwrap();
    world.settle();
    world.other.net.close(far).unwrap();
    world.settle();
    assert_eq!(receive(&mut world.one.net, near), Err(Errno::ECONNRESET));
    assert_eq!(receive(&mut world.one.net, near).as_deref(), Ok(&b""[..]), "the error is told once");
    assert_eq!(world.one.net.send(near, b"x", None), Err(Errno::EPIPE));
}

#[test]
fn linger_of_nothing_breaks_the_connection() {
    let mut world = World::new();
    let (near, far, _) = world.connection();
    set(&mut world.other.net, far, |options| options.linger = Some(0));
    world.other.net.close(far).unwrap();
    world.settle();
    let ready = world.one.net.ready(near).unwrap();
    assert_eq!(ready, Ready { read: true, write: true, error: true, hangup: true, ended: true });
    assert_eq!(world.one.net.take_error(near), Ok(Some(Errno::ECONNRESET)));
    assert_eq!(world.other.net.connections(), 0);
}

#[test]
fn where_nobody_listens_one_is_refused() {
    let mut world = World::new();
    let near = stream(&mut world.one.net);
    assert_eq!(world.one.net.connect(near, OTHER), Err(Errno::EINPROGRESS));
    assert_eq!(world.one.net.connect(near, OTHER), Err(Errno::EALREADY));
    world.settle();
    let ready = world.one.net.ready(near).unwrap();
    assert!(ready.write && ready.hangup && ready.error, "as poll on Linux: {ready:?}");
    assert_eq!(world.one.net.connected(near), Err(Errno::ECONNREFUSED));
    assert_eq!(world.one.net.connected(near), Err(Errno::ENOTCONN), "told once");
    listen(&mut world.other.net, 80, 1);
    assert_eq!(world.one.net.connect(near, OTHER), Err(Errno::EINPROGRESS), "and may try again");
    assert!(world.run_until(Duration::from_secs(5), |world| world.one.net.connected(near) == Ok(())));
}

#[test]
fn where_nobody_is_one_gives_up_after_a_minute() {
    let mut world = World::new();
    let near = stream(&mut world.one.net);
    let nowhere = IpEndpoint::new(IpAddress::v4(10, 0, 0, 77), 80);
    assert_eq!(world.one.net.connect(near, nowhere), Err(Errno::EINPROGRESS));
    world.pass(Duration::from_secs(59));
    assert_eq!(world.one.net.connected(near), Err(Errno::EINPROGRESS));
    world.pass(Duration::from_secs(2));
    assert_eq!(world.one.net.connected(near), Err(Errno::ETIMEDOUT));
    let beyond = IpEndpoint::new(IpAddress::v4(192, 168, 7, 7), 80);
    assert_eq!(world.one.net.connect(near, beyond), Err(Errno::ENETUNREACH), "there is no gateway");
}

#[test]
fn who_falls_silent_is_given_up_only_if_something_is_owed() {
    let mut world = World::new();
    let (near, _, _) = world.connection();
    world.pass(Duration::from_secs(3600));
    assert_eq!(receive(&mut world.one.net, near), Err(Errno::EAGAIN), "an idle connection lasts");
    world.other.card.cable().is_out = true;
    world.faults.loses = 100;
    world.one.net.send(near, b"anybody?", None).unwrap();
    world.pass(Duration::from_secs(119));
    assert_eq!(receive(&mut world.one.net, near), Err(Errno::EAGAIN));
    world.pass(Duration::from_secs(3));
    assert_eq!(receive(&mut world.one.net, near), Err(Errno::ETIMEDOUT));
}

#[test]
fn keep_alive_notices_who_is_gone() {
    let mut world = World::new();
    let (near, far, _) = world.connection();
    set(&mut world.one.net, near, |options| options.keeps_alive = true);
    world.pass(Duration::from_secs(1000));
    assert_eq!(receive(&mut world.one.net, near), Err(Errno::EAGAIN), "who answers is there");
    assert_eq!(receive(&mut world.other.net, far), Err(Errno::EAGAIN), "and reads nothing of it");
    world.faults.loses = 100;
    world.pass(Duration::from_secs(300));
    assert_eq!(receive(&mut world.one.net, near), Err(Errno::ETIMEDOUT));
}

#[test]
fn a_window_that_is_shut_opens_again() {
    let mut world = World::new();
    let (near, far, _) = world.connection();
    let mut sent = 0;
    for _ in 0..100 {
        while let Ok(more) = world.one.net.send(near, &[7; 4096], None) {
            sent += more;
        }
        world.pass(Duration::from_millis(100));
    }
    assert!((128 << 10) >= sent && sent > 120 << 10, "both buffers are full: {sent}");
    world.pass(Duration::from_secs(600));
    let mut received = 0;
    let is_all = world.run_until(Duration::from_secs(100), |world| {
        while let Ok(bytes) = receive(&mut world.other.net, far) {
            received += bytes.len();
        }
        received == sent
    });
    assert!(is_all, "{received} of {sent}");
}

#[test]
fn one_waiter_is_woken_for_each_thing_and_all_for_the_end() {
    let mut world = World::new();
    let listener = listen(&mut world.other.net, 80, 16);
    let (near, far) = world.connect_to(listener);
    assert_eq!(receive(&mut world.other.net, far), Err(Errno::EAGAIN));
    let signals = world.other.net.signals(far).unwrap();
    let _ = woken(&mut world.other.net, &signals.read);
    let before = count(&signals.read);
    world.one.net.send(near, b"ab", None).unwrap();
    world.settle();
    assert_ne!(count(&signals.read), before, "who looked in vain looks again");
    assert_eq!(woken(&mut world.other.net, &signals.read), [1], "one of those who read");
    let mut one = [std::mem::MaybeUninit::uninit()];
    assert_eq!(world.other.net.receive(far, &mut one, false), Ok(Received { count: 1, whole: 1, from: None }));
    assert_eq!(woken(&mut world.other.net, &signals.read), [1], "who leaves something wakes the next");
    assert_eq!(world.other.net.receive(far, &mut one, false), Ok(Received { count: 1, whole: 1, from: None }));
    assert_eq!(woken(&mut world.other.net, &signals.read), [], "who leaves nothing wakes nobody");
    world.one.net.close(near).unwrap();
    world.settle();
    assert_eq!(woken(&mut world.other.net, &signals.read), [u32::MAX], "the end is for all");
}

#[test]
fn a_socket_that_is_closed_wakes_its_waiters_who_find_it_gone() {
    let mut world = World::new();
    let (near, _, _) = world.connection();
    let signals = world.one.net.signals(near).unwrap();
    let seen = signals.seen();
    world.one.net.close(near).unwrap();
    let after = signals.seen();
    assert!(seen[0] != after[0] && seen[1] != after[1]);
    assert_eq!(receive(&mut world.one.net, near), Err(Errno::EBADF));
}

#[test]
fn a_connection_begins_anew_while_the_last_is_kept_in_mind() {
    let mut world = World::new();
    let listener = listen(&mut world.other.net, 80, 16);
    let port = 50_000;
    for _ in 0..3 {
        let near = stream(&mut world.one.net);
        set(&mut world.one.net, near, |options| options.may_reuse = true);
        world.one.net.bind(near, IpEndpoint::new(IpAddress::v4(0, 0, 0, 0), port)).unwrap();
        assert_eq!(world.one.net.connect(near, OTHER), Err(Errno::EINPROGRESS));
        let mut far = None;
        assert!(world.run_until(Duration::from_secs(5), |world| {
            far = far.or_else(|| world.other.net.accept(listener).ok().map(|(far, _)| far));
            far.is_some() && world.one.net.connected(near) == Ok(())
        }));
        // The other machine ends first: it is the one that keeps the connection in mind.
        world.other.net.close(far.unwrap()).unwrap();
        world.settle();
        world.one.net.close(near).unwrap();
        world.settle();
        assert_eq!(world.one.net.connections(), 0);
        assert_eq!(world.other.net.connections(), 1);
    }
}

#[test]
fn whatever_happens_to_a_socket_changes_its_number_and_looking_does_not() {
    let mut world = World::new();
    let (near, far, listener) = world.connection();
    set(&mut world.one.net, near, |options| options.has_no_delay = true);
    let mut before = world.other.net.changes(far).unwrap();
    let mut has_changed = |world: &mut World| {
        let _ = world.other.net.ready(far).unwrap();
        let now = world.other.net.changes(far).unwrap();
        now != core::mem::replace(&mut before, now)
    };
    assert!(!has_changed(&mut world));
    for _ in 0..2 {
        world.one.net.send(near, b"one more", None).unwrap();
        world.settle();
        assert!(has_changed(&mut world), "what comes counts, though it could be read before");
        assert!(!has_changed(&mut world));
    }
    receive(&mut world.other.net, far).unwrap();
    assert!(!has_changed(&mut world), "what was taken is no news");
    world.one.net.shut_down(near, Half::Write).unwrap();
    world.settle();
    assert!(has_changed(&mut world) && world.other.net.ready(far).unwrap().ended);
    let waiting = world.other.net.changes(listener).unwrap();
    world.connect_to(listener);
    assert_ne!(world.other.net.changes(listener), Ok(waiting));
}

#[test]
fn a_listener_that_is_shut_down_wakes_its_waiters_and_breaks_who_was_not_accepted() {
    let mut world = World::new();
    let listener = listen(&mut world.other.net, 80, 16);
    let near = stream(&mut world.one.net);
    assert_eq!(world.one.net.connect(near, OTHER), Err(Errno::EINPROGRESS));
    assert!(world.run_until(Duration::from_secs(5), |world| world.one.net.connected(near) == Ok(())));
    let signals = world.other.net.signals(listener).unwrap();
    let _ = woken(&mut world.other.net, &signals.read);
    world.other.net.shut_down(listener, Half::Read).unwrap();
    assert_eq!(woken(&mut world.other.net, &signals.read), [u32::MAX]);
    assert_eq!(world.other.net.accept(listener).map(|_| ()), Err(Errno::EINVAL));
    world.settle();
    assert_eq!(receive(&mut world.one.net, near), Err(Errno::ECONNRESET));
    assert_eq!(world.other.net.listen(listener, 1), Ok(()), "it may listen again");
}
