//! `__libc`: musl's own state (1.2.3, `src/internal/libc.h`), as far as it is ours to fill.
#![allow(unsafe_code, reason = "musl's variables")]

use core::ffi::{c_char, c_void};
use core::mem::offset_of;

/// How musl sees the program and its threads.
#[repr(C)]
pub struct Libc {
    can_do_threads: u8,
    /// Whether there was ever a second thread: stdio's files lock from then on.
    pub threaded: u8,
    secure: u8,
    /// Whether musl's inner locks are to be taken.
    pub need_locks: i8,
    threads_minus_1: i32,
    /// Pairs of what the system tells, `AT_…` and its value (`getauxval(3)`).
    pub auxv: *const usize,
    tls_head: *const c_void,
    tls_size: usize,
    tls_align: usize,
    tls_cnt: usize,
    /// Bytes of a page.
    pub page_size: usize,
    global_locale: [*const c_void; 6],
}

const _: () = assert!(offset_of!(Libc, global_locale) == 56, "threads begin with the address of the program's locale");

unsafe extern "C" {
    /// musl's own.
    pub static mut __libc: Libc;
    /// The environment, which `environ` is another name of.
    pub static mut __environ: *const *const c_char;
    /// What the processor can do: nothing that musl asks for.
    pub static mut __hwcap: usize;
    /// The program's name as it was called.
    pub static mut __progname_full: *const c_char;
    /// Its last part.
    pub static mut __progname: *const c_char;
}

/// `AT_PAGESZ` and the end of what the system tells (`getauxval(3)`).
const PAGE_SIZE: usize = 6;
const END: usize = 0;
/// Bytes of a page.
pub const PAGE: usize = 4096;

static AUXILIARY: [usize; 4] = [PAGE_SIZE, PAGE, END, 0];

/// Fills in what musl's own start would, and answers Linux's calls from now on. Before anything of musl's runs.
pub fn begin() {
    // SAFETY: musl's state, which nobody has read yet.
    let state = unsafe { &mut *(&raw mut __libc) };
    state.auxv = AUXILIARY.as_ptr();
    state.page_size = PAGE;
    skete::thread::set_locale(locale());
    crate::linux::listen();
}

/// The locale that a thread begins with.
pub fn locale() -> usize {
    (&raw const __libc) as usize + offset_of!(Libc, global_locale)
}
