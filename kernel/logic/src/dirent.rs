//! A directory's entries as `getdents64` lays them out: head, name, NUL, then padding, so that the next head is aligned.

use core::mem::{MaybeUninit, offset_of};

use skete_abi::files::{self, DIRENT_NAME_OFFSET, Dirent};

use crate::tree::{Entry, Kind};

/// Bytes that `entry` takes.
#[must_use]
pub const fn len(entry: &Entry<'_>) -> usize {
    (DIRENT_NAME_OFFSET + entry.name.len() + 1).next_multiple_of(align_of::<Dirent>())
}

/// Lays `entry` at the start of `into` and says how many bytes it took; `None` if it does not fit. `next` is the position behind it.
pub fn emit(entry: &Entry<'_>, next: u64, into: &mut [MaybeUninit<u8>]) -> Option<usize> {
    let len = len(entry);
    let into = into.get_mut(..len)?;
    let kind = match entry.kind {
        Kind::Directory => files::DT_DIR,
        Kind::File => files::DT_REG,
        Kind::Link => files::DT_LNK,
        Kind::Device(_) => files::DT_CHR,
        Kind::Socket => files::DT_SOCK,
        Kind::Pipe => files::DT_FIFO,
    };
    into.fill(MaybeUninit::new(0));
    put(into, offset_of!(Dirent, d_ino), &u64::from(entry.node.0).to_ne_bytes());
    put(into, offset_of!(Dirent, d_off), &next.to_ne_bytes());
    put(into, offset_of!(Dirent, d_reclen), &u16::try_from(len).ok()?.to_ne_bytes());
    put(into, offset_of!(Dirent, d_type), &[kind]);
    put(into, DIRENT_NAME_OFFSET, entry.name);
    Some(len)
}

fn put(into: &mut [MaybeUninit<u8>], at: usize, bytes: &[u8]) {
    into[at..at + bytes.len()].write_copy_of_slice(bytes);
}
