//! Histories: four simulated threads make random calls in turn, and after each the registry, its frames and its pages are those of the
//! plain reference.

use super::shm_memory::{FOREIGN, Frames, Machine, Page, START};
use super::shm_plain::{Get, Plain};
use allocator_api2::alloc::Global;
use proptest::prelude::*;
use skete_abi::shm::{SHM_DEST, SHM_RDONLY, SHM_REMAP, SHM_RND};
use skete_logic::pages::PAGE;
use skete_logic::sysv::ids::{IPC_CREAT, IPC_EXCL, Id};
use skete_logic::sysv::shm::limits::Limits;
use skete_logic::sysv::shm::{Caller, Registry, UNIT};
use std::collections::{BTreeMap, BTreeSet};

const LIMITS: Limits = Limits { bytes: 40 * PAGE, pages: 90, segments: 4 };

/// What a thread does in its turn. Segments are named by when they were made, the last being 0.
#[derive(Clone, Copy, Debug)]
enum Call {
    Get { key: i32, bytes: u64, flags: i32 },
    At { back: usize, address: u64, flags: i32, is_owned: bool },
    Dt { which: usize, off: u64 },
    Remove { back: usize },
    Set { back: usize, mode: u16 },
    End,
}

fn call() -> impl Strategy<Value = Call> {
    let bytes = prop_oneof![Just(0), Just(1), Just(PAGE), Just(3 * PAGE + 1), Just(UNIT), Just(UNIT + 1), Just(40 * PAGE), Just(41 * PAGE)];
    let make = prop_oneof![Just(0), Just(IPC_CREAT), Just(IPC_CREAT | IPC_EXCL)];
    let mode = prop_oneof![4 => Just(0o600), 1 => Just(0o400), 1 => Just(0o200), 1 => Just(0o044)];
    let address = prop_oneof![2 => Just(0), 3 => (0..24_u64).prop_map(|eighth| START + eighth * (UNIT / 8)), 1 => (0..4 * UNIT).prop_map(|off| START + off), 1 => Just(FOREIGN - PAGE), 1 => Just(77)];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(read_only, round, remap)| {
        (if read_only { SHM_RDONLY } else { 0 }) | (if round { SHM_RND } else { 0 }) | (if remap { SHM_REMAP } else { 0 })
    });
    prop_oneof![
        4 => (0..3_i32, bytes, make, mode.clone()).prop_map(|(key, bytes, make, mode)| Call::Get { key, bytes, flags: make | mode }),
        8 => (0..4_usize, address, flags, any::<bool>()).prop_map(|(back, address, flags, is_owned)| Call::At { back, address, flags, is_owned }),
        4 => (0..4_usize, prop_oneof![6 => Just(0), 1 => Just(PAGE), 1 => Just(1)]).prop_map(|(which, off)| Call::Dt { which, off }),
        2 => (0..4_usize).prop_map(|back| Call::Remove { back }),
        1 => (0..4_usize, mode).prop_map(|(back, mode)| Call::Set { back, mode: u16::try_from(mode).expect("nine bits") }),
        1 => Just(Call::End),
    ]
}

struct History {
    machine: Machine,
    registry: Registry<Frames, Global>,
    plain: Plain,
    /// Every id that was ever given.
    ids: Vec<i32>,
    /// The frames of each segment, once it was attached.
    frames: BTreeMap<i32, Vec<u64>>,
}

impl History {
    fn id(&self, back: usize) -> i32 {
        self.ids.len().checked_sub(back + 1).map_or(0x7fff_0000, |at| self.ids[at])
    }

