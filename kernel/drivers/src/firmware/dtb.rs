//! The flattened devicetree, as QEMU and the Pi's firmware give it (Devicetree Specification 0.4, chapter 5).
//!
//! One pass over its tokens, without recursion, keeping what matters: the root, the nodes under it (devices, memory, what the
//! firmware chose) and theirs (cores, reserved memory). Boot time and image size are why this is not left to a library: reading
//! `virt`'s tree takes `dtoolkit` 340,000 instructions, this 70,000, for it checks the whole tree first and then walks it once
//! per level and property. It is the judge in this module's tests instead.

mod tokens;

use super::{Board, Conduit, Core, Device, Gic, Machine, Start};
use tokens::{Token, Tree};

pub use tokens::{Damage, total_bytes};

/// Levels that are looked at: the root, its nodes, theirs.
const LEVELS: usize = 3;

/// Reads a tree.
///
/// # Errors
/// When the blob is damaged anywhere.
pub fn read(bytes: &[u8]) -> Result<Machine<'_>, Damage> {
    read_nodes::<true>(bytes)
}

/// Reads of a tree what a loader wants to know: all but the cores, the seed, and devices other than the console.
///
/// # Errors
/// As [`read`].
pub fn read_for_loader(bytes: &[u8]) -> Result<Machine<'_>, Damage> {
    read_nodes::<false>(bytes)
}

/// Reads all that is kept of a tree if `WHOLE`, else only what a loader wants: what the other half takes of program is then left out.
fn read_nodes<const WHOLE: bool>(bytes: &[u8]) -> Result<Machine<'_>, Damage> {
    let tree = Tree::parse(bytes)?;
    let mut machine = Machine::default();
    for (start, length) in tree.reservations() {
        machine.reserve(start..start.saturating_add(length));
    }
    let mut path = [Node::default(); LEVELS];
    let mut depth = 0usize;
    for token in tree.tokens() {
        match token? {
            Token::Begin(name) => {
                if let Some(node) = path.get_mut(depth) {
                    *node = Node { name, ..Node::default() };
                }
                depth += 1;
            }
            Token::Property(name, value) => {
                let node = depth.checked_sub(1).ok_or(Damage::Structure)?;
                if let Some(node) = path.get_mut(node) {
                    node.keep::<WHOLE>(name, value);
                }
            }
            Token::End => {
                depth = depth.checked_sub(1).ok_or(Damage::Structure)?;
                match (depth, &path) {
                    (0, [root, ..]) => machine.board = root.board(),
                    (1, [root, node, _]) => machine.take::<WHOLE>(root, node),
                    (2, [_, parent, node]) => machine.take_inner::<WHOLE>(parent, node),
                    _ => {}
                }
            }
        }
    }
    if depth == 0 { Ok(machine) } else { Err(Damage::Structure) }
}

/// What is kept of a node: its name and the properties that somebody here asks for. Empty where there is none.
#[derive(Clone, Copy, Default)]
struct Node<'a> {
    name: &'a [u8],
    address_cells: Option<u64>,
    size_cells: Option<u64>,
    compatible: &'a [u8],
    device_type: &'a [u8],
    reg: &'a [u8],
    interrupts: &'a [u8],
    method: &'a [u8],
    enable_method: &'a [u8],
    release_address: Option<u64>,
    initrd_start: Option<u64>,
    initrd_end: Option<u64>,
    bootargs: &'a [u8],
    seed: &'a [u8],
}

impl<'a> Node<'a> {
    fn keep<const WHOLE: bool>(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |text: &str| is_same(name, text);
        if is("compatible") {
            self.compatible = value;
        } else if is("reg") {
            self.reg = value;
        } else if WHOLE && is("interrupts") {
            self.interrupts = value;
        } else if is("#address-cells") {
            self.address_cells = integer(value);
        } else if is("#size-cells") {
            self.size_cells = integer(value);
        } else if WHOLE && is("device_type") {
            self.device_type = value;
        } else if is("method") {
            self.method = value;
        } else if WHOLE && is("enable-method") {
            self.enable_method = value;
        } else if WHOLE && is("cpu-release-addr") {
            self.release_address = integer(value);
        } else if is("linux,initrd-start") {
            self.initrd_start = integer(value);
        } else if is("linux,initrd-end") {
            self.initrd_end = integer(value);
        } else if is("bootargs") {
            self.bootargs = value;
        } else if WHOLE && is("rng-seed") {
            self.seed = value;
        }
    }

