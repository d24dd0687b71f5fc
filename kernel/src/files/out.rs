//! Hands `/out` to the host: each file through semihosting, into the folder `out` where the emulator runs.
//!
//! Semihosting makes no folders, so a `/` in a file's path goes out as `%2F`, and a `%` as `%25`; `cargo xtask run --out` turns them back.

use allocator_api2::vec::Vec;
use skete_abi::Errno;

use super::stored;
use crate::arch::firmware::semihost;
use crate::memory::Heap;
use crate::trace;

// Arm semihosting specification, chapter 6.
const OPEN: u64 = 0x01;
const CLOSE: u64 = 0x02;
const WRITE: u64 = 0x05;
/// The mode `wb` of [`OPEN`].
const FOR_WRITING: usize = 5;

/// Hands over every file under `/out`, and says which could not be. Only where there is semihosting.
pub fn hand_out() {
    let result = stored::visit_out(|path, contents| {
        if send(path, contents).is_none() {
            trace::say(format_args!(
                "/out/{}: cannot be handed to the host",
                path.escape_ascii()
            ));
        }
    });
    if let Err(errno) = result {
        trace::say(format_args!(
            "/out: cannot be handed to the host: {errno:?}"
        ));
    }
}

fn send(path: &[u8], contents: &[u8]) -> Option<()> {
    let name = name_of(path).ok()?;
    let file = usize::try_from(call(
        OPEN,
        [name.as_ptr().addr(), FOR_WRITING, name.len() - 1],
    ))
    .ok()?;
    let left = call(WRITE, [file, contents.as_ptr().addr(), contents.len()]);
    let closed = call(CLOSE, [file, 0, 0]);
    (left == 0 && closed == 0).then_some(())
}

fn call(operation: u64, parameters: [usize; 3]) -> i64 {
    semihost(operation, parameters.as_ptr().expose_provenance())
}

/// The name on the host's side, with its NUL.
fn name_of(path: &[u8]) -> Result<Vec<u8, Heap>, Errno> {
    let mut name = Vec::new_in(Heap);
    name.try_reserve(b"out/\0".len() + 3 * path.len())
        .map_err(|_| Errno::ENOMEM)?;
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
