//! The card on a transport that only notes where the queues are; the device is played by the test.

use std::sync::{Arc, Mutex, PoisonError};
use std::vec::Vec;

use virtio_drivers::PhysAddr;
use virtio_drivers::transport::{DeviceType, InterruptStatus};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::*;
use crate::virtio::fake::{Pages, RAM};

const MAC: Mac = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

/// The device's end of the transport.
struct Slot {
    mac: Mac,
    queues: Arc<Mutex<[Option<Rings>; 2]>>,
}

impl Transport for Slot {
    fn device_type(&self) -> DeviceType {
        DeviceType::Network
    }
    fn read_device_features(&mut self) -> u64 {
        u64::MAX
    }
    fn write_driver_features(&mut self, features: u64) {
        assert_eq!(features, Features::all().bits());
    }
    fn max_queue_size(&mut self, _: u16) -> u32 {
        256
    }
    fn notify(&mut self, _: u16) {}
    fn get_status(&self) -> DeviceStatus {
        DeviceStatus::empty()
    }
    fn set_status(&mut self, _: DeviceStatus) {}
    fn set_guest_page_size(&mut self, _: u32) {}
    fn requires_legacy_layout(&self) -> bool {
        false
    }
    fn queue_set(&mut self, queue: u16, size: u32, table: PhysAddr, available: PhysAddr, used: PhysAddr) {
        let [table, available, used] = [table, available, used].map(|address| usize::try_from(address).expect("an offset"));
        let places = usize::try_from(size).expect("a size");
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues[usize::from(queue)] = Some(Rings { table, available, used, places });
    }
    fn queue_unset(&mut self, _: u16) {}
    fn queue_used(&mut self, _: u16) -> bool {
        false
    }
    fn ack_interrupt(&mut self) -> InterruptStatus {
        InterruptStatus::empty()
    }
    fn read_config_generation(&self) -> u32 {
        0
    }
    fn read_config_space<T: FromBytes + IntoBytes>(&self, offset: usize) -> virtio_drivers::Result<T> {
        let [a, b, c, d, e, f] = self.mac;
        let space = [a, b, c, d, e, f, 1, 0];
        let bytes = space.get(offset..offset + size_of::<T>()).ok_or(Error::ConfigSpaceTooSmall)?;
        T::read_from_bytes(bytes).map_err(|_| Error::ConfigSpaceTooSmall)
    }
    fn write_config_space<T: IntoBytes + Immutable>(&mut self, _: usize, _: T) -> virtio_drivers::Result<()> {
        Err(Error::Unsupported)
    }
}

/// Where a queue is.
#[derive(Clone, Copy)]
struct Rings {
    table: usize,
    available: usize,
    used: usize,
    places: usize,
}

/// What plays the device: how much of each queue it has served.
struct Device {
    served: [u16; 2],
}

impl Device {
    /// Takes the next buffer of a queue, lets `act` have its address and length, and hands it back under `name`, or its own, with `length`.
    fn serve(&mut self, queue: u16, rings: &Rings, act: impl FnOnce(usize, usize), name: Option<u32>, length: u32) -> bool {
        let served = &mut self.served[usize::from(queue)];
        if RAM.read_half(rings.available + 2) == *served {
            return false;
        }
        let place = usize::from(*served) % rings.places;
        let head = RAM.read_half(rings.available + 4 + 2 * place);
        let descriptor = rings.table + 16 * usize::from(head);
        let address = usize::try_from(u64::from_le_bytes(RAM.read(descriptor))).expect("an offset");
        let bytes = usize::try_from(u32::from_le_bytes(RAM.read(descriptor + 8))).expect("a length");
        act(address, bytes);
        *served += 1;
        RAM.write(rings.used + 4 + 8 * place, &name.unwrap_or_else(|| head.into()).to_le_bytes());
        RAM.write(rings.used + 8 + 8 * place, &length.to_le_bytes());
        RAM.write(rings.used + 2, &served.to_le_bytes());
        true
    }

    /// The card receives `frame`, of which the device says that it is `length` long with its header.
    fn deliver(&mut self, rings: &Rings, frame: &[u8], length: u32) -> bool {
        let write = |address: usize, room: usize| {
            assert_eq!(room, BYTES, "a whole buffer");
            RAM.write(address + HEADER, frame);
        };
        self.serve(RECEIVE_QUEUE, rings, write, None, length)
    }
}

