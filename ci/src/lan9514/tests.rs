//! QEMU's two ends, played by a test: requests and packets at `usb-redir`, frames at the cable.

use std::io::Read as _;

use skete_drivers::usb::smsc95xx::registers as regs;

use super::*;

const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

/// QEMU.
struct Qemu {
    usb: TcpStream,
    cable: TcpStream,
    id: u32,
}

fn message(kind: u32, id: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("it is short");
    [&kind.to_le_bytes()[..], &length.to_le_bytes(), &id.to_le_bytes(), body].concat()
}

impl Qemu {
    fn new(chip: &Lan9514) -> Self {
        let [usb, cable] = chip.ports.map(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it waits"));
        usb.set_read_timeout(Some(Duration::from_secs(30))).expect("a time");
        let mut qemu = Self { usb, cable, id: 0 };
        assert_eq!(qemu.heard().0, 0, "it says hello");
        qemu.usb.write_all(&redir::hello()).expect("it hears");
        assert_eq!([0; 3].map(|_| qemu.heard().0), [4, 5, 1], "it is plugged in");
        qemu
    }

    /// The next message: its kind, whose answer it is, and what it says.
    fn heard(&mut self) -> (u32, u32, Vec<u8>) {
        let [kind, length, id] = [0; 3].map(|_| {
            let mut word = [0; 4];
            self.usb.read_exact(&mut word).expect("it answers");
            u32::from_le_bytes(word)
        });
        let mut body = vec![0; length as usize];
        self.usb.read_exact(&mut body).expect("it answers");
        (kind, id, body)
    }

    fn say(&mut self, kind: u32, body: &[u8]) -> u32 {
        self.id += 1;
        let message = message(kind, self.id, body);
        self.usb.write_all(&message).expect("it hears");
        self.id
    }

    /// A request: how it has ended, and what it brought.
    fn ask(&mut self, setup: Setup, data: &[u8]) -> (u8, Vec<u8>) {
        let [[a, b], [c, d], [e, f]] = [setup.value, setup.index, setup.length].map(u16::to_le_bytes);
        let id = self.say(100, &[&[0, setup.request, setup.kind, 0, a, b, c, d, e, f], data].concat());
        let (kind, whose, body) = self.heard();
        assert_eq!((kind, whose), (100, id));
        (body[3], body[10..].to_vec())
    }

    fn write(&mut self, register: u16, value: u32) {
        assert_eq!(self.ask(Setup::write_register(register), &value.to_le_bytes()).0, 0);
    }

    fn settle(&mut self, register: u16, busy: u32) {
        let mut is_busy = true;
        while is_busy {
            let (_, value) = self.ask(Setup::read_register(register), &[]);
            is_busy = u32::from_le_bytes(value.try_into().expect("a register has four bytes")) & busy != 0;
        }
    }

    fn phy(&mut self, register: u32, written: Option<u32>) {
        let mut access = regs::MII_PHY | register << 6 | regs::MII_BUSY;
        if let Some(value) = written {
            self.write(regs::MII_DATA, value);
            access |= regs::MII_WRITE;
        }
        self.write(regs::MII_ADDR, access);
        self.settle(regs::MII_ADDR, regs::MII_BUSY);
    }

    /// Starts the chip, as its driver does.
    fn start(&mut self) {
        self.say(6, &[1]);
        assert_eq!(self.heard().2, [0, 1]);
        self.write(regs::HW_CFG, regs::Hardware::LRST.bits());
        self.settle(regs::HW_CFG, regs::Hardware::LRST.bits());
        self.write(regs::PM_CTRL, regs::PHY_RST);
        self.settle(regs::PM_CTRL, regs::PHY_RST);
        self.write(regs::ADDRL, 0x1200_5452);
        self.write(regs::ADDRH, 0x5634);
        self.write(regs::HW_CFG, regs::Hardware::BIR.bits());
        self.phy(4, Some(0xDE1));
        self.phy(0, Some(0x1200));
        self.write(regs::TX_CFG, regs::TX_CFG_ON);
        self.write(regs::MAC_CR, (regs::Mac::RXEN | regs::Mac::TXEN | regs::Mac::FDPX).bits());
        // Until the two sides have agreed.
        (0..4).for_each(|_| self.phy(1, None));
    }

    /// Room for what comes; whose answer it will be.
    fn listen(&mut self) -> u32 {
        self.say(101, &[IN_ADDRESS, 0, 0, 8, 0, 0, 0, 0])
    }

    fn send(&mut self, packet: &[u8]) {
        let [a, b] = u16::try_from(packet.len()).expect("it is short").to_le_bytes();
        let id = self.say(101, &[&[OUT, 0, a, b, 0, 0, 0, 0], packet].concat());
        assert_eq!(self.heard(), (101, id, vec![OUT, 0, a, b, 0, 0, 0, 0]));
    }

    fn cable_frame(&mut self) -> Vec<u8> {
        let mut length = [0; 4];
        self.cable.read_exact(&mut length).expect("it comes");
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.cable.read_exact(&mut frame).expect("it comes");
        frame
    }
}

fn frame(length: usize) -> Vec<u8> {
    MAC.into_iter().chain((6..length).map(|at| (at * 7).to_le_bytes()[0])).collect()
}

fn transfer(frame: &[u8]) -> Vec<u8> {
    let length = u32::try_from(frame.len()).expect("it is short");
    [&(0x3000 | length).to_le_bytes()[..], &length.to_le_bytes(), frame].concat()
}

#[test]
fn frames_go_through_it_both_ways() {
    let chip = Lan9514::start(None, false).expect("there are ports");
    let mut qemu = Qemu::new(&chip);
    let (status, device) = qemu.ask(Setup { length: 18, ..Setup::descriptor(1, 0, 0) }, &[]);
    assert_eq!((status, &device[..]), (0, &DEVICE[..]));
    qemu.start();
    let first = qemu.listen();
    assert_eq!(qemu.heard(), (101, first, vec![IN_ADDRESS, 0, 0, 0, 0, 0, 0, 0]), "the first one has nothing in it");
    for length in [60, 503, 504, 505, 1514] {
        // An answer that has nothing to say yet is waited for.
        let waits = qemu.listen();
        let frame = frame(length);
        let prefix = u32::try_from(length).expect("it is short").to_be_bytes();
        qemu.cable.write_all(&[&prefix, &frame[..]].concat()).expect("it hears");
        let (kind, id, body) = qemu.heard();
        assert_eq!((kind, id, body[1]), (101, waits, 0));
        assert_eq!(&body[8 + 4..][..length], frame);
        if (length + 8).is_multiple_of(PACKET) {
            let end = qemu.listen();
            assert_eq!(qemu.heard(), (101, end, vec![IN_ADDRESS, 0, 0, 0, 0, 0, 0, 0]));
        }
        let transfer = transfer(&frame);
        transfer.chunks(PACKET).for_each(|packet| qemu.send(packet));
        if transfer.len().is_multiple_of(PACKET) {
            qemu.send(&[]);
        }
        assert_eq!(qemu.cable_frame(), frame);
    }
    drop(qemu);
    assert_eq!(chip.finish().objections, Vec::<String>::new());
}

#[test]
fn what_a_driver_forgets_is_objected_to() {
    let chip = Lan9514::start(None, false).expect("there are ports");
    let mut qemu = Qemu::new(&chip);
    qemu.start();
    qemu.send(&transfer(&frame(504)));
    drop(qemu);
    let objections = chip.finish().objections;
    assert!(objections.len() == 1 && objections[0].contains("an empty packet is missing"), "{objections:?}");
}

#[test]
fn what_is_taken_back_is_answered_and_nothing_comes_of_it() {
    let chip = Lan9514::start(None, false).expect("there are ports");
    let mut qemu = Qemu::new(&chip);
    qemu.start();
    let first = qemu.listen();
    assert_eq!(qemu.heard().1, first);
    let waits = qemu.listen();
    qemu.usb.write_all(&message(21, waits, &[])).expect("it hears");
    assert_eq!(qemu.heard(), (101, waits, vec![IN_ADDRESS, 1, 0, 0, 0, 0, 0, 0]));
    let next = qemu.listen();
    qemu.cable.write_all(&[&60_u32.to_be_bytes(), &frame(60)[..]].concat()).expect("it hears");
    assert_eq!(qemu.heard().1, next);
}
