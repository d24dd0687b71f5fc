//! What a thread's end does to the word that it was to clear (`set_tid_address(2)`).

use super::{ANY, Key, Table};
use crate::host::{Host, RawLock};
use crate::mutant::{self, Mutant};

impl<L: RawLock, const N: usize> Table<L, N> {
    /// The caller ends: `clear` zeroes its word, then one who waits for it is woken. The word has two names; who waits by the first is
    /// served first. `clear` says whether the word could be written; from then on its memory may be gone, so its names were found before.
    pub fn exit_wakeup(&self, host: &impl Host, names: [Option<Key>; 2], clear: impl FnOnce() -> bool) {
        let wake_one = |key: Key| self.wake(host, key, 1, ANY) == 1 && !mutant::is(Mutant::EndWakesByEachName);
        let wake = || names.into_iter().flatten().any(wake_one);
        if mutant::is(Mutant::EndWakesFirst) {
            wake();
            clear();
        } else if clear() {
            wake();
        }
    }
}
