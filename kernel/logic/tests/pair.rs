//! Pairs of sockets against queues without a limit, and their ends.
#![cfg(not(loom))]
#![allow(unsafe_code, reason = "buffers that were filled")]

use std::collections::VecDeque;
use std::mem::MaybeUninit;

use allocator_api2::alloc::Global;
use proptest::prelude::*;
use skete_abi::Errno;
use skete_logic::pair::{LONGEST, Manner, Pair, Side};
use skete_logic::pipe::ROOM;

type Sockets = Pair<Global>;

const ONE: Side = Side::One;
const OTHER: Side = Side::Other;

fn pair(manner: Manner) -> Sockets {
    Pair::new(&Global, manner).expect("there is memory")
}

fn take(pair: &mut Sockets, side: Side, most: usize, peeks: bool) -> Result<(Vec<u8>, usize), Errno> {
    let mut into = vec![MaybeUninit::uninit(); most];
    let (taken, whole) = pair.receive(side, &mut into, peeks)?;
    // SAFETY: so many were filled.
    Ok((into[..taken].iter().map(|byte| unsafe { byte.assume_init() }).collect(), whole))
}

fn receive(pair: &mut Sockets, side: Side, most: usize) -> Result<Vec<u8>, Errno> {
    take(pair, side, most, false).map(|(bytes, _)| bytes)
}

#[test]
fn what_one_sends_the_other_receives() {
    let mut pair = pair(Manner::Stream);
    assert_eq!((pair.send(ONE, b"abc"), pair.send(OTHER, b"xy")), (Ok(3), Ok(2)));
    assert_eq!(take(&mut pair, OTHER, 2, true), Ok((b"ab".into(), 2)));
    assert_eq!((receive(&mut pair, OTHER, 2), receive(&mut pair, OTHER, 9)), (Ok(b"ab".into()), Ok(b"c".into())));
    assert_eq!((receive(&mut pair, ONE, 9), receive(&mut pair, ONE, 9)), (Ok(b"xy".into()), Err(Errno::EAGAIN)));
}

#[test]
fn messages_come_as_they_were_sent_and_what_does_not_fit_is_lost() {
    let mut pair = pair(Manner::Datagrams);
    for message in [&b"first"[..], b"", b"third"] {
        assert_eq!(pair.send(ONE, message), Ok(message.len()));
    }
    assert_eq!(pair.unread(OTHER), 5);
    assert_eq!(take(&mut pair, OTHER, 2, true), Ok((b"fi".into(), 5)));
    assert_eq!(take(&mut pair, OTHER, 2, false), Ok((b"fi".into(), 5)));
    assert_eq!((receive(&mut pair, OTHER, 9), receive(&mut pair, OTHER, 9)), (Ok(vec![]), Ok(b"third".into())));
    assert_eq!((pair.send(ONE, &vec![0; LONGEST + 1]), pair.send(ONE, &vec![1; LONGEST])), (Err(Errno::EMSGSIZE), Ok(LONGEST)));
    assert_eq!((pair.send(ONE, b""), receive(&mut pair, OTHER, ROOM)), (Err(Errno::EAGAIN), Ok(vec![1; LONGEST])));
}

#[test]
fn an_end_is_told_after_what_came_before_it() {
    for manner in [Manner::Stream, Manner::Messages] {
        let mut pair = pair(manner);
        pair.send(ONE, b"last").expect("there is room");
        pair.shut_down(ONE, false, true);
        assert_eq!(pair.send(ONE, b"x"), Err(Errno::EPIPE));
        let ready = pair.ready(OTHER);
        assert!(ready.ended && ready.write && !ready.hangup);
        assert_eq!((receive(&mut pair, OTHER, 9), receive(&mut pair, OTHER, 9)), (Ok(b"last".into()), Ok(vec![])));
        assert_eq!((pair.send(OTHER, b"back"), receive(&mut pair, ONE, 9)), (Ok(4), Ok(b"back".into())));
        assert!(!pair.close(OTHER));
        let ready = pair.ready(ONE);
        assert!(ready.hangup && ready.read && ready.write && !ready.error);
        assert_eq!((pair.send(ONE, b"x"), receive(&mut pair, ONE, 9)), (Err(Errno::EPIPE), Ok(vec![])));
        assert!(pair.close(ONE));
    }
}

