//! Descriptors as devices have them, and as no device should.

use std::vec::Vec;

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::usb::fake::card::{ECM, RNDIS};

#[test]
fn a_device_says_what_it_is() {
    let hub = [18, 1, 0, 2, 9, 0, 1, 64, 0x24, 4, 0x14, 0x95, 0, 2, 0, 0, 0, 1];
    assert_eq!(Device::parse(&hub), Some(Device { is_hub: true, made: (0x0424, 0x9514), packet: 64, configurations: 1 }));
    let mut bad = hub;
    bad[7] = 0;
    assert_eq!(Device::parse(&bad), None, "packets of nothing");
    assert_eq!(Device::parse(&hub[..17]), None, "cut short");
}

#[test]
fn a_card_is_found_where_it_is_and_its_parts() {
    let function = Function {
        configuration: 1,
        control: 0,
        data: (1, 1),
        mac: 3,
        receive: Endpoint { number: 2, packet: 64 },
        transmit: Endpoint { number: 2, packet: 64 },
    };
    assert_eq!(Function::find(&ECM), Some(function));
    assert_eq!(Function::find(&RNDIS), None, "the other protocol's");
}

#[test]
fn a_card_whose_packets_are_of_no_size_is_none() {
    for at in [ECM.len() - 3, ECM.len() - 10] {
        let mut bytes = ECM;
        bytes[at] = 0;
        assert_eq!(Function::find(&bytes), None);
    }
}

#[test]
fn what_is_cut_short_anywhere_is_none() {
    for length in 0..ECM.len() {
        assert_eq!(Function::find(&ECM[..length]), None, "{length} bytes");
    }
}

/// The descriptor of a text.
fn text(text: &str) -> Vec<u8> {
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [&[u8::try_from(bytes.len() + 2).expect("short"), STRING], &bytes[..]].concat()
}

#[test]
fn an_address_is_twelve_digits() {
    assert_eq!(mac(&text("5254001234Ff")), Some([0x52, 0x54, 0, 0x12, 0x34, 0xff]));
    for bad in ["5254001234f", "5254001234ff0", "5254001234fg", "01005e000001", "000000000000", "5254001234\u{166}6", ""] {
        assert_eq!(mac(&text(bad)), None, "{bad}");
    }
    assert_eq!((language(&[4, 3, 9, 4]), language(&[3, 3, 9]), language(&[2, 3])), (Some(0x409), None, None));
}

proptest! {
    #[test]
    fn whatever_comes_is_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Descriptors(&bytes).count() <= bytes.len() / 2);
        let _ = (Device::parse(&bytes), configuration(&bytes), language(&bytes), mac(&bytes));
        if let Some(function) = Function::find(&bytes) {
            prop_assert!(function.receive.packet > 0 && function.transmit.packet > 0);
        }
    }

    #[test]
    fn a_card_with_bytes_changed_is_none_or_a_usable_one(
        changes in proptest::collection::vec((0..ECM.len(), any::<u8>()), 1..6)
    ) {
        let mut bytes = ECM;
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        if let Some(function) = Function::find(&bytes) {
            for endpoint in [function.receive, function.transmit] {
                prop_assert!((1..16).contains(&endpoint.number) && matches!(endpoint.packet, 8 | 16 | 32 | 64 | 512));
            }
            prop_assert_eq!(configuration(&bytes).map(|(_, number)| number), Some(function.configuration));
        }
    }
}
