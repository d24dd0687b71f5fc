//! Memory by its address: bytes that others left, memory for the program, caches, the jump.
#![allow(
    unsafe_code,
    reason = "memory is taken by its address, caches and counters have instructions of their own, and the program is jumped to"
)]

use core::arch::asm;
use core::ops::Range;
use core::ptr;

use skete_abi::boot::Handover;
use skete_loader::program::{PAGE_BYTES, Plan};
use skete_loader::refusal::Refusal;

mod copy;

/// Bytes per line of the Cortex-A53's caches.
const LINE_BYTES: u64 = 64;

/// The bytes in a range of physical memory.
///
/// # Safety
/// All of it is readable, and nobody writes it while the slice is in use.
pub unsafe fn bytes(range: Range<u64>) -> &'static [u8] {
    let start = ptr::with_exposed_provenance(address(range.start));
    let length = address(range.end.saturating_sub(range.start));
    if range.start == 0 || length == 0 {
        return &[];
    }
    // SAFETY: the caller says so; the start is not null.
    unsafe { core::slice::from_raw_parts(start, length) }
}

/// The same, to write.
///
/// # Safety
/// It is memory, and nobody else uses any of it while the slice is in use.
pub unsafe fn bytes_mut(range: Range<u64>) -> &'static mut [u8] {
    let start = ptr::with_exposed_provenance_mut(address(range.start));
    let length = address(range.end.saturating_sub(range.start));
    if range.start == 0 || length == 0 {
        return &mut [];
    }
    // SAFETY: the caller says so; the start is not null.
    unsafe { core::slice::from_raw_parts_mut(start, length) }
}

/// Copies `from` to `to`, which are equally long: what is longer of the two is left alone.
#[inline(always)]
pub fn copy(to: &mut [u8], from: &[u8]) {
    let bytes = to.len().min(from.len());
    // SAFETY: both have as many bytes, and one is borrowed for itself.
    unsafe { ptr::copy_nonoverlapping(from.as_ptr(), to.as_mut_ptr(), bytes) };
}

/// Where bytes lie.
pub fn range(bytes: &[u8]) -> Range<u64> {
    let start = bytes.as_ptr().expose_provenance() as u64;
    start..start + bytes.len() as u64
}

/// The CRC-32 of bytes, by the instruction for it, 64 bytes at a time once they are aligned, as Device memory wants it.
pub fn checksum(bytes: &[u8]) -> u32 {
    // SAFETY: any 64 bytes are 8 numbers.
    let (head, blocks, tail) = unsafe { bytes.align_to::<[u64; 8]>() };
    let crc = head.iter().fold(!0, |crc, byte| crc32_byte(crc, *byte));
    let crc = blocks.iter().fold(crc, crc32_block);
    !tail.iter().fold(crc, |crc, byte| crc32_byte(crc, *byte))
}

