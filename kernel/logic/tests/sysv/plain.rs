//! Semaphore sets as the manual pages tell them, done plainly: copies of values, lists of who waits.

use skete_abi::Errno;
use skete_abi::ipc::{IPC_CREAT, IPC_EXCL, IPC_NOWAIT, IPC_PRIVATE};
use skete_abi::sem::{SEM_UNDO, SEMVMX, SemBuf};
use skete_logic::sysv::limits::Limits;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
struct Waiting {
    thread: u16,
    list: u16,
    operations: Vec<SemBuf>,
}

/// A set.
#[derive(Clone, Debug)]
pub struct Set {
    key: i32,
    mode: i32,
    pub values: Vec<i32>,
    /// Who changed each last.
    pub threads: Vec<Option<u16>>,
    waiting: Vec<Waiting>,
    /// What each list is to add to each value.
    undo: BTreeMap<u16, Vec<i32>>,
}

/// What `semop` does at once.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Waits,
    Failed(Errno),
}

/// A thread, and what its sleep answers.
pub type Woken = (u16, Result<(), Errno>);

/// All sets, by id.
#[derive(Debug)]
pub struct Plain {
    pub sets: BTreeMap<i32, Set>,
    pub limits: Limits,
}

enum Try {
    Done(Set),
    Blocked(SemBuf),
    Failed(Errno),
}

impl Set {
    fn attempt(&self, waiting: &Waiting) -> Try {
        let mut set = self.clone();
        for &operation in &waiting.operations {
            let (number, change) = (usize::from(operation.sem_num), i32::from(operation.sem_op));
            let value = set.values[number] + change;
            if value < 0 || change == 0 && value != 0 {
                return if operation.sem_flg & IPC_NOWAIT != 0 { Try::Failed(Errno::EAGAIN) } else { Try::Blocked(operation) };
            }
            if value > i32::from(SEMVMX) {
                return Try::Failed(Errno::ERANGE);
            }
            if operation.sem_flg & SEM_UNDO != 0 {
                let undo = &mut set.undo.entry(waiting.list).or_insert_with(|| vec![0; self.values.len()])[number];
                *undo -= change;
                if i16::try_from(*undo).is_err() {
                    return Try::Failed(Errno::ERANGE);
                }
            }
            (set.values[number], set.threads[number]) = (value, Some(waiting.thread));
        }
        Try::Done(set)
    }

    /// Lets everybody go who can: after each change first those who wait for zeros, then the first of the others.
    fn serve(&mut self) -> Vec<Woken> {
        let mut woken = Vec::new();
        'again: loop {
            for readers in [true, false] {
                for at in 0..self.waiting.len() {
                    let waiting = self.waiting[at].clone();
                    if waiting.operations.iter().all(|operation| operation.sem_op == 0) != readers {
                        continue;
                    }
                    let answer = match self.attempt(&waiting) {
                        Try::Blocked(_) => continue,
                        Try::Failed(errno) => Err(errno),
                        Try::Done(set) => {
                            *self = set;
                            Ok(())
                        }
                    };
                    self.waiting.remove(at);
                    woken.push((waiting.thread, answer));
                    continue 'again;
                }
            }
            return woken;
        }
    }

    fn may(&self, change: bool) -> Result<(), Errno> {
        if self.mode & if change { 0o200 } else { 0o400 } == 0 { Err(Errno::EACCES) } else { Ok(()) }
    }

    /// How many wait for a rise or, if `for_zero`, a fall of `number`.
    fn count(&self, number: usize, for_zero: bool) -> usize {
        let blocking = self.waiting.iter().filter_map(|waiting| match self.attempt(waiting) {
            Try::Blocked(operation) => Some(operation),
            _ => None,
        });
        blocking.filter(|operation| usize::from(operation.sem_num) == number && (operation.sem_op == 0) == for_zero).count()
    }
}

impl Plain {
    /// `semget`, up to the id of a new set: the id of an old one, or `None` where [`make`](Self::make) is to follow.
    pub fn get(&self, key: i32, count: usize, flags: i32) -> Result<Option<i32>, Errno> {
        if count > self.limits.per_set as usize {
            return Err(Errno::EINVAL);
        }
        let found = self.sets.iter().find(|(_, set)| key != IPC_PRIVATE && set.key == key);
        let Some((&id, set)) = found else {
            if key != IPC_PRIVATE && flags & IPC_CREAT == 0 {
                return Err(Errno::ENOENT);
            }
            let used: usize = self.sets.values().map(|set| set.values.len()).sum();
            if count == 0 {
                return Err(Errno::EINVAL);
            }
            let is_full = self.sets.len() == self.limits.sets as usize || used + count > self.limits.in_all as usize;
            return if is_full { Err(Errno::ENOSPC) } else { Ok(None) };
        };
        if flags & IPC_CREAT != 0 && flags & IPC_EXCL != 0 {
            return Err(Errno::EEXIST);
        }
        if count > set.values.len() {
            return Err(Errno::EINVAL);
        }
        if (flags & 0o600) & !set.mode != 0 { Err(Errno::EACCES) } else { Ok(Some(id)) }
    }

