//! Keys and their values, behind as many locks as make it unlikely that two connections want the same.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks.
const SHARDS: usize = 64;
/// Bytes of keys and values, all together, at most: what others send must not take the machine's memory.
const ROOM: usize = 64 << 20;
/// What a key takes besides its bytes and its value's: two blocks of the heap, and its place in the table.
const PLACE: usize = 160;

/// Why something cannot be done; nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The value is no number.
    NoNumber,
    /// The sum is more than a number can be.
    TooGreat,
    /// There is no room for it.
    Full,
}

impl Refusal {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoNumber => "no number",
            Self::TooGreat => "the number is too great",
            Self::Full => "full",
        }
    }
}

/// What a key and its value take.
const fn cost(key: &[u8], value: &[u8]) -> usize {
    PLACE + key.len() + value.len()
}

type Shard = HashMap<Vec<u8>, Vec<u8>>;

/// The keys.
#[derive(Debug)]
pub struct Store {
    shards: [Mutex<Shard>; SHARDS],
    chooser: RandomState,
    /// What all keys and values take.
    bytes: AtomicUsize,
}

impl Default for Store {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), chooser: RandomState::new(), bytes: AtomicUsize::new(0) }
    }
}

impl Store {
    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        let number = usize::try_from(self.chooser.hash_one(key) % SHARDS as u64).unwrap_or(0);
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a value in place, in a shard that is locked.
    fn put(&self, shard: &mut Shard, key: &[u8], value: Vec<u8>) -> Result<(), Refusal> {
        let before = shard.get(key).map_or(0, |value| cost(key, value));
        let after = cost(key, &value);
        if after > before {
            let more = after - before;
            let has_room = |bytes: usize| Some(bytes + more).filter(|bytes| *bytes <= ROOM);
            self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, has_room).map_err(|_| Refusal::Full)?;
        } else {
            self.bytes.fetch_sub(before - after, Ordering::Relaxed);
        }
        match shard.get_mut(key) {
            Some(place) => *place = value,
            None => drop(shard.insert(key.to_vec(), value)),
        }
        Ok(())
    }

    /// Sets a key's value.
    pub fn set(&self, key: &[u8], value: Vec<u8>) -> Result<(), Refusal> {
        self.put(&mut self.shard(key), key, value)
    }

    /// Reads a key's value.
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.shard(key).get(key).cloned()
    }

    /// Adds to the number that a key's value is; the sum.
    pub fn add(&self, key: &[u8], number: u64) -> Result<u64, Refusal> {
        let mut shard = self.shard(key);
        let before = match shard.get(key) {
            None => 0,
            Some(value) => std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or(Refusal::NoNumber)?,
        };
        let sum: u64 = number.checked_add(before).ok_or(Refusal::TooGreat)?;
        self.put(&mut shard, key, sum.to_string().into_bytes())?;
        Ok(sum)
    }

    /// Removes a key; whether it was there.
    pub fn remove(&self, key: &[u8]) -> bool {
        let removed = self.shard(key).remove(key);
        let bytes = removed.as_ref().map_or(0, |value| cost(key, value));
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        removed.is_some()
    }

    /// How many keys there are.
    pub fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }
}
