//! What may be plugged in, and where.

use std::boxed::Box;
use std::vec::Vec;

use super::*;
use crate::usb::descriptor::Endpoint;
use crate::usb::fake::{Fake, Plugged, card, hub};

type Plug = Option<(Speed, Box<dyn Plugged>)>;

fn search(root: Plug, is_late: bool) -> Result<FoundCard, UsbError> {
    let mut fake = Fake::new(root);
    fake.world().is_late = is_late;
    let mut host = Host::new(fake.clone(), fake.clone(), &mut fake)?;
    super::card(&mut host, &mut fake)
}

fn ecm(root: Plug, is_late: bool) -> Result<FoundEcm, UsbError> {
    search(root, is_late).map(|found| match found {
        FoundCard::Ecm(found) => found,
        FoundCard::Smsc95xx(_) => panic!("there is none"),
    })
}

fn full_speed_card() -> Plug {
    Some((Speed::Full, card::plugged(64).0))
}

#[test]
fn a_card_at_the_root_port_is_found_with_its_address() {
    for is_late in [false, true] {
        let found = ecm(full_speed_card(), is_late).expect("it is there");
        assert_eq!((found.asked.address, found.asked.speed, found.mac), (1, Speed::Full, card::MAC));
        assert_eq!((found.function.configuration, found.function.receive), (1, Endpoint { number: 2, packet: 64 }));
    }
}

#[test]
fn a_card_behind_hubs_is_found_whatever_else_is_there() {
    let inner = hub::plugged(Vec::from([None, full_speed_card()]));
    let keyboard = || hub::nonsense(&[18, 1, 0, 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let outer = Vec::from([None, Some((Speed::Low, keyboard())), Some((Speed::Full, inner)), Some((Speed::Full, hub::nonsense(&[])))]);
    let found = ecm(Some((Speed::Full, hub::plugged(outer))), false).expect("it is there");
    assert_eq!((found.mac, found.asked.packet), (card::MAC, 64));
}

#[test]
fn behind_a_fast_hub_only_fast_devices_are_met() {
    let both = |first: Plug| Some((Speed::High, hub::plugged(Vec::from([first, Some((Speed::High, card::plugged(512).0))]))));
    let found = ecm(both(full_speed_card()), true).expect("the second one is");
    assert_eq!((found.asked.speed, found.function.transmit.packet), (Speed::High, 512));
    let alone = Some((Speed::High, hub::plugged(Vec::from([full_speed_card()]))));
    assert_eq!(search(alone, false), Err(UsbError::NoCard));
}

#[test]
fn nothing_and_nothing_of_use_are_told_apart() {
    assert_eq!(search(None, false), Err(UsbError::Nothing));
    assert_eq!(search(Some((Speed::Full, hub::nonsense(&[1, 2, 3]))), false), Err(UsbError::Descriptor));
    assert_eq!(search(Some((Speed::Full, hub::plugged(Vec::new()))), false), Err(UsbError::NoCard));
}

#[test]
fn a_card_that_refuses_is_passed_over_behind_a_hub() {
    let (bad, cable) = card::plugged(64);
    card::held(&cable).refuses = true;
    let root = Some((Speed::Full, hub::plugged(Vec::from([Some((Speed::Full, bad)), full_speed_card()]))));
    assert!(search(root, false).is_ok());
}

#[test]
fn hubs_behind_hubs_end() {
    let mut inner = hub::plugged(Vec::new());
    for _ in 0..60 {
        inner = hub::plugged(Vec::from([Some((Speed::Full, inner))]));
    }
    assert_eq!(search(Some((Speed::Full, inner)), false), Err(UsbError::NoCard));
}

proptest::proptest! {
    #[test]
    fn a_device_may_answer_anything(bytes: Vec<u8>, is_behind: bool) {
        let device = Some((Speed::Full, hub::nonsense(&bytes)));
        let root = if is_behind { Some((Speed::Full, hub::plugged(Vec::from([device])))) } else { device };
        proptest::prop_assert!(search(root, false).is_err());
    }

    #[test]
    fn a_device_that_begins_well_may_go_on_with_anything(rest in proptest::collection::vec(0_u8.., 0..60)) {
        // A device with a hub's class, or a configuration's kind, as far as one answer can be both.
        for front in [&[18, 1, 0, 2, 9, 0, 0, 8][..], &[18, 1, 0, 2, 2, 0, 0, 64], &[9, 2, 60, 0, 1, 1, 0, 64]] {
            let bytes = [front, &rest].concat();
            proptest::prop_assert!(search(Some((Speed::Full, hub::nonsense(&bytes))), false).is_err());
        }
    }
}
