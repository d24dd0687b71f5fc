//! The card over the chip's model: started, with frames both ways, cables that come and go, and all that may go wrong.

use std::sync::{Arc, Mutex};
use std::vec::Vec;

use super::model::Model;
use super::*;
use crate::usb::Speed;
use crate::usb::bulk::SLOTS;
use crate::usb::dwc2::close_gate;
use crate::usb::fake::lan9514::held;
use crate::usb::fake::{Fake, Plugged, hub, lan9514};
use crate::usb::search::{self, FoundCard};

type TestCard = Smsc95xx<Fake, Fake>;
type Chip = Arc<Mutex<Model>>;

const MAC: Mac = [0xB8, 0x27, 0xEB, 1, 2, 3];
const FULL: Pace = Pace { mbit: 100, is_full: true };

fn found(device: std::boxed::Box<dyn Plugged>, is_late: bool) -> (Host<Fake, Fake>, FoundSmsc95xx, Fake) {
    // As on the board: behind the hub of the same chip.
    let fake = Fake::new(Some((Speed::High, hub::plugged(Vec::from([Some((Speed::High, device)), None])))));
    fake.world().is_late = is_late;
    let mut host = Host::new(fake.clone(), fake.clone(), &mut fake.clone()).expect("it starts");
    let Ok(FoundCard::Smsc95xx(found)) = search::card(&mut host, &mut fake.clone()) else { panic!("it is there") };
    (host, found, fake)
}

fn started(seed: Option<u64>, is_late: bool) -> (TestCard, Fake, Chip) {
    let (device, chip) = lan9514::plugged(seed);
    let (host, found, fake) = found(device, is_late);
    let card = Smsc95xx::new(host, &found, Some(MAC), &mut fake.clone()).expect("it starts");
    (card, fake, chip)
}

/// A card whose cable leads somewhere.
fn card(seed: Option<u64>, is_late: bool) -> (TestCard, Fake, Chip) {
    let (mut card, fake, chip) = started(seed, is_late);
    held(&chip).plug(Some(FULL));
    for second in 0..30 {
        live(&mut card, &fake, second);
        if card.is_up() {
            break;
        }
    }
    assert!(card.is_up());
    (card, fake, chip)
}

/// A second passes; what has come in it.
fn live(card: &mut TestCard, fake: &Fake, second: u64) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut next = Some(second * 1000);
    while let Some(now) = next.filter(|now| *now < second * 1000 + 1000) {
        next = card.tend(now);
        all.extend(take_all(card, fake));
    }
    all
}

fn received(card: &mut TestCard) -> Option<Vec<u8>> {
    let mut into = [0; LONGEST];
    card.receive(&mut into).map(|length| into[..length].to_vec())
}

/// As often as the controller interrupts, its handler closes the gate and all is taken that has come.
fn take_all(card: &mut TestCard, fake: &Fake) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = core::iter::from_fn(|| received(card)).collect();
    for _ in 0..10_000 {
        // Who was told to wait is asked again.
        (0..20).for_each(|_| fake.world().work());
        if !fake.world().is_interrupting() {
            return all;
        }
        close_gate(fake);
        all.extend(core::iter::from_fn(|| received(card)));
    }
    panic!("it interrupts for nothing");
}

fn frame(length: usize, seed: usize) -> Vec<u8> {
    MAC.into_iter().chain((6..length).map(|at| (at * 7 + seed * 13).to_le_bytes()[0])).collect()
}

fn send(card: &mut TestCard, frame: &[u8]) -> Result<(), Full> {
    card.transmit(frame.len(), &mut |buffer| buffer.copy_from_slice(frame))
}

#[track_caller]
fn assert_content(chip: &Chip) {
    assert_eq!(held(chip).objections(), Vec::<std::string::String>::new());
}

/// Lengths about those where a transfer is of full packets: eight bytes with what leaves, and with what comes.
const LENGTHS: [usize; 12] = [60, 61, 503, 504, 505, 512, 1015, 1016, 1017, 1500, 1513, 1514];

