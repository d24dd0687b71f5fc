//! Moving waiters from one word to another without waking them: what spares a condition variable's broadcast the stampede.

use super::chain::Chain;
use super::{ANY, Key, Table};
use crate::host::{Host, RawLock};
use crate::mutant::{self, Mutant};
use skete_abi::Errno;
use skete_cell::atomic::{Ordering, fence};

/// How many a requeue may wake, and how many it may then move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// The most to wake.
    pub wake: u32,
    /// The most to move.
    pub requeue: u32,
}

/// What a requeue did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requeued {
    /// How many it woke: `FUTEX_REQUEUE` answers this.
    pub woken: u32,
    /// How many it moved: `FUTEX_CMP_REQUEUE` answers the sum.
    pub moved: u32,
}

impl<L: RawLock, const N: usize> Table<L, N> {
    /// `FUTEX_REQUEUE`: wakes some of those who wait for `from`, then makes some of the others wait for `to`, in their order and
    /// behind those who already do. With `expected`, `FUTEX_CMP_REQUEUE`: if the word of `from` still holds that.
    ///
    /// `read` loads that word as in [`wait`](Self::wait), if it is expected to hold anything, and looks whether `to` is still what its key
    /// names: under both locks, once `to` counts those who may come.
    ///
    /// # Errors
    /// `EAGAIN` the word differs, or what `read` answers; then nobody was woken or moved. `EINVAL`: some of those who are left are in no
    /// wake's reach ([`super::pi`]).
    #[inline]
    pub fn requeue(
        &self,
        host: &impl Host,
        from: Key,
        to: Key,
        shares: Shares,
        read: impl Fn() -> Result<u32, Errno>,
        expected: Option<u32>,
    ) -> Result<Requeued, Errno> {
        let stands = || {
            let held = read()?;
            if expected.is_none_or(|expected| expected == held) { Ok(()) } else { Err(Errno::EAGAIN) }
        };
        match expected {
            None if self.bucket(from).is_deserted() => return Ok(Requeued { woken: 0, moved: 0 }),
            None => {}
            Some(_) => stands()?,
        }
        host.uninterrupted(|masking| {
            let (woken, moved) = self.both_locked(Self::index(from), Self::index(to), || {
                let (source, target) = (self.bucket(from), self.bucket(to));
                // No more can move than are counted here.
                let most = if from == to { 0 } else { shares.requeue.min(source.waiters.load(Ordering::Relaxed)) };
                if !mutant::is(Mutant::RequeueCountedLate) {
                    target.raise(most);
                }
                if !mutant::is(Mutant::RequeueWithoutFence) {
                    // The target's count is up before the source's comes down: one who finds nobody left at `from` finds them at `to`. And
                    // before the last look at the target: one who takes its memory away finds them, or is seen. Pairs with the fences in
                    // `is_deserted` and `bury`.
                    fence(Ordering::SeqCst);
                }
                if !mutant::is(Mutant::RequeueComparedOutsideTheLocks) {
                    stands().inspect_err(|_| target.lower(most))?;
                }
                let woken = source.queue.with_mut(|queue| Chain::gather(host, queue, from, shares.wake, ANY));
                let moved = if from == to {
                    source.queue.with(|queue| queue.count(host, from, shares.requeue))
                } else {
                    self.relocate(host, from, to, most)
                };
                source.lower(woken.len());
                let is_short = woken.len() < shares.wake || moved < shares.requeue;
                Ok((woken, if is_short { source.left(host, from).map(|_| moved) } else { Ok(moved) }))
            })?;
            woken.wake(host, masking);
            Ok(Requeued { woken: woken.len(), moved: moved? })
        })
    }

    /// Moves at most `most` waiters, whom the target counts already. The caller holds both locks.
    fn relocate(&self, host: &impl Host, from: Key, to: Key, most: u32) -> u32 {
        let (source, target) = (self.bucket(from), self.bucket(to));
        let index = Self::index(to);
        let moved = source.queue.with_mut(|queue| {
            Chain::take(
                host,
                queue,
                most,
                |node| node.is_for(from, ANY),
                |waiter| {
                    waiter.node.with_mut(|node| node.key = to);
                    waiter.enter(index);
                },
            )
        });
        target.queue.with_mut(|queue| queue.append(host, moved));
        source.lower(moved.len());
        if mutant::is(Mutant::RequeueCountedLate) {
            target.raise(most);
        }
        target.lower(most - moved.len());
        moved.len()
    }
}
