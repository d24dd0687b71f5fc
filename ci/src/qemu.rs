//! QEMU's command line for a machine.

use std::path::Path;

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
    words.extend(["-kernel".into(), image.display().to_string()]);
    words.extend(["-display", "none", "-monitor", "none", "-no-reboot"].map(String::from));
    words.extend(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"].map(String::from));
    words.extend(["-semihosting-config", "enable=on,target=native"].map(String::from));
    if machine.icount {
        words.extend(["-icount", "shift=0,sleep=off", "-accel", "tcg,thread=single"].map(String::from));
        words.extend(["-rtc", "base=2026-01-01T00:00:00,clock=vm", "-seed", "1"].map(String::from));
    }
    words
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
    fn counting_instructions_leaves_nothing_to_chance() {
        let line = line(&Machine { icount: true, ..Machine::new(Board::Virt, 1) });
        assert!(line.contains("dtb-randomness=off") && line.contains("-seed 1") && line.contains("clock=vm"), "{line}");
    }
}
