//! A terminal's bytes: Enter in its three spellings, the end mark, and input that nobody reads.
#![cfg(not(loom))]
#![allow(unsafe_code, reason = "buffers that were filled")]

use core::mem::MaybeUninit;

use skete_logic::terminal::Input;

fn read<const ROOM: usize>(input: &mut Input<ROOM>, len: usize) -> Option<String> {
    let mut buffer = vec![MaybeUninit::new(b'?'); len];
    let count = input.read(&mut buffer)?;
    // SAFETY: every byte was given a value above.
    Some(
        buffer[..count]
            .iter()
            .map(|byte| char::from(unsafe { byte.assume_init() }))
            .collect(),
    )
}

fn type_in<const ROOM: usize>(input: &mut Input<ROOM>, text: &str) -> usize {
    text.bytes().filter(|&byte| input.push(byte)).count()
}

#[test]
fn enter_is_one_line_feed_however_it_is_sent() {
    let mut input = Input::<64>::new();
    type_in(&mut input, "a\rb\nc\r\nd\r\r\n\n");
    assert_eq!(read(&mut input, 64).as_deref(), Some("a\nb\nc\nd\n\n\n"));
    assert_eq!(read(&mut input, 64), None);
}

#[test]
fn ctrl_d_ends_the_input_once() {
    let mut input = Input::<64>::new();
    type_in(&mut input, "ab\u{4}c");
    assert_eq!(read(&mut input, 1).as_deref(), Some("a"));
    assert_eq!(read(&mut input, 9).as_deref(), Some("b"));
    assert!(input.is_ready());
    assert_eq!(read(&mut input, 9).as_deref(), Some(""));
    assert_eq!(read(&mut input, 9).as_deref(), Some("c"));
    assert_eq!(read(&mut input, 9), None);
}

#[test]
fn what_finds_no_room_is_refused_and_what_came_before_stays() {
    let mut input = Input::<4>::new();
    assert_eq!(type_in(&mut input, "12"), 2);
    assert_eq!(read(&mut input, 1).as_deref(), Some("1"));
    assert_eq!(type_in(&mut input, "34567"), 3);
    assert_eq!(input.room(), 0);
    assert_eq!(read(&mut input, 9).as_deref(), Some("2345"));
}
