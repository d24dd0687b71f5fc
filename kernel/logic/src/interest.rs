//! What an epoll watches: which files, for what, and which of it is to be told next (`epoll(7)`).
//!
//! A file is known by the number under which it was added. What it is ready for is asked of whoever knows, with a count that changes
//! whenever something happened to it: one that is watched by its edges is told again only then.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use skete_abi::Errno;

/// `EPOLLONESHOT`: told once, then not until it is changed.
pub const ONCE: u32 = 1 << 30;
/// `EPOLLET`: told when something has happened to it.
pub const EDGES: u32 = 1 << 31;
/// `EPOLLERR`, `EPOLLHUP`: told whether or not they are asked for.
pub const UNASKED: u32 = 0x8 | 0x10;
/// What is no state of a file: how it is told.
const MANNER: u32 = ONCE | EDGES | 1 << 28 | 1 << 29;

/// What a file is ready for, in the bits of `poll(2)`, and the count of what happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The bits.
    pub ready: u32,
    /// The count.
    pub count: u32,
}

/// What is told: the bits, and the program's own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// What the file is ready for, of what was asked.
    pub ready: u32,
    /// As it was given.
    pub word: u64,
}

struct Interest<T> {
    fd: i32,
    object: T,
    asked: u32,
    word: u64,
    /// The count when it was last told; none if it was not since it was added or changed.
    told_at: Option<u32>,
}

/// The files that one epoll watches.
pub struct Interests<T, A: Allocator> {
    all: Vec<Interest<T>, A>,
    /// Where the next look begins, so that the first do not keep the others from being told.
    next: usize,
}

impl<T: Copy, A: Allocator> Interests<T, A> {
    /// None yet; they take their memory from `space`.
    pub const fn new(space: A) -> Self {
        Self { all: Vec::new_in(space), next: 0 }
    }

    /// Watches one more.
    ///
    /// # Errors
    /// `EEXIST`: it is watched already. `ENOMEM`.
    pub fn add(&mut self, fd: i32, object: T, asked: u32, word: u64) -> Result<(), Errno> {
        if self.place(fd).is_ok() {
            return Err(Errno::EEXIST);
        }
        self.all.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        self.all.push(Interest { fd, object, asked, word, told_at: None });
        Ok(())
    }

    /// Watches it for something else.
    ///
    /// # Errors
    /// `ENOENT`: it is not watched.
    pub fn change(&mut self, fd: i32, asked: u32, word: u64) -> Result<(), Errno> {
        let place = self.place(fd)?;
        let interest = &mut self.all[place];
        (interest.asked, interest.word, interest.told_at) = (asked, word, None);
        Ok(())
    }

    /// Watches it no more.
    ///
    /// # Errors
    /// `ENOENT`: it is not watched.
    pub fn remove(&mut self, fd: i32) -> Result<(), Errno> {
        let place = self.place(fd)?;
        self.all.swap_remove(place);
        Ok(())
    }

    fn place(&self, fd: i32) -> Result<usize, Errno> {
        self.all.iter().position(|interest| interest.fd == fd).ok_or(Errno::ENOENT)
    }

    /// Tells of as many as `most` that are to be told, by what `state` says of them; `tell` takes each. How many those were.
    pub fn look(&mut self, most: usize, state: impl Fn(T) -> State, mut tell: impl FnMut(Told)) -> usize {
        let (length, mut told) = (self.all.len(), 0);
        for step in 0..length {
            let place = (self.next + step) % length;
            let interest = &mut self.all[place];
            let Some(found) = interest.due(state(interest.object)) else { continue };
            tell(found);
            told += 1;
            if told == most {
                self.next = place + 1;
                break;
            }
        }
        told
    }

    /// Whether [`look`](Self::look) would tell of any.
    pub fn has_any(&self, state: impl Fn(T) -> State) -> bool {
        self.all.iter().any(|interest| interest.ready(state(interest.object)) != 0)
    }
}

impl<T> Interest<T> {
    /// What is to be told of it in this state.
    fn ready(&self, state: State) -> u32 {
        let is_silent = self.asked & !MANNER == 0;
        if is_silent || self.asked & EDGES != 0 && self.told_at == Some(state.count) { 0 } else { state.ready & (self.asked | UNASKED) }
    }

