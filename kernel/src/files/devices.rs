//! Devices that need no hardware: `/dev/null` and `/dev/zero`.

use core::mem::MaybeUninit;

use skete_abi::Errno;

use super::Open;
use super::class::{Class, Handle};
use super::console;

/// `makedev(1, 3)`.
pub const NULL: u32 = 1 << 8 | 3;
/// `makedev(1, 5)`.
pub const ZERO: u32 = 1 << 8 | 5;

struct Null;
struct Zero;

static NULL_CLASS: Null = Null;
static ZERO_CLASS: Zero = Zero;

/// What stands behind a device's number.
///
/// # Errors
/// `ENXIO`, if nothing does.
pub fn find(number: u32) -> Result<Handle, Errno> {
    match number {
        NULL => Ok(Handle {
            class: &NULL_CLASS,
            item: 0,
        }),
        ZERO => Ok(Handle {
            class: &ZERO_CLASS,
            item: 0,
        }),
        console::DEVICE => Ok(Handle {
            class: &console::CONSOLE,
            item: 0,
        }),
        _ => Err(Errno::ENXIO),
    }
}

impl Class for Null {
    fn read(&self, _open: &mut Open, _into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        Ok(0)
    }

    fn write(&self, _open: &mut Open, from: &[u8]) -> Result<usize, Errno> {
        Ok(from.len())
    }
}

impl Class for Zero {
    fn read(&self, _open: &mut Open, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        into.fill(MaybeUninit::new(0));
        Ok(into.len())
    }

    fn write(&self, _open: &mut Open, from: &[u8]) -> Result<usize, Errno> {
        Ok(from.len())
    }
}
