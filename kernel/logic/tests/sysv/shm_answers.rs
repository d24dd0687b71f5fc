//! What each call of shared memory answers, after `shmget(2)`, `shmop(2)` and `shmctl(2)`.

use super::shm_memory::{FOREIGN, Machine, START, UNITS};
use allocator_api2::alloc::Global;
use skete_abi::Errno;
use skete_abi::shm::{SHM_DEST, SHM_EXEC, SHM_HUGETLB, SHM_LOCKED, SHM_RDONLY, SHM_REMAP, SHM_RND};
use skete_logic::pages::PAGE;
use skete_logic::sysv::ids::{IPC_CREAT, IPC_EXCL, IPC_PRIVATE, Id};
use skete_logic::sysv::shm::limits::Limits;
use skete_logic::sysv::shm::{Caller, Registry, UNIT};

const LIMITS: Limits = Limits { bytes: 20 * PAGE, pages: 40, segments: 4 };
const MODE: i32 = 0o600;
const ME: Caller = Caller { pid: 7, now: 1000 };

struct Desk {
    machine: Machine,
    registry: Registry<<Machine as skete_logic::sysv::shm::Memory>::Frames, Global>,
}

impl Desk {
    fn new() -> Self {
        Self { machine: Machine::new(), registry: Registry::new(LIMITS, Global) }
    }

    fn get(&mut self, key: i32, bytes: u64, flags: i32) -> Result<Id, Errno> {
        self.registry.open(&self.machine, ME, key, bytes, flags)
    }

    fn private(&mut self, pages: u64) -> Id {
        self.get(IPC_PRIVATE, pages * PAGE, MODE).expect("there is room")
    }

    fn at(&mut self, id: Id, address: u64, flags: i32) -> Result<u64, Errno> {
        self.registry.attach(&self.machine, ME, id, address, flags, None)
    }

    fn dt(&mut self, address: u64) -> Result<(), Errno> {
        self.registry.detach(&self.machine, ME, address)
    }
}

#[test]
fn a_segment_is_found_by_its_key_and_made_if_asked() {
    let mut desk = Desk::new();
    assert_eq!(desk.get(5, PAGE, MODE), Err(Errno::ENOENT));
    let id = desk.get(5, PAGE, MODE | IPC_CREAT | IPC_EXCL);
    assert!(id.is_ok());
    assert_eq!(desk.get(5, PAGE, MODE | IPC_CREAT), id);
    assert_eq!(desk.get(5, 0, 0), id);
    assert_eq!(desk.get(5, PAGE, MODE | IPC_CREAT | IPC_EXCL), Err(Errno::EEXIST));
    assert_eq!(desk.get(5, PAGE + 1, 0), Err(Errno::EINVAL), "more than it has");
    let other = desk.get(IPC_PRIVATE, PAGE, MODE);
    assert!(other.is_ok() && other != id && other != desk.get(IPC_PRIVATE, PAGE, MODE));
}

#[test]
fn sizes_are_held_to_their_limits() {
    let mut desk = Desk::new();
    assert_eq!(desk.get(IPC_PRIVATE, 0, MODE), Err(Errno::EINVAL));
    assert_eq!(desk.get(IPC_PRIVATE, LIMITS.bytes + 1, MODE), Err(Errno::EINVAL));
    assert_eq!(desk.get(IPC_PRIVATE, u64::MAX, MODE), Err(Errno::EINVAL));
    assert_eq!(desk.get(IPC_PRIVATE, PAGE, MODE | SHM_HUGETLB), Err(Errno::EINVAL));
    let big = desk.private(20);
    desk.private(20);
    assert_eq!(desk.get(IPC_PRIVATE, 1, MODE), Err(Errno::ENOSPC), "too many pages");
    assert_eq!(desk.registry.remove(big), Ok(()));
    for _ in 0..3 {
        desk.private(1);
    }
    assert_eq!(desk.get(IPC_PRIVATE, 1, MODE), Err(Errno::ENOSPC), "too many segments");
}

#[test]
fn without_frames_there_is_no_segment() {
    let mut desk = Desk { registry: Registry::new(Limits::LINUX, Global), ..Desk::new() };
    assert_eq!(desk.get(IPC_PRIVATE, 101 * PAGE, MODE), Err(Errno::ENOMEM));
    assert_eq!(desk.get(IPC_PRIVATE, Limits::LINUX.bytes, MODE), Err(Errno::ENOMEM));
    assert!(desk.get(IPC_PRIVATE, 100 * PAGE, MODE).is_ok());
    assert_eq!(desk.get(IPC_PRIVATE, 1, MODE), Err(Errno::ENOMEM));
}

