//! QEMU's command line for a machine.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::board::{Board, Machine};

/// What every run without a clock of its own is told the date is: 2026-01-01 00:00:00 UTC, in seconds since 1970.
pub const FIXED_DATE: u64 = 1_767_225_600;

/// The arguments that boot `image` on `machine`, its console on standard input and output.
///
/// The image is the file QEMU calls a kernel; semihosting carries the exit status and the files of `/out`.
pub fn arguments(machine: &Machine, image: &Path) -> Vec<String> {
    let mut words: Vec<String> = vec!["-M".into(), model(machine)];
    if machine.board == Board::Virt {
        words.extend(["-cpu", "cortex-a53", "-nic", "none", "-smp"].map(String::from));
        words.push(machine.cores.to_string());
        words.push("-m".into());
        words.push(machine.mem.unwrap_or(1024).to_string());
    }
    if machine.mini_uart {
        words.extend(["-kernel".into(), firmware_beside(image).display().to_string()]);
        words.extend(["-device".into(), format!("loader,file={},addr={IMAGE_ADDRESS:#x},force-raw=on", image.display())]);
    } else {
        words.extend(["-kernel".into(), image.display().to_string()]);
    }
    words.extend(console(machine.mini_uart));
    words.extend(["-semihosting-config", "enable=on,target=native"].map(String::from));
    words.extend(clock(machine));
    words
}

/// The console on standard input and output, and nothing else.
fn console(is_second: bool) -> Vec<String> {
    let mut words: Vec<String> = ["-display", "none", "-monitor", "none", "-no-reboot"].map(String::from).into();
    words.extend(["-chardev", "stdio,id=console,signal=off"].map(String::from));
    if is_second {
        // The second UART is the mini one.
        words.extend(["-serial", "null"].map(String::from));
    }
    words.extend(["-serial", "chardev:console"].map(String::from));
    words
}

/// Whether instructions are the clock, and everything else that differs between runs is fixed.
fn clock(machine: &Machine) -> Vec<String> {
    let words = ["-icount", "shift=0,sleep=off", "-accel", "tcg,thread=single", "-rtc", "base=2026-01-01T00:00:00,clock=vm", "-seed", "1"];
    if machine.icount { words.map(String::from).into() } else { Vec::new() }
}

/// What a boot of Linux takes.
#[derive(Clone, Copy, Debug)]
pub struct Linux<'a> {
    /// The kernel's image.
    pub kernel: &'a Path,
    /// The Pi's devicetree: QEMU's virt makes its own.
    pub devicetree: &'a Path,
    /// The file tree, a cpio archive.
    pub files: &'a Path,
    /// The command line.
    pub line: &'a str,
}

/// The arguments that boot Linux on `machine`, its console on standard input and output. The Pi always has four cores.
pub fn linux_arguments(machine: &Machine, linux: &Linux<'_>) -> Vec<String> {
    let mut words: Vec<String> = vec!["-M".into(), model(machine)];
    if machine.board == Board::Virt {
        words.extend(["-cpu", "cortex-a53", "-nic", "none", "-m", "1024", "-smp"].map(String::from));
        words.push(machine.cores.to_string());
    } else {
        words.extend(["-dtb".into(), linux.devicetree.display().to_string()]);
    }
    words.extend(["-kernel".into(), linux.kernel.display().to_string(), "-initrd".into(), linux.files.display().to_string()]);
    words.extend(["-append".into(), linux.line.into()]);
    words.extend(console(false));
    words.extend(clock(machine));
    words
}

/// Where the firmware of [`FIRMWARE`] has the image.
const IMAGE_ADDRESS: u64 = 0x20_0000;

/// What a board's firmware does to the header's pins when it keeps the PL011 for Bluetooth, and QEMU does not: pins 14 and 15 get
/// alternative 5 (GPFSEL1, BCM2835 ARM Peripherals 6.1). Then the image has its turn, with the registers as they were.
const FIRMWARE: [u32; 6] = [
    0xd2a7_e409, // movz x9, #0x3f20, lsl #16
    0x5284_000a, // movz w10, #0x2000
    0x72a0_002a, // movk w10, #1, lsl #16
    0xb900_052a, // str w10, [x9, #4]
    0xd2a0_0409, // movz x9, #0x20, lsl #16
    0xd61f_0120, // br x9
];

/// Where [`write_firmware`] puts it.
fn firmware_beside(image: &Path) -> PathBuf {
    image.with_file_name("firmware.img")
}

/// Writes the firmware that `machine` needs beside `image`, if it needs one.
///
/// # Errors
/// It cannot be written.
pub fn write_firmware(machine: &Machine, image: &Path) -> io::Result<()> {
    if machine.mini_uart { fs::write(firmware_beside(image), FIRMWARE.map(u32::to_le_bytes).concat()) } else { Ok(()) }
}

fn model(machine: &Machine) -> String {
    let mut model = machine.board.to_string();
    if let Some(gic) = machine.gic {
        model += &format!(",gic-version={gic}");
    }
    if machine.icount && machine.board == Board::Virt {
        // The random bytes in the devicetree would make each run another.
        model += ",dtb-randomness=off";
    }
    model
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(machine: &Machine) -> String {
        arguments(machine, Path::new("kernel8.img")).join(" ")
    }

    #[test]
    fn the_pi_is_given_neither_cores_nor_memory() {
        let line = line(&Machine::new(Board::Raspi3b, 1));
        assert!(line.starts_with("-M raspi3b -kernel kernel8.img"), "{line}");
        assert!(!line.contains("-smp") && !line.contains("-m "), "{line}");
    }

    #[test]
    fn virt_is_a_cortex_a53_with_the_cores_and_memory_asked_for() {
        let line = line(&Machine { mem: Some(64), gic: Some(3), ..Machine::new(Board::Virt, 2) });
        assert!(line.starts_with("-M virt,gic-version=3 -cpu cortex-a53"), "{line}");
        assert!(line.contains("-smp 2") && line.contains("-m 64"), "{line}");
    }

    #[test]
    fn the_mini_uart_is_the_second_and_has_the_pins() {
        let line = line(&Machine { mini_uart: true, ..Machine::new(Board::Raspi3b, 4) });
        assert!(line.contains("-kernel firmware.img -device loader,file=kernel8.img,addr=0x200000,force-raw=on"), "{line}");
        assert!(line.contains("-serial null -serial chardev:console"), "{line}");
    }

    #[test]
    fn linux_has_the_same_machine() {
        let linux =
            Linux { kernel: Path::new("vmlinuz"), devicetree: Path::new("pi3.dtb"), files: Path::new("files"), line: "quiet -- /program" };
        let words = |board, cores| linux_arguments(&Machine { icount: true, ..Machine::new(board, cores) }, &linux).join(" ");
        let (virt, pi) = (words(Board::Virt, 1), words(Board::Raspi3b, 4));
        assert!(virt.starts_with("-M virt,dtb-randomness=off -cpu cortex-a53") && virt.contains("-smp 1"), "{virt}");
        assert!(pi.starts_with("-M raspi3b -dtb pi3.dtb -kernel vmlinuz -initrd files -append quiet -- /program"), "{pi}");
        assert!(pi.contains("-icount shift=0,sleep=off"), "{pi}");
    }

    #[test]
    fn counting_instructions_leaves_nothing_to_chance() {
        let line = line(&Machine { icount: true, ..Machine::new(Board::Virt, 1) });
        assert!(line.contains("dtb-randomness=off") && line.contains("-seed 1") && line.contains("clock=vm"), "{line}");
    }
}
