//! Writes the seeds: small inputs of every kind, from which the fuzzer starts. `cargo run --example seeds` in this folder.

use std::fs;
use std::io;
use std::path::Path;

use dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};
use skete_abi::names;
use skete_loader::packed::pack;
use skete_loader::payload::{self, Kind};
use skete_loader::sample::Sample;
use skete_loader::serial::Sender;

fn main() -> io::Result<()> {
    let program = Sample::talking();
    seed("program", "talking", &program.emit())?;
    seed(
        "program",
        "irelative",
        &program.clone().with_relocation(0x1000, 1032, 0).emit(),
    )?;
    seed(
        "program",
        "relr",
        &program.clone().with_dynamic(&[(36, 0x1040)]).emit(),
    )?;
    seed(
        "payload",
        "options",
        &without_checksums(payload::emit(&[(Kind::Options, b"cores=2 -- a")])),
    )?;
    let two: [(Kind, &[u8]); 2] = [(Kind::Program, b"program"), (Kind::Root, b"070701")];
    seed("payload", "two", &without_checksums(payload::emit(&two)))?;
    let packed = payload::emit_packed(&[(Kind::Program, &program.emit())]);
    seed("payload", "packed", &without_checksums(packed))?;
    for (name, bytes) in [
        ("words", b"one two one two two two".repeat(2)),
        ("zeroes", vec![0; 300]),
    ] {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        let mut input = length.to_le_bytes().to_vec();
        input.extend(pack(&bytes));
        seed("packed", name, &input)?;
    }
    seed(
        "names",
        "three",
        &names::emit([
            (0x1000, "alpha::run"),
            (0x1040, "alpha::stop"),
            (0x2000, ""),
        ]),
    )?;
    seed("serial", "hello", &without_frame_checksums(&[1; 40]))?;
    seed("devicetree", "small", &tree().to_dtb())?;
    seed("devicetree", "empty", &DeviceTree::new().to_dtb())?;
    let tags = [
        5,
        0x5441_0001,
        1,
        4096,
        0,
        4,
        0x5441_0002,
        0x3C00_0000,
        0,
        3,
        0x5441_0009,
        0x61,
        2,
        0,
    ];
    seed(
        "tags",
        "list",
        &tags
            .iter()
            .flat_map(|word: &u32| word.to_le_bytes())
            .collect::<Vec<_>>(),
    )
}

fn seed(target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}

/// The targets let a checksum of zero pass.
fn without_checksums(mut payload: Vec<u8>) -> Vec<u8> {
    let count = usize::from(payload[12]);
    payload[24..28].fill(0);
    for entry in 0..count {
        payload[32 + 32 * entry + 4..][..4].fill(0);
    }
    payload
}

/// A hello, a block and an end.
fn without_frame_checksums(payload: &[u8]) -> Vec<u8> {
    let mut line = Vec::new();
    let Ok(mut sender) = Sender::new(payload) else {
        return line;
    };
    for next in [0, u32::try_from(payload.len()).unwrap_or(0), 0] {
        let mut frame = sender.frame();
        frame[8..16].fill(0);
        line.extend(frame);
        let reply = skete_loader::serial::Reply::Good(next);
        for byte in reply.emit(crc32fast::hash) {
            let _ = sender.take(byte);
        }
    }
    line
}

fn tree() -> DeviceTree {
    let mut tree = DeviceTree::new();
    property(&mut tree.root, "compatible", b"linux,dummy-virt\0");
    property(&mut tree.root, "#address-cells", &[0, 0, 0, 1]);
    property(&mut tree.root, "#size-cells", &[0, 0, 0, 1]);
    let mut memory = DeviceTreeNode::new_unchecked("memory@40000000");
    property(&mut memory, "reg", &[0x40, 0, 0, 0, 8, 0, 0, 0]);
    tree.root.add_child(memory);
    let mut cpus = DeviceTreeNode::new_unchecked("cpus");
    let mut cpu = DeviceTreeNode::new_unchecked("cpu@0");
    property(&mut cpu, "device_type", b"cpu\0");
    property(&mut cpu, "reg", &[0, 0, 0, 0]);
    property(&mut cpu, "enable-method", b"psci\0");
    cpus.add_child(cpu);
    tree.root.add_child(cpus);
    let mut chosen = DeviceTreeNode::new_unchecked("chosen");
    property(&mut chosen, "bootargs", b"cores=2\0");
    property(&mut chosen, "rng-seed", &[7; 8]);
    tree.root.add_child(chosen);
    tree
}

fn property(node: &mut DeviceTreeNode, name: &str, value: &[u8]) {
    node.add_property(DeviceTreeProperty::new_unchecked(name, value));
}