type TestCard = Net<Pages, Slot>;

fn card(mac: Mac) -> Result<(TestCard, [Rings; 2]), Error> {
    let queues = Arc::new(Mutex::new([None; 2]));
    let card = Net::new(Slot { mac, queues: Arc::clone(&queues) })?;
    let rings = queues.lock().unwrap_or_else(PoisonError::into_inner).map(|rings| rings.expect("both queues are set"));
    Ok((card, rings))
}

/// Runs a test on a card, its device, and the rings of both queues.
fn with_card(test: impl FnOnce(TestCard, Device, [Rings; 2])) {
    let (card, rings) = card(MAC).expect("the device is good");
    test(card, Device { served: [0; 2] }, rings);
}

fn received(card: &mut TestCard) -> Option<Vec<u8>> {
    let mut into = [0; LONGEST];
    card.receive(&mut into).map(|length| into[..length].to_vec())
}

#[test]
fn frames_come_and_go_again_and_again() {
    with_card(|mut card, mut device, [receive, transmit]| {
        assert_eq!((card.mac(), card.is_up()), (MAC, true));
        for round in 0..300_u16 {
            let frame: Vec<u8> = (0..60).map(|n| n ^ round.to_le_bytes()[0]).collect();
            assert!(device.deliver(&receive, &frame, 72));
            assert_eq!(received(&mut card).as_deref(), Some(&frame[..]));
            assert_eq!(card.transmit(60, &mut |buffer| buffer.copy_from_slice(&frame)), Ok(()));
            let mut sent = [0; 60];
            assert!(device.serve(
                TRANSMIT_QUEUE,
                &transmit,
                |address, bytes| {
                    assert_eq!(bytes, HEADER + 60);
                    sent = RAM.read(address + HEADER);
                },
                None,
                0
            ));
            assert_eq!(sent[..], frame[..]);
        }
    });
}

#[test]
fn a_card_whose_buffers_have_not_left_is_full_until_they_have() {
    with_card(|mut card, mut device, [_, transmit]| {
        for _ in 0..TRANSMIT {
            assert_eq!(card.transmit(60, &mut |_| ()), Ok(()));
        }
        assert_eq!((card.has_room(), card.transmit(60, &mut |_| ())), (false, Err(Full)));
        assert!(device.serve(TRANSMIT_QUEUE, &transmit, |_, _| (), None, 0));
        assert_eq!((card.has_room(), card.transmit(60, &mut |_| ())), (true, Ok(())));
        assert_eq!(card.transmit(LONGEST + 1, &mut |_| ()), Err(Full));
    });
}

#[test]
fn lengths_that_cannot_be_are_cut_or_passed_over() {
    with_card(|mut card, mut device, [receive, _]| {
        let frame = [7; 60];
        for lie in [0, 11, 12, u32::MAX, 2048] {
            assert!(device.deliver(&receive, &frame, lie));
        }
        assert!(device.deliver(&receive, &frame, 72));
        assert_eq!(received(&mut card).as_deref(), Some(&frame[..]), "the others are passed over");
        assert_eq!(received(&mut card), None);
        assert!(!card.is_broken());
    });
}

#[test]
fn a_buffer_that_was_never_lent_ends_the_cards_use() {
    for name in [128, 0xffff, 0x1_0000 + 500] {
        with_card(|mut card, mut device, [receive, _]| {
            assert!(device.serve(RECEIVE_QUEUE, &receive, |_, _| (), Some(name), 72));
            assert_eq!(received(&mut card), None);
            assert!(card.is_broken() && !card.is_up() && !card.has_room());
            assert!(device.deliver(&receive, &[7; 60], 72));
            assert_eq!(received(&mut card), None);
        });
    }
}

#[test]
fn an_address_of_a_group_is_refused() {
    assert!(card([1, 0, 0x5e, 0, 0, 1]).is_err() && card([0; 6]).is_err());
}

#[test]
fn an_interrupt_is_acknowledged_with_what_was_pending() {
    use crate::window::fake::{Access::Read, Access::Write, Script};

    let script = Script::new(&[Read(0x60, 1), Write(0x64, 1), Read(0x60, 0)]);
    acknowledge(&script);
    acknowledge(&script);
    script.assert_done();
}
