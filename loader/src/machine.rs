//! On the machine: finds the payload, puts the program in place, jumps. Or says why not.
//!
//! Runs on one core, MMU and caches off, on a stack below the image. So every access is to Device memory: nothing unaligned, no
//! atomic, no floating point.
#![allow(unsafe_code, reason = "memory is taken by its address here, and the program is jumped to")]

mod console;
mod leave;
mod memory;
mod push;
mod start;

use core::ops::Range;

use arrayvec::ArrayVec;
use skete_abi::boot::{self, Handover};
use skete_drivers::firmware::{self, Machine};
use skete_loader::elf;
use skete_loader::options::is_semihosting;
use skete_loader::packed::unpack;
use skete_loader::payload::{Kind, Part, Payload};
use skete_loader::place::{largest_gap, place};
use skete_loader::program::{PAGE_BYTES, Plan};
use skete_loader::refusal::Refusal;

use console::Console;

/// Memory that is assumed where the firmware says nothing: the Pi has more.
const LEAST_RAM: Range<u64> = 0..64 << 20;

/// Page 0 is the spin table's and the firmware's.
const FIRMWARE_PAGE: Range<u64> = 0..PAGE_BYTES as u64;

/// How a cpio archive of format newc begins.
const CPIO_MAGIC: [u8; 6] = *b"070701";

/// Where the Pi's firmware writes its tags.
const PI_TAGS: u64 = 0x100;
/// The Pi's memory lies below its devices, `virt`'s at 1 GiB.
const PI_RAM_END: u64 = 0x3F00_0000;

/// What was found to be carried.
struct Cargo {
    program: Part<'static>,
    payload: Option<Payload<'static>>,
}

/// Carries a program: the one that came with the loader, which is in memory at `image`, else one that comes over the serial line.
/// `firmware` is what the firmware left in x0.
fn run(firmware: u64, image: Range<u64>) -> ! {
    let (mut machine, firmware) = survey(firmware, &image);
    if machine.ram.is_empty() {
        machine.ram.push(LEAST_RAM);
    }
    let mut is_semihosted = is_semihosting(machine.command_line);
    let mut found = find(&machine, &image);
    loop {
        let refusal = match found {
            Ok(Some(cargo)) => {
                is_semihosted |= cargo.is_semihosting();
                match load(&machine, firmware, &image, &cargo) {
                    Ok(jump) => memory::jump(firmware, jump),
                    Err(refusal) => Some(refusal),
                }
            }
            Ok(None) => None,
            Err(refusal) => Some(refusal),
        };
        let mut console = Console::open(&machine);
        if let Some(refusal) = refusal {
            refuse(&mut console, refusal);
            leave::leave(&machine, is_semihosted);
        }
        let payload = push::receive(&console, &machine, &image);
        // Its memory takes the place of an initial ramdisk's.
        machine.initrd = Some(memory::range(payload));
        found = open(payload).map(Some);
    }
}

/// What the firmware says, and where it says so; 0 if nowhere. The Pi's leaves x0 zero where its card has no devicetree, but writes
/// tags all the same.
fn survey(firmware: u64, image: &Range<u64>) -> (Machine<'static>, u64) {
    let is_pi = image.start < PI_RAM_END;
    for address in [Some(firmware), is_pi.then_some(PI_TAGS)].into_iter().flatten() {
        // SAFETY: x0 holds a description's address or 0 on every board (arm64 boot protocol), on the Pi there is memory at the tags'
        // place, and nobody has touched either yet.
        if let Ok(machine) = unsafe { firmware::read_for_loader(address) } {
            return (machine, address);
        }
    }
    (Machine::default(), 0)
}

/// Says why.
fn refuse(console: &mut Console, refusal: Refusal) {
    console.say("skete-loader: ");
    // The console takes every byte.
    let _ = refusal.describe(console);
    console.say("\n");
    console.flush();
}

/// Memory that is held.
type Taken = ArrayVec<Range<u64>, 24>;

/// All memory that is held before a program is there.
fn taken(machine: &Machine<'_>, image: &Range<u64>) -> Taken {
    let mut taken = ArrayVec::new();
    taken.extend(machine.reserved.iter().cloned());
    let initrd = machine.initrd.clone().unwrap_or_default();
    taken.extend([FIRMWARE_PAGE, start::stack(image.start).start..image.end, initrd]);
    taken
}

impl Cargo {
    fn part(&self, kind: Kind) -> Part<'static> {
        self.payload.and_then(|payload| payload.part(kind)).unwrap_or(Part::plain(&[]))
    }

    fn is_semihosting(&self) -> bool {
        is_semihosting(self.part(Kind::Options).bytes)
    }
}

