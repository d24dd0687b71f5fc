//! Keys and ids.

use allocator_api2::alloc::Global;
use proptest::prelude::*;
use skete_abi::Errno;
use skete_logic::sysv::ids::{IPC_CREAT, IPC_EXCL, IPC_PRIVATE, Id, Ids, LEAST_CYCLE, PLACES, Permissions};
use std::collections::{HashMap, HashSet};

type Table = Ids<u32, Global>;

fn open(table: &mut Table, key: i32, flags: i32, object: u32) -> Result<Id, Errno> {
    table.open(key, flags, |_, _| Ok(()), || Ok(()), |_| Ok(object))
}

#[test]
fn a_key_finds_its_object_or_makes_it_as_the_flags_say() {
    let mut table = Table::new(Global, 8);
    assert_eq!(open(&mut table, 7, 0, 1), Err(Errno::ENOENT));
    assert_eq!(open(&mut table, 7, IPC_EXCL, 1), Err(Errno::ENOENT));
    let made = open(&mut table, 7, IPC_CREAT | IPC_EXCL, 1).expect("there is none");
    assert_eq!(open(&mut table, 7, 0, 2), Ok(made));
    assert_eq!(open(&mut table, 7, IPC_CREAT, 2), Ok(made));
    assert_eq!(open(&mut table, 7, IPC_EXCL, 2), Ok(made));
    assert_eq!(open(&mut table, 7, IPC_CREAT | IPC_EXCL, 2), Err(Errno::EEXIST));
    assert_eq!((table.get(made), table.find(7), table.count()), (Ok(&1), Some(made), 1));
}

#[test]
fn a_private_object_is_always_a_new_one_that_no_key_finds() {
    let mut table = Table::new(Global, 8);
    let first = open(&mut table, IPC_PRIVATE, 0, 1).expect("there is room");
    let second = open(&mut table, IPC_PRIVATE, IPC_CREAT | IPC_EXCL, 2).expect("there is room");
    assert_ne!(first, second);
    assert_eq!(table.find(IPC_PRIVATE), None);
}

#[test]
fn what_check_and_make_answer_is_answered_and_changes_nothing() {
    let mut table = Table::new(Global, 8);
    assert_eq!(table.open(7, IPC_CREAT, |_, _| Ok(()), || Ok(()), |_| Err(Errno::ENOMEM)), Err(Errno::ENOMEM));
    assert_eq!((table.count(), table.find(7)), (0, None));
    let made = open(&mut table, 7, IPC_CREAT, 1).expect("there is room");
    assert_eq!(
        table.open(7, 0, |id, &object| if id == made && object == 1 { Err(Errno::EACCES) } else { Ok(()) }, || Ok(()), |_| Ok(2)),
        Err(Errno::EACCES)
    );
    assert_eq!(table.get(made), Ok(&1));
}

#[test]
fn one_more_than_there_may_be_is_enospc_until_one_is_removed() {
    let mut table = Table::new(Global, 2);
    let first = open(&mut table, 1, IPC_CREAT, 1).expect("there is room");
    open(&mut table, 2, IPC_CREAT, 2).expect("there is room");
    assert_eq!(open(&mut table, 3, IPC_CREAT, 3), Err(Errno::ENOSPC));
    assert_eq!(table.remove(first), Ok(1));
    assert!(open(&mut table, 3, IPC_CREAT, 3).is_ok());
}

#[test]
fn a_removed_object_leaves_a_stale_id_and_a_free_key() {
    let mut table = Table::new(Global, PLACES);
    let old = open(&mut table, 7, IPC_CREAT, 1).expect("there is room");
    assert_eq!(table.remove(old), Ok(1));
    assert_eq!((table.remove(old), table.get(old)), (Err(Errno::EINVAL), Err(Errno::EINVAL)));
    assert_eq!(table.get_mut(old), Err(Errno::EINVAL));
    let mut seen = HashSet::from([old.number()]);
    for _ in 0..10 * LEAST_CYCLE {
        let new = open(&mut table, 7, IPC_CREAT, 2).expect("there is room");
        assert!(seen.insert(new.number()), "id {} comes again", new.number());
        assert_eq!(table.remove(new), Ok(2));
    }
}

#[test]
fn an_id_comes_again_only_after_its_place_was_taken_65536_times_in_turn_with_the_others() {
    let mut table = Table::new(Global, 1);
    let first = open(&mut table, 7, IPC_CREAT, 1).expect("there is room");
    let mut id = first;
    for round in 0..65_536 * LEAST_CYCLE {
        assert!(round == 0 || id != first, "after {round} rounds");
        table.remove(id).expect("it is there");
        id = open(&mut table, 7, IPC_CREAT, 1).expect("there is room");
    }
    assert_eq!(id, first);
}

