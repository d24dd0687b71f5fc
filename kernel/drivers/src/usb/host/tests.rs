//! Requests, answered at once and later, refused, and not answered.

use super::*;
use crate::usb::Speed;
use crate::usb::descriptor::{DEVICE, Device};
use crate::usb::fake::{Fake, card};

/// A host with a card at its root port, which was reset.
fn host(is_late: bool) -> (Host<Fake, Fake>, Fake, Asked) {
    let fake = Fake::new(Some((Speed::Full, card::plugged(64).0)));
    fake.world().is_late = is_late;
    let host = Host::new(fake.clone(), fake.clone(), &mut fake.clone()).expect("it starts");
    let speed = start::root_port(&host.registers, &mut fake.clone()).expect("it is plugged in");
    (host, fake, Asked { address: 0, speed, packet: 64 })
}

#[test]
fn a_device_answers_at_once_or_later() {
    for is_late in [false, true] {
        let (mut host, mut fake, asked) = host(is_late);
        let mut bytes = [0; 255];
        let told = host.ask(&asked, Setup::descriptor(DEVICE, 0, 0), &mut bytes[..18], &mut fake).expect("it answers");
        assert_eq!(Device::parse(told), Some(Device { is_hub: false, made: (0x0525, 0xA4A2), packet: 64, configurations: 2 }));
        assert_eq!(host.tell(&asked, Setup::configuration(1), &mut fake), Ok(()));
    }
}

#[test]
fn an_answer_is_no_longer_than_was_asked_for_and_may_be_shorter() {
    let (mut host, mut fake, asked) = host(true);
    let mut bytes = [0; 255];
    let told = host.ask(&asked, Setup::descriptor(2, 1, 0), &mut bytes[..70], &mut fake).expect("two packets");
    assert_eq!(told, &card::ECM[..70]);
    let told = host.ask(&asked, Setup::descriptor(2, 1, 0), &mut bytes[..255], &mut fake).expect("two packets");
    assert_eq!(told, &card::ECM[..]);
    let told = host.ask(&asked, Setup::descriptor(2, 1, 0), &mut bytes[..64], &mut fake).expect("one packet");
    assert_eq!(told, &card::ECM[..64]);
}

#[test]
fn a_refusal_is_told_and_the_next_request_is_none_the_worse() {
    let (mut host, mut fake, asked) = host(false);
    assert_eq!(host.tell(&asked, Setup::configuration(9), &mut fake), Err(UsbError::Refused));
    assert_eq!(host.tell(&asked, Setup::configuration(1), &mut fake), Ok(()));
}

#[test]
fn errors_on_the_line_are_got_over_if_they_are_few() {
    for (errors, result) in [(8, Ok(())), (9, Err(UsbError::Line))] {
        let (mut host, mut fake, asked) = host(false);
        fake.world().errors = errors;
        assert_eq!(host.tell(&asked, Setup::configuration(1), &mut fake), result);
    }
}

#[test]
fn who_never_answers_is_waited_for_a_second_and_then_nobody_is_asked_any_more() {
    struct Deaf(u32);
    impl Patience for Deaf {
        fn pause(&mut self, _: u32) {}
        fn is_interrupted(&mut self, ms: u32) -> bool {
            self.0 += ms;
            false
        }
    }
    let (mut host, _, asked) = host(true);
    let mut deaf = Deaf(0);
    for _ in 0..2 {
        let error = host.tell(&asked, Setup::configuration(1), &mut deaf).expect_err("nobody hears it");
        assert_eq!(std::format!("{error}"), "the USB device at address 0 does not answer request 9");
        assert_eq!(deaf.0, STAGE_MS, "the channel is the controller's");
    }
}
