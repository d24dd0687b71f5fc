//! Shared memory as the manual pages tell it, done plainly: lists, gone through from end to end.

use super::shm_memory::{FOREIGN, FRAMES, START, UNITS};
use skete_abi::Errno;
use skete_abi::shm::{SHM_RDONLY, SHM_REMAP, SHM_RND};
use skete_logic::pages::PAGE;
use skete_logic::sysv::ids::{IPC_CREAT, IPC_EXCL, IPC_PRIVATE};
use skete_logic::sysv::shm::UNIT;
use skete_logic::sysv::shm::limits::Limits;

#[derive(Clone, Debug)]
pub struct Segment {
    pub id: i32,
    pub key: i32,
    pub bytes: u64,
    pub mode: i32,
    pub is_removed: bool,
    pub last: i32,
}

impl Segment {
    pub fn pages(&self) -> u64 {
        self.bytes.div_ceil(PAGE)
    }

    fn grants(&self, flags: i32) -> bool {
        (flags >> 6 | flags >> 3 | flags) & 7 & !(self.mode >> 6) == 0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attachment {
    pub start: u64,
    pub pages: u64,
    pub id: i32,
    pub is_read_only: bool,
    pub owner: Option<i32>,
}

impl Attachment {
    pub fn end(&self) -> u64 {
        self.start + self.pages * PAGE
    }

    fn meets(&self, start: u64, end: u64) -> bool {
        self.start < end && start < self.end()
    }
}

#[derive(Default)]
pub struct Plain {
    pub segments: Vec<Segment>,
    pub attachments: Vec<Attachment>,
}

/// What `shmget` is to answer.
pub enum Get {
    There(i32),
    New(Segment),
}

impl Plain {
    pub fn pages(&self) -> u64 {
        self.segments.iter().map(Segment::pages).sum()
    }

    pub fn find(&self, id: i32) -> Result<&Segment, Errno> {
        self.segments.iter().find(|segment| segment.id == id).ok_or(Errno::EINVAL)
    }

    pub fn attached(&self, id: i32) -> usize {
        self.attachments.iter().filter(|attachment| attachment.id == id).count()
    }

    pub fn get(&self, limits: Limits, key: i32, bytes: u64, flags: i32) -> Result<Get, Errno> {
        if key != IPC_PRIVATE {
            match self.segments.iter().find(|segment| segment.key == key) {
                None if flags & IPC_CREAT == 0 => return Err(Errno::ENOENT),
                None => {}
                Some(_) if flags & IPC_CREAT != 0 && flags & IPC_EXCL != 0 => return Err(Errno::EEXIST),
                Some(segment) if bytes > segment.bytes => return Err(Errno::EINVAL),
                Some(segment) if !segment.grants(flags) => return Err(Errno::EACCES),
                Some(segment) => return Ok(Get::There(segment.id)),
            }
        }
        let new = Segment { id: -1, key, bytes, mode: flags & 0o777, is_removed: false, last: 0 };
        if bytes == 0 || bytes > limits.bytes {
            return Err(Errno::EINVAL);
        }
        if self.segments.len() >= limits.segments || self.pages() + new.pages() > limits.pages {
            return Err(Errno::ENOSPC);
        }
        if self.pages() + new.pages() > FRAMES { Err(Errno::ENOMEM) } else { Ok(Get::New(new)) }
    }

    fn is_unit_free(&self, unit: u64) -> bool {
        unit != FOREIGN && !self.attachments.iter().any(|other| other.meets(unit, unit + UNIT))
    }

    /// Whether some place of whole free units holds `pages`.
    pub fn has_room(&self, pages: u64) -> bool {
        let units = (pages * PAGE).div_ceil(UNIT);
        (0..UNITS).any(|first| first + units <= UNITS && (first..first + units).all(|unit| self.is_unit_free(START + unit * UNIT)))
    }

    /// Where `shmat` is to attach: `None` is any free place.
    pub fn place(&self, id: i32, address: u64, flags: i32) -> Result<Option<u64>, Errno> {
        if address == 0 && flags & SHM_REMAP != 0 || !address.is_multiple_of(PAGE) && flags & SHM_RND == 0 {
            return Err(Errno::EINVAL);
        }
        let segment = self.find(id)?;
        if !segment.grants(if flags & SHM_RDONLY != 0 { 0o444 } else { 0o666 }) {
            return Err(Errno::EACCES);
        }
        if address == 0 {
            return if self.has_room(segment.pages()) { Ok(None) } else { Err(Errno::ENOMEM) };
        }
        let start = address / PAGE * PAGE;
        let end = start + segment.pages() * PAGE;
        let is_inside = start >= START && end <= START + UNITS * UNIT;
        let is_foreign = start < FOREIGN + UNIT && FOREIGN < end;
        let is_in_the_way = |other: &Attachment| {
            let is_replaced = flags & SHM_REMAP != 0 && other.start >= start && other.end() <= end;
            other.meets(start, end) && !is_replaced
        };
        if !is_inside || is_foreign || self.attachments.iter().any(is_in_the_way) { Err(Errno::EINVAL) } else { Ok(Some(start)) }
    }

    /// Attaches at `start`, replacing what lies there.
    pub fn attach(&mut self, pid: i32, id: i32, start: u64, flags: i32, owner: Option<i32>) {
        let pages = self.find(id).expect("it was looked for").pages();
        let new = Attachment { start, pages, id, is_read_only: flags & SHM_RDONLY != 0, owner };
        let replaced = |other: &Attachment| other.meets(new.start, new.end());
        let gone = self.attachments.iter().copied().filter(replaced).collect::<Vec<_>>();
        self.attachments.push(new);
        self.end(pid, &gone);
        self.note(pid, id);
    }

    pub fn detach(&mut self, pid: i32, start: u64) -> Result<(), Errno> {
        let gone = *self.attachments.iter().find(|attachment| attachment.start == start).ok_or(Errno::EINVAL)?;
        self.end(pid, &[gone]);
        Ok(())
    }

    pub fn end_thread(&mut self, pid: i32) {
        let gone = self.attachments.iter().copied().filter(|attachment| attachment.owner == Some(pid)).collect::<Vec<_>>();
        self.end(pid, &gone);
    }

    fn end(&mut self, pid: i32, gone: &[Attachment]) {
        for attachment in gone {
            let at = self.attachments.iter().position(|other| other == attachment).expect("it is there");
            self.attachments.remove(at);
            self.note(pid, attachment.id);
        }
        self.sweep();
    }

    fn note(&mut self, pid: i32, id: i32) {
        for segment in self.segments.iter_mut().filter(|segment| segment.id == id) {
            segment.last = pid;
        }
    }

    pub fn remove(&mut self, id: i32) -> Result<(), Errno> {
        self.find(id)?;
        for segment in self.segments.iter_mut().filter(|segment| segment.id == id) {
            (segment.is_removed, segment.key) = (true, IPC_PRIVATE);
        }
        self.sweep();
        Ok(())
    }

    fn sweep(&mut self) {
        let attachments = &self.attachments;
        self.segments.retain(|segment| !segment.is_removed || attachments.iter().any(|attachment| attachment.id == segment.id));
    }
}