#[test]
fn the_mode_says_what_may_be_done() {
    let mut desk = Desk::new();
    let id = desk.get(9, PAGE, IPC_CREAT | 0o400).expect("there is room");
    assert_eq!(desk.get(9, PAGE, 0o600), Err(Errno::EACCES));
    assert_eq!(desk.at(id, 0, 0), Err(Errno::EACCES));
    assert!(desk.at(id, 0, SHM_RDONLY).is_ok() && desk.registry.status(id).is_ok());
    assert_eq!(desk.registry.set(ME, id, 1, 2, 0o200), Ok(()));
    assert_eq!(desk.registry.status(id), Err(Errno::EACCES));
    assert!(desk.registry.status_in(id.index(), true).is_ok());
    assert_eq!(desk.registry.status_in(id.index(), false), Err(Errno::EACCES));
    assert_eq!(desk.at(id, 0, SHM_RDONLY), Err(Errno::EACCES));
}

#[test]
fn two_attachments_are_one_memory() {
    let mut desk = Desk::new();
    let id = desk.private(3);
    let (one, other) = (desk.at(id, 0, 0), desk.at(id, 0, SHM_RDONLY));
    let (Ok(one), Ok(other)) = (one, other) else { panic!("there is room") };
    let mapped = |start: u64| desk.machine.mapped(start..start + UNIT);
    assert_eq!(mapped(one).len(), 3);
    assert!(mapped(one).iter().zip(mapped(other)).all(|(one, other)| *one == (other.0, false) && other.1));
    assert_eq!(desk.registry.attachment_at(other + 2 * PAGE + 1).map(|(found, _)| (found.id, found.is_read_only)), Some((id, true)));
    assert_eq!(desk.registry.attachment_at(other + 3 * PAGE), None);
}

#[test]
fn a_chosen_address_is_aligned_free_and_in_the_window() {
    let mut desk = Desk::new();
    let id = desk.private(2);
    let at = START + 3 * UNIT + PAGE;
    assert_eq!(desk.at(id, at + 1, 0), Err(Errno::EINVAL));
    assert_eq!(desk.at(id, at + 1, SHM_RND), Ok(at));
    assert_eq!([at, at + PAGE, at - PAGE].map(|taken| desk.at(id, taken, 0)), [Err(Errno::EINVAL); 3]);
    assert_eq!((desk.at(id, at + 2 * PAGE, 0), desk.at(id, at + 15 * PAGE - 1, SHM_RND)), (Ok(at + 2 * PAGE), Ok(at + 14 * PAGE)));
    for outside in [1 << 12, START - PAGE, FOREIGN, FOREIGN - PAGE, START + UNITS * UNIT, START + UNITS * UNIT - PAGE, u64::MAX - PAGE + 1]
    {
        assert_eq!(desk.at(id, outside, 0), Err(Errno::EINVAL), "{outside:#x}");
    }
    assert_eq!(desk.at(id, 5, SHM_RND), Err(Errno::EINVAL));
    assert_eq!(desk.at(id, 0, SHM_EXEC), Err(Errno::EINVAL));
}

#[test]
fn a_remap_replaces_whole_attachments() {
    let mut desk = Desk::new();
    let (small, big) = (desk.private(1), desk.private(4));
    let at = START + 2 * UNIT;
    assert_eq!(desk.at(small, 0, SHM_REMAP), Err(Errno::EINVAL));
    assert_eq!((desk.at(small, at, SHM_REMAP), desk.at(small, at + PAGE, 0)), (Ok(at), Ok(at + PAGE)));
    assert_eq!(desk.at(big, at, 0), Err(Errno::EINVAL));
    assert_eq!(desk.at(big, at, SHM_REMAP), Ok(at));
    assert_eq!(desk.registry.status(small).map(|status| status.shm_nattch), Ok(0));
    assert_eq!(desk.at(small, at, SHM_REMAP), Err(Errno::EINVAL), "a part of one");
    assert_eq!((desk.registry.count(), desk.machine.mapped(at..at + UNIT).len()), ((2, 1), 4));
}

#[test]
fn a_removed_segment_goes_with_its_last_attachment() {
    let mut desk = Desk::new();
    let id = desk.get(3, 2 * PAGE, MODE | IPC_CREAT).expect("there is room");
    let at = desk.at(id, 0, 0).expect("there is room");
    assert_eq!(desk.registry.remove(id), Ok(()));
    assert_eq!(desk.get(3, PAGE, MODE), Err(Errno::ENOENT), "the key is free");
    assert_eq!(desk.registry.status(id).map(|status| (status.shm_perm.mode & SHM_DEST, status.shm_perm.key)), Ok((SHM_DEST, IPC_PRIVATE)));
    let again = desk.at(id, 0, 0).expect("by its id it is still there");
    assert_eq!((desk.dt(at), desk.machine.live.get()), (Ok(()), 2));
    // It replaces its own last attachment.
    assert_eq!(desk.at(id, again, SHM_REMAP), Ok(again));
    assert_eq!((desk.dt(again), desk.machine.live.get()), (Ok(()), 0));
    assert_eq!((desk.registry.status(id), desk.at(id, 0, 0)), (Err(Errno::EINVAL), Err(Errno::EINVAL)));
    assert_eq!(desk.registry.remove(id), Err(Errno::EINVAL));
}