/// Looks for a payload behind the loader, else for one or a bare program in the initial ramdisk. None, if there is neither payload nor
/// ramdisk.
fn find(machine: &Machine<'_>, image: &Range<u64>) -> Result<Option<Cargo>, Refusal> {
    let ram = machine.ram.iter().find(|range| range.contains(&image.end));
    let behind = image.end..ram.map_or(image.end, |range| range.end);
    // SAFETY: memory from the image's end to the end of the RAM it lies in; nobody writes there before the jump but `load`, which
    // keeps clear of the payload.
    let behind = unsafe { memory::bytes(behind) };
    if Payload::is_at(behind) {
        return open(behind).map(Some);
    }
    let Some(initrd) = machine.initrd.clone() else {
        return Ok(None);
    };
    // SAFETY: the firmware says that it put the ramdisk there, and `load` keeps clear of it.
    let initrd = unsafe { memory::bytes(initrd) };
    if Payload::is_at(initrd) {
        open(initrd).map(Some)
    } else if elf::is_at(initrd) {
        Ok(Some(Cargo { program: Part::plain(initrd), payload: None }))
    } else {
        Err(Refusal::UnknownRamdisk)
    }
}

fn open(bytes: &'static [u8]) -> Result<Cargo, Refusal> {
    let payload = Payload::parse(bytes, memory::checksum)?;
    let program = payload.part(Kind::Program).ok_or(Refusal::NoProgram)?;
    Ok(Cargo { program, payload: Some(payload) })
}

/// The bytes of a part. Those of a packed one are put at the end of the largest piece of free memory, for the program wants to be where
/// memory begins, and are taken from now on.
fn bring(kind: Kind, part: Part<'static>, machine: &Machine<'_>, taken: &mut Taken) -> Result<&'static [u8], Refusal> {
    let Some(bytes) = part.unpacked_bytes else {
        return Ok(part.bytes);
    };
    let gap = largest_gap(&machine.ram, taken);
    let pages = (bytes as u64).checked_next_multiple_of(PAGE_BYTES as u64).unwrap_or(u64::MAX);
    let start = gap.end.checked_sub(pages).filter(|start| *start >= gap.start).ok_or(Refusal::TooBig(pages >> 10))?;
    taken.try_push(start..gap.end).map_err(|_| Refusal::TooBig(pages >> 10))?;
    // SAFETY: the gap is memory that nobody holds.
    let memory = unsafe { memory::Claim::new(start..gap.end) };
    memory.fill_with(bytes, |into| unpack(part.bytes, into, memory::copy)).ok_or(Refusal::PackedPart(kind as u32))
}

/// Puts the program in place and the handover behind it.
fn load(machine: &Machine<'_>, firmware: u64, image: &Range<u64>, cargo: &Cargo) -> Result<memory::Jump, Refusal> {
    let appended = cargo.payload.map(|payload| memory::range(payload.bytes())).filter(|range| range.start == image.end);
    let loader = image.start..appended.map_or(image.end, |range| range.end);
    let initrd = machine.initrd.clone().unwrap_or_default();
    let mut taken = taken(machine, image);
    taken.push(loader.clone());
    let names = bring(Kind::Names, cargo.part(Kind::Names), machine, &mut taken)?;
    let plan = Plan::new(bring(Kind::Program, cargo.program, machine, &mut taken)?)?;

    let bytes = plan.bytes + PAGE_BYTES;
    let start = place(bytes as u64, &machine.ram, &taken).ok_or(Refusal::TooBig(bytes as u64 >> 10))?;
    let program = start..start + bytes as u64;
    // SAFETY: `place` chose memory that nobody holds.
    let memory = unsafe { memory::Claim::new(program.clone()) };
    // A card's `initramfs` may be the file tree of an appended program.
    // SAFETY: the firmware says that it put the ramdisk there.
    let is_archive = unsafe { memory::bytes(initrd.clone()) }.starts_with(&CPIO_MAGIC);
    let root = match cargo.part(Kind::Root).bytes {
        [] if is_archive => as_range(&initrd),
        root => range_of(root),
    };
    let handover = Handover {
        magic: boot::MAGIC,
        firmware,
        program: as_range(&program),
        loader: as_range(&loader),
        initrd: as_range(&initrd),
        root,
        options: range_of(cargo.part(Kind::Options).bytes),
        names: range_of(names),
        code: as_range(image),
    };
    memory.fill(&plan, handover)
}

fn range_of(bytes: &[u8]) -> boot::Range {
    if bytes.is_empty() { boot::Range::default() } else { as_range(&memory::range(bytes)) }
}

const fn as_range(range: &Range<u64>) -> boot::Range {
    boot::Range { start: range.start, end: range.end }
}