#[test]
fn frames_of_every_length_go_both_ways_whole_and_in_order() {
    for is_late in [false, true] {
        let (mut card, fake, chip) = card(None, is_late);
        assert_eq!((card.name(), card.mac(), card.pace()), ("smsc95xx", MAC, Some(FULL)));
        for round in 0..20 {
            let frames = LENGTHS.map(|length| frame(length, round + length));
            frames.iter().for_each(|frame| held(&chip).arrive(frame.clone()));
            for frame in &frames {
                assert_eq!(send(&mut card, frame), Ok(()));
            }
            assert_eq!(take_all(&mut card, &fake), frames);
            let sent: Vec<Vec<u8>> = core::iter::from_fn(|| held(&chip).take_sent()).collect();
            assert_eq!(sent, frames);
        }
        assert_content(&chip);
        assert_eq!(card.dropped(), 0);
    }
}

#[test]
fn every_length_there_is_can_leave_and_come() {
    let (mut card, fake, chip) = card(None, false);
    for length in 60..=LONGEST {
        let frame = frame(length, length);
        held(&chip).arrive(frame.clone());
        assert_eq!(send(&mut card, &frame), Ok(()));
        assert_eq!(take_all(&mut card, &fake), core::slice::from_ref(&frame));
        assert_eq!(held(&chip).take_sent(), Some(frame));
    }
    assert_content(&chip);
}

#[test]
fn a_cable_that_leads_nowhere_is_told_and_one_that_is_plugged_in_later_works() {
    for is_late in [false, true] {
        let (mut card, fake, chip) = started(None, is_late);
        for second in 0..3 {
            live(&mut card, &fake, second);
            assert!(!card.is_up() && !card.is_broken());
        }
        assert_eq!(send(&mut card, &frame(60, 1)), Ok(()), "it is lost, as on a cable");
        for (second, pace) in [(10, FULL), (20, Pace { mbit: 10, is_full: false }), (30, FULL)] {
            held(&chip).plug(Some(pace));
            (second..second + 3).for_each(|second| drop(live(&mut card, &fake, second)));
            assert_eq!((card.is_up(), card.pace()), (true, Some(pace)));
            for round in 0..100 {
                send(&mut card, &frame(100, round)).expect("there is room");
                take_all(&mut card, &fake);
                assert_eq!(held(&chip).take_sent(), Some(frame(100, round)));
            }
            held(&chip).plug(None);
            (second + 3..second + 5).for_each(|second| drop(live(&mut card, &fake, second)));
            assert!(!card.is_up());
        }
        assert_content(&chip);
    }
}

#[test]
fn an_idle_card_asks_its_phy_once_a_second_and_disturbs_nobody() {
    let (mut card, fake, _) = card(None, true);
    take_all(&mut card, &fake);
    assert_eq!(card.tend(100_000), Some(101_000));
    take_all(&mut card, &fake);
    assert!(!fake.world().is_interrupting());
    assert!(card.is_up());
}

#[test]
fn a_card_whose_slots_have_not_left_is_full_until_they_have() {
    let (mut card, fake, chip) = card(None, true);
    for number in 0..SLOTS {
        assert_eq!(send(&mut card, &frame(504, number)), Ok(()));
    }
    assert_eq!((card.has_room(), send(&mut card, &frame(60, 0))), (false, Err(Full)));
    take_all(&mut card, &fake);
    assert!(card.has_room());
    assert_eq!(core::iter::from_fn(|| held(&chip).take_sent()).count(), SLOTS);
    assert_eq!(send(&mut card, &[0; LONGEST + 1]), Err(Full));
    assert_content(&chip);
}