#[test]
fn who_goes_and_has_not_read_all_breaks_the_stream() {
    let mut pair = pair(Manner::Stream);
    pair.send(ONE, b"unheard").expect("there is room");
    pair.send(OTHER, b"heard").expect("there is room");
    pair.close(OTHER);
    assert!(pair.ready(ONE).error);
    assert_eq!(receive(&mut pair, ONE, 9), Ok(b"heard".into()));
    assert_eq!((receive(&mut pair, ONE, 9), receive(&mut pair, ONE, 9)), (Err(Errno::ECONNRESET), Ok(vec![])));
}

#[test]
fn datagrams_have_no_end_but_nobody_hears_them() {
    let mut pair = pair(Manner::Datagrams);
    pair.close(OTHER);
    assert_eq!((pair.send(ONE, b"x"), receive(&mut pair, ONE, 9)), (Err(Errno::ECONNREFUSED), Err(Errno::EAGAIN)));
}

#[test]
fn whatever_may_let_a_side_go_on_changes_its_number() {
    let mut pair = pair(Manner::Stream);
    let mut before = [0; 2];
    let mut changed = |pair: &Sockets| {
        let now = [pair.changes(ONE), pair.changes(OTHER)];
        let changed = [now[0] != before[0], now[1] != before[1]];
        before = now;
        changed
    };
    pair.send(ONE, b"ab").expect("there is room");
    assert_eq!(changed(&pair), [false, true]);
    receive(&mut pair, OTHER, 1).expect("it is there");
    assert_eq!(changed(&pair), [true, false]);
    assert!(take(&mut pair, OTHER, 1, true).is_ok());
    assert_eq!(changed(&pair), [false, false]);
    pair.shut_down(ONE, true, false);
    assert_eq!(changed(&pair), [true, true]);
    pair.close(ONE);
    assert_eq!(changed(&pair), [false, true]);
}

#[derive(Clone, Debug)]
enum Step {
    Send(bool, usize),
    Receive(bool, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let lengths = || prop_oneof![0..9_usize, 0..9000_usize, Just(ROOM)];
    let step = prop_oneof![
        (any::<bool>(), lengths()).prop_map(|(side, length)| Step::Send(side, length)),
        (any::<bool>(), lengths()).prop_map(|(side, length)| Step::Receive(side, length)),
    ];
    prop::collection::vec(step, 1..60)
}

fn side(is_other: bool) -> Side {
    if is_other { OTHER } else { ONE }
}

proptest! {
    #[test]
    fn every_byte_arrives_in_its_order(steps in steps()) {
        let mut pair = pair(Manner::Stream);
        let mut expected = [VecDeque::new(), VecDeque::new()];
        let mut next = 0_u8;
        for step in steps {
            match step {
                Step::Send(from, length) => {
                    let bytes: Vec<u8> = (0..length).map(|_| { next = next.wrapping_mul(31).wrapping_add(7); next }).collect();
                    let sent = pair.send(side(from), &bytes);
                    prop_assert!(sent.is_ok() || sent == Err(Errno::EAGAIN));
                    expected[usize::from(!from)].extend(&bytes[..sent.unwrap_or(0)]);
                }
                Step::Receive(at, most) => {
                    let queue = &mut expected[usize::from(at)];
                    let due: Vec<u8> = queue.drain(..most.min(queue.len())).collect();
                    let due = if due.is_empty() && most > 0 { Err(Errno::EAGAIN) } else { Ok(due) };
                    prop_assert_eq!(receive(&mut pair, side(at), most), due);
                }
            }
        }
    }

    #[test]
    fn every_message_arrives_whole_in_its_order(steps in steps()) {
        let mut pair = pair(Manner::Messages);
        let mut expected: [VecDeque<Vec<u8>>; 2] = [VecDeque::new(), VecDeque::new()];
        for (number, step) in (0_u8..).zip(steps) {
            match step {
                Step::Send(from, length) => {
                    let message = vec![number; length];
                    match pair.send(side(from), &message) {
                        Ok(sent) => {
                            prop_assert_eq!(sent, length);
                            expected[usize::from(!from)].push_back(message);
                        }
                        Err(error) => prop_assert_eq!(error, if length > LONGEST { Errno::EMSGSIZE } else { Errno::EAGAIN }),
                    }
                }
                Step::Receive(at, most) => {
                    let due = expected[usize::from(at)].pop_front();
                    let due = due.map(|message| (message[..most.min(message.len())].to_vec(), message.len()));
                    prop_assert_eq!(take(&mut pair, side(at), most, false), due.ok_or(Errno::EAGAIN));
                }
            }
        }
    }
}
