//! `shmat` and `shmdt`.

use super::places::{Attachment, units};
use super::{Caller, Memory, Registry};
use crate::pages::PAGE;
use crate::sysv::ids::Id;
use allocator_api2::alloc::Allocator;
use core::ops::Range;
use skete_abi::Errno;
use skete_abi::ipc::{S_IRUGO, S_IWUGO};
use skete_abi::shm::{SHM_EXEC, SHM_RDONLY, SHM_REMAP, SHM_RND, SHMLBA};

/// The address that the caller wants; `None`: any.
fn wanted(address: u64, flags: i32) -> Result<Option<u64>, Errno> {
    let rounded = if flags & SHM_RND == 0 { address } else { address / SHMLBA * SHMLBA };
    match address {
        _ if flags & SHM_EXEC != 0 => Err(Errno::EINVAL),
        0 if flags & SHM_REMAP != 0 => Err(Errno::EINVAL),
        0 => Ok(None),
        _ if !rounded.is_multiple_of(SHMLBA) => Err(Errno::EINVAL),
        _ => Ok(Some(rounded)),
    }
}

impl<F, A: Allocator + Clone> Registry<F, A> {
    /// `shmat`: where the segment of `id` begins from now on, `address` or wherever there is room. With `owner`, the attachment ends with
    /// that thread.
    ///
    /// # Errors
    /// `EINVAL`: no such segment; an address that is not aligned, not to be had, or taken; replacing a part of an attachment; execution.
    /// `EACCES`: the segment's mode does not grant it. `ENOMEM`.
    pub fn attach<M: Memory<Frames = F>>(
        &mut self,
        memory: &M,
        caller: Caller,
        id: Id,
        address: u64,
        flags: i32,
        owner: Option<i32>,
    ) -> Result<u64, Errno> {
        let wanted = wanted(address, flags)?;
        let segment = self.ids.get_mut(id)?;
        let is_read_only = flags & SHM_RDONLY != 0;
        if !segment.permissions.grants(if is_read_only { S_IRUGO } else { S_IRUGO | S_IWUGO }) {
            return Err(Errno::EACCES);
        }
        let pages = segment.pages();
        self.places.reserve()?;
        // Before anything is replaced: that may be the last attachment of this very segment.
        segment.attached += 1;
        let placed = match wanted {
            None => memory.choose(pages).ok_or(Errno::ENOMEM),
            Some(start) => self.make_way(memory, caller, start, pages, flags & SHM_REMAP != 0).map(|()| start),
        };
        let attached = placed.and_then(|start| {
            let segment = self.ids.get_mut(id)?;
            if !memory.map(start, &segment.frames, is_read_only) {
                self.give_units(memory, &(start..start + pages * PAGE), wanted.is_some());
                return Err(Errno::ENOMEM);
            }
            segment.note_attached(caller);
            self.places.insert(Attachment { start, pages, id, is_read_only, is_named: wanted.is_some(), owner });
            Ok(start)
        });
        if attached.is_err() {
            self.let_go(id);
        }
        attached
    }

    /// Makes the addresses of `pages` pages from `start` on free and ours.
    fn make_way<M: Memory<Frames = F>>(&mut self, memory: &M, caller: Caller, start: u64, pages: u64, replaces: bool) -> Result<(), Errno> {
        let end = pages.checked_mul(PAGE).and_then(|bytes| start.checked_add(bytes)).ok_or(Errno::EINVAL)?;
        let window = memory.window();
        if start < window.start || end > window.end {
            return Err(Errno::EINVAL);
        }
        let range = start..end;
        let is_covered = |other: Attachment| start <= other.start && other.range().end <= end;
        if !self.places.inside(&range).all(|other| replaces && is_covered(other)) {
            return Err(Errno::EINVAL);
        }
        if let Err(claimed) = self.places.each_bare_row(&range, |row| memory.claim(row)) {
            self.give_units(memory, &claimed, true);
            return Err(Errno::EINVAL);
        }
        while let Some(other) = self.places.first_inside(&range) {
            self.end(memory, caller, other);
        }
        Ok(())
    }

    /// `shmdt`: ends the attachment that begins at `address`.
    ///
    /// # Errors
    /// `EINVAL`: none does.
    pub fn detach<M: Memory<Frames = F>>(&mut self, memory: &M, caller: Caller, address: u64) -> Result<(), Errno> {
        let attachment = self.places.around(address).filter(|attachment| attachment.start == address).ok_or(Errno::EINVAL)?;
        self.end(memory, caller, attachment);
        self.give_units(memory, &attachment.range(), attachment.is_named);
        Ok(())
    }

    /// Ends every attachment that was to end with the calling thread.
    pub fn detach_owned<M: Memory<Frames = F>>(&mut self, memory: &M, caller: Caller) {
        while let Some(attachment) = self.places.owned_by(caller.pid) {
            self.end(memory, caller, attachment);
            self.give_units(memory, &attachment.range(), attachment.is_named);
        }
    }

    /// Ends an attachment. Its units stay taken.
    fn end<M: Memory<Frames = F>>(&mut self, memory: &M, caller: Caller, attachment: Attachment) {
        memory.unmap(attachment.range());
        self.places.remove(attachment.start);
        if let Ok(segment) = self.ids.get_mut(attachment.id) {
            segment.note_detached(caller);
        }
        self.let_go(attachment.id);
    }

    /// One attachment less; the last one of a removed segment takes it along.
    fn let_go(&mut self, id: Id) {
        let Ok(segment) = self.ids.get_mut(id) else { return };
        segment.attached -= 1;
        if segment.attached == 0 && segment.is_removed {
            self.destroy(id);
        }
    }

    /// Gives those units around `range` back that no attachment lies in.
    fn give_units<M: Memory<Frames = F>>(&self, memory: &M, range: &Range<u64>, are_named: bool) {
        let given = self.places.each_bare_row(&units(range), |row| {
            memory.release(row, are_named);
            true
        });
        debug_assert!(given.is_ok(), "every row was taken");
    }
}
