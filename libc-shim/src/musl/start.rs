//! From the kernel's jump to C's `main`, and behind it: environment, constructors, `main`, `exit`.
#![allow(unsafe_code, reason = "exported names; musl's variables; functions that the linker lists")]

use core::ffi::{c_char, c_int};

use skete::calls::process::{sys_abort, sys_exit};

use super::state::{__environ, __libc, __progname, __progname_full, locale};

/// `AT_PAGESZ`, `AT_RANDOM` and their end (`getauxval(3)`).
const PAGE_SIZE: usize = 6;
const END: usize = 0;
/// Bytes of a page.
pub const PAGE: usize = 4096;

static AUXILIARY: [usize; 4] = [PAGE_SIZE, PAGE, END, 0];

type Constructor = extern "C" fn(c_int, *const *const c_char, *const *const c_char);

unsafe extern "C" {
    fn main(argc: c_int, argv: *const *const c_char, environment: *const *const c_char) -> c_int;
    /// musl's: what `atexit` was told, destructors, open files; then `_Exit`.
    fn exit(status: c_int) -> !;
    static __init_array_start: [Constructor; 0];
    static __init_array_end: [Constructor; 0];
}

/// Runs the program. The kernel calls it, on the main thread.
#[unsafe(no_mangle)]
extern "C" fn runtime_entry(argc: c_int, argv: *const *const c_char, environment: *const *const c_char) -> ! {
    prepare(argv, environment);
    constructors().iter().for_each(|constructor| constructor(argc, argv, environment));
    // SAFETY: the program's own; the lists live for ever.
    let status = unsafe { main(argc, argv, environment) };
    // SAFETY: called once, when nothing else is to be done.
    unsafe { exit(status) }
}

/// Fills in what musl's own start would.
fn prepare(argv: *const *const c_char, environment: *const *const c_char) {
    // SAFETY: musl's state, which nobody has read yet.
    let state = unsafe { &mut *(&raw mut __libc) };
    state.auxv = AUXILIARY.as_ptr();
    state.page_size = PAGE;
    skete::thread::set_locale(locale());
    crate::linux::listen();
    super::detour::begin();
    // SAFETY: as above.
    unsafe { __environ = environment };
    // SAFETY: the kernel's list has the program's name, and a null pointer behind the last.
    let name = unsafe { argv.read() };
    if name.is_null() {
        return;
    }
    // SAFETY: as above.
    unsafe { __progname_full = name };
    // SAFETY: as above.
    unsafe { __progname = last_part(name) };
}

/// A path's last part.
///
/// # Safety
/// It is a C string.
unsafe fn last_part(path: *const c_char) -> *const c_char {
    // SAFETY: the caller's promise; the slash is within the string.
    let bytes = unsafe { core::ffi::CStr::from_ptr(path) }.to_bytes();
    let start = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    bytes[start..].as_ptr().cast()
}

/// What the linker has listed to run before `main`.
fn constructors() -> &'static [Constructor] {
    let (start, end) = (&raw const __init_array_start, &raw const __init_array_end);
    let count = (end as usize - start as usize) / size_of::<Constructor>();
    // SAFETY: the linker's list lies between the two.
    unsafe { core::slice::from_raw_parts(start.cast(), count) }
}

/// Ends the program as `exit` does.
pub fn leave(status: c_int) -> ! {
    // SAFETY: the last thread's end.
    unsafe { exit(status) }
}

/// Ends the program at once.
#[unsafe(no_mangle)]
extern "C" fn _Exit(status: c_int) -> ! {
    sys_exit(status & 0xff)
}

/// As [`_Exit`].
#[unsafe(no_mangle)]
extern "C" fn _exit(status: c_int) -> ! {
    _Exit(status)
}

/// Ends the program with status 134 and a backtrace, after the handler of SIGABRT if there is one (`abort(3)`).
#[unsafe(no_mangle)]
extern "C" fn abort() -> ! {
    crate::signal::handler::before_abort();
    sys_abort()
}
