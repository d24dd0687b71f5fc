//! Numbers of open files: which is next, what `dup` shares, when the last holder is gone.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use allocator_api2::alloc::Global;
use proptest::prelude::*;
use skete_abi::Errno;
use skete_logic::fds::{Fds, LIMIT};
use skete_logic::tree::OpenFlags;
use std::collections::BTreeMap;

const READ: OpenFlags = OpenFlags::empty();

#[test]
fn the_lowest_free_number_is_given_and_the_1025th_is_emfile() {
    let mut fds = Fds::new(Global);
    for number in 0..i32::try_from(LIMIT).unwrap() {
        assert_eq!(fds.open('x', READ), Ok(number));
    }
    assert_eq!(fds.open('x', READ), Err(Errno::EMFILE));
    assert_eq!(fds.duplicate(0, 0), Err(Errno::EMFILE));
    assert_eq!(fds.close(500), Ok(Some('x')));
    assert_eq!(fds.close(7), Ok(Some('x')));
    assert_eq!(fds.close(7), Err(Errno::EBADF));
    assert_eq!(fds.duplicate(0, 8), Ok(500));
    assert_eq!(fds.open('y', READ), Ok(7));
    assert_eq!(fds.duplicate(0, -1), Err(Errno::EINVAL));
    assert_eq!(fds.duplicate(0, 1024), Err(Errno::EINVAL));
    for wrong in [-1, 1024, i32::MIN, i32::MAX] {
        assert_eq!(fds.close(wrong), Err(Errno::EBADF));
        assert_eq!(fds.get(wrong).map(drop), Err(Errno::EBADF));
        assert_eq!(fds.duplicate(wrong, 0), Err(Errno::EBADF));
    }
}

#[test]
fn a_duplicate_shares_position_and_flags_but_not_close_on_exec() {
    let mut fds = Fds::new(Global);
    let fd = fds.open('x', READ).unwrap();
    let copy = fds.duplicate(fd, 10).unwrap();
    fds.get(copy).unwrap().position = 42;
    fds.get(copy).unwrap().flags |= OpenFlags::NONBLOCKING;
    *fds.close_on_exec(copy).unwrap() = true;
    assert_eq!(fds.get(fd).unwrap().position, 42);
    assert!(fds.get(fd).unwrap().flags.contains(OpenFlags::NONBLOCKING));
    assert!(!*fds.close_on_exec(fd).unwrap());
    assert_eq!(fds.close(fd), Ok(None));
    assert_eq!(fds.get(copy).unwrap().object, 'x');
    assert_eq!(fds.close(copy), Ok(Some('x')));
}

#[test]
fn a_call_under_way_keeps_what_it_works_on() {
    let mut fds = Fds::new(Global);
    let fd = fds.open('x', READ).unwrap();
    let held = fds.hold(fd).unwrap();
    assert_eq!(fds.close(fd), Ok(None));
    assert_eq!(fds.open('y', READ), Ok(fd));
    assert_eq!(fds.held(&held).unwrap().object, 'x');
    assert_eq!(fds.release(held), Some('x'));
    assert_eq!(fds.get(fd).unwrap().object, 'y');
}

proptest! {
    #[test]
    fn every_object_is_handed_back_once_and_only_by_its_last_number(
        steps in prop::collection::vec((0_u8..3, 0_i32..12), 0..200),
    ) {
        let mut fds = Fds::new(Global);
        let mut model: BTreeMap<i32, u32> = BTreeMap::new();
        let mut next = 0;
        for (what, fd) in steps {
            let free = (0..).find(|fd| !model.contains_key(fd)).unwrap();
            match what {
                0 => {
                    prop_assert_eq!(fds.open(next, READ), Ok(free));
                    model.insert(free, next);
                    next += 1;
                }
                1 => {
                    let copied = fds.duplicate(fd, 0);
                    prop_assert_eq!(copied, model.get(&fd).map(|_| free).ok_or(Errno::EBADF));
                    if let Some(&object) = model.get(&fd) {
                        model.insert(free, object);
                    }
                }
                _ => {
                    let object = model.remove(&fd);
                    let last = object.filter(|object| !model.values().any(|other| other == object));
                    prop_assert_eq!(fds.close(fd), object.map(|_| last).ok_or(Errno::EBADF));
                }
            }
        }
        prop_assert_eq!(fds.count(), model.len());
    }
}