    /// Whether its name, without the address, is this.
    fn is_named(&self, name: &str) -> bool {
        self.name.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first().is_none_or(|&byte| byte == b'@'))
    }

    /// The names it is compatible with, best first.
    fn compatible(&self) -> impl Iterator<Item = &'a [u8]> {
        self.compatible.split(|&byte| byte == 0)
    }

    /// Address and length of each window, as the parent says how many words each has (2 and 1 if it does not). None, if they are
    /// wider than 64 bits.
    fn windows(&self, parent: &Node<'_>) -> impl Iterator<Item = (u64, u64)> + use<'a> {
        let address = parent.address_cells.unwrap_or(2).min(3) as usize * 4;
        let size = parent.size_cells.unwrap_or(1).min(3) as usize * 4;
        let windows = self.reg.chunks_exact((address + size).max(1));
        windows.filter_map(move |window| {
            let (start, length) = window.split_at_checked(address)?;
            Some((integer(start)?, if size == 0 { 0 } else { integer(length)? }))
        })
    }

    fn is_compatible(&self, name: &str) -> bool {
        self.compatible().any(|found| is_same(found, name))
    }

    fn board(&self) -> Board {
        if self.is_compatible("brcm,bcm2837") || self.is_compatible("brcm,bcm2710") {
            Board::RaspberryPi3
        } else if self.is_compatible("linux,dummy-virt") {
            Board::Virt
        } else {
            Board::Unknown
        }
    }

    fn device<const WHOLE: bool>(&self, parent: &Node<'_>) -> Option<Device> {
        let (base, bytes) = self.windows(parent).next()?;
        Some(Device { base, bytes, interrupt: if WHOLE { interrupt(self.interrupts) } else { None } })
    }
}

impl<'a> Machine<'a> {
    /// A node under the root.
    fn take<const WHOLE: bool>(&mut self, root: &Node<'a>, node: &Node<'a>) {
        if node.is_named("chosen") {
            self.command_line = text(node.bootargs);
            self.seed = node.seed;
            let initrd = node.initrd_start.zip(node.initrd_end).map(|(start, end)| start..end);
            self.initrd = initrd.filter(|range| !range.is_empty());
        } else if node.is_named("memory") {
            for (start, bytes) in node.windows(root).filter(|(_, bytes)| *bytes > 0) {
                // A ninth range of memory is left unused.
                let _ = self.ram.try_push(start..start.saturating_add(bytes));
            }
        } else if node.is_named("psci") {
            let is = |name| is_text(node.method, name);
            let smc = is("smc").then_some(Conduit::Smc);
            self.psci = smc.or(is("hvc").then_some(Conduit::Hvc));
        } else {
            self.take_device::<WHOLE>(root, node);
        }
    }

    /// Keeps a device that Skete drives, by the best of its names that is known.
    fn take_device<const WHOLE: bool>(&mut self, root: &Node<'a>, node: &Node<'a>) {
        for name in node.compatible() {
            let is = |text: &str| is_same(name, text);
            if is("arm,pl011") {
                self.uart = self.uart.or_else(|| node.device::<WHOLE>(root));
            } else if !WHOLE {
                continue;
            } else if is("virtio,mmio") {
                // A thirty-third slot is not looked at: QEMU has 32.
                let _ = node.device::<WHOLE>(root).map(|device| self.virtio.try_push(device));
            } else if is("arm,pl031") {
                self.rtc = node.device::<WHOLE>(root);
            } else if is("arm,cortex-a15-gic") || is("arm,gic-400") {
                let windows = pair(node.windows(root));
                self.gic = windows.map(|(distributor, cpu_interface)| Gic::V2 { distributor, cpu_interface });
            } else if is("arm,gic-v3") {
                let windows = pair(node.windows(root));
                self.gic = windows.map(|(distributor, redistributors)| Gic::V3 { distributor, redistributors });
            } else {
                continue;
            }
            return;
        }
    }

    /// A node one level below those.
    fn take_inner<const WHOLE: bool>(&mut self, parent: &Node<'a>, node: &Node<'a>) {
        if WHOLE && parent.is_named("cpus") && is_text(node.device_type, "cpu") {
            let is = |name| is_text(node.enable_method, name);
            let start = match node.release_address {
                _ if is("psci") => Start::Psci,
                Some(address) if is("spin-table") => Start::SpinTable(address),
                _ => Start::Unsaid,
            };
            // A ninth core is left asleep.
            let _ = integer(node.reg).map(|mpidr| self.cores.try_push(Core { mpidr, start }));
        } else if parent.is_named("reserved-memory") {
            for (start, bytes) in node.windows(parent) {
                self.reserve(start..start.saturating_add(bytes));
            }
        }
    }
}

/// The first two windows' addresses.
fn pair(mut windows: impl Iterator<Item = (u64, u64)>) -> Option<(u64, u64)> {
    Some((windows.next()?.0, windows.next()?.0))
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

/// The text before the first NUL.
fn text(value: &[u8]) -> &[u8] {
    value.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Whether a value is this text.
fn is_text(value: &[u8], name: &str) -> bool {
    is_same(text(value), name)
}

/// Whether these bytes are this text. By itself: compared in place, with its known length, each text becomes code byte by byte, four times
/// as much.
#[inline(never)]
fn is_same(bytes: &[u8], text: &str) -> bool {
    bytes == text.as_bytes()
}

/// A number of one or two cells. By itself: big-endian and not aligned, it is read byte by byte.
#[inline(never)]
fn integer(value: &[u8]) -> Option<u64> {
    match value.len() {
        4 => value.first_chunk().map(|four| u64::from(u32::from_be_bytes(*four))),
        8 => value.first_chunk().map(|eight| u64::from_be_bytes(*eight)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
