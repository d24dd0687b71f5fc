//! A controller with devices, for tests: registers, memory behind a cache that knows nothing of the controller, and a clock.
//!
//! It is stricter than QEMU: toggles are kept and checked, a channel that runs must not be told anything, and memory that the controller
//! writes must have been cleaned. Whether it carries a transfer out at once, as QEMU does, or later, as a board does, is the test's choice.

pub mod card;
pub mod hub;
pub mod lan9514;

use core::ops::Range;
use std::boxed::Box;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use super::dwc2::registers::{GHWCFG2, GINTMSK, GRSTCTL, GSNPSID, HAINTMSK, HPRT0};
use super::memory::{LINE, Memory};
use super::request::Setup;
pub use super::smsc95xx::model::Answer;
use super::{Patience, Speed};
use crate::window::Registers;

/// Where the memory is, as the controller sees it.
const BUS: u32 = 0xC010_0000;
const CHANNELS: usize = 8;
const RAM: usize = 64 << 10;

/// How often a device that is not ready is asked in the time that somebody waits.
const RETRIES: u32 = 100;

const COMPLETE: u32 = 1 << 0;
const HALTED: u32 = 1 << 1;
const STALL: u32 = 1 << 3;
const TRANSACTION_ERROR: u32 = 1 << 7;
const ENABLE: u32 = 1 << 31;

/// Something with an address.
pub trait Plugged: Send {
    /// Its address.
    fn address(&mut self) -> &mut u8;
    /// Answers a request that is neither for its address nor a port's.
    fn ask(&mut self, setup: Setup) -> Answer;
    /// Answers a request with data.
    fn give(&mut self, setup: Setup, data: &[u8]) -> Answer {
        let _ = (setup, data);
        Answer::Stall
    }
    /// Answers a bulk packet.
    fn bulk(&mut self, endpoint: u8, sent: Option<&[u8]>) -> Answer {
        let _ = (endpoint, sent);
        Answer::Stall
    }
    /// The toggle that an endpoint expects.
    fn toggle(&mut self, endpoint: u8, is_in: bool) -> &mut bool {
        let _ = (endpoint, is_in);
        unreachable!("it has no endpoints")
    }
    /// What is plugged in behind it and may speak.
    fn behind(&mut self) -> Vec<&mut Box<dyn Plugged>> {
        Vec::new()
    }
}

fn find(device: &mut Box<dyn Plugged>, address: u8) -> Option<&mut Box<dyn Plugged>> {
    if *device.address() == address {
        return Some(device);
    }
    device.behind().into_iter().find_map(|behind| find(behind, address))
}

/// What follows from a request: data, and an address that counts from the request's end on (USB 2.0, 9.4.6).
#[derive(Default)]
struct Asked {
    data: Vec<u8>,
    address: Option<u8>,
    /// A request whose data is still to come.
    open: Option<Setup>,
}

/// All that a test sees.
pub struct World {
    /// What is at the root port.
    pub root: Option<(Speed, Box<dyn Plugged>)>,
    /// Transfers are carried out when somebody waits.
    pub is_late: bool,
    /// How many transactions fail before one goes well.
    pub errors: u32,
    /// Milliseconds that have passed.
    pub ms: u32,
    is_enabled: bool,
    registers: HashMap<usize, u32>,
    channels: [[u32; 8]; CHANNELS],
    /// What was asked last has these consequences.
    asked: Asked,
    ram: Vec<u8>,
    /// Lines that the core has, by their number, and whether they were written.
    cache: HashMap<usize, ([u8; LINE], bool)>,
}

/// The controller, the memory and the clock, all of one world.
#[derive(Clone)]
pub struct Fake(Arc<Mutex<World>>);

impl Fake {
    /// A world with this at its root port.
    pub fn new(root: Option<(Speed, Box<dyn Plugged>)>) -> Self {
        let registers = HashMap::from([(GSNPSID, 0x4F54_280A), (GHWCFG2, 7 << 14 | 2 << 3), (GRSTCTL, 1 << 31)]);
        Self(Arc::new(Mutex::new(World {
            root,
            is_late: false,
            errors: 0,
            ms: 0,
            is_enabled: false,
            registers,
            channels: [[0; 8]; CHANNELS],
            asked: Asked::default(),
            ram: std::vec![0xA5; RAM],
            // Whoever had the memory before has written to it.
            cache: (0..RAM / LINE).map(|line| (line, ([0x5A; LINE], true))).collect(),
        })))
    }

