//! Values of a thread's own, by keys: `pthread_key_create` and its kin.
//!
//! A key's number counts how often it was made and deleted: a value that was set under an older count is none.
#![allow(unsafe_code, reason = "exported names; destructors that the program gives")]

use core::ffi::{c_int, c_uint, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

use skete_abi::Errno;

use super::block::Block;

/// How many keys there are (`PTHREAD_KEYS_MAX`).
const KEYS: usize = 128;
/// How often destructors may set values again (`PTHREAD_DESTRUCTOR_ITERATIONS`).
const ROUNDS: usize = 4;

type Destructor = extern "C" fn(*mut c_void);

/// A key: odd while it is in use, and what is done with the values at a thread's end; 0: nothing.
struct Key {
    count: AtomicUsize,
    destructor: AtomicUsize,
}

static TABLE: [Key; KEYS] = [const { Key { count: AtomicUsize::new(0), destructor: AtomicUsize::new(0) } }; KEYS];

/// What one key holds in one thread, and the key's count when it was set.
#[derive(Clone, Copy)]
struct Value {
    count: usize,
    value: *mut c_void,
}

/// What keys hold in one thread.
pub struct Values {
    values: [Value; KEYS],
    /// One more than the highest key that was ever set since the thread began.
    used: usize,
}

impl Values {
    /// Nothing.
    pub const NONE: Self = Self { values: [Value { count: 0, value: null_mut() }; KEYS], used: 0 };
}

impl Key {
    fn is_used(count: usize) -> bool {
        count & 1 != 0
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
        if !Key::is_used(count) && key.count.compare_exchange(count, count + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
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
pub extern "C" fn pthread_key_delete(key: c_uint) -> c_int {
    let Some(key) = TABLE.get(key as usize) else { return Errno::EINVAL.number() };
    let count = key.count.load(Ordering::Relaxed);
    if Key::is_used(count) && key.count.compare_exchange(count, count + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
        0
    } else {
        Errno::EINVAL.number()
    }
}

/// POSIX `pthread_setspecific`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_setspecific(number: c_uint, value: *const c_void) -> c_int {
    let number = number as usize;
    let Some(key) = TABLE.get(number) else { return Errno::EINVAL.number() };
    let count = key.count.load(Ordering::Relaxed);
    if !Key::is_used(count) {
        return Errno::EINVAL.number();
    }
    // SAFETY: the thread itself.
    let own = unsafe { Block::current().own() };
    own.values.values[number] = Value { count, value: value.cast_mut() };
    own.values.used = own.values.used.max(number + 1);
    0
}

/// POSIX `pthread_getspecific`: null if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_getspecific(number: c_uint) -> *mut c_void {
    let number = number as usize;
    // Who has no block has set nothing.
    let Some(block) = Block::known() else { return null_mut() };
    // SAFETY: the thread itself.
    let values = unsafe { &block.own().values };
    match (TABLE.get(number), values.values.get(number)) {
        (Some(key), Some(value)) if value.count == key.count.load(Ordering::Relaxed) => value.value,
        _ => null_mut(),
    }
}

/// The calling thread ends: calls the destructor of each value, which is none by then, as long as destructors set others, and
/// [`ROUNDS`] times at most.
#[optimize(speed)]
pub fn destroy(block: &Block) {
    for _ in 0..ROUNDS {
        let mut is_done = true;
        // SAFETY: the thread itself; no reference is kept over the call of a destructor, which may set values.
        let used = unsafe { block.own() }.values.used;
        for (number, key) in TABLE.iter().enumerate().take(used) {
            // SAFETY: as above.
            let old = core::mem::replace(&mut unsafe { block.own() }.values.values[number], Value { count: 0, value: null_mut() });
            let destructor = key.destructor.load(Ordering::Acquire);
            if old.value.is_null() || old.count != key.count.load(Ordering::Relaxed) || destructor == 0 {
                continue;
            }
            is_done = false;
            // SAFETY: the key has one, as `pthread_key_create` stored it.
            let destructor = unsafe { core::mem::transmute::<usize, Destructor>(destructor) };
            destructor(old.value);
        }
        if is_done {
            break;
        }
    }
    // SAFETY: as above.
    let values = unsafe { &mut block.own().values };
    let used = core::mem::take(&mut values.used);
    values.values[..used].fill(Value { count: 0, value: null_mut() });
}
