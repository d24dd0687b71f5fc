//! Pipes against a queue of bytes without a limit.
#![cfg(not(loom))]
#![allow(unsafe_code, reason = "buffers that were filled")]

use std::collections::VecDeque;
use std::mem::MaybeUninit;

use allocator_api2::alloc::Global;
use proptest::prelude::*;
use skete_abi::Errno;
use skete_logic::pipe::{End, Pipe, ROOM, WHOLE};

fn pipe() -> Pipe<Global> {
    Pipe::new(Global).expect("there is memory")
}

fn read(pipe: &mut Pipe<Global>, most: usize) -> Result<Vec<u8>, Errno> {
    let mut into = vec![MaybeUninit::uninit(); most];
    let taken = pipe.read(&mut into)?;
    // SAFETY: so many were filled.
    Ok(into[..taken].iter().map(|byte| unsafe { byte.assume_init() }).collect())
}

#[test]
fn the_end_comes_when_nobody_writes_and_all_was_read() {
    let mut pipe = pipe();
    assert_eq!((pipe.is_readable(), read(&mut pipe, 1)), (false, Err(Errno::EAGAIN)));
    assert_eq!(pipe.write(b"ab"), Ok(2));
    assert!(!pipe.close(End::Write) && pipe.is_readable());
    assert_eq!((read(&mut pipe, 1), read(&mut pipe, 9), read(&mut pipe, 9)), (Ok(b"a".into()), Ok(b"b".into()), Ok(vec![])));
    assert!(pipe.close(End::Read));
}

#[test]
fn what_nobody_will_read_is_refused() {
    let mut pipe = pipe();
    assert_eq!(pipe.write(b"ab"), Ok(2));
    assert!(!pipe.close(End::Read) && pipe.is_writable());
    assert_eq!(pipe.write(b"c"), Err(Errno::EPIPE));
}

#[test]
fn a_short_write_is_whole_and_a_long_one_fills_what_is_free() {
    let mut pipe = pipe();
    assert_eq!(pipe.write(&vec![1; ROOM - WHOLE + 1]), Ok(ROOM - WHOLE + 1));
    assert_eq!((pipe.is_writable(), pipe.write(&[2; WHOLE])), (false, Err(Errno::EAGAIN)));
    assert_eq!(pipe.write(&[3; WHOLE - 1]), Ok(WHOLE - 1));
    assert_eq!((pipe.write(&[4]), pipe.write(&[4; WHOLE + 1]), pipe.write(&[])), (Err(Errno::EAGAIN), Err(Errno::EAGAIN), Ok(0)));
    assert_eq!(read(&mut pipe, 10).map(|bytes| bytes.len()), Ok(10));
    assert_eq!(pipe.write(&[5; WHOLE]), Err(Errno::EAGAIN));
}

proptest! {
    #[test]
    fn bytes_come_out_as_they_went_in(steps in prop::collection::vec((any::<bool>(), 0..ROOM + 10, any::<u8>()), 1..60)) {
        let (mut pipe, mut plain) = (pipe(), VecDeque::new());
        for (is_write, bytes, value) in steps {
            if is_write {
                let from: Vec<u8> = (0..bytes).map(|at| value.wrapping_add(at.to_le_bytes()[0])).collect();
                let room = ROOM - plain.len();
                let expected = if room < bytes.min(WHOLE) || room == 0 && bytes > 0 { Err(Errno::EAGAIN) } else { Ok(bytes.min(room)) };
                prop_assert_eq!(pipe.write(&from), expected);
                plain.extend(&from[..expected.unwrap_or(0)]);
            } else {
                let count = bytes.min(plain.len());
                let expected = if count == 0 && bytes > 0 { Err(Errno::EAGAIN) } else { Ok(plain.drain(..count).collect()) };
                prop_assert_eq!(read(&mut pipe, bytes), expected);
            }
            prop_assert_eq!((pipe.is_readable(), pipe.is_writable()), (!plain.is_empty(), ROOM - plain.len() >= WHOLE));
        }
    }
}
