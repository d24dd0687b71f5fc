//! C's functions as Rust may call them.
#![allow(unsafe_code, reason = "calls C")]

use std::ffi::{c_int, c_uint, c_void};
use std::ptr::{null, null_mut};

type Function = extern "C" fn(*mut c_void) -> *mut c_void;

unsafe extern "C" {
    fn pthread_create(name: *mut usize, attributes: *const c_void, function: Function, argument: *mut c_void) -> c_int;
    fn pthread_join(name: usize, result: *mut *mut c_void) -> c_int;
    safe fn pthread_self() -> usize;
    fn pthread_key_create(key: *mut c_uint, destructor: Option<extern "C" fn(*mut c_void)>) -> c_int;
    safe fn pthread_setspecific(key: c_uint, value: *const c_void) -> c_int;
    safe fn pthread_getspecific(key: c_uint) -> *mut c_void;
    safe fn __errno_location() -> *mut c_int;
    safe fn aligned_alloc(align: usize, bytes: usize) -> *mut c_void;
    fn free(block: *mut c_void);
}

/// A thread that C has begun.
pub struct Thread(usize);

impl Thread {
    /// Begins one that does `work`.
    pub fn begin<F: FnOnce() -> usize + Send + 'static>(work: F) -> Self {
        let mut name = 0;
        let work = Box::into_raw(Box::new(work));
        // SAFETY: there is room for the name, and `run` takes what was boxed for it.
        let number = unsafe { pthread_create(&raw mut name, null(), run::<F>, work.cast()) };
        assert_eq!(number, 0, "a thread begins");
        Self(name)
    }

    /// Waits for its end: what it left.
    pub fn join(self) -> usize {
        let mut result = null_mut();
        // SAFETY: begun, and joined once.
        let number = unsafe { pthread_join(self.0, &raw mut result) };
        assert_eq!(number, 0, "it is there to be joined");
        result as usize
    }
}

extern "C" fn run<F: FnOnce() -> usize>(work: *mut c_void) -> *mut c_void {
    // SAFETY: `begin` boxed it for this thread.
    let work = unsafe { Box::from_raw(work.cast::<F>()) };
    std::ptr::without_provenance_mut(work())
}

/// The calling thread as C names it.
pub fn own_name() -> usize {
    pthread_self()
}

/// What `pthread_join` answers for the thread of that name, which C has not begun.
pub fn join_of_another(name: usize) -> c_int {
    // SAFETY: a name that C has told; the result is nobody's.
    unsafe { pthread_join(name, null_mut()) }
}

/// A key for numbers above 0.
#[derive(Clone, Copy)]
pub struct Key(c_uint);

impl Key {
    /// A key whose values go to `destroy` at their thread's end; one key at a time.
    pub fn new(destroy: fn(usize)) -> Self {
        DESTROY.set(destroy).expect("one key at a time");
        let mut key = 0;
        // SAFETY: there is room for the key.
        let number = unsafe { pthread_key_create(&raw mut key, Some(destroyed)) };
        assert_eq!(number, 0, "there are keys");
        Self(key)
    }

    /// Sets the calling thread's value.
    pub fn set(self, value: usize) {
        assert_eq!(pthread_setspecific(self.0, std::ptr::without_provenance(value)), 0);
    }

    /// The calling thread's value; 0: none.
    pub fn get(self) -> usize {
        pthread_getspecific(self.0) as usize
    }
}

static DESTROY: std::sync::OnceLock<fn(usize)> = std::sync::OnceLock::new();

extern "C" fn destroyed(value: *mut c_void) {
    if let Some(destroy) = DESTROY.get() {
        destroy(value as usize);
    }
}

/// The calling thread's `errno`.
pub fn errno() -> c_int {
    // SAFETY: the thread's own.
    unsafe { __errno_location().read() }
}

/// Sets it.
pub fn set_errno(number: c_int) {
    // SAFETY: the thread's own.
    unsafe { __errno_location().write(number) }
}

/// Takes `bytes` at a multiple of `align`, writes to all of them, and gives them back; whether they were where they must be.
pub fn takes_and_gives(bytes: usize, align: usize) -> bool {
    let block = aligned_alloc(align, bytes);
    let is_aligned = !block.is_null() && (block as usize).is_multiple_of(align);
    if is_aligned {
        // SAFETY: as long as was asked for.
        unsafe { block.cast::<u8>().write_bytes(0xee, bytes) };
    }
    // SAFETY: null, or taken above.
    unsafe { free(block) };
    is_aligned
}