    /// The world. A test that failed while it held it is no reason to fail another.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// Whether the interrupt line is up.
    pub fn is_interrupting(&self) -> bool {
        let listens = |number: &usize| self.channels[*number][2] & self.channels[*number][3] != 0;
        let mask = self.registers.get(&HAINTMSK).copied().unwrap_or(0);
        let has_channel = (0..CHANNELS).filter(listens).any(|number| mask & 1 << number != 0);
        has_channel && self.registers.get(&GINTMSK).is_some_and(|mask| mask & 1 << 25 != 0)
    }

    /// Carries out what the channels were told, as far as the devices let it.
    pub fn work(&mut self) {
        for number in 0..CHANNELS {
            while self.channels[number][0] & ENABLE != 0 && self.transact(number) {}
        }
    }

    fn halt(&mut self, number: usize, why: u32) {
        self.channels[number][0] &= !ENABLE;
        self.channels[number][2] |= HALTED | why;
    }

    /// One packet; whether the channel goes on.
    fn transact(&mut self, number: usize) -> bool {
        let [character, _, _, _, size, at, ..] = self.channels[number];
        let (packet, is_in) = ((character & 0x7FF) as usize, character & 1 << 15 != 0);
        let endpoint = (character >> 11 & 0xF) as u8;
        let (left, packets, pid) = ((size & 0x7_FFFF) as usize, size >> 19 & 0x3FF, size >> 29 & 3);
        assert!(packet > 0 && packets > 0 && (!is_in || left.is_multiple_of(packet)), "channel {number} was told nonsense");
        if self.errors > 0 {
            self.errors -= 1;
            self.halt(number, TRANSACTION_ERROR);
            return false;
        }
        let offset = (at - BUS) as usize;
        let sent = (!is_in).then(|| self.ram[offset..offset + left.min(packet)].to_vec());
        let mut root = if self.is_enabled { self.root.take() } else { None };
        let device = root.as_mut().and_then(|(_, root)| find(root, (character >> 22 & 0x7F) as u8));
        let reply = device.map(|device| {
            if endpoint == 0 {
                return control(device, &mut self.asked, pid, sent.as_deref(), packet);
            }
            let expected = device.toggle(endpoint, is_in);
            assert_eq!(pid == 2, *expected, "the toggle of endpoint {endpoint}");
            let answer = device.bulk(endpoint, sent.as_deref());
            if matches!(answer, Answer::Data(_)) {
                let toggle = device.toggle(endpoint, is_in);
                *toggle = !*toggle;
            }
            answer
        });
        if root.is_some() {
            self.root = root;
        }
        let data = match reply {
            None => {
                self.halt(number, TRANSACTION_ERROR);
                return false;
            }
            Some(Answer::Stall) => {
                self.halt(number, STALL);
                return false;
            }
            Some(Answer::Nak) => {
                self.channels[number][2] |= 1 << 4;
                return false;
            }
            Some(Answer::Data(data)) => data,
        };
        let moved = sent.map_or(data.len(), |sent| sent.len());
        assert!(moved <= packet, "a packet is no longer than it may be");
        if is_in {
            self.store(offset, &data);
        }
        let next_pid = if pid == 2 { 0 } else { 2 };
        let (left, packets) = (left - moved, packets - 1);
        let [left, step] = [left, moved].map(|bytes| u32::try_from(bytes).expect("below half a million"));
        self.channels[number][4] = left | packets << 19 | next_pid << 29;
        self.channels[number][5] = at + step;
        let is_over = packets == 0 || moved < packet;
        if is_over {
            self.halt(number, COMPLETE);
        }
        !is_over
    }

    /// A core fetches, for no reason, what is about to come: the copy that it has is of no use then.
    fn guess(&mut self, number: usize) {
        let [character, _, _, _, size, at, ..] = self.channels[number];
        if character & 1 << 15 == 0 {
            return;
        }
        let offset = (at - BUS) as usize;
        for line in offset / LINE..(offset + (size & 0x7_FFFF) as usize).div_ceil(LINE) {
            let fetch = || (self.ram[line * LINE..][..LINE].try_into().expect("a line"), false);
            self.cache.entry(line).or_insert_with(fetch);
        }
    }

    /// The controller writes to memory.
    fn store(&mut self, offset: usize, data: &[u8]) {
        for (at, &byte) in (offset..).zip(data) {
            let is_written = self.cache.get(&(at / LINE)).is_some_and(|(_, is_written)| *is_written);
            assert!(!is_written, "a line that was written would be evicted over what came at {at:#x}");
            self.ram[at] = byte;
        }
    }
}

