//! Directory entries, read back the way std reads them.
#![cfg(not(loom))]
#![allow(unsafe_code, reason = "buffers that were filled")]

use core::mem::MaybeUninit;

use proptest::prelude::*;
use skete_logic::dirent;
use skete_logic::tree::{Entry, Kind, NodeId};

/// What std takes out of an entry: where the next one is, the type, the name up to its NUL.
fn parse(bytes: &[u8]) -> (usize, u64, u8, Vec<u8>) {
    let node = bytes[..8]
        .iter()
        .rev()
        .fold(0, |sum, &byte| sum << 8 | u64::from(byte));
    let len = usize::from(bytes[16]) | usize::from(bytes[17]) << 8;
    let name = bytes[19..]
        .iter()
        .copied()
        .take_while(|&byte| byte != 0)
        .collect();
    (len, node, bytes[18], name)
}

proptest! {
    #[test]
    fn entries_lie_one_behind_the_other_aligned_and_whole(
        names in prop::collection::vec(prop::collection::vec(1_u8.., 1..256), 1..9),
        room in 0_usize..2000,
    ) {
        let mut buffer = vec![MaybeUninit::new(0xee_u8); room];
        let mut at = 0;
        let mut fitted = 0;
        for (index, name) in names.iter().enumerate() {
            let entry = Entry { name, node: NodeId(7), kind: Kind::File };
            let Some(len) = dirent::emit(&entry, index as u64 + 1, &mut buffer[at..]) else {
                prop_assert!(dirent::len(&entry) > room - at);
                break;
            };
            prop_assert_eq!(len % 8, 0);
            at += len;
            fitted += 1;
        }
        // SAFETY: every byte was given a value above.
        let bytes: Vec<u8> = buffer.iter().map(|byte| unsafe { byte.assume_init() }).collect();
        let mut bytes = &bytes[..at];
        for name in &names[..fitted] {
            let (len, node, kind, found) = parse(bytes);
            prop_assert_eq!((node, kind, &found), (7, 8, name));
            bytes = &bytes[len..];
        }
        prop_assert!(bytes.is_empty());
    }
}
