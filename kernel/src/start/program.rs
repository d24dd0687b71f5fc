//! The program: its options, arguments, environment and main thread.
#![allow(unsafe_code, reason = "lays out argc, argv and envp; jumps into std")]

use core::ffi::c_char;
use core::ptr::null;
use core::sync::atomic::{AtomicU32, Ordering};

use allocator_api2::vec::Vec;
use skete_drivers::firmware::Board;
use skete_drivers::pl031::Rtc;
use skete_drivers::window::Window;
use skete_logic::options::{Word, words};
use skete_logic::pages::PAGE;

use crate::arch::context;
use crate::board::{self, options};
use crate::memory::stack::Stack;
use crate::memory::{Heap, frames};
use crate::sched::clock;
use crate::sched::core as cores;
use crate::sched::devices::{self, Device};
use crate::sched::record::IDLE_RECORDS;
use crate::sched::report;
use crate::sched::spawn::{self, Plan};
use crate::{entropy, files, panic, trace};

unsafe extern "C" {
    /// std's entry: runs `main`, then the main thread's destructors, then `sys_exit`.
    fn runtime_entry(argc: i32, argv: *const *const c_char, environment: *const *const c_char) -> !;
}

/// What a part of the kernel does before the program begins, if the program uses it: its calls lead to an entry in this section, and
/// entries that nothing leads to are not linked. Where there is none, both are null.
mod parts {
    unsafe extern "C" {
        #[linkage = "extern_weak"]
        pub(super) static __start_skete_parts: *const usize;
        #[linkage = "extern_weak"]
        pub(super) static __stop_skete_parts: *const usize;
    }
}

/// Begins the parts of the kernel that the program uses.
fn begin_parts() {
    // SAFETY: the linker's own symbols, or null.
    let mut at = unsafe { parts::__start_skete_parts }.cast::<fn()>();
    // SAFETY: as above.
    let end = unsafe { parts::__stop_skete_parts }.cast::<fn()>();
    while at < end {
        // SAFETY: between both lie entries of this one type.
        let begin = unsafe { at.read() };
        begin();
        // SAFETY: the next one, or the end.
        at = unsafe { at.add(1) };
    }
}

/// The main thread's stack: 8 MiB as on Linux, mapped at first touch.
const MAIN_STACK: u64 = 8 << 20;
/// The priority that std gives its threads.
const NORMAL: u8 = 2;

/// Lets the console's input come in: bytes for the program, and the wish for a hang report.
pub fn listen() {
    if let Some(number) = board::console::enable_interrupt() {
        let quiet = || {
            if board::console::take_arrived() {
                report::tell();
            }
            files::changes::announce();
        };
        devices::register(Device { number, quiet, count: &board::console::INTERRUPTS });
    }
}

/// The cores' rate in MHz, 0 where nobody tells it.
static ARM_MHZ: AtomicU32 = AtomicU32::new(0);

/// Lets the Pi's cores run as fast as they may. Before the console is set up: the mini UART's rate may follow.
pub fn raise_clock() {
    if board::get().machine.board == Board::RaspberryPi3 {
        ARM_MHZ.store(board::mailbox::raise_arm_clock().unwrap_or(0), Ordering::Relaxed);
    }
}

/// Sets the wall clock: by option, else from the board's clock chip, else it begins in 1970.
pub fn set_clock() {
    if let Some(seconds) = options::number("date") {
        clock::set(seconds);
    } else if let Some(rtc) = board::get().machine.rtc {
        // SAFETY: the devicetree names it, and it is mapped.
        let chip = Rtc::new(unsafe { Window::new(rtc.base as usize, rtc.bytes as usize) });
        clock::set(chip.read_seconds().map_or(0, u64::from));
    }
}

/// Gives core `number`'s idle thread a TLS block: code of std may run there, in a panic.
pub fn prepare_idle(number: usize) {
    let Some(stack) = Stack::reserve(1) else {
        panic::stop(format_args!("no memory for core {number}'s thread-local storage"));
    };
    let (tls, _) = stack.prepare();
    // SAFETY: an idle thread's registers are only saved over; its core has not begun.
    unsafe { IDLE_RECORDS[number].registers() }.tls = tls;
    if number == 0 {
        adopt_idle(0);
    }
}

/// Uses this core's TLS block.
pub fn adopt_idle(number: usize) {
    // SAFETY: as above.
    let tls = unsafe { IDLE_RECORDS[number].registers() }.tls;
    context::set_tls_of_idle(tls);
}

/// Keeps the archive `root` for the file tree, and begins the main thread.
pub fn begin(root: &'static [u8]) {
    files::init(root);
    let plan = Plan { priority: NORMAL, stack: MAIN_STACK, name: "main", ..Plan::new(main, 0) };
    if let Err(errno) = spawn::spawn(&plan) {
        panic::stop(format_args!("the main thread cannot begin: {errno:?}"));
    }
}

extern "C" fn main(_: usize) {
    say_what_there_is();
    begin_parts();
    let Some((argc, argv, environment)) = arguments() else {
        panic::stop(format_args!("no memory for the program's arguments"));
    };
    // SAFETY: both lists end with a null pointer and live for ever.
    unsafe { runtime_entry(argc, argv, environment) }
}

/// One line about the machine, unless option `quiet=1` is given.
fn say_what_there_is() {
    let entropy = entropy::init();
    let (frames, _) = frames::count();
    let (cores, mib) = (cores::count(), frames as u64 * PAGE >> 20);
    let board = if board::get().machine.board == Board::RaspberryPi3 { "Raspberry Pi 3" } else { "virt" };
    let plural = if cores == 1 { "" } else { "s" };
    match ARM_MHZ.load(Ordering::Relaxed) {
        0 => trace::announce(format_args!("{board}, {cores} core{plural}, {mib} MiB, entropy: {entropy}")),
        mhz => trace::announce(format_args!("{board}, {cores} core{plural}, ARM {mhz} MHz, {mib} MiB, entropy: {entropy}")),
    }
}

type Strings = *const *const c_char;

/// The program's arguments and environment, leaked: they live as long as it does.
fn arguments() -> Option<(i32, Strings, Strings)> {
    let name = options::value("name").or_else(|| words(b"program").next());
    let argv = texts_of(name.into_iter().chain(options::arguments()))?;
    let count = i32::try_from(argv.len()).ok()?;
    Some((count, terminated(argv)?, terminated(texts_of(options::values("env"))?)?))
}

fn texts_of(words: impl Iterator<Item = Word<'static>>) -> Option<Vec<*const c_char, Heap>> {
    let mut texts = Vec::new_in(Heap);
    for word in words {
        texts.try_reserve(1).ok()?;
        texts.push(text_of(word)?);
    }
    Some(texts)
}

fn terminated(mut strings: Vec<*const c_char, Heap>) -> Option<Strings> {
    strings.try_reserve(1).ok()?;
    strings.push(null());
    Some(strings.leak().as_ptr())
}

/// A word without its quotes, as a C string that lives for ever.
fn text_of(word: Word<'_>) -> Option<*const c_char> {
    let mut bytes: Vec<u8, Heap> = Vec::new_in(Heap);
    for byte in word.bytes().chain([0]) {
        bytes.try_reserve(1).ok()?;
        bytes.push(byte);
    }
    Some(bytes.leak().as_ptr().cast())
}
