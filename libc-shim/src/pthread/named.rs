//! `sem_open`, `sem_close`, `sem_unlink`: semaphores by name. The list of those that are open or have a name is guarded by one mutex.
#![allow(unsafe_code, reason = "exported names; entries are memory of the heap, named by their address")]

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int, c_uint};
use core::ptr::null_mut;

use skete::calls::memory::{sys_free, sys_malloc};
use skete_abi::Errno;
use skete_sync::semaphore::MOST;
use skete_sync::{Kind, Mutex, Semaphore};

use super::kernel::Kernel;
use crate::errno;

/// `O_CREAT`, `O_EXCL`.
const CREATE: c_int = 0o100;
const EXCLUSIVE: c_int = 0o200;

/// The longest name, without its slash.
const MOST_BYTES: usize = 251;

/// A semaphore with a name; `sem_t` is its first field.
#[repr(C)]
struct Entry {
    semaphore: Semaphore,
    _room: [u32; 6],
    next: *mut Entry,
    /// How often it was opened and not closed.
    opened: usize,
    /// 0: it has none any more.
    length: usize,
    name: [u8; MOST_BYTES],
}

struct List {
    lock: Mutex,
    first: UnsafeCell<*mut Entry>,
}

// SAFETY: `first`, and all that it leads to but the semaphores, is touched under the lock only.
unsafe impl Sync for List {}

static LIST: List = List { lock: Mutex::new(Kind::PLAIN), first: UnsafeCell::new(null_mut()) };

/// Does `work` with the place of the first entry.
fn locked<R>(work: impl FnOnce(&mut *mut Entry) -> R) -> R {
    // A normal mutex has no errors.
    let _ = LIST.lock.lock(&Kernel);
    // SAFETY: the lock is held.
    let result = work(unsafe { &mut *LIST.first.get() });
    let _ = LIST.lock.unlock(&Kernel);
    result
}

/// The place that leads to the entry that `is_it`. Its end, if there is none, leads to null.
fn find(first: &mut *mut Entry, is_it: impl Fn(&Entry) -> bool) -> &mut *mut Entry {
    let mut place: *mut *mut Entry = first;
    loop {
        // SAFETY: `first`, or the `next` of an entry that is in the list.
        let entry = unsafe { *place };
        // SAFETY: entries in the list are there; the lock is held.
        match unsafe { entry.as_mut() } {
            Some(entry) if !is_it(entry) => place = &raw mut entry.next,
            // SAFETY: as above.
            _ => return unsafe { &mut *place },
        }
    }
}

/// The name without its slashes.
///
/// # Errors
/// `EINVAL`: none, or one with a slash inside. `ENAMETOOLONG`.
fn name_at<'a>(name: *const c_char) -> Result<&'a [u8], Errno> {
    // SAFETY: the program says that a string is there.
    let mut bytes = unsafe { CStr::from_ptr(name) }.to_bytes();
    while let [b'/', rest @ ..] = bytes {
        bytes = rest;
    }
    match bytes.len() {
        0 => Err(Errno::EINVAL),
        1..=MOST_BYTES if bytes.contains(&b'/') => Err(Errno::EINVAL),
        1..=MOST_BYTES => Ok(bytes),
        _ => Err(Errno::ENAMETOOLONG),
    }
}

fn is_named(entry: &Entry, name: &[u8]) -> bool {
    entry.length != 0 && entry.name.get(..entry.length) == Some(name)
}

fn open(name: &[u8], flags: c_int, count: c_uint) -> Result<*mut Entry, Errno> {
    locked(|first| {
        let place = find(first, |entry| is_named(entry, name));
        // SAFETY: an entry of the list, whose lock is held, or null.
        if let Some(entry) = unsafe { place.as_mut() } {
            if flags & (CREATE | EXCLUSIVE) == CREATE | EXCLUSIVE {
                return Err(Errno::EEXIST);
            }
            entry.opened += 1;
            return Ok(*place);
        }
        if flags & CREATE == 0 {
            return Err(Errno::ENOENT);
        }
        if count > MOST {
            return Err(Errno::EINVAL);
        }
        let entry = sys_malloc(size_of::<Entry>(), align_of::<Entry>()).cast::<Entry>();
        if entry.is_null() {
            return Err(Errno::ENOSPC);
        }
        let mut text = [0; MOST_BYTES];
        text[..name.len()].copy_from_slice(name);
        let new = Entry { semaphore: Semaphore::new(count), _room: [0; 6], next: null_mut(), opened: 1, length: name.len(), name: text };
        // SAFETY: room for an entry.
        unsafe { entry.write(new) };
        *place = entry;
        Ok(entry)
    })
}

/// Takes the entry that `place` leads to out, and gives it back, if nobody can come by it any more.
fn settle(place: &mut *mut Entry) {
    let entry = *place;
    // SAFETY: an entry of the list, whose lock is held.
    let Some(Entry { opened: 0, length: 0, next, .. }) = (unsafe { entry.as_ref() }) else { return };
    *place = *next;
    // SAFETY: taken as it is given back, and out of the list.
    unsafe { sys_free(entry.cast(), size_of::<Entry>(), align_of::<Entry>()) };
}

/// POSIX `sem_open`: the third and fourth arguments are there with O_CREAT only, in the registers of a function that has them.
#[unsafe(no_mangle)]
pub extern "C" fn sem_open(name: *const c_char, flags: c_int, _mode: c_uint, count: c_uint) -> *mut Semaphore {
    match name_at(name).and_then(|name| open(name, flags, count)) {
        Ok(entry) => entry.cast(),
        Err(errno) => {
            errno::set(errno);
            null_mut()
        }
    }
}

/// POSIX `sem_close`.
#[unsafe(no_mangle)]
pub extern "C" fn sem_close(semaphore: *mut Semaphore) -> c_int {
    errno::answer(locked(|first| {
        let place = find(first, |entry| core::ptr::eq(&raw const entry.semaphore, semaphore) && entry.opened > 0);
        // SAFETY: an entry of the list, whose lock is held, or null.
        unsafe { place.as_mut() }.ok_or(Errno::EINVAL)?.opened -= 1;
        settle(place);
        Ok(0)
    }))
}

/// POSIX `sem_unlink`.
#[unsafe(no_mangle)]
pub extern "C" fn sem_unlink(name: *const c_char) -> c_int {
    errno::answer(name_at(name).map_err(|errno| if errno == Errno::EINVAL { Errno::ENOENT } else { errno }).and_then(|name| {
        locked(|first| {
            let place = find(first, |entry| is_named(entry, name));
            // SAFETY: an entry of the list, whose lock is held, or null.
            unsafe { place.as_mut() }.ok_or(Errno::ENOENT)?.length = 0;
            settle(place);
            Ok(0)
        })
    }))
}