#[test]
fn what_is_for_others_is_not_heard_and_what_is_for_groups_is() {
    let (mut card, fake, chip) = card(None, false);
    let to = |to: [u8; 6]| [&to[..], &frame(94, 3)].concat();
    let all = [[0xFF; 6], [0x33, 0x33, 0, 0, 0, 1], [1, 0, 0x5E, 0, 0, 1], [2, 0, 0, 0, 0, 9], MAC].map(to);
    all.iter().for_each(|frame| held(&chip).arrive(frame.clone()));
    assert_eq!(take_all(&mut card, &fake), [0, 1, 2, 4].map(|number| all[number].clone()));
}

#[test]
fn whatever_goes_wrong_the_frames_that_come_are_right_and_it_goes_on() {
    let mut done = super::model::mischief::Done::default();
    for seed in 0..60 {
        let (mut card, fake, chip) = card(Some(seed), seed % 2 == 0);
        let (mut came, mut left) = (0, 0);
        for (second, round) in (100..140).zip(0..) {
            let frames: Vec<Vec<u8>> = (0..10).map(|number| frame(60 + (round * 131 + number * 97) % 1455, number)).collect();
            for frame in &frames {
                held(&chip).arrive(frame.clone());
                let _ = send(&mut card, frame);
            }
            let mut received = live(&mut card, &fake, second);
            received.extend(take_all(&mut card, &fake));
            came += received.len();
            // None is damaged, and they are in order: those that are missing were lost.
            let mut rest = frames.iter();
            assert!(received.iter().all(|one| rest.any(|other| other == one)), "seed {seed}");
            while let Some(sent) = held(&chip).take_sent() {
                assert!(frames.contains(&sent), "seed {seed}");
                left += 1;
            }
        }
        assert!(!card.is_broken() && came > 200 && left > 200, "seed {seed}: {came} {left}");
        assert_content(&chip);
        let chip = held(&chip);
        let this = chip.done();
        assert!(card.dropped() >= this.damaged);
        done = super::model::mischief::Done {
            naks: done.naks + this.naks,
            stalls: done.stalls + this.stalls,
            damaged: done.damaged + this.damaged,
            nonsense: done.nonsense + this.nonsense,
            cables: done.cables + this.cables,
        };
    }
    assert!(done.naks > 100 && done.stalls > 100 && done.damaged > 100 && done.nonsense > 100 && done.cables > 5, "{done:?}");
}

#[test]
fn an_endpoint_that_refuses_goes_on_by_interrupts_alone() {
    for is_late in [false, true] {
        let (mut card, fake, chip) = card(None, is_late);
        for round in 0..5 * REFUSALS as usize {
            held(&chip).halt(round % 2 == 0);
            send(&mut card, &frame(504, round)).expect("there is room");
            held(&chip).arrive(frame(504, round));
            assert_eq!(take_all(&mut card, &fake), [frame(504, round)]);
            assert_eq!(held(&chip).take_sent(), Some(frame(504, round)));
        }
        assert_content(&chip);
    }
}

#[test]
fn whoever_sends_may_see_that_an_endpoint_goes_on_and_what_comes_is_told_all_the_same() {
    let (mut card, fake, chip) = card(None, true);
    held(&chip).halt(true);
    fake.world().work();
    assert_eq!(received(&mut card), None);
    // Each stage of the request is seen by who sends.
    for round in 0..8 {
        fake.world().work();
        send(&mut card, &frame(60, round)).expect("there is room");
    }
    assert!(!card.bulk.is_halted(Way::In));
    held(&chip).arrive(frame(100, 1));
    fake.world().work();
    assert!(fake.world().is_interrupting());
    assert_eq!(received(&mut card), Some(frame(100, 1)));
}