    /// A new set, under the id that it got.
    pub fn make(&mut self, id: i32, key: i32, count: usize, flags: i32) {
        let set =
            Set { key, mode: flags & 0o777, values: vec![0; count], threads: vec![None; count], waiting: vec![], undo: BTreeMap::new() };
        assert!(self.sets.insert(id, set).is_none(), "two sets have one id");
    }

    /// IPC_RMID.
    pub fn remove(&mut self, id: i32) -> Result<Vec<Woken>, Errno> {
        let set = self.sets.remove(&id).ok_or(Errno::EINVAL)?;
        Ok(set.waiting.iter().map(|waiting| (waiting.thread, Err(Errno::EIDRM))).collect())
    }

    /// `semop` of `thread`, which shares `list`.
    pub fn operate(&mut self, thread: u16, list: u16, id: i32, operations: &[SemBuf]) -> (Outcome, Vec<Woken>) {
        let Some(set) = self.sets.get_mut(&id) else { return (Outcome::Failed(Errno::EINVAL), vec![]) };
        if operations.iter().any(|operation| usize::from(operation.sem_num) >= set.values.len()) {
            return (Outcome::Failed(Errno::EFBIG), vec![]);
        }
        if let Err(errno) = set.may(operations.iter().any(|operation| operation.sem_op != 0)) {
            return (Outcome::Failed(errno), vec![]);
        }
        let waiting = Waiting { thread, list, operations: operations.to_vec() };
        match set.attempt(&waiting) {
            Try::Failed(errno) => (Outcome::Failed(errno), vec![]),
            Try::Blocked(_) => {
                set.waiting.push(waiting);
                (Outcome::Waits, vec![])
            }
            Try::Done(done) => {
                *set = done;
                (Outcome::Done, set.serve())
            }
        }
    }

    /// One who is late: whether it waited.
    pub fn withdraw(&mut self, thread: u16) -> bool {
        self.sets.values_mut().any(|set| {
            let before = set.waiting.len();
            set.waiting.retain(|waiting| waiting.thread != thread);
            set.waiting.len() < before
        })
    }

    /// Whether `thread` waits.
    pub fn is_waiting(&self, thread: u16) -> bool {
        self.sets.values().any(|set| set.waiting.iter().any(|waiting| waiting.thread == thread))
    }

    /// SETVAL and SETALL, which is of no `number`.
    pub fn set(&mut self, thread: u16, id: i32, number: Option<usize>, values: &[i32]) -> Result<Vec<Woken>, Errno> {
        if values.iter().any(|value| !(0..=i32::from(SEMVMX)).contains(value)) {
            return Err(Errno::ERANGE);
        }
        let set = self.sets.get_mut(&id).ok_or(Errno::EINVAL)?;
        let first = number.unwrap_or(0);
        if number.is_some_and(|number| number >= set.values.len()) {
            return Err(Errno::EINVAL);
        }
        set.may(true)?;
        if number.is_none() && values.len() != set.values.len() {
            return Err(Errno::EINVAL);
        }
        for (at, &value) in (first..).zip(values) {
            (set.values[at], set.threads[at]) = (value, Some(thread));
            set.undo.values_mut().for_each(|undo| undo[at] = 0);
        }
        Ok(set.serve())
    }

    /// IPC_SET.
    pub fn set_mode(&mut self, id: i32, mode: i32) -> Result<(), Errno> {
        self.sets.get_mut(&id).ok_or(Errno::EINVAL)?.mode = mode & 0o777;
        Ok(())
    }

    /// GETVAL, GETPID, GETNCNT, GETZCNT of `number`.
    pub fn tell(&self, id: i32, number: usize) -> Result<(i32, Option<u16>, usize, usize), Errno> {
        let set = self.sets.get(&id).ok_or(Errno::EINVAL)?;
        set.may(false)?;
        let value = *set.values.get(number).ok_or(Errno::EINVAL)?;
        Ok((value, set.threads[number], set.count(number, false), set.count(number, true)))
    }

    /// `thread`, the last one that shared `list`, has left it. Sets are undone in the order of their places.
    pub fn undo(&mut self, thread: u16, list: u16) -> Vec<Woken> {
        let mut ids = self.sets.keys().copied().collect::<Vec<_>>();
        ids.sort_by_key(|id| id & 0x7fff);
        let mut woken = Vec::new();
        for id in ids {
            let Some(set) = self.sets.get_mut(&id) else { continue };
            let Some(undo) = set.undo.remove(&list) else { continue };
            for (at, &change) in undo.iter().enumerate().filter(|(_, change)| **change != 0) {
                set.values[at] = (set.values[at] + change).clamp(0, SEMVMX.into());
                set.threads[at] = Some(thread);
            }
            woken.extend(set.serve());
        }
        woken
    }
}
