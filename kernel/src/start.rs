//! From the loader's jump to the program's `main`.
//!
//! `skete_boot_core` runs once, on core 0, in this order: what the loader handed over → what the firmware says → frames, translation
//! tables → the board → options → the cores' rate, the console → time, interrupts → thread records → the other cores → the main
//! thread, which has the stack for what is left; then core 0 idles. `skete_other_core` is what the others do.
//!
//! Each step may use what the steps before it made, and nothing else.
#![allow(unsafe_code, reason = "reads what the loader left in memory; hands out memory that nobody owns yet")]

pub mod program;
pub mod secondary;

use core::ops::Range;

use allocator_api2::vec::Vec;
use skete_abi::boot::{self, Handover};
use skete_drivers::firmware::{self, Board, Machine};
use skete_logic::pages::{Access, PAGE};

use crate::arch::{cpu, entry, stacks};
use crate::board::{self, image, options, power};
use crate::memory::{Heap, frames, map};
use crate::sched::core::{self as cores, Core};
use crate::sched::idle;
use crate::sched::inherit::{self, KernelHeir};
use crate::sched::many;
use crate::sched::meter::{self, Life};
use crate::sched::record::{self, Record};
use crate::{interrupt, panic, time, trace};

/// The firmware's description is looked for in this many bytes: QEMU's devicetree takes a megabyte.
const MOST_DESCRIPTION: u64 = 2 << 20;
/// A machine has one thread record for this much memory.
const RAM_PER_THREAD: u64 = 32 << 10;
/// Room for this many threads at least and at most.
const LEAST_THREADS: u64 = 64;
const MOST_THREADS: u64 = 16384;

/// Core 0's way, with what the firmware and the loader gave. The entry code calls it, once.
#[unsafe(no_mangle)]
unsafe extern "C" fn skete_boot_core(firmware: u64, handover: *const Handover) -> ! {
    Core::prepare_for_the_worst(0);
    // SAFETY: the loader wrote it into the page behind the image, which the entry code mapped.
    let handover = unsafe { handover.read() };
    if handover.magic != boot::MAGIC {
        // Another loader: there is nothing to go by, and no console yet.
        cpu::halt();
    }
    entry::map_early(firmware, MOST_DESCRIPTION);
    // SAFETY: mapped just now; the firmware wrote it, and nobody writes it again.
    let mut machine = unsafe { firmware::read(firmware) }.unwrap_or_else(|_| fallback());
    take_memory(&machine, &handover);
    map_everything(&machine, &handover);
    machine.command_line = keep(machine.command_line);
    let Some(_) = board::init(machine) else { cpu::halt() };
    read_options(&handover);
    program::raise_clock();
    board::console::init();
    time::init();
    program::set_clock();
    interrupt::init();
    make_records();
    start_cores();
    program::listen();
    program::begin(left_by_loader(handover.root));
    idle::idle()
}

/// What a Pi looks like whose firmware says nothing.
fn fallback() -> Machine<'static> {
    let mut machine = Machine { board: Board::RaspberryPi3, ..Machine::default() };
    machine.ram.push(0..0x3b40_0000);
    machine
}

/// Enters RAM into the frame allocator, but for what is in use.
fn take_memory(machine: &Machine<'_>, handover: &Handover) {
    let range = |range: boot::Range| range.start..range.end;
    let first_page = if machine.board == Board::RaspberryPi3 { 0..PAGE } else { 0..0 };
    // One GiB around the image: the frames that come first are there.
    for ram in &machine.ram {
        entry::map_early(ram.start, ram.end - ram.start);
    }
    let kept = [range(handover.program), range(handover.root), range(handover.options), range(handover.names), first_page];
    let mut taken: arrayvec::ArrayVec<Range<u64>, 32> = kept.into_iter().filter(|range| !range.is_empty()).collect();
    taken.extend(machine.reserved.iter().cloned());
    erase_loader(handover);
    for ram in &machine.ram {
        frames::add(ram.clone(), &taken);
    }
}

/// Zeroes the loader, which nobody runs any more. An emulator watches pages that it has translated code of: as long as some of that code
/// stands, QEMU takes a hundred times as long for every write to its page, which is some thread's stack by then. By words: writes of 64
/// bytes (`DC ZVA`) are among those that QEMU 7.2 loses sight of.
fn erase_loader(handover: &Handover) {
    for word in (handover.code.start..handover.code.end).step_by(size_of::<u64>()) {
        // SAFETY: the early map has all that is near the image, as Normal memory; its frames are not entered into the allocator yet.
        unsafe { (word as *mut u64).write_volatile(0) };
    }
}

