//! Messages as the firmware sees them, and its answers: fixed layouts, broken ones, and the property that parse and emit are inverse.

use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::mailbox::{Clock, Power, PowerDevice, Throttled};

/// The firmware: answers each tag of the message in `words` from `replies`, by tag; others stay unanswered.
fn answer(words: &mut [u32], replies: &[Reply]) {
    words[1] = SUCCESS;
    let mut at = HEADER_WORDS;
    while words[at] != 0 {
        let (tag, room) = (words[at], words_of(words[at + 1]));
        let value = at + TAG_WORDS;
        if let Some(reply) = replies.iter().map(|r| r.emit()).find(|r| r.tag == tag) {
            assert!(reply.used <= room, "the reply fits into its room");
            words[at + 2] = IS_REPLY | bytes(reply.used);
            words[value..value + reply.used].copy_from_slice(&reply.words[..reply.used]);
        }
        at = value + room;
    }
}

const fn words_of(bytes: u32) -> usize {
    super::words(bytes)
}

/// The requests that stand in a message.
fn asked(words: &[u32]) -> Vec<Request> {
    let mut requests = Vec::new();
    let mut at = HEADER_WORDS;
    while words[at] != 0 {
        let value = &words[at + TAG_WORDS..at + TAG_WORDS + words_of(words[at + 1])];
        let shortest = (0..=value.len()).find_map(|n| Request::parse(words[at], &value[..n]));
        requests.push(shortest.expect("every request of ours parses"));
        at += TAG_WORDS + value.len();
    }
    requests
}

fn replies(words: &[u32]) -> Vec<Reply> {
    Answer::check(words).expect("a good answer").replies().collect()
}

#[test]
fn a_message_is_laid_out_as_the_firmware_reads_it() {
    let mut buffer = Buffer([0xFFFF_FFFF; BUFFER_WORDS]);
    let mut message = Message::new(&mut buffer.0);
    assert_eq!(message.ask(Request::ArmMemory), Ok(()));
    assert_eq!(message.ask(Request::ClockRate(Clock::Uart)), Ok(()));
    message.finish();
    assert_eq!(buffer.0[..14], [52, 0, 0x0001_0005, 8, 0, 0, 0, 0x0003_0002, 8, 0, 2, 0, 0, 0]);
}

#[test]
fn a_clocks_rate_is_read_without_the_other_replies() {
    let set = Request::SetClockRate { clock: Clock::Uart, hz: 48_000_000, skips_turbo: false };
    for (request, reply, hz) in [
        (Request::ClockRate(Clock::Core), Some(Reply::ClockRate(Clock::Core, 250_000_000)), Some(250_000_000)),
        (set, Some(Reply::SetClockRate(Clock::Uart, 48_000_000)), Some(48_000_000)),
        (Request::ClockRate(Clock::Core), Some(Reply::ClockRate(Clock::Core, 0)), None),
        (Request::Temperature, Some(Reply::Temperature(48_000)), None),
        (set, None, None),
    ] {
        let mut buffer = Buffer::new();
        let mut message = Message::new(&mut buffer.0);
        assert_eq!(message.ask(request), Ok(()));
        message.finish();
        answer(&mut buffer.0, reply.as_slice());
        assert_eq!(Answer::check(&buffer.0).expect("a good answer").clock_hz(), hz);
    }
}

#[test]
fn only_tags_that_were_answered_have_a_reply() {
    let mut buffer = Buffer::new();
    let mut message = Message::new(&mut buffer.0);
    for request in [Request::Throttled, Request::Temperature, Request::BoardRevision] {
        assert_eq!(message.ask(request), Ok(()));
    }
    message.finish();
    let known = [Reply::BoardRevision(0xA0_2082), Reply::Temperature(25_000)];
    answer(&mut buffer.0, &known);
    // What QEMU does with a tag that it does not know: marked as answered, with no bytes.
    buffer.0[HEADER_WORDS + 2] = IS_REPLY;
    assert_eq!(replies(&buffer.0), [known[1], known[0]]);
}

#[test]
fn a_value_that_was_cut_short_is_no_reply() {
    let mut buffer = Buffer::new();
    let mut message = Message::new(&mut buffer.0);
    assert_eq!(message.ask(Request::ArmMemory), Ok(()));
    message.finish();
    let memory = Reply::ArmMemory { base: 0, bytes: 0x3C00_0000 };
    answer(&mut buffer.0, &[memory]);
    assert_eq!(replies(&buffer.0), [memory]);
    buffer.0[HEADER_WORDS + 2] = IS_REPLY | 4;
    assert_eq!(replies(&buffer.0), []);
}

