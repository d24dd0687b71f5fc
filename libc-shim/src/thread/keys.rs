//! Values of a thread's own, by keys: `pthread_key_create` and its kin.
//!
//! Who deletes a key makes every thread's value of it none before the key can be made anew: so who asks for a value need not look at the
//! key.
#![allow(unsafe_code, reason = "exported names; destructors that the program gives")]

use core::arch::naked_asm;
use core::ffi::{c_int, c_uint, c_void};
use core::mem::offset_of;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use skete_abi::Errno;

use super::block::{BELOW, Block};

/// How many keys there are (`PTHREAD_KEYS_MAX`).
const KEYS: usize = 128;
/// How often destructors may set values again (`PTHREAD_DESTRUCTOR_ITERATIONS`).
const ROUNDS: usize = 4;

type Destructor = extern "C" fn(*mut c_void);

/// A key, and what is done with the values at a thread's end; 0: nothing.
///
/// | count, last two bits | the key |
/// |---|---|
/// | 0 | is free |
/// | 1 | is in use |
/// | 2 | is being deleted |
struct Key {
    count: AtomicUsize,
    destructor: AtomicUsize,
}

const STATE: usize = 3;
const FREE: usize = 0;
const USED: usize = 1;
/// From in use to being deleted, and from there to free.
const TO_DELETED: usize = 1;
const TO_FREE: usize = 2;

static TABLE: [Key; KEYS] = [const { Key { count: AtomicUsize::new(0), destructor: AtomicUsize::new(0) } }; KEYS];

/// What keys hold in one thread. The thread itself writes it, and who deletes a key.
pub struct Values {
    values: [AtomicPtr<c_void>; KEYS],
    /// One more than the highest key that was ever set since the thread began.
    used: AtomicUsize,
}

impl Values {
    /// Nothing.
    pub const fn new() -> Self {
        Self { values: [const { AtomicPtr::new(null_mut()) }; KEYS], used: AtomicUsize::new(0) }
    }
}

/// POSIX `pthread_key_create`: `EAGAIN` if all are used.
///
/// # Safety
/// There is room for the key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_key_create(place: *mut c_uint, destructor: Option<Destructor>) -> c_int {
    for (number, key) in (0..).zip(&TABLE) {
        let count = key.count.load(Ordering::Relaxed);
        // In use at once, so that no one else takes it; nobody knows it before this function returns.
        if count & STATE == FREE && key.count.compare_exchange(count, count + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            key.destructor.store(destructor.map_or(0, |destructor| destructor as usize), Ordering::Release);
            // SAFETY: the caller's promise.
            unsafe { place.write(number) };
            return 0;
        }
    }
    Errno::EAGAIN.number()
}

/// POSIX `pthread_key_delete`: values of the key are none from now on; no destructor is called.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_key_delete(number: c_uint) -> c_int {
    let Some(key) = TABLE.get(number as usize) else { return Errno::EINVAL.number() };
    let count = key.count.load(Ordering::Relaxed);
    if count & STATE != USED || key.count.compare_exchange(count, count + TO_DELETED, Ordering::AcqRel, Ordering::Relaxed).is_err() {
        return Errno::EINVAL.number();
    }
    for block in Block::all() {
        block.values.values[number as usize].store(null_mut(), Ordering::Relaxed);
    }
    // Release: who makes the key anew, and whoever hears of it from there, finds no value of the old one's.
    key.count.store(count + TO_DELETED + TO_FREE, Ordering::Release);
    0
}

/// POSIX `pthread_setspecific`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_setspecific(number: c_uint, value: *const c_void) -> c_int {
    let number = number as usize;
    let Some(key) = TABLE.get(number) else { return Errno::EINVAL.number() };
    if key.count.load(Ordering::Relaxed) & STATE != USED {
        return Errno::EINVAL.number();
    }
    let values = &Block::current().values;
    values.values[number].store(value.cast_mut(), Ordering::Relaxed);
    if values.used.load(Ordering::Relaxed) <= number {
        values.used.store(number + 1, Ordering::Relaxed);
    }
    0
}

/// POSIX `pthread_getspecific`: null if there is none. Without a frame: of the thread's block, which one that has set nothing may not have,
/// the value of that number.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn pthread_getspecific(number: c_uint) -> *mut c_void {
    naked_asm!(
        "mrs x1, tpidr_el0",
        "ldur x1, [x1, #-{below}]",
        "cbz x1, 2f",
        "cmp w0, #{keys}",
        "b.hs 2f",
        "add x1, x1, w0, uxtw #3",
        "ldr x0, [x1, #{values}]",
        "ret",
        "2: mov x0, xzr",
        "ret",
        below = const BELOW,
        keys = const KEYS,
        values = const offset_of!(Block, values) + offset_of!(Values, values),
    )
}

/// The calling thread ends: calls the destructor of each value, which is none by then, as long as destructors set others, and
/// [`ROUNDS`] times at most.
#[optimize(speed)]
pub fn destroy(block: &Block) {
    let Values { values, used } = &block.values;
    for _ in 0..ROUNDS {
        let mut is_done = true;
        for (value, key) in values.iter().zip(&TABLE).take(used.load(Ordering::Relaxed)) {
            // A key that is as before when its destructor is known has had no other meanwhile, nor was the value an older key's. Acquire: in
            // this order.
            let count = key.count.load(Ordering::Acquire);
            let old = value.load(Ordering::Acquire);
            value.store(null_mut(), Ordering::Relaxed);
            let destructor = key.destructor.load(Ordering::Acquire);
            if old.is_null() || destructor == 0 || count & STATE != USED || count != key.count.load(Ordering::Relaxed) {
                continue;
            }
            is_done = false;
            // SAFETY: the key has one, as `pthread_key_create` stored it.
            let destructor = unsafe { core::mem::transmute::<usize, Destructor>(destructor) };
            destructor(old);
        }
        if is_done {
            break;
        }
    }
    for value in values.iter().take(used.load(Ordering::Relaxed)) {
        value.store(null_mut(), Ordering::Relaxed);
    }
    used.store(0, Ordering::Relaxed);
}