#[test]
fn only_where_an_attachment_begins_can_it_end() {
    let mut desk = Desk::new();
    let id = desk.private(2);
    let at = desk.at(id, 0, 0).expect("there is room");
    for wrong in [0, at - PAGE, at + 1, at + PAGE, at + 2 * PAGE, u64::MAX] {
        assert_eq!(desk.dt(wrong), Err(Errno::EINVAL), "{wrong:#x}");
    }
    assert_eq!((desk.dt(at), desk.dt(at)), (Ok(()), Err(Errno::EINVAL)));
    assert_eq!((desk.machine.pages.borrow().len(), desk.machine.taken.borrow().len()), (0, 1));
}

#[test]
fn without_tables_or_addresses_nothing_is_attached() {
    let mut desk = Desk::new();
    let id = desk.private(1);
    desk.machine.is_out_of_tables.set(true);
    assert_eq!([0, START].map(|address| desk.at(id, address, 0)), [Err(Errno::ENOMEM); 2]);
    assert_eq!(desk.machine.taken.borrow().len(), 1);
    desk.machine.is_out_of_tables.set(false);
    for _ in 1..UNITS {
        assert!(desk.at(id, 0, 0).is_ok());
    }
    assert_eq!(desk.at(id, 0, 0), Err(Errno::ENOMEM));
    assert_eq!(desk.registry.status(id).map(|status| status.shm_nattch), Ok(UNITS - 1));
}

#[test]
fn shmctl_tells_who_did_what_when() {
    let mut desk = Desk::new();
    let by = |pid, now| Caller { pid, now };
    let id = desk.registry.open(&desk.machine, by(1, 10), 77, 5000, IPC_CREAT | 0o640).expect("there is room");
    let at = desk.registry.attach(&desk.machine, by(2, 20), id, 0, 0, None).expect("there is room");
    assert_eq!(desk.registry.set(by(3, 30), id, 8, 9, 0o7666), Ok(()));
    let status = desk.registry.status(id).expect("it may be read");
    let permissions = status.shm_perm;
    assert_eq!((permissions.key, permissions.uid, permissions.gid, permissions.mode), (77, 8, 9, 0o666));
    assert_eq!((status.shm_segsz, status.shm_nattch, status.shm_cpid, status.shm_lpid), (5000, 1, 1, 2));
    assert_eq!((status.shm_ctime, status.shm_atime, status.shm_dtime), (30, 20, 0));
    assert_eq!(desk.registry.detach(&desk.machine, by(4, 40), at), Ok(()));
    let status = desk.registry.status(id).expect("it may be read");
    assert_eq!((status.shm_nattch, status.shm_lpid, status.shm_dtime, status.shm_atime), (0, 4, 40, 20));
    assert_eq!(desk.registry.lock(id, true), Ok(()));
    assert_eq!(desk.registry.status(id).map(|status| status.shm_perm.mode), Ok(SHM_LOCKED | 0o666));
    assert_eq!(desk.registry.lock(id, false), Ok(()));
    assert_eq!(desk.registry.status_in(id.index(), false).map(|(found, status)| (found, status.shm_perm.mode)), Ok((id, 0o666)));
    assert_eq!(desk.registry.status_in(id.index() + 1, true), Err(Errno::EINVAL));
    let (usage, highest) = desk.registry.usage();
    assert_eq!((usage.used_ids, usage.shm_tot, usage.shm_rss, highest), (1, 2, 2, id.index()));
    let limits = desk.registry.limits().0;
    assert_eq!((limits.shmmax, limits.shmmin, limits.shmmni, limits.shmall), (20 * PAGE, 1, 4, 40));
}

#[test]
fn limits_are_read_as_linux_names_them() {
    let parse = |text: &str| Limits::parse(text.chars());
    assert_eq!(parse("65536,128,16"), Limits { bytes: 65536, pages: 128, segments: 16 });
    assert_eq!(parse(""), Limits::LINUX);
    assert_eq!(parse(",,9"), Limits { segments: 9, ..Limits::LINUX });
    assert_eq!(parse("12x,0,99999999999999999999999"), Limits { segments: 1 << 15, ..Limits::LINUX });
    assert_eq!(parse("1,2,3,4"), Limits { bytes: 1, pages: 2, segments: 3 });
}