#[test]
fn a_message_that_was_not_answered_or_not_understood_is_an_error() {
    let mut buffer = Buffer::new();
    let mut message = Message::new(&mut buffer.0);
    assert_eq!(message.ask(Request::ArmMemory), Ok(()));
    message.finish();
    assert_eq!(Answer::check(&buffer.0).err(), Some(AnswerError::Refused(0)));
    buffer.0[1] = 0x8000_0001;
    assert_eq!(Answer::check(&buffer.0).err(), Some(AnswerError::Refused(0x8000_0001)));
    buffer.0[..2].copy_from_slice(&[u32::MAX, SUCCESS]);
    assert_eq!(Answer::check(&buffer.0).err(), Some(AnswerError::Malformed));
    buffer.0[0] = 4;
    assert_eq!(Answer::check(&buffer.0).err(), Some(AnswerError::Malformed));
    assert_eq!(Answer::check(&[8]).err(), Some(AnswerError::Malformed));
}

#[test]
fn a_full_buffer_refuses_a_request_and_keeps_the_others() {
    let mut words = [0; 8];
    let mut message = Message::new(&mut words);
    assert_eq!(message.ask(Request::ArmMemory), Ok(()));
    assert_eq!(message.ask(Request::BoardRevision), Err(MessageFull));
    message.finish();
    assert_eq!(asked(&words), [Request::ArmMemory]);
    let mut nothing = [0; 2];
    let mut message = Message::new(&mut nothing);
    assert_eq!(message.ask(Request::Throttled), Err(MessageFull));
    message.finish();
    assert_eq!(nothing, [0; 2]);
}

fn clock() -> impl Strategy<Value = Clock> {
    proptest::sample::select(&[Clock::Emmc, Clock::Uart, Clock::Arm, Clock::Core][..])
}

fn device() -> impl Strategy<Value = PowerDevice> {
    proptest::sample::select(&[PowerDevice::SdCard, PowerDevice::Usb][..])
}

fn power() -> impl Strategy<Value = Power> {
    any::<u32>().prop_map(Power::from_bits_retain)
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        Just(Request::ArmMemory),
        Just(Request::VcMemory),
        Just(Request::BoardRevision),
        Just(Request::MacAddress),
        clock().prop_map(Request::ClockRate),
        clock().prop_map(Request::MaxClockRate),
        (clock(), any::<u32>(), any::<bool>()).prop_map(|(clock, hz, skips_turbo)| { Request::SetClockRate { clock, hz, skips_turbo } }),
        Just(Request::Temperature),
        Just(Request::Throttled),
        (device(), power()).prop_map(|(device, power)| Request::SetPower { device, power }),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        (any::<u32>(), any::<u32>()).prop_map(|(base, bytes)| Reply::ArmMemory { base, bytes }),
        (any::<u32>(), any::<u32>()).prop_map(|(base, bytes)| Reply::VcMemory { base, bytes }),
        any::<u32>().prop_map(Reply::BoardRevision),
        any::<[u8; 6]>().prop_map(Reply::MacAddress),
        (clock(), any::<u32>()).prop_map(|(clock, hz)| Reply::ClockRate(clock, hz)),
        (clock(), any::<u32>()).prop_map(|(clock, hz)| Reply::MaxClockRate(clock, hz)),
        (clock(), any::<u32>()).prop_map(|(clock, hz)| Reply::SetClockRate(clock, hz)),
        any::<u32>().prop_map(Reply::Temperature),
        any::<u32>().prop_map(|bits| Reply::Throttled(Throttled::from_bits_retain(bits))),
        (device(), power()).prop_map(|(device, power)| Reply::SetPower(device, power)),
    ]
}

proptest! {
    #[test]
    fn parse_undoes_emit(request in request(), reply in reply()) {
        let value = request.emit();
        prop_assert_eq!(Request::parse(value.tag, &value.words[..value.used]), Some(request));
        let value = reply.emit();
        prop_assert_eq!(Reply::parse(value.tag, &value.words[..value.used]), Some(reply));
        prop_assert_eq!(Reply::parse(value.tag, &value.words[..value.used - 1]), None);
    }

    #[test]
    fn a_message_carries_what_was_asked_until_it_is_full(requests in proptest::collection::vec(request(), 0..20)) {
        let mut buffer = Buffer::new();
        let mut message = Message::new(&mut buffer.0);
        let taken = requests.iter().take_while(|&&request| message.ask(request).is_ok()).count();
        message.finish();
        prop_assert!(taken >= requests.len().min(8));
        prop_assert_eq!(asked(&buffer.0), &requests[..taken]);
    }

    #[test]
    fn no_answer_however_broken_is_read_past_its_end(words in proptest::collection::vec(prop_oneof![0u32..64, any::<u32>()], 0..24)) {
        let mut words = words;
        if let Some(code) = words.get_mut(1) {
            *code = SUCCESS;
        }
        if let Ok(answer) = Answer::check(&words) {
            prop_assert!(answer.replies().count() <= words.len());
        }
    }
}