fn crc32_byte(crc: u32, byte: u8) -> u32 {
    let next;
    // SAFETY: computes only. Every Cortex-A53 has the instruction (ID_AA64ISAR0_EL1.CRC32), the BCM2837's too.
    unsafe {
        asm!(
            ".arch_extension crc",
            "crc32b {next:w}, {crc:w}, {byte:w}",
            next = out(reg) next,
            crc = in(reg) crc,
            byte = in(reg) u32::from(byte),
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    next
}

fn crc32_block(crc: u32, block: &[u64; 8]) -> u32 {
    let next;
    // SAFETY: reads the block. Otherwise as in `crc32_byte`.
    unsafe {
        asm!(
            ".arch_extension crc",
            "ldp {a}, {b}, [{block}]",
            "ldp {c}, {d}, [{block}, #16]",
            "crc32x {next:w}, {crc:w}, {a}",
            "crc32x {next:w}, {next:w}, {b}",
            "ldp {a}, {b}, [{block}, #32]",
            "crc32x {next:w}, {next:w}, {c}",
            "crc32x {next:w}, {next:w}, {d}",
            "ldp {c}, {d}, [{block}, #48]",
            "crc32x {next:w}, {next:w}, {a}",
            "crc32x {next:w}, {next:w}, {b}",
            "crc32x {next:w}, {next:w}, {c}",
            "crc32x {next:w}, {next:w}, {d}",
            next = out(reg) next,
            crc = in(reg) crc,
            block = in(reg) block,
            a = out(reg) _,
            b = out(reg) _,
            c = out(reg) _,
            d = out(reg) _,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    next
}

/// Memory that is going to be filled: the program's, the handover's page included, or a part's that was packed.
///
/// Caches are off, so all writes go to memory, past whatever lines an earlier stage left. A dirty one would be written back over
/// ours one day: out with them first. A clean one would be read instead of ours once the kernel turns its caches on: out with
/// them again.
pub struct Claim {
    range: Range<u64>,
}

/// Where to jump to, and with what.
pub struct Jump {
    entry: u64,
    handover: u64,
}

impl Claim {
    /// Takes a range of memory, whole pages, at least one.
    ///
    /// # Safety
    /// It is memory, and nobody holds any of it.
    pub unsafe fn new(range: Range<u64>) -> Self {
        Self { range }
    }

    /// Fills its first `bytes` by `fill`, which says whether it could; without a handover.
    pub fn fill_with(self, bytes: usize, fill: impl FnOnce(&mut [u8]) -> bool) -> Option<&'static [u8]> {
        clean_caches(self.range.clone());
        // SAFETY: the claim is ours alone.
        let memory = unsafe { bytes_mut(self.range.clone()) };
        let memory = memory.get_mut(..bytes)?;
        let is_filled = fill(memory);
        clean_caches(self.range);
        is_filled.then_some(memory)
    }

    /// Fills it: the program, relocated, and behind it the handover.
    pub fn fill(self, plan: &Plan<'_>, handover: Handover) -> Result<Jump, Refusal> {
        let Range { start, end } = self.range;
        let page = end - PAGE_BYTES as u64;
        clean_caches(start..end);
        let first = address(start);
        // SAFETY: the claim is ours alone, and the only reference into it ends here.
        plan.fill(unsafe { bytes_mut(start..page) });
        // SAFETY: as above; a page is aligned for words, and any bytes are words.
        let words = unsafe { core::slice::from_raw_parts_mut(ptr::with_exposed_provenance_mut::<u64>(first), plan.bytes / 8) };
        plan.relocate(words, start)?;
        // SAFETY: the last page of the claim, behind the program.
        unsafe { ptr::with_exposed_provenance_mut::<Handover>(address(page)).write(handover) };
        clean_caches(start..end);
        Ok(Jump { entry: start + plan.entry as u64, handover: page })
    }
}

/// Cleans and invalidates every line of whole pages, down to memory, and drops all instructions.
fn clean_caches(pages: Range<u64>) {
    // SAFETY: maintenance by address changes nothing that memory holds. Four lines a turn: a page has 64.
    unsafe {
        asm!(
            "dsb sy",
            "2:",
            "dc civac, {line}",
            "add {line}, {line}, #{bytes}",
            "dc civac, {line}",
            "add {line}, {line}, #{bytes}",
            "dc civac, {line}",
            "add {line}, {line}, #{bytes}",
            "dc civac, {line}",
            "add {line}, {line}, #{bytes}",
            "cmp {line}, {end}",
            "b.lo 2b",
            "dsb sy",
            "ic iallu",
            "dsb sy",
            "isb",
            line = inout(reg) pages.start => _,
            end = in(reg) pages.end,
            bytes = const LINE_BYTES,
            options(nostack),
        );
    }
}

/// Orders all memory accesses, those of other masters included.
pub fn barrier() {
    // SAFETY: orders only.
    unsafe { asm!("dsb sy", options(nostack, preserves_flags)) };
}

/// Lets at least `turns` cycles of the core pass.
pub fn pause(turns: u32) {
    for _ in 0..turns {
        // SAFETY: waits.
        unsafe { asm!("yield", options(nomem, nostack, preserves_flags)) };
    }
}

/// The time since some moment, in milliseconds.
pub fn now_ms() -> u64 {
    let (count, frequency): (u64, u64);
    // SAFETY: reads two registers that every level may read.
    unsafe {
        asm!("isb", "mrs {}, cntvct_el0", "mrs {}, cntfrq_el0", out(reg) count, out(reg) frequency,
            options(nomem, nostack, preserves_flags));
    }
    count / (frequency / 1000).max(1)
}

/// Leaves the loader for the program.
pub fn jump(firmware: u64, jump: Jump) -> ! {
    // SAFETY: the program is in place, and its entry was checked to be in it.
    unsafe { skete_loader_jump(firmware, jump.handover, jump.entry) }
}

/// The loader's last instruction. `cargo xtask run --gdb` stops here, where x2 tells where the program came to be.
///
/// # Safety
/// A program's entry, which brings its own stack.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn skete_loader_jump(firmware: u64, handover: u64, entry: u64) -> ! {
    core::arch::naked_asm!("br x2")
}

/// Addresses have 64 bits here.
fn address(address: u64) -> usize {
    usize::try_from(address).unwrap_or(usize::MAX)
}
