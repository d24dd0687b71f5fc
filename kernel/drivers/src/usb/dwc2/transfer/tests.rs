//! Halts as a board and as QEMU have them, and what follows.

use std::vec::Vec;

use super::*;
use crate::usb::Speed;
use crate::usb::dwc2::channel::Kind;

const BOTH: Happened = Happened::COMPLETE.union(Happened::HALTED);

fn pipe(is_in: bool, packet: u16) -> Pipe {
    let speed = if packet == 512 { Speed::High } else { Speed::Full };
    Pipe { address: 1, speed, endpoint: 2, kind: Kind::Bulk, is_in, packet }
}

fn halt(happened: Happened, left_bytes: u32, left_packets: u32, pid: Pid) -> Halt {
    Halt { happened, left_bytes, left_packets, pid }
}

/// The sizes of all orders of a transfer that goes well, and what it has moved at the end.
fn orders(mut transfer: Transfer) -> (Vec<u32>, u32) {
    let mut order = transfer.order();
    let mut sizes = Vec::new();
    loop {
        sizes.push(order.bytes);
        match transfer.halted(&halt(BOTH, 0, 0, Pid::DATA0)) {
            Step::Order(next) => order = next,
            Step::Done(done) => return (sizes, done),
            Step::Failed(error) => panic!("{error:?}"),
        }
    }
}

#[test]
fn high_speed_is_one_order_and_full_speed_one_for_each_packet() {
    assert_eq!(orders(Transfer::new(pipe(false, 512), 0, 1514, Pid::DATA0).ending_short()), ([1514].to_vec(), 1514));
    assert_eq!(orders(Transfer::new(pipe(false, 64), 0, 150, Pid::DATA0).ending_short()), ([64, 64, 22].to_vec(), 150));
}

#[test]
fn full_packets_are_followed_by_an_empty_one_if_the_device_is_to_know_the_end() {
    assert_eq!(orders(Transfer::new(pipe(false, 64), 0, 128, Pid::DATA0).ending_short()), ([64, 64, 0].to_vec(), 128));
    assert_eq!(orders(Transfer::new(pipe(false, 512), 0, 1024, Pid::DATA0).ending_short()), ([1024, 0].to_vec(), 1024));
    assert_eq!(orders(Transfer::new(pipe(false, 64), 0, 128, Pid::DATA0)), ([64, 64].to_vec(), 128));
    assert_eq!(orders(Transfer::new(pipe(false, 64), 0, 0, Pid::DATA1)), ([0].to_vec(), 0));
}

#[test]
fn what_comes_is_ordered_in_whole_packets_and_ends_where_the_device_ends() {
    let mut transfer = Transfer::new(pipe(true, 64), 0x1000, 2050, Pid::DATA0);
    assert_eq!(transfer.order(), Order { bytes: 2048, address: 0x1000, pid: Pid::DATA0 });
    for (left, done) in [(1988, 60), (1920, 128), (0, 2048), (2048, 0)] {
        let mut transfer = transfer;
        assert_eq!(transfer.halted(&halt(BOTH, left, 0, Pid::DATA1)), Step::Done(done));
        assert_eq!(transfer.pid(), Pid::DATA1, "the next transfer begins there");
    }
}

#[test]
fn a_transaction_that_went_wrong_goes_on_where_it_was() {
    let wrong = Happened::HALTED | Happened::TRANSACTION_ERROR;
    let mut transfer = Transfer::new(pipe(true, 512), 0, 2048, Pid::DATA0);
    transfer.order();
    let next = Order { bytes: 1536, address: 512, pid: Pid::DATA1 };
    assert_eq!(transfer.halted(&halt(wrong, 1536, 3, Pid::DATA1)), Step::Order(next));
    let mut transfer = Transfer::new(pipe(false, 512), 0, 1514, Pid::DATA0);
    transfer.order();
    let next = Order { bytes: 490, address: 1024, pid: Pid::DATA0 };
    assert_eq!(transfer.halted(&halt(wrong, 77, 1, Pid::DATA0)), Step::Order(next), "bytes that leave are counted by packets");
}

#[test]
fn a_line_that_stays_bad_is_given_up_and_one_that_recovers_is_not() {
    let wrong = halt(Happened::HALTED | Happened::TRANSACTION_ERROR, 64, 1, Pid::DATA0);
    let mut transfer = Transfer::new(pipe(false, 64), 0, 6400, Pid::DATA0);
    transfer.order();
    for _ in 0..20 {
        for _ in 0..ERRORS {
            assert!(matches!(transfer.halted(&wrong), Step::Order(_)));
        }
        assert!(matches!(transfer.halted(&halt(BOTH, 0, 0, Pid::DATA0)), Step::Order(_)));
    }
    for _ in 0..ERRORS {
        assert!(matches!(transfer.halted(&wrong), Step::Order(_)));
    }
    assert_eq!(transfer.halted(&wrong), Step::Failed(UsbError::Line));
}

#[test]
fn refusals_and_babble_are_final() {
    for (happened, error) in
        [(Happened::STALL, UsbError::Refused), (Happened::BABBLE, UsbError::Line), (Happened::AHB_ERROR, UsbError::Line)]
    {
        let mut transfer = Transfer::new(pipe(true, 64), 0, 64, Pid::DATA1);
        transfer.order();
        assert_eq!(transfer.halted(&halt(happened | Happened::HALTED, 64, 1, Pid::DATA1)), Step::Failed(error));
    }
}

#[test]
fn a_request_that_went_wrong_is_said_again_as_a_request() {
    let mut transfer = Transfer::new(pipe(false, 64), 0, 8, Pid::SETUP);
    transfer.order();
    let again = transfer.halted(&halt(Happened::HALTED | Happened::TRANSACTION_ERROR, 8, 1, Pid::DATA1));
    assert_eq!(again, Step::Order(Order { bytes: 8, address: 0, pid: Pid::SETUP }));
}
