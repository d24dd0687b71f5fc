//! Hands `/out` to the host: each file through semihosting, into the folder `out` where the emulator runs.
//!
//! Semihosting makes no folders, so a `/` in a file's path goes out as `%2F`, and a `%` as `%25`; `cargo xtask run --out` turns them back.

use core::ffi::CStr;

use allocator_api2::vec::Vec;
use hermit_sync::OnceCell;
use skete_abi::Errno;
use skete_drivers::semihosting::Host;

use crate::arch::firmware::Emulator;
use crate::board::power;
use crate::memory::Heap;
use crate::trace;

/// Shows `sink` every file under `/out`, with its path from there and its contents.
///
/// # Errors
/// `ENOMEM`, or `ENOENT` and `ENOTDIR` if the program removed or replaced `/out`.
pub type Walk = fn(sink: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Errno>;

/// How to walk `/out`, and what hands it over then. Known once there is a tree: a program that asks for no path carries neither.
static WAY: OnceCell<(Walk, fn(&Host<Emulator>, Walk))> = OnceCell::new();

/// From now on there may be something under `/out`.
pub fn expect(walk: Walk) {
    let _ = WAY.set((walk, send_all));
}

/// Hands over every file under `/out`, and says which could not be. Only where there is semihosting.
pub fn hand_out() {
    if let Some(host) = power::emulator()
        && let Some((walk, send_all)) = WAY.get()
    {
        send_all(&host, *walk);
    }
}

fn send_all(host: &Host<Emulator>, walk: Walk) {
    let result = walk(&mut |path, contents| {
        if send(host, path, contents).is_none() {
            trace::say(format_args!("/out/{}: cannot be handed to the host", path.escape_ascii()));
        }
    });
    if let Err(errno) = result {
        trace::say(format_args!("/out: cannot be handed to the host: {errno:?}"));
    }
}

fn send(host: &Host<Emulator>, path: &[u8], contents: &[u8]) -> Option<()> {
    let name = name_of(path).ok()?;
    let mut file = host.create(CStr::from_bytes_with_nul(&name).ok()?).ok()?;
    let written = file.write_all(contents);
    let closed = file.close();
    (written.is_ok() && closed.is_ok()).then_some(())
}

/// The name on the host's side, with its NUL.
fn name_of(path: &[u8]) -> Result<Vec<u8, Heap>, Errno> {
    let mut name = Vec::new_in(Heap);
    name.try_reserve(b"out/\0".len() + 3 * path.len()).map_err(|_| Errno::ENOMEM)?;
    name.extend_from_slice(b"out/");
    for byte in path {
        match byte {
            b'/' => name.extend_from_slice(b"%2F"),
            b'%' => name.extend_from_slice(b"%25"),
            _ => name.push(*byte),
        }
    }
    name.push(0);
    Ok(name)
}