    fn due(&mut self, state: State) -> Option<Told> {
        let ready = self.ready(state);
        if ready == 0 {
            return None;
        }
        self.told_at = Some(state.count);
        if self.asked & ONCE != 0 {
            self.asked &= MANNER;
        }
        Some(Told { ready, word: self.word })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::cell::Cell;
    use std::vec::Vec;

    use allocator_api2::alloc::Global;

    use super::*;

    const IN: u32 = 1;
    const OUT: u32 = 4;

    type Files = [Cell<State>; 3];

    fn files() -> Files {
        [const { Cell::new(State { ready: 0, count: 0 }) }; 3]
    }

    fn happens(files: &Files, file: usize, ready: u32) {
        files[file].set(State { ready, count: files[file].get().count + 1 });
    }

    fn told(interests: &mut Interests<usize, Global>, files: &Files, most: usize) -> Vec<(u64, u32)> {
        let mut found = Vec::new();
        let count = interests.look(most, |file| files[file].get(), |told| found.push((told.word, told.ready)));
        assert_eq!(count, found.len());
        found
    }

    fn watching(asked: u32) -> (Interests<usize, Global>, Files) {
        let mut interests = Interests::new(Global);
        (0..3).for_each(|file| interests.add(file, file as usize, asked, file as u64 + 10).expect("it is new"));
        (interests, files())
    }

    #[test]
    fn by_level_a_file_is_told_as_long_as_it_is_ready() {
        let (mut interests, files) = watching(IN);
        assert!(told(&mut interests, &files, 8).is_empty() && !interests.has_any(|file| files[file].get()));
        happens(&files, 1, IN | OUT);
        assert_eq!(told(&mut interests, &files, 8), [(11, IN)]);
        assert_eq!(told(&mut interests, &files, 8), [(11, IN)]);
        happens(&files, 1, 0);
        assert!(told(&mut interests, &files, 8).is_empty());
    }

    #[test]
    fn by_edges_it_is_told_once_for_whatever_happened() {
        let (mut interests, files) = watching(IN | EDGES);
        happens(&files, 2, IN);
        assert_eq!(told(&mut interests, &files, 8), [(12, IN)]);
        assert!(told(&mut interests, &files, 8).is_empty());
        // It was ready before and is ready now: emptied and filled meanwhile, or filled once more.
        happens(&files, 2, IN);
        assert!(interests.has_any(|file| files[file].get()));
        assert_eq!(told(&mut interests, &files, 8), [(12, IN)]);
    }

    #[test]
    fn what_was_ready_before_it_was_watched_is_told() {
        let (mut interests, files) = watching(IN | EDGES);
        happens(&files, 0, IN);
        assert_eq!(told(&mut interests, &files, 8), [(10, IN)]);
        interests.change(0, IN | EDGES, 99).expect("it is watched");
        assert_eq!(told(&mut interests, &files, 8), [(99, IN)]);
    }

    #[test]
    fn once_is_once_until_it_is_changed() {
        let (mut interests, files) = watching(IN | ONCE);
        happens(&files, 0, IN | UNASKED);
        assert_eq!(told(&mut interests, &files, 8), [(10, IN | UNASKED)]);
        happens(&files, 0, IN | UNASKED);
        assert!(told(&mut interests, &files, 8).is_empty());
        interests.change(0, IN | ONCE, 10).expect("it is watched");
        assert_eq!(told(&mut interests, &files, 8).len(), 1);
    }

    #[test]
    fn who_takes_few_at_a_time_is_told_of_all_in_turn() {
        let (mut interests, files) = watching(OUT);
        (0..3).for_each(|file| happens(&files, file, OUT));
        let words: Vec<u64> = (0..6).flat_map(|_| told(&mut interests, &files, 1)).map(|(word, _)| word).collect();
        assert_eq!(words, [10, 11, 12, 10, 11, 12]);
    }

    #[test]
    fn a_file_is_added_once_and_what_is_not_watched_cannot_be_changed() {
        let (mut interests, files) = watching(IN);
        assert_eq!(interests.add(0, 0, IN, 0), Err(Errno::EEXIST));
        assert_eq!((interests.remove(0), interests.remove(0)), (Ok(()), Err(Errno::ENOENT)));
        assert_eq!(interests.change(0, IN, 0), Err(Errno::ENOENT));
        (0..3).for_each(|file| happens(&files, file, IN));
        assert_eq!(told(&mut interests, &files, 8).len(), 2);
    }
}