#[test]
fn an_object_whose_key_is_forgotten_stays_and_its_key_is_free() {
    let mut table = Table::new(Global, 8);
    let old = open(&mut table, 7, IPC_CREAT, 1).expect("there is room");
    assert_eq!(table.forget_key(old), Ok(()));
    assert_eq!((table.find(7), table.get(old)), (None, Ok(&1)));
    let new = open(&mut table, 7, IPC_CREAT | IPC_EXCL, 2).expect("the key is free");
    assert_eq!((table.remove(old), table.find(7), table.remove(new)), (Ok(1), Some(new), Ok(2)));
}

/// Many more keys than chains: most stand behind others, and are taken out from there.
#[test]
fn a_key_is_taken_out_from_behind_others() {
    const KEYS: i32 = 2000;
    let mut table = Table::new(Global, PLACES);
    let open_all = |table: &mut Table, keys: std::ops::Range<i32>| {
        keys.map(|key| (key, open(table, key, IPC_CREAT | IPC_EXCL, key.cast_unsigned()).expect("there is room"))).collect::<Vec<_>>()
    };
    let old = open_all(&mut table, 1..KEYS);
    let (gone, kept): (Vec<_>, Vec<_>) = old.into_iter().partition(|(key, _)| key % 3 != 0);
    for &(key, id) in &gone {
        assert_eq!(table.remove(id), Ok(key.cast_unsigned()));
    }
    // In the places of those that are gone.
    let new = open_all(&mut table, KEYS..2 * KEYS);
    assert!(gone.iter().all(|&(key, _)| table.find(key).is_none()));
    assert!(kept.iter().chain(&new).all(|&(key, id)| table.find(key) == Some(id)));
}

#[test]
fn numbers_that_no_object_has_are_no_ids() {
    assert_eq!((Id::from_number(-1), Id::from_number(i32::MIN)), (None, None));
    let id = Id::new(PLACES - 1, u16::MAX);
    assert_eq!((id.number(), id.index(), id.sequence(), Id::from_number(i32::MAX)), (i32::MAX, PLACES - 1, u16::MAX, Some(id)));
}

#[test]
fn the_owners_bits_count_whoevers_bits_are_asked_for() {
    let grants = |mode, flags| Permissions::new(1, mode).grants(flags);
    assert!(grants(0o600, 0o600) && grants(0o600, 0o066) && grants(0o400, 0o444) && grants(0o200, 0o222) && grants(0, 0));
    assert!(!grants(0o400, 0o600) && !grants(0o066, 0o004) && !grants(0o200, 0o444));
    assert!(grants(0o600, IPC_CREAT | IPC_EXCL | 0o600));
}

proptest! {
    #[test]
    fn a_table_is_a_map_from_keys_and_from_ids(steps in prop::collection::vec((0..4u8, 0..40i32), 0..600)) {
        let (mut table, mut by_key, mut by_id) = (Table::new(Global, PLACES), HashMap::new(), HashMap::new());
        for (object, (step, key)) in (0..).zip(steps) {
            match step {
                // Keys that share a chain now and then.
                0 | 1 => {
                    let known = by_key.get(&key).copied();
                    let id = open(&mut table, key, IPC_CREAT, object).expect("there is room");
                    if let Some(known) = known {
                        prop_assert_eq!(id, known);
                    } else {
                        prop_assert!(by_id.insert(id, object).is_none());
                        if key != IPC_PRIVATE {
                            by_key.insert(key, id);
                        }
                    }
                }
                2 => {
                    if let Some(id) = by_key.remove(&key) {
                        prop_assert_eq!(table.remove(id).ok(), by_id.remove(&id));
                    }
                }
                _ => {
                    if let Some(id) = by_key.remove(&key) {
                        prop_assert_eq!(table.forget_key(id), Ok(()));
                    }
                }
            }
            prop_assert_eq!(table.count(), by_id.len());
            prop_assert_eq!(table.highest(), by_id.keys().map(|id: &Id| id.index()).max().unwrap_or(0));
            for (&id, &object) in &by_id {
                prop_assert_eq!(table.get(id), Ok(&object));
                prop_assert_eq!(table.at(id.index()), Some(id));
            }
            for key in 0..40 {
                prop_assert_eq!(table.find(key), by_key.get(&key).copied());
            }
        }
    }
}