#[test]
fn what_leaves_goes_on_whoever_sees_that_its_endpoint_does() {
    let (mut card, fake, chip) = card(None, true);
    held(&chip).halt(false);
    send(&mut card, &frame(60, 0)).expect("there is room");
    fake.world().work();
    assert_eq!(received(&mut card), None);
    let mut frames = 1;
    while card.bulk.is_halted(Way::Out) {
        assert!(frames < 8);
        fake.world().work();
        send(&mut card, &frame(60, frames)).expect("there is room");
        frames += 1;
    }
    // From now on by interrupts alone.
    for _ in 0..20 {
        fake.world().work();
        if fake.world().is_interrupting() {
            close_gate(&fake);
            assert_eq!(received(&mut card), None);
        }
    }
    let sent: Vec<Vec<u8>> = core::iter::from_fn(|| held(&chip).take_sent()).collect();
    assert_eq!(sent, (0..frames).map(|number| frame(60, number)).collect::<Vec<_>>());
}

#[test]
fn an_endpoint_that_refuses_for_ever_is_given_up() {
    let (mut card, fake, chip) = card(None, false);
    for _ in 0..=REFUSALS {
        assert!(!card.is_broken());
        held(&chip).halt(true);
        take_all(&mut card, &fake);
        fake.world().work();
        received(&mut card);
    }
    assert!(card.is_broken() && !card.is_up());
}

#[test]
fn who_knows_no_address_has_no_card() {
    let (device, _) = lan9514::plugged(None);
    let (host, found, mut fake) = found(device, false);
    assert_eq!(Smsc95xx::new(host, &found, None, &mut fake).err(), Some(UsbError::NoAddress));
    let (device, _) = lan9514::plugged(None);
    let (host, found, mut fake) = self::found(device, false);
    let group = [1, 0, 0x5E, 0, 0, 1];
    assert_eq!(Smsc95xx::new(host, &found, Some(group), &mut fake).err(), Some(UsbError::NoAddress));
}

/// Answers to be what it is, and what it is asked then with the same bytes.
struct Liar {
    address: u8,
    toggles: [bool; 2],
    bytes: Vec<u8>,
    /// After so many requests it refuses all.
    patience: u32,
}

impl Plugged for Liar {
    fn address(&mut self) -> &mut u8 {
        &mut self.address
    }

    fn ask(&mut self, setup: Setup) -> crate::usb::fake::Answer {
        use crate::usb::fake::Answer;
        match (setup.kind, setup.request, setup.value) {
            (0x80, 6, 0x0100) => Answer::Data(super::model::DEVICE.to_vec()),
            (0x80, 6, 0x0200) => Answer::Data(super::model::CONFIGURATION.to_vec()),
            (0, 9, 1) => Answer::Data(Vec::new()),
            _ => {
                let Some(left) = self.patience.checked_sub(1) else { return Answer::Stall };
                self.patience = left;
                Answer::Data(self.bytes.clone())
            }
        }
    }

    fn give(&mut self, setup: Setup, _: &[u8]) -> crate::usb::fake::Answer {
        match self.ask(setup) {
            crate::usb::fake::Answer::Data(_) => crate::usb::fake::Answer::Data(Vec::new()),
            other => other,
        }
    }

    fn toggle(&mut self, _: u8, is_in: bool) -> &mut bool {
        &mut self.toggles[usize::from(is_in)]
    }
}

proptest::proptest! {
    #[test]
    fn a_chip_may_answer_anything(bytes in proptest::collection::vec(0_u8.., 0..5), patience in 0_u32..60) {
        let liar = Liar { address: 0, toggles: [false; 2], bytes, patience };
        let (host, found, mut fake) = found(std::boxed::Box::new(liar), false);
        // A second for each bit that does not fall back.
        let result = Smsc95xx::new(host, &found, Some(MAC), &mut fake);
        proptest::prop_assert!(result.is_err());
    }
}

#[test]
fn a_chip_that_answers_no_more_is_given_up() {
    let (mut card, fake, _) = card(None, true);
    assert_eq!(card.tend(100_000), Some(101_000));
    // Nobody carries anything out any more.
    drop(fake);
    for now in (101_000..=106_000).step_by(1000) {
        card.tend(now);
    }
    assert!(card.is_broken() && !card.is_up() && card.tend(107_000).is_none());
    assert_eq!(send(&mut card, &frame(60, 1)), Err(Full));
}