    fn run(&mut self, caller: Caller, call: Call) {
        let name = |id: i32| Id::from_number(id).expect("no id is negative");
        match call {
            Call::Get { key, bytes, flags } => {
                let answer = self.registry.open(&self.machine, caller, key, bytes, flags).map(Id::number);
                match self.plain.get(LIMITS, key, bytes, flags) {
                    Err(errno) => assert_eq!(answer, Err(errno)),
                    Ok(Get::There(id)) => assert_eq!(answer, Ok(id)),
                    Ok(Get::New(mut segment)) => {
                        segment.id = answer.expect("the reference makes one");
                        assert!(!self.ids.contains(&segment.id), "an id is given out twice");
                        self.ids.push(segment.id);
                        self.plain.segments.push(segment);
                    }
                }
            }
            Call::At { back, address, flags, is_owned } => {
                let (id, owner) = (self.id(back), is_owned.then_some(caller.pid));
                let expected = self.plain.place(id, address, flags);
                let answer = self.registry.attach(&self.machine, caller, name(id), address, flags, owner);
                let start = match expected {
                    Err(errno) => return assert_eq!(answer, Err(errno)),
                    Ok(None) => answer.expect("the reference has room"),
                    Ok(Some(start)) => start,
                };
                assert_eq!(answer, Ok(start));
                self.plain.attach(caller.pid, id, start, flags, owner);
            }
            Call::Dt { which, off } => {
                let start = self.plain.attachments.get(which).map_or(START, |attachment| attachment.start) + off;
                assert_eq!(self.registry.detach(&self.machine, caller, start), self.plain.detach(caller.pid, start));
            }
            Call::Remove { back } => {
                let id = self.id(back);
                assert_eq!(self.registry.remove(name(id)), self.plain.remove(id));
            }
            Call::Set { back, mode } => {
                let id = self.id(back);
                assert_eq!(self.registry.set(caller, name(id), 0, 0, mode).err(), self.plain.find(id).err());
                for segment in self.plain.segments.iter_mut().filter(|segment| segment.id == id) {
                    segment.mode = mode.into();
                }
            }
            Call::End => {
                self.registry.detach_owned(&self.machine, caller);
                self.plain.end_thread(caller.pid);
            }
        }
    }

    fn compare(&mut self) {
        assert_eq!(self.registry.count(), (self.plain.segments.len(), self.plain.attachments.len()));
        assert_eq!((self.machine.live.get(), self.registry.usage().0.shm_tot), (self.plain.pages(), self.plain.pages()));
        for segment in &self.plain.segments {
            let index = Id::from_number(segment.id).expect("no id is negative").index();
            let (id, status) = self.registry.status_in(index, true).expect("it is there");
            let mode = segment.mode.cast_unsigned() | if segment.is_removed { SHM_DEST } else { 0 };
            assert_eq!((id.number(), status.shm_perm.mode, status.shm_perm.key), (segment.id, mode, segment.key));
            assert_eq!((status.shm_nattch, status.shm_lpid), (self.plain.attached(segment.id) as u64, segment.last));
        }
        let mut units = BTreeSet::from([FOREIGN]);
        let mut pages = 0;
        for attachment in &self.plain.attachments {
            let mapped = self.machine.mapped(attachment.start..attachment.end());
            let frames = mapped.iter().map(|page| page.0).collect::<Vec<_>>();
            assert_eq!(frames.len() as u64, attachment.pages);
            assert!(mapped.iter().all(|page: &Page| page.1 == attachment.is_read_only));
            assert_eq!(*self.frames.entry(attachment.id).or_insert_with(|| frames.clone()), frames, "one memory");
            units.extend((attachment.start / UNIT..attachment.end().div_ceil(UNIT)).map(|unit| unit * UNIT));
            pages += mapped.len();
        }
        assert_eq!((self.machine.pages.borrow().len(), &*self.machine.taken.borrow()), (pages, &units));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]
    #[test]
    fn every_history_is_one_of_the_plain_reference(calls in prop::collection::vec((0..4_i32, call()), 0..40)) {
        let (machine, registry) = (Machine::new(), Registry::new(LIMITS, Global));
        let mut history = History { machine, registry, plain: Plain::default(), ids: vec![], frames: BTreeMap::new() };
        for (now, (thread, call)) in (0..).zip(calls) {
            history.run(Caller { pid: 100 + thread, now }, call);
            history.compare();
        }
        for attachment in history.plain.attachments.clone() {
            prop_assert_eq!(history.registry.detach(&history.machine, Caller { pid: 1, now: 0 }, attachment.start), Ok(()));
        }
        for segment in history.plain.segments.clone() {
            let gone = history.registry.remove(Id::from_number(segment.id).expect("no id is negative"));
            prop_assert!(gone.is_ok() || segment.is_removed);
        }
        prop_assert_eq!((history.machine.live.get(), history.registry.count()), (0, (0, 0)));
    }
}
