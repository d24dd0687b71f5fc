//! Trees made by dtoolkit, read here; junk; and damage at every place.

use std::vec::Vec;

use dtoolkit::fdt::Fdt;
use dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};
use proptest::prelude::*;

use super::super::{Board, Conduit, Core, Device, Gic, Machine, Start};
use super::{read, read_for_loader, total_bytes};

fn cells(cells: &[u32]) -> Vec<u8> {
    cells.iter().flat_map(|cell| cell.to_be_bytes()).collect()
}

type Properties<'a> = &'a [(&'a str, &'a [u8])];

fn node(name: &str, properties: Properties<'_>) -> DeviceTreeNode {
    let mut node = DeviceTreeNode::new_unchecked(name);
    for (name, value) in properties {
        node.add_property(DeviceTreeProperty::new(*name, *value).expect("a test's name is valid"));
    }
    node
}

/// A tree like that of QEMU's `virt`, in short.
fn virt() -> Vec<u8> {
    let two = cells(&[2]);
    let mut tree = DeviceTree::new();
    tree.root = node("/", &[("compatible", b"linux,dummy-virt\0"), ("#address-cells", &two), ("#size-cells", &two)]);
    tree.root.add_child(cores());
    tree.root.add_child(reserved_memory());
    for child in devices() {
        tree.root.add_child(child);
    }
    let memory = cells(&[0, 0x4000_0000, 0, 0x800_0000]);
    tree.root.add_child(node("memory@40000000", &[("reg", &memory), ("device_type", b"memory\0")]));
    // Not memory, for all its name.
    tree.root.add_child(node("memories", &[("reg", &memory)]));
    let chosen: Properties<'_> = &[
        ("bootargs", b"cores=2 -- x\0"),
        ("linux,initrd-start", &cells(&[0x4400_0000])),
        ("linux,initrd-end", &cells(&[0, 0x4400_1000])),
        ("rng-seed", &[1, 2, 3]),
    ];
    tree.root.add_child(node("chosen", chosen));
    tree.root.add_child(node("psci", &[("method", b"hvc\0"), ("compatible", b"arm,psci-1.0\0arm,psci\0")]));
    tree.to_dtb()
}

fn cores() -> DeviceTreeNode {
    let mut cpus = node("cpus", &[("#address-cells", &cells(&[1])), ("#size-cells", &cells(&[0]))]);
    cpus.add_child(node("cpu-map", &[]));
    let kind = ("device_type", b"cpu\0".as_slice());
    cpus.add_child(node("cpu@0", &[kind, ("reg", &cells(&[0])), ("enable-method", b"psci\0")]));
    let waiting: Properties<'_> =
        &[kind, ("reg", &cells(&[1])), ("enable-method", b"spin-table\0"), ("cpu-release-addr", &cells(&[0, 0xE0]))];
    cpus.add_child(node("cpu@1", waiting));
    cpus
}

fn reserved_memory() -> DeviceTreeNode {
    let one = cells(&[1]);
    let mut reserved = node("reserved-memory", &[("#address-cells", &one), ("#size-cells", &one)]);
    reserved.add_child(node("area@50000000", &[("reg", &cells(&[0x5000_0000, 0x1000]))]));
    reserved
}

fn devices() -> [DeviceTreeNode; 3] {
    let uart: Properties<'_> =
        &[("compatible", b"arm,pl011\0arm,primecell\0"), ("reg", &cells(&[0, 0x900_0000, 0, 0x1000])), ("interrupts", &cells(&[0, 1, 4]))];
    let gic: Properties<'_> =
        &[("compatible", b"arm,cortex-a15-gic\0"), ("reg", &cells(&[0, 0x800_0000, 0, 0x1_0000, 0, 0x801_0000, 0, 0x1_0000]))];
    let virtio: Properties<'_> =
        &[("compatible", b"virtio,mmio\0"), ("reg", &cells(&[0, 0xA00_0000, 0, 0x200])), ("interrupts", &cells(&[0, 16, 1]))];
    [node("pl011@9000000", uart), node("intc@8000000", gic), node("virtio_mmio@a000000", virtio)]
}

