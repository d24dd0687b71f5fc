//! Frames in both directions, over a controller that acts at once and one that acts later, of full and of high speed.

use std::sync::{Arc, Mutex};
use std::vec::Vec;

use super::*;
use crate::usb::Speed;
use crate::usb::bulk::SLOTS;
use crate::usb::dwc2::close_gate;
use crate::usb::fake::card::{Cable, held};
use crate::usb::fake::{Fake, card};
use crate::usb::search::{self, FoundCard};

type TestCard = Ecm<Fake, Fake>;

fn card(packet: u16, is_late: bool) -> (TestCard, Fake, Arc<Mutex<Cable>>) {
    let (device, cable) = card::plugged(packet);
    let speed = if packet == 512 { Speed::High } else { Speed::Full };
    let fake = Fake::new(Some((speed, device)));
    fake.world().is_late = is_late;
    let mut host = Host::new(fake.clone(), fake.clone(), &mut fake.clone()).expect("it starts");
    let Ok(FoundCard::Ecm(found)) = search::card(&mut host, &mut fake.clone()) else { panic!("it is there") };
    let card = Ecm::new(host, &found, &mut fake.clone()).expect("it can be set up");
    (card, fake, cable)
}

/// Runs a test for every kind of controller and device.
fn with_cards(test: impl Fn(TestCard, Fake, Arc<Mutex<Cable>>)) {
    for (packet, is_late) in [(64, false), (64, true), (512, false), (512, true)] {
        let (card, fake, cable) = card(packet, is_late);
        test(card, fake, cable);
    }
}

fn frame(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + seed * 13).to_le_bytes()[0]).collect()
}

fn received(card: &mut TestCard) -> Option<Vec<u8>> {
    let mut into = [0; LONGEST];
    card.receive(&mut into).map(|length| into[..length].to_vec())
}

fn send(card: &mut TestCard, frame: &[u8]) -> Result<(), Full> {
    card.transmit(frame.len(), &mut |buffer| buffer.copy_from_slice(frame))
}

/// As often as the controller interrupts, its handler closes the gate and all is taken that has come.
fn take_all(card: &mut TestCard, fake: &Fake) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for _ in 0..10_000 {
        fake.world().work();
        if !fake.world().is_interrupting() {
            return all;
        }
        close_gate(fake);
        all.extend(core::iter::from_fn(|| received(card)));
    }
    panic!("it interrupts for nothing");
}

/// Lengths about those where something changes.
const LENGTHS: [usize; 14] = [1, 60, 63, 64, 65, 127, 128, 511, 512, 513, 1024, 1472, 1513, 1514];

#[test]
fn frames_of_every_length_come_whole_and_in_order_by_interrupts_alone() {
    with_cards(|mut card, fake, cable| {
        assert_eq!((card.mac(), card.is_up()), (card::MAC, true));
        assert_eq!(received(&mut card), None, "the gate is open now");
        for round in 0..20 {
            let frames: Vec<Vec<u8>> = LENGTHS.iter().map(|&length| frame(length, round + length)).collect();
            held(&cable).arriving.extend(frames.clone());
            assert_eq!(take_all(&mut card, &fake), frames);
        }
    });
}

#[test]
fn frames_of_every_length_leave_whole_and_in_order() {
    with_cards(|mut card, fake, cable| {
        assert_eq!(received(&mut card), None, "the gate is open now");
        for round in 0..20 {
            for length in LENGTHS {
                assert_eq!(send(&mut card, &frame(length, round)), Ok(()));
            }
            assert_eq!(take_all(&mut card, &fake), Vec::<Vec<u8>>::new());
            let sent: Vec<Vec<u8>> = held(&cable).sent.drain(..).collect();
            assert_eq!(sent, LENGTHS.map(|length| frame(length, round)));
        }
    });
}

#[test]
fn a_card_whose_slots_have_not_left_is_full_until_they_have() {
    let (mut card, fake, cable) = card(512, true);
    assert_eq!(received(&mut card), None);
    for number in 0..SLOTS {
        assert_eq!(send(&mut card, &frame(100, number)), Ok(()));
    }
    assert_eq!((card.has_room(), send(&mut card, &[0; 60])), (false, Err(Full)));
    take_all(&mut card, &fake);
    assert_eq!((card.has_room(), held(&cable).sent.len()), (true, SLOTS));
    assert_eq!(send(&mut card, &[0; LONGEST + 1]), Err(Full));
}

#[test]
fn what_is_empty_or_too_long_is_passed_over() {
    with_cards(|mut card, fake, cable| {
        assert_eq!(received(&mut card), None);
        let good = frame(90, 1);
        held(&cable).arriving.extend((0..40).map(|_| Vec::new()).chain([frame(1515, 0), frame(2047, 0), good.clone()]));
        assert_eq!(take_all(&mut card, &fake), [good]);
    });
}

#[test]
fn errors_on_the_line_lose_nothing() {
    with_cards(|mut card, fake, cable| {
        assert_eq!(received(&mut card), None);
        for round in 0..10 {
            held(&cable).arriving.push_back(frame(1514, round));
            fake.world().errors = 5;
            assert_eq!(send(&mut card, &frame(1000, round)), Ok(()));
            assert_eq!(take_all(&mut card, &fake), [frame(1514, round)]);
            assert_eq!(held(&cable).sent.pop_front(), Some(frame(1000, round)));
        }
    });
}

#[test]
fn an_endpoint_that_refuses_ends_the_cards_use() {
    with_cards(|mut card, fake, cable| {
        assert_eq!(received(&mut card), None);
        held(&cable).is_stalled = true;
        take_all(&mut card, &fake);
        assert!(card.is_broken() && !card.is_up() && !card.has_room());
        assert_eq!((received(&mut card), send(&mut card, &[0; 60])), (None, Err(Full)));
        assert!(!fake.world().is_interrupting(), "nobody is called for nothing");
    });
}
