//! The machines that QEMU can be, and what may be asked of each.

use std::fmt;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde::Deserialize;

/// Which machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Board {
    /// Raspberry Pi 3 B: always four cores and 1 GiB.
    #[default]
    Raspi3b,
    /// QEMU's own machine: 1 to 4 cores, any memory, virtio devices.
    Virt,
}

impl fmt::Display for Board {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Raspi3b => "raspi3b",
            Self::Virt => "virt",
        })
    }
}

/// A machine as asked for on the command line.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Machine {
    /// The machine that QEMU is to be.
    #[arg(long, value_enum, default_value_t)]
    pub board: Board,
    /// How many cores the program gets. QEMU's raspi3b always has four: there the others sleep.
    #[arg(long, value_name = "1..4", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub cores: u8,
    /// Memory of virt in MiB (default 1024).
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub mem: Option<u32>,
    /// Which interrupt controller virt has.
    #[arg(long, value_name = "2|3", value_parser = clap::value_parser!(u8).range(2..=3))]
    pub gic: Option<u8>,
    /// Put the console of raspi3b on its mini UART, as a board's firmware does that keeps the PL011 for Bluetooth.
    #[arg(long)]
    pub mini_uart: bool,
    /// Count instructions: one is one nanosecond of guest time, and every run is the same.
    #[arg(long)]
    pub icount: bool,
}

impl Machine {
    /// A machine with everything left to its defaults.
    pub const fn new(board: Board, cores: u8) -> Self {
        Self { board, cores, mem: None, gic: None, mini_uart: false, icount: false }
    }

    /// Refuses what the board has not.
    ///
    /// # Errors
    /// `--mem` or `--gic` for raspi3b, `--mini-uart` for virt.
    pub fn check(&self) -> Result<()> {
        if self.board == Board::Raspi3b && self.mem.is_some() {
            bail!("--mem is for --board virt: QEMU's raspi3b always has 1 GiB, as the board has");
        }
        if self.board == Board::Raspi3b && self.gic.is_some() {
            bail!("--gic is for --board virt: a Raspberry Pi 3 has no GIC but Broadcom's own controllers");
        }
        if self.board == Board::Virt && self.mini_uart {
            bail!("--mini-uart is for --board raspi3b: virt has a PL011 only");
        }
        Ok(())
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.board, self.cores)?;
        if let Some(gic) = self.gic {
            write!(out, " gic{gic}")?;
        }
        if let Some(mem) = self.mem {
            write!(out, " {mem}M")?;
        }
        if self.mini_uart {
            out.write_str(" mini-uart")?;
        }
        if self.icount { out.write_str(" icount") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_refused_on_the_pi_with_the_reason() {
        let machine = Machine { mem: Some(512), ..Machine::new(Board::Raspi3b, 4) };
        assert!(machine.check().expect_err("the Pi has 1 GiB").to_string().contains("1 GiB"));
        let machine = Machine { mem: Some(512), ..Machine::new(Board::Virt, 4) };
        assert!(machine.check().is_ok());
    }

    #[test]
    fn a_mini_uart_is_refused_on_virt() {
        assert!(Machine { mini_uart: true, ..Machine::new(Board::Virt, 4) }.check().is_err());
        assert!(Machine { mini_uart: true, ..Machine::new(Board::Raspi3b, 4) }.check().is_ok());
    }

    #[test]
    fn a_gic_is_refused_on_the_pi() {
        assert!(Machine { gic: Some(3), ..Machine::new(Board::Raspi3b, 4) }.check().is_err());
    }
}
