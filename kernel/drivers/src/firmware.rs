//! What the firmware says about the machine: memory, initial ramdisk, command line, cores, devices.
//!
//! Two dialects: a devicetree ([`dtb`]), which QEMU's `virt` board always has and the Pi has with a `.dtb` on its card, and the
//! older tag list ([`atags`]), which the Pi has otherwise. The loader and the kernel both read it, through [`read_for_loader`] and
//! [`read`].
#![allow(unsafe_code, reason = "the firmware leaves its description at an address; `read` turns that into bytes")]

pub mod atags;
pub mod dtb;

use core::ops::Range;

use arrayvec::ArrayVec;

/// Which kind of board this is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Board {
    /// A Raspberry Pi 3 (BCM2837), or QEMU's `raspi3b`.
    RaspberryPi3,
    /// QEMU's `virt`.
    Virt,
    /// A board that Skete does not know.
    #[default]
    Unknown,
}

/// How a function of the power firmware (PSCI) is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduit {
    /// By `hvc #0`.
    Hvc,
    /// By `smc #0`.
    Smc,
}

/// How a core is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// By PSCI `CPU_ON`.
    Psci,
    /// By writing an entry address into the 64-bit word at this address, then `sev`.
    SpinTable(u64),
    /// The firmware does not say.
    Unsaid,
}

/// One core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Core {
    /// Its affinity fields, as in `MPIDR_EL1`.
    pub mpidr: u64,
    /// How it is started.
    pub start: Start,
}

/// A device that is reached through one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Physical address of its first register.
    pub base: u64,
    /// Bytes of register space.
    pub bytes: u64,
    /// Its interrupt, as the GIC numbers them (first shared one = 32), where the firmware says one.
    pub interrupt: Option<u32>,
}

/// The interrupt controller of `virt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gic {
    /// GICv2: distributor and CPU interface.
    V2 {
        /// Address of the distributor.
        distributor: u64,
        /// Address of the CPU interface.
        cpu_interface: u64,
    },
    /// GICv3: distributor and the redistributors' region.
    V3 {
        /// Address of the distributor.
        distributor: u64,
        /// Address of the first redistributor.
        redistributors: u64,
    },
}

/// What the firmware says. What it does not say is empty or `None`. On [`Board::RaspberryPi3`] the devices stand at fixed addresses
/// and are not listed here.
#[derive(Clone, Debug, Default)]
pub struct Machine<'a> {
    /// Which board.
    pub board: Board,
    /// The memory there is.
    pub ram: ArrayVec<Range<u64>, 8>,
    /// Parts of it that the firmware keeps, its own description included.
    pub reserved: ArrayVec<Range<u64>, 16>,
    /// The initial ramdisk.
    pub initrd: Option<Range<u64>>,
    /// The kernel's command line; empty if there is none.
    pub command_line: &'a [u8],
    /// The cores, in the firmware's order.
    pub cores: ArrayVec<Core, 8>,
    /// How PSCI is called, where there is one.
    pub psci: Option<Conduit>,
    /// The interrupt controller.
    pub gic: Option<Gic>,
    /// The console: a PL011.
    pub uart: Option<Device>,
    /// The clock of the day: a PL031.
    pub rtc: Option<Device>,
    /// Slots where a virtio device may sit.
    pub virtio: ArrayVec<Device, 32>,
    /// Random bytes for the start.
    pub seed: &'a [u8],
}

impl Machine<'_> {
    /// Adds a range that the firmware keeps. More than fit are merged into the last one, so that none is ever forgotten.
    pub(crate) fn reserve(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        if let Err(full) = self.reserved.try_push(range) {
            let range = full.element();
            if let Some(last) = self.reserved.last_mut() {
                last.start = last.start.min(range.start);
                last.end = last.end.max(range.end);
            }
        }
    }
}

/// Why there is no description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Neither a devicetree nor a tag list lies at the address.
    Nothing,
    /// A devicetree starts there, but it is damaged.
    DamagedTree,
    /// A tag list starts there, but it has no end.
    DamagedTags,
}

/// The most bytes of tag list that are read: the Pi's firmware writes it at 0x100 and its kernel comes at 0x80000 or later.
const MOST_TAG_BYTES: usize = 0x7F00;

/// The largest devicetree that is believed: QEMU's are 1 MiB, the Pi's 40 KB.
const MOST_TREE_BYTES: usize = 4 << 20;

/// Reads the description at `address`, which is what the firmware gave in x0.
///
/// # Errors
/// [`Silence`], when there is none or it cannot be read whole.
///
/// # Safety
/// `address` is 0, or memory there is readable (32 KiB for a tag list, else as long as the tree says) and nobody writes it for
/// `'a`.
pub unsafe fn read<'a>(address: u64) -> Result<Machine<'a>, Silence> {
    // SAFETY: the caller's promise.
    unsafe { read_by(address, dtb::read) }
}

/// Reads of the description at `address` what a loader wants to know ([`dtb::read_for_loader`]).
///
/// # Errors
/// As [`read`].
///
/// # Safety
/// As [`read`].
pub unsafe fn read_for_loader<'a>(address: u64) -> Result<Machine<'a>, Silence> {
    // SAFETY: the caller's promise.
    unsafe { read_by(address, dtb::read_for_loader) }
}

/// Reads the description at `address`, a devicetree by `read_tree`.
///
/// # Safety
/// As [`read`].
#[inline(always)]
unsafe fn read_by<'a>(address: u64, read_tree: impl Fn(&'a [u8]) -> Result<Machine<'a>, dtb::Damage>) -> Result<Machine<'a>, Silence> {
    let Ok(address) = usize::try_from(address) else {
        return Err(Silence::Nothing);
    };
    if address == 0 || !address.is_multiple_of(4) {
        return Err(Silence::Nothing);
    }
    let start = core::ptr::with_exposed_provenance::<u8>(address);
    // SAFETY: the caller says that memory is readable there; both dialects are longer than 8 bytes.
    let head = unsafe { core::slice::from_raw_parts(start, 8) };
    if let Some(bytes) = dtb::total_bytes(head) {
        if bytes > MOST_TREE_BYTES {
            return Err(Silence::DamagedTree);
        }
        // SAFETY: the caller says that as much is readable as the tree's header says.
        let tree = unsafe { core::slice::from_raw_parts(start, bytes) };
        let mut machine = read_tree(tree).map_err(|_| Silence::DamagedTree)?;
        machine.reserve(address as u64..(address + bytes) as u64);
        return Ok(machine);
    }
    if atags::is_list(head) {
        // SAFETY: the caller says that 32 KiB are readable for a tag list.
        let list = unsafe { core::slice::from_raw_parts(start, MOST_TAG_BYTES) };
        let (mut machine, bytes) = atags::read(list).ok_or(Silence::DamagedTags)?;
        machine.reserve(address as u64..(address + bytes) as u64);
        return Ok(machine);
    }
    Err(Silence::Nothing)
}