#[test]
fn a_tree_says_what_the_machine_is() {
    let blob = virt();
    assert_eq!(total_bytes(&blob), Some(blob.len()));
    let machine = read(&blob).expect("dtoolkit made it");
    assert_eq!(machine.board, Board::Virt);
    assert_eq!(machine.ram.first(), Some(&(0x4000_0000..0x4800_0000)));
    assert_eq!(machine.ram.len(), 1);
    assert_eq!(machine.reserved.first(), Some(&(0x5000_0000..0x5000_1000)));
    assert_eq!(machine.initrd, Some(0x4400_0000..0x4400_1000));
    assert_eq!((machine.command_line, machine.seed), (b"cores=2 -- x".as_slice(), [1, 2, 3].as_slice()));
    assert_eq!(machine.psci, Some(Conduit::Hvc));
    let start = [Start::Psci, Start::SpinTable(0xE0)];
    assert_eq!(machine.cores.as_slice(), [Core { mpidr: 0, start: start[0] }, Core { mpidr: 1, start: start[1] }]);
    assert_eq!(machine.uart, Some(Device { base: 0x900_0000, bytes: 0x1000, interrupt: Some(33) }));
    assert_eq!(machine.gic, Some(Gic::V2 { distributor: 0x800_0000, cpu_interface: 0x801_0000 }));
    assert_eq!(machine.virtio.as_slice(), [Device { base: 0xA00_0000, bytes: 0x200, interrupt: Some(48) }]);
}

#[test]
fn a_loader_reads_the_same_but_for_what_it_does_not_want() {
    let blob = virt();
    let whole = read(&blob).expect("dtoolkit made it");
    let machine = read_for_loader(&blob).expect("dtoolkit made it");
    let without = |device: Option<Device>| device.map(|device| Device { interrupt: None, ..device });
    assert_eq!((machine.board, machine.initrd, machine.command_line), (whole.board, whole.initrd, whole.command_line));
    assert_eq!((machine.ram, machine.reserved), (whole.ram, whole.reserved));
    assert_eq!((machine.psci, machine.uart), (whole.psci, without(whole.uart)));
    assert!(machine.cores.is_empty() && machine.gic.is_none() && machine.virtio.is_empty() && machine.seed.is_empty());
}

#[test]
fn what_is_not_said_is_empty() {
    let blob = DeviceTree::new().to_dtb();
    let machine = read(&blob).expect("dtoolkit made it");
    assert_eq!(machine.board, Board::Unknown);
    assert!(machine.ram.is_empty() && machine.cores.is_empty() && machine.uart.is_none() && machine.initrd.is_none());
}

#[test]
fn a_tree_that_ends_early_is_damaged_wherever_it_ends() {
    let blob = virt();
    for length in 0..blob.len() {
        assert!(read(&blob[..length]).is_err(), "{length}");
    }
}

#[test]
fn no_reservation_is_forgotten_when_there_are_too_many() {
    let mut machine = Machine::default();
    for area in 0..40u64 {
        machine.reserve(area * 0x1000..area * 0x1000 + 1);
    }
    for area in 0..40u64 {
        assert!(machine.reserved.iter().any(|range| range.contains(&(area * 0x1000))));
    }
}

proptest! {
    /// Whoever dtoolkit takes is taken here too; the other way round it is stricter, about names.
    #[test]
    fn a_changed_tree_is_read_or_refused(changes in prop::collection::vec((0usize..4096, any::<u8>()), 1..8)) {
        let mut blob = virt();
        for (at, byte) in changes {
            let at = at % blob.len();
            blob[at] = byte;
        }
        let ours = read(&blob);
        if Fdt::new(&blob).is_ok() {
            prop_assert!(ours.is_ok());
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut blob = Vec::from([0xD0, 0x0D, 0xFE, 0xED]);
        blob.extend(bytes);
        let _ = read(&blob);
    }
}
