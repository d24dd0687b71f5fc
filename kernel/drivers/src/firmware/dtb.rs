//! The flattened devicetree, as QEMU and the Pi's firmware give it (Devicetree Specification 0.4).
//!
//! `dtoolkit` checks the blob whole before anything is read, allocates nothing, and walks it without recursion. This module knows
//! the nodes that matter: those under the root, the cores, what the firmware chose and what it reserves.

use dtoolkit::fdt::{Fdt, FdtNode};
use dtoolkit::{Node, Property};

pub use dtoolkit::error::FdtParseError;

use super::{Board, Conduit, Core, Device, Gic, Machine, Start};

/// How many bytes long the tree is whose first 8 bytes these are; `None` if they do not begin a tree.
#[must_use]
pub fn total_bytes(head: &[u8]) -> Option<usize> {
    let (magic, rest) = head.split_first_chunk()?;
    if u32::from_be_bytes(*magic) != 0xD00D_FEED {
        return None;
    }
    usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()
}

/// Reads a tree.
///
/// # Errors
/// When the blob is damaged: its checks are `dtoolkit`'s.
pub fn read(bytes: &[u8]) -> Result<Machine<'_>, FdtParseError> {
    let tree = Fdt::new(bytes)?;
    let root = tree.root();
    let mut machine = Machine::default();
    for range in tree.memory_reservations() {
        machine.reserve(range.address()..range.address().saturating_add(range.size()));
    }
    machine.board = board(&root);
    for node in root.children() {
        let name = node.name();
        match name.split_once('@').map_or(name, |(name, _)| name) {
            "chosen" => chosen(&mut machine, &node),
            "cpus" => cores(&mut machine, &node),
            "memory" => memory(&mut machine, &node),
            "psci" => machine.psci = conduit(&node),
            "reserved-memory" => reserved(&mut machine, &node),
            _ => device(&mut machine, node),
        }
    }
    Ok(machine)
}

fn board(root: &FdtNode<'_>) -> Board {
    for name in root.compatible().into_iter().flatten() {
        match name {
            "brcm,bcm2837" | "brcm,bcm2710" => return Board::RaspberryPi3,
            "linux,dummy-virt" => return Board::Virt,
            _ => {}
        }
    }
    Board::Unknown
}

fn chosen<'a>(machine: &mut Machine<'a>, node: &FdtNode<'a>) {
    let (mut start, mut end) = (None, None);
    for property in node.properties() {
        let value: &'a [u8] = property.value_as().unwrap_or_default();
        match property.name() {
            "bootargs" => machine.command_line = property.value_as().unwrap_or(""),
            "rng-seed" => machine.seed = value,
            "linux,initrd-start" => start = integer(value),
            "linux,initrd-end" => end = integer(value),
            _ => {}
        }
    }
    machine.initrd = start
        .zip(end)
        .map(|(start, end)| start..end)
        .filter(|range| !range.is_empty());
}

fn cores(machine: &mut Machine<'_>, node: &FdtNode<'_>) {
    for core in node.children() {
        let (mut is_core, mut mpidr, mut release, mut method) = (false, 0, None, "");
        for property in core.properties() {
            match property.name() {
                "device_type" => is_core = property.value() == b"cpu\0",
                "reg" => mpidr = integer(property.value()).unwrap_or(0),
                "cpu-release-addr" => release = integer(property.value()),
                "enable-method" => method = property.value_as().unwrap_or(""),
                _ => {}
            }
        }
        let start = match (method, release) {
            ("psci", _) => Start::Psci,
            ("spin-table", Some(address)) => Start::SpinTable(address),
            _ => Start::Unsaid,
        };
        if is_core {
            // A ninth core is left asleep.
            let _ = machine.cores.try_push(Core { mpidr, start });
        }
    }
}

fn memory(machine: &mut Machine<'_>, node: &FdtNode<'_>) {
    for (start, bytes) in registers(*node) {
        if bytes > 0 {
            // A ninth range of memory is left unused.
            let _ = machine.ram.try_push(start..start.saturating_add(bytes));
        }
    }
}

fn reserved(machine: &mut Machine<'_>, node: &FdtNode<'_>) {
    for area in node.children() {
        for (start, bytes) in registers(area) {
            machine.reserve(start..start.saturating_add(bytes));
        }
    }
}

fn conduit(node: &FdtNode<'_>) -> Option<Conduit> {
    match node.property("method")?.value() {
        b"hvc\0" => Some(Conduit::Hvc),
        b"smc\0" => Some(Conduit::Smc),
        _ => None,
    }
}

/// Keeps the node if it is a device that Skete drives.
fn device(machine: &mut Machine<'_>, node: FdtNode<'_>) {
    let Some(names) = node.compatible() else {
        return;
    };
    for name in names {
        match name {
            "virtio,mmio" => {
                // A thirty-third slot is not looked at: QEMU has 32.
                let _ = window(node).map(|device| machine.virtio.try_push(device));
            }
            "arm,pl011" if machine.uart.is_none() => machine.uart = window(node),
            "arm,pl031" => machine.rtc = window(node),
            "arm,cortex-a15-gic" | "arm,gic-400" => {
                machine.gic = pair(node).map(|(distributor, cpu_interface)| Gic::V2 {
                    distributor,
                    cpu_interface,
                });
            }
            "arm,gic-v3" => {
                machine.gic = pair(node).map(|(distributor, redistributors)| Gic::V3 {
                    distributor,
                    redistributors,
                });
            }
            _ => continue,
        }
        return;
    }
}

fn window(node: FdtNode<'_>) -> Option<Device> {
    let (base, bytes) = registers(node).next()?;
    let interrupt = node
        .property("interrupts")
        .and_then(|property| interrupt(property.value()));
    Some(Device {
        base,
        bytes,
        interrupt,
    })
}

/// The GIC's three cells: kind (0 shared, 1 private), number within the kind, trigger.
fn interrupt(value: &[u8]) -> Option<u32> {
    let (kind, rest) = value.split_first_chunk()?;
    let number = u32::from_be_bytes(*rest.first_chunk()?);
    match u32::from_be_bytes(*kind) {
        0 => number.checked_add(32),
        1 => number.checked_add(16),
        _ => None,
    }
}

fn pair(node: FdtNode<'_>) -> Option<(u64, u64)> {
    let mut windows = registers(node);
    Some((windows.next()?.0, windows.next()?.0))
}

/// The node's `reg`: address and length of each window. Windows that do not fit 64 bits are left out.
fn registers(node: FdtNode<'_>) -> impl Iterator<Item = (u64, u64)> {
    let windows = node.reg().ok().flatten();
    windows
        .into_iter()
        .flatten()
        .filter_map(|window| Some((window.address().ok()?, window.size().ok()?)))
}

/// A property of one or two cells.
fn integer(value: &[u8]) -> Option<u64> {
    match value.len() {
        4 => value
            .first_chunk()
            .map(|four| u64::from(u32::from_be_bytes(*four))),
        8 => value.first_chunk().map(|eight| u64::from_be_bytes(*eight)),
        _ => None,
    }
}