/// A packet of the control endpoint.
fn control(device: &mut Box<dyn Plugged>, asked: &mut Asked, pid: u32, sent: Option<&[u8]>, packet: usize) -> Answer {
    match (sent, pid) {
        (Some(sent), 3) => {
            let setup = Setup::parse(sent.try_into().expect("a request has eight bytes"));
            let [address, _] = setup.value.to_le_bytes();
            *asked = Asked::default();
            if setup == Setup::address(address) {
                asked.address = Some(address);
                return Answer::Data(Vec::new());
            }
            if !setup.is_answered() && setup.length > 0 {
                asked.open = Some(setup);
                return Answer::Data(Vec::new());
            }
            match device.ask(setup) {
                Answer::Data(data) => {
                    asked.data = data.into_iter().take(setup.length.into()).collect();
                    Answer::Data(Vec::new())
                }
                other => other,
            }
        }
        (None, _) => {
            if let Some(address) = asked.address.take() {
                *device.address() = address;
            }
            Answer::Data(asked.data.drain(..asked.data.len().min(packet)).collect())
        }
        (Some(sent), _) if asked.open.is_some_and(|setup| usize::from(setup.length) == sent.len()) => {
            asked.open.take().map_or(Answer::Stall, |setup| device.give(setup, sent))
        }
        (Some(sent), _) => {
            assert!(sent.is_empty() && asked.data.is_empty(), "the answer was taken as a whole");
            Answer::Data(Vec::new())
        }
    }
}

impl Registers for Fake {
    fn read(&self, offset: usize) -> u32 {
        let world = self.world();
        match offset {
            HPRT0 => {
                let Some((speed, _)) = &world.root else { return 1 << 12 };
                1 << 12 | 1 | u32::from(world.is_enabled) << 2 | (*speed as u32) << 17
            }
            0x500..0x600 => world.channels[(offset - 0x500) / 32][(offset % 32) / 4],
            GRSTCTL => 1 << 31,
            _ => world.registers.get(&offset).copied().unwrap_or(0),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        let mut world = self.world();
        match offset {
            HPRT0 => {
                assert_eq!(value & 0x2E, 0, "nothing is forbidden or forgotten");
                world.is_enabled = world.root.is_some() && value & 1 << 8 == 0;
                if value & 1 << 8 != 0
                    && let Some((_, root)) = &mut world.root
                {
                    *root.address() = 0;
                }
            }
            0x500..0x600 => {
                let (number, register) = ((offset - 0x500) / 32, (offset % 32) / 4);
                let channel = &mut world.channels[number];
                assert!(channel[0] & ENABLE == 0 || register == 3, "channel {number} runs: its register {register} is not to be written");
                channel[register] = if register == 2 { channel[2] & !value } else { value };
                if register == 0 && value & ENABLE != 0 {
                    world.guess(number);
                    if !world.is_late {
                        world.work();
                    }
                }
            }
            _ => drop(world.registers.insert(offset, value)),
        }
    }
}

impl Memory for Fake {
    fn bytes(&self) -> usize {
        self.world().ram.len()
    }

    fn bus_address(&self) -> u32 {
        BUS
    }

    fn lend(&mut self, range: Range<usize>, act: &mut dyn FnMut(&mut [u8])) {
        let mut world = self.world();
        let World { cache, ram, .. } = &mut *world;
        let lines = range.start / LINE..range.end.div_ceil(LINE);
        for line in lines.clone() {
            let fetch = || (ram[line * LINE..][..LINE].try_into().expect("a line"), false);
            cache.entry(line).or_insert_with(fetch);
        }
        let mut bytes: Vec<u8> = range.clone().map(|at| cache[&(at / LINE)].0[at % LINE]).collect();
        let before = bytes.clone();
        act(&mut bytes);
        for ((at, byte), before) in range.zip(bytes).zip(before) {
            let (line, is_written) = cache.get_mut(&(at / LINE)).expect("it was fetched");
            line[at % LINE] = byte;
            *is_written |= byte != before;
        }
    }

    fn clean(&mut self, range: Range<usize>) {
        let mut world = self.world();
        for line in range.start / LINE..range.end.div_ceil(LINE) {
            if let Some((bytes, true)) = world.cache.remove(&line) {
                world.ram[line * LINE..][..LINE].copy_from_slice(&bytes);
            }
        }
    }
}

impl Patience for Fake {
    fn pause(&mut self, ms: u32) {
        self.world().ms += ms;
    }

    fn is_interrupted(&mut self, ms: u32) -> bool {
        let mut world = self.world();
        // Who was told to wait is asked again.
        if !(0..RETRIES).any(|_| {
            world.work();
            world.is_interrupting()
        }) {
            world.ms += ms;
            return false;
        }
        // As the interrupt's handler does.
        world.registers.insert(GINTMSK, 0);
        true
    }
}
