//! Which board this is, found at run time, and its devices.
//!
//! - [`console`]: the UART, byte by byte, with no lock: what a panic still can use
//! - [`image`]: the program's own segments, as its ELF headers tell
//! - [`mailbox`]: what the Pi's firmware is asked
//! - [`options`]: the words given at boot
//! - [`power`]: how the machine stops, and with what status
#![allow(unsafe_code, reason = "devices stand at addresses that the firmware or the board's manual gives")]

pub mod console;
pub mod image;
pub mod mailbox;
pub mod options;
pub mod power;

use core::ops::Range;

use hermit_sync::OnceCell;
use skete_drivers::firmware::{self, Gic, Machine};
use skete_drivers::gic_v2::GicV2;
use skete_drivers::gic_v3::{Affinity, GicV3, Redistributor};
use skete_drivers::window::Window;
use skete_drivers::{bcm2835_intc, bcm2836};

use crate::arch::cpu;

/// The interrupt controller there is.
pub enum Interrupts {
    /// `virt` with `gic-version=2`.
    Gic2(GicV2<Window>),
    /// `virt` with `gic-version=3`.
    Gic3 {
        /// The distributor.
        gic: GicV3<Window>,
        /// Each core's own part.
        redistributors: [Option<Redistributor<Window>>; cpu::CORES],
    },
    /// The Pi 3: the ARM-local controller, and the peripherals' behind it.
    Bcm {
        /// BCM2836.
        local: bcm2836::Local<Window>,
        /// BCM2835.
        peripherals: bcm2835_intc::Controller<Window>,
    },
}

/// The board.
pub struct Board {
    /// What the firmware said.
    pub machine: Machine<'static>,
    /// Its interrupt controller.
    pub interrupts: Interrupts,
}

// SAFETY: the controllers' registers are banked per core or take single writes; the descriptions are read only.
unsafe impl Sync for Board {}
// SAFETY: as above.
unsafe impl Send for Board {}

static BOARD: OnceCell<Board> = OnceCell::new();

/// Where the Pi's peripherals begin (BCM2837).
pub const PERIPHERALS: u64 = 0x3f00_0000;
/// Where the ARM-local registers begin (QA7).
const LOCAL: u64 = 0x4000_0000;
/// Bytes that a GICv3's redistributors take for four cores: two frames of 64 KiB each.
const REDISTRIBUTORS: u64 = cpu::CORES as u64 * 0x2_0000;

/// The board. Known from [`init`] on.
#[inline]
pub fn get() -> &'static Board {
    match BOARD.get() {
        Some(board) => board,
        None => unknown(),
    }
}

#[cold]
fn unknown() -> ! {
    // Nothing is known to speak through.
    cpu::halt()
}

/// Whether [`init`] has run.
pub fn is_known() -> bool {
    BOARD.get().is_some()
}

/// A device's window.
pub fn window(base: u64, bytes: u64) -> Window {
    // SAFETY: the address comes from the firmware or the board's manual, and boot maps it as a device.
    unsafe { Window::new(base as usize, bytes as usize) }
}

/// What must be mapped as devices, for `machine`.
pub fn device_ranges(machine: &Machine<'_>) -> impl Iterator<Item = Range<u64>> {
    let is_pi = machine.board == firmware::Board::RaspberryPi3;
    let pi = [PERIPHERALS..PERIPHERALS + 0x40_0000, LOCAL..LOCAL + 0x20_0000];
    let gic = match machine.gic {
        Some(Gic::V2 { distributor, cpu_interface }) => [distributor..distributor + 0x1_0000, cpu_interface..cpu_interface + 0x1_0000],
        Some(Gic::V3 { distributor, redistributors }) => {
            [distributor..distributor + 0x1_0000, redistributors..redistributors + REDISTRIBUTORS]
        }
        None => [0..0, 0..0],
    };
    let single = [machine.uart, machine.rtc].into_iter().flatten().map(|device| device.base..device.base + device.bytes);
    let virtio = machine.virtio.clone().into_iter().map(|device| device.base..device.base + device.bytes);
    pi.into_iter().filter(move |_| is_pi).chain(gic).chain(single).chain(virtio).filter(|range| !range.is_empty())
}

/// Makes the board known. Its devices are mapped. `None`: it is none that we know.
pub fn init(machine: Machine<'static>) -> Option<&'static Board> {
    let interrupts = match (machine.board, machine.gic) {
        (firmware::Board::RaspberryPi3, _) => Interrupts::Bcm {
            local: bcm2836::Local::new(window(LOCAL, 0x1000)),
            peripherals: bcm2835_intc::Controller::new(window(PERIPHERALS + 0xb200, 0x100)),
        },
        (_, Some(Gic::V2 { distributor, cpu_interface })) => {
            Interrupts::Gic2(GicV2::new(window(distributor, 0x1_0000), window(cpu_interface, 0x1_0000)))
        }
        (_, Some(Gic::V3 { distributor, redistributors })) => Interrupts::Gic3 {
            gic: GicV3::new(window(distributor, 0x1_0000)),
            redistributors: core::array::from_fn(|number| {
                let all = window(redistributors, REDISTRIBUTORS);
                Redistributor::find(all, REDISTRIBUTORS as usize, Affinity::from_mpidr(number as u64))
            }),
        },
        (_, None) => return None,
    };
    BOARD.set(Board { machine, interrupts }).ok()?;
    BOARD.get()
}
