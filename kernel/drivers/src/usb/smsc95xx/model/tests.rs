//! That the model objects to what a chip does not put up with.

use super::*;
use crate::usb::smsc95xx::registers as regs;
use crate::usb::smsc95xx::registers::{Hardware, Mac as Control};

const MAC: [u32; 2] = [0x01EB_27B8, 0x0302];

fn write(model: &mut Model, register: u16, value: u32) {
    assert_eq!(model.request(Setup::write_register(register), &value.to_le_bytes()), Answer::Data(Vec::new()));
}

fn read(model: &mut Model, register: u16) -> u32 {
    match model.request(Setup::read_register(register), &[]) {
        Answer::Data(bytes) => u32::from_le_bytes(bytes.try_into().expect("a register has four bytes")),
        other => panic!("{other:?}"),
    }
}

/// A chip that is configured, and out of its resets.
fn model() -> Model {
    let mut model = Model::new(None);
    assert_eq!(model.request(Setup::configuration(1), &[]), Answer::Data(Vec::new()));
    write(&mut model, regs::HW_CFG, Hardware::LRST.bits());
    while read(&mut model, regs::HW_CFG) & Hardware::LRST.bits() != 0 {}
    write(&mut model, regs::PM_CTRL, regs::PHY_RST);
    while read(&mut model, regs::PM_CTRL) & regs::PHY_RST != 0 {}
    model
}

fn phy(model: &mut Model, register: u32, value: u32) {
    write(model, regs::MII_DATA, value);
    write(model, regs::MII_ADDR, regs::MII_PHY | register << 6 | regs::MII_WRITE | regs::MII_BUSY);
    while read(model, regs::MII_ADDR) & regs::MII_BUSY != 0 {}
}

/// Goes through a start but for the step of this number, and lets it receive.
fn all_but(step: usize) -> Vec<String> {
    let mut model = model();
    let steps: [&dyn Fn(&mut Model); 4] = [
        &|model| MAC.into_iter().zip([regs::ADDRL, regs::ADDRH]).for_each(|(word, register)| write(model, register, word)),
        &|model| write(model, regs::HW_CFG, Hardware::BIR.bits()),
        &|model| phy(model, 4, 0xDE1),
        &|model| phy(model, 0, 0x1200),
    ];
    for (number, act) in steps.iter().enumerate() {
        if number != step {
            act(&mut model);
        }
    }
    write(&mut model, regs::TX_CFG, regs::TX_CFG_ON);
    write(&mut model, regs::MAC_CR, (Control::RXEN | Control::TXEN).bits());
    model.objections()
}

#[test]
fn a_start_that_leaves_something_out_is_objected_to() {
    assert_eq!(all_but(9), Vec::<String>::new());
    for (step, part) in [(0, "has no address"), (1, "without BIR"), (2, "does not negotiate")] {
        let objections = all_but(step);
        assert!(objections.len() == 1 && objections[0].contains(part), "{objections:?}");
    }
}

#[test]
fn registers_that_are_touched_too_early_are_objected_to() {
    let mut model = Model::new(None);
    model.request(Setup::configuration(1), &[]);
    write(&mut model, regs::ADDRL, 1);
    write(&mut model, regs::HW_CFG, Hardware::LRST.bits());
    write(&mut model, regs::ADDRL, 1);
    while read(&mut model, regs::HW_CFG) & Hardware::LRST.bits() != 0 {}
    write(&mut model, regs::MII_ADDR, regs::MII_PHY | regs::MII_BUSY);
    write(&mut model, 0x54, 1);
    let objections = model.objections();
    let parts = ["before the chip was reset", "is in its reset", "before its reset is over", "which it has not"];
    assert_eq!(objections.len(), parts.len(), "{objections:?}");
    assert!(objections.iter().zip(parts).all(|(objection, part)| objection.contains(part)), "{objections:?}");
}

#[test]
fn a_phy_that_is_busy_is_not_spoken_to() {
    let mut model = model();
    for _ in 0..2 {
        write(&mut model, regs::MII_ADDR, regs::MII_PHY | regs::MII_BUSY);
    }
    assert_eq!(model.objections(), ["the PHY is spoken to while it is busy"]);
}

/// A frame of this length as it leaves its driver.
fn transfer(length: usize) -> Vec<u8> {
    let length = u32::try_from(length).expect("it is short");
    [&(0x3000 | length).to_le_bytes()[..], &length.to_le_bytes(), &std::vec![7; length as usize]].concat()
}

fn sending() -> Model {
    let mut model = model();
    write(&mut model, regs::TX_CFG, regs::TX_CFG_ON);
    write(&mut model, regs::MAC_CR, Control::TXEN.bits());
    model.plug(Some(Pace { mbit: 100, is_full: false }));
    model
}

#[test]
fn full_packets_without_an_empty_one_behind_them_are_objected_to() {
    for (is_ended, objections) in [(true, 0), (false, 1)] {
        let mut model = sending();
        for packet in transfer(1016).chunks(PACKET) {
            model.take(packet);
        }
        if is_ended {
            model.take(&[]);
        }
        model.take(&transfer(60));
        assert_eq!(model.objections().len(), objections);
        assert_eq!(core::iter::from_fn(|| model.take_sent()).count(), 2 * (1 - objections));
    }
    let mut model = sending();
    model.take(&transfer(504));
    assert_eq!(model.objections(), ["a transfer of 512 bytes has no end: an empty packet is missing"]);
}

#[test]
fn a_frame_whose_words_lie_is_objected_to() {
    for at in [0, 1, 2, 4, 5, 7] {
        let mut model = sending();
        let mut bytes = transfer(60);
        bytes[at] ^= 0x40;
        model.take(&bytes);
        assert!(model.objections().len() == 1 && model.take_sent().is_none(), "byte {at}");
    }
}

#[test]
fn a_chip_that_does_not_send_is_sent_nothing() {
    let mut model = model();
    model.take(&transfer(60));
    assert_eq!(model.objections(), ["a frame is sent by a chip that does not send"]);
}
