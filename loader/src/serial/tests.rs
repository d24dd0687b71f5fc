//! Both sides against each other, over lines that lose, change and cut.

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::{Receiver, Reply, SendError, Sender};

/// What a line does to a byte on its way.
type Noise<'a> = &'a mut dyn FnMut(u8) -> Option<u8>;

/// Lets the sender work until it is done, or has sent so many frames.
fn play(sender: &mut Sender<'_>, receiver: &mut Receiver<'_>, frames: usize, noise: Noise<'_>) -> Result<(), SendError> {
    for _ in 0..frames {
        if sender.is_done() {
            break;
        }
        let mut replies = Vec::new();
        for byte in sender.frame() {
            if let Some(byte) = noise(byte) {
                replies.extend(receiver.take(byte));
            }
        }
        replies.extend(receiver.silence());
        for byte in replies.iter().flat_map(|reply| reply.emit(crc32fast::hash)) {
            if let Some(byte) = noise(byte) {
                sender.take(byte)?;
            }
        }
    }
    Ok(())
}

fn payload(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| index.wrapping_mul(37).to_le_bytes()[0]).collect()
}

#[test]
fn a_payload_arrives_over_a_good_line() {
    let sent = payload(5000);
    let mut memory = vec![0; 8192];
    let mut sender = Sender::new(&sent).expect("it is short");
    let mut receiver = Receiver::new(&mut memory, crc32fast::hash);
    // A hello, five blocks, an end.
    play(&mut sender, &mut receiver, 7, &mut Some).expect("there is room");
    assert!(sender.is_done() && receiver.is_complete());
    assert_eq!(receiver.into_payload(), sent);
}

#[test]
fn a_push_that_was_cut_off_goes_on_where_it_stopped() {
    let sent = payload(5000);
    let mut memory = vec![0; 8192];
    let mut receiver = Receiver::new(&mut memory, crc32fast::hash);
    let mut first = Sender::new(&sent).expect("it is short");
    play(&mut first, &mut receiver, 4, &mut Some).expect("there is room");
    assert_eq!(first.progress(), (3072, 5000));

    let mut second = Sender::new(&sent).expect("it is short");
    play(&mut second, &mut receiver, 1, &mut Some).expect("there is room");
    assert_eq!(second.progress(), (3072, 5000));
    play(&mut second, &mut receiver, 3, &mut Some).expect("there is room");
    assert_eq!(receiver.into_payload(), sent);
}

#[test]
fn another_payload_begins_at_its_beginning() {
    let (one, other) = (payload(3000), payload(2000));
    let mut memory = vec![0; 4096];
    let mut receiver = Receiver::new(&mut memory, crc32fast::hash);
    play(&mut Sender::new(&one).expect("it is short"), &mut receiver, 2, &mut Some).expect("there is room");
    let mut sender = Sender::new(&other).expect("it is short");
    play(&mut sender, &mut receiver, 4, &mut Some).expect("there is room");
    assert_eq!(receiver.into_payload(), other);
}

#[test]
fn a_payload_without_room_is_refused_with_how_much_there_is() {
    let sent = payload(5000);
    let mut memory = vec![0; 4096];
    let mut receiver = Receiver::new(&mut memory, crc32fast::hash);
    let mut sender = Sender::new(&sent).expect("it is short");
    assert_eq!(play(&mut sender, &mut receiver, 1, &mut Some), Err(SendError::NoRoom(4096)));
}

#[test]
fn text_on_the_line_is_no_reply() {
    let sent = payload(10);
    let mut sender = Sender::new(&sent).expect("it is short");
    for byte in "skete-loader: waiting\r\n".bytes().chain(Reply::Good(0).emit(crc32fast::hash)) {
        sender.take(byte).expect("nobody refuses");
    }
    assert_eq!(sender.frame()[1], b'B');
}

#[test]
fn a_frame_that_never_ends_is_given_up_at_silence() {
    let sent = payload(100);
    let mut memory = vec![0; 4096];
    let mut receiver = Receiver::new(&mut memory, crc32fast::hash);
    let mut sender = Sender::new(&sent).expect("it is short");
    for byte in &sender.frame()[..20] {
        assert_eq!(receiver.take(*byte), None);
    }
    assert_eq!(receiver.silence(), Some(Reply::Again(0)));
    assert_eq!(receiver.silence(), None);
    play(&mut sender, &mut receiver, 3, &mut Some).expect("there is room");
    assert!(receiver.is_complete());
}

proptest! {
    #[test]
    fn a_bad_line_only_takes_longer(bytes in 1usize..4000, every in 300u32..2000, is_lossy in any::<bool>()) {
        let sent = payload(bytes);
        let mut memory = vec![0; 4096];
        let mut receiver = Receiver::new(&mut memory, crc32fast::hash);
        let mut sender = Sender::new(&sent).expect("it is short");
        // Noise that comes at other places of each frame, and leaves gaps that a frame fits through.
        let mut count = 0u32;
        let mut noise = |byte: u8| {
            count = count.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if count >> 8 < (u32::MAX >> 8) / every / 4 {
                return if is_lossy { None } else { Some(byte ^ 0x10) };
            }
            Some(byte)
        };
        play(&mut sender, &mut receiver, 500, &mut noise).expect("there is room");
        prop_assert!(sender.is_done() && receiver.is_complete());
        prop_assert_eq!(receiver.into_payload(), sent);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut memory = vec![0; 64];
        let mut receiver = Receiver::new(&mut memory, |_| 0);
        for byte in [1].into_iter().chain(bytes) {
            let _ = receiver.take(byte);
        }
        let _ = receiver.silence();
    }

    #[test]
    fn what_was_emitted_is_parsed_back(offset in any::<u32>(), which in 0..3) {
        let reply = [Reply::Good(offset), Reply::Again(offset), Reply::NoRoom(offset)][usize::try_from(which).unwrap_or(0)];
        prop_assert_eq!(Reply::parse(&reply.emit(crc32fast::hash), crc32fast::hash), Some(reply));
    }
}