/// Builds the translation tables and uses them.
fn map_everything(machine: &Machine<'_>, handover: &Handover) {
    let program = handover.program.start..handover.program.end;
    let mut is_done = image::segments().all(|(range, access)| map::map_same(range, access));
    is_done &= map::map_same(program.end - PAGE..program.end, Access::Data);
    // By itself, so that it can be unmapped by itself.
    is_done &= machine.board != Board::RaspberryPi3 || map::map_same(0..PAGE, Access::Data);
    for ram in &machine.ram {
        is_done &= map::map_same(ram.start..ram.end.min(program.start).max(ram.start), Access::Data);
        is_done &= map::map_same(ram.start.max(program.end).min(ram.end)..ram.end, Access::Data);
    }
    is_done &= board::device_ranges(machine).all(|range| map::map_same(range, Access::Device));
    if !is_done {
        // Less memory than tables take: nothing can be said without a console.
        cpu::halt();
    }
    stacks::guards().for_each(map::guard);
    map::activate();
}

/// The firmware's command line where it stays: tags lie in the Pi's page 0, which is unmapped once all cores have left it.
fn keep(text: &'static [u8]) -> &'static [u8] {
    if text.is_empty() || text.as_ptr() as u64 >= PAGE {
        return text;
    }
    let Some(start) = frames::take_row(text.len().div_ceil(PAGE as usize)) else { return &[] };
    // SAFETY: taken just now, as long as the text, and never given back.
    let kept = unsafe { core::slice::from_raw_parts_mut(start as *mut u8, text.len()) };
    kept.copy_from_slice(text);
    kept
}

/// What the loader left in `range`, for ever.
fn left_by_loader(range: boot::Range) -> &'static [u8] {
    if range.is_empty() {
        return &[];
    }
    // SAFETY: the loader put it there, and its frames were not entered into the allocator.
    unsafe { core::slice::from_raw_parts(range.start as *const u8, range.len() as usize) }
}

fn read_options(handover: &Handover) {
    options::set(left_by_loader(handover.options), board::get().machine.command_line);
    if options::is_on("semihosting") {
        power::use_semihosting();
    }
    if options::is_on("serial") {
        power::use_serial();
    }
    for option in options::misunderstood() {
        trace::say(format_args!("boot option {option} has no number: ignored"));
    }
    panic::backtrace::set_names(left_by_loader(handover.names));
    let there = board::get().machine.cores.len();
    let there = if there == 0 { cpu::CORES } else { there.min(cpu::CORES) };
    let wanted = options::number("cores").and_then(|n| usize::try_from(n).ok()).unwrap_or(there);
    cores::set_count(wanted.clamp(1, there));
}

/// Gives the thread table and each core its memory.
fn make_records() {
    let (total, _) = frames::count();
    let length = (total as u64 * PAGE / RAM_PER_THREAD).clamp(LEAST_THREADS, MOST_THREADS) as usize;
    let row = |bytes: usize| {
        let Some(start) = frames::take_row(bytes.div_ceil(PAGE as usize)) else {
            panic::stop(format_args!("no memory for {length} thread records"));
        };
        start
    };
    let nodes = many::wanted(length);
    let table = row((length + nodes) * size_of::<Record>()) as *mut Record;
    // SAFETY: taken just now.
    unsafe { record::install(table, length, nodes) };
    // SAFETY: as above.
    unsafe { inherit::install(row(length * size_of::<KernelHeir>()) as *mut KernelHeir) };
    // SAFETY: as above.
    unsafe { meter::install(row(length * size_of::<Life>()) as *mut Life) };
    let ticks_always = options::is_repeatable() && cores::count() > 1;
    for number in 0..cores::count() {
        let mut deadlines = Vec::new_in(Heap);
        if deadlines.try_reserve_exact(length).is_err() {
            panic::stop(format_args!("no memory for {length} deadlines of core {number}"));
        }
        Core::prepare(number, deadlines, ticks_always);
        program::prepare_idle(number);
    }
}

fn start_cores() {
    enter(0);
    secondary::release();
    secondary::wait();
}

/// This core's own devices; from now on it runs threads.
fn enter(number: usize) {
    interrupt::init_core(number);
    Core::this().join();
}

/// The way of every core but the first. The entry code calls it, once a core.
#[unsafe(no_mangle)]
unsafe extern "C" fn skete_other_core() -> ! {
    let number = cpu::number();
    Core::prepare_for_the_worst(number);
    secondary::arrived();
    if number >= cores::count() {
        cpu::halt();
    }
    program::adopt_idle(number);
    enter(number);
    idle::idle()
}
