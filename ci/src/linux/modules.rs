//! The modules that a board's network card takes: which they are, in which order they are loaded, and where the package has them.
//!
//! What needs what is listed where a kernel is installed, not in its package. So each module's own word counts: `depends=` in its section
//! `.modinfo`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum as _;
use object::{Object as _, ObjectSection as _};

use crate::board::Board;
use crate::toolchain;

/// The folder that a kernel's files have them in, and a file tree.
pub const FOLDER: &str = "modules";

/// What drives the card that QEMU's board has, and what that is plugged into.
const fn wanted(board: Board) -> &'static [&'static str] {
    match board {
        Board::Virt => &["virtio_mmio", "virtio_net"],
        // The devicetree names a transceiver of USB, without which the controller's driver waits for ever.
        Board::Raspi3b => &["phy_generic", "dwc2", "cdc_ether"],
    }
}

/// Copies the modules of each board out of a kernel's package: `from` is its folder with all, `into` gets one for each board, in which the
/// order of names is that of loading.
///
/// # Errors
/// The package lacks one, or one cannot be read.
pub fn collect(from: &Path, into: &Path) -> Result<()> {
    let mut files = BTreeMap::new();
    find(from, &mut files).with_context(|| format!("{} cannot be read", from.display()))?;
    let built_in = fs::read_to_string(from.join("modules.builtin")).context("the package does not tell what is built in")?;
    let built_in: BTreeSet<String> = built_in.lines().filter_map(|line| name_of(Path::new(line))).collect();
    for board in Board::value_variants() {
        let mut bytes = BTreeMap::new();
        let order = order(wanted(*board), &mut |name| {
            if built_in.contains(name) {
                return Ok(None);
            }
            let file = files.get(name).with_context(|| format!("the package has no module {name}"))?;
            let read = read(file)?;
            let needs = needs(&read).with_context(|| file.display().to_string())?;
            bytes.insert(name.to_owned(), read);
            Ok(Some(needs))
        })?;
        let folder = into.join(board.to_string());
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        for (number, name) in order.iter().enumerate() {
            let path = folder.join(format!("{number:02}-{name}.ko"));
            fs::write(&path, &bytes[name]).with_context(|| format!("{} cannot be written", path.display()))?;
        }
    }
    Ok(())
}

/// Every file below `folder` that is a module, by its name.
fn find(folder: &Path, into: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, into)?;
        } else if let Some(name) = name_of(&path) {
            into.insert(name, path);
        }
    }
    Ok(())
}

/// A module's name by that of its file: in names, a dash is as good as an underscore.
fn name_of(path: &Path) -> Option<String> {
    let (name, end) = path.file_name()?.to_str()?.split_once('.')?;
    matches!(end, "ko" | "ko.xz" | "ko.zst" | "ko.gz").then(|| name.replace('-', "_"))
}

/// A module's bytes; where the package has them compressed, this machine's program for that is asked.
fn read(path: &Path) -> Result<Vec<u8>> {
    let program = match path.extension().and_then(|end| end.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        Some("gz") => "gzip",
        _ => return fs::read(path).with_context(|| format!("{} cannot be read", path.display())),
    };
    ensure!(toolchain::on_path(program).is_some(), "the kernel's modules are compressed, and there is no {program} here");
    let output = Command::new(program).arg("-dc").arg(path).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("{program} does not start"))?;
    ensure!(output.status.success(), "{} cannot be decompressed", path.display());
    Ok(output.stdout)
}

/// What a module needs, as it says itself.
fn needs(module: &[u8]) -> Result<Vec<String>> {
    let file = object::File::parse(module).context("it is no module")?;
    let section = file.section_by_name(".modinfo").context("it does not say what it needs")?;
    Ok(depends(section.data().context("what it needs is cut off")?))
}

/// The names behind `depends=` among words that end with a NUL each.
fn depends(words: &[u8]) -> Vec<String> {
    let words = words.split(|byte| *byte == 0).filter_map(|word| word.strip_prefix(b"depends="));
    let names = words.flat_map(|names| names.split(|byte| *byte == b',')).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8_lossy(name).replace('-', "_")).collect()
}

/// All that `wanted` need and they themselves, each behind what it needs. `needs` tells what that is; `None`: the kernel has it built in.
fn order(wanted: &[&str], needs: &mut dyn FnMut(&str) -> Result<Option<Vec<String>>>) -> Result<Vec<String>> {
    let mut order = Vec::new();
    for name in wanted {
        place(name, needs, &mut Vec::new(), &mut order)?;
    }
    Ok(order)
}

/// `open` holds those that led here.
fn place(
    name: &str,
    needs: &mut dyn FnMut(&str) -> Result<Option<Vec<String>>>,
    open: &mut Vec<String>,
    order: &mut Vec<String>,
) -> Result<()> {
    if order.iter().any(|other| other == name) {
        return Ok(());
    }
    if open.iter().any(|other| other == name) {
        bail!("module {name} needs itself, by way of {}", open.join(", "));
    }
    let Some(first) = needs(name)? else { return Ok(()) };
    open.push(name.to_owned());
    for other in first {
        place(&other, needs, open, order)?;
    }
    open.pop();
    order.push(name.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(wanted: &[&str], all: &[(&str, &str)]) -> Result<Vec<String>> {
        order(wanted, &mut |name| {
            let (_, needs) = all.iter().find(|(known, _)| *known == name).with_context(|| format!("no {name}"))?;
            Ok((*needs != "built in").then(|| depends(format!("depends={needs}").as_bytes())))
        })
    }

    #[test]
    fn what_is_needed_is_loaded_before_and_once() {
        let all = [("net", "failover,mmio"), ("failover", "core"), ("core", ""), ("mmio", "ring,core"), ("ring", "built in")];
        assert_eq!(ordered(&["mmio", "net"], &all).expect("all are there"), ["core", "mmio", "failover", "net"]);
    }

    #[test]
    fn what_lacks_or_leads_back_is_named() {
        let refusal = |all| format!("{:#}", ordered(&["a"], all).expect_err("it cannot be loaded"));
        assert_eq!(refusal(&[("a", "b")]), "no b");
        assert_eq!(refusal(&[("a", "b"), ("b", "a")]), "module a needs itself, by way of a, b");
    }

    #[test]
    fn a_module_says_what_it_needs() {
        assert_eq!(depends(b"license=GPL\0depends=usbcore,usb-common\0name=dwc2\0"), ["usbcore", "usb_common"]);
        assert!(depends(b"depends=\0").is_empty() && depends(b"").is_empty());
        assert!(needs(b"no module").is_err());
    }

    #[test]
    fn a_modules_name_is_its_files_without_dashes_and_ends() {
        let name = |path: &str| name_of(Path::new(path));
        assert_eq!(name("a/phy-generic.ko").as_deref(), Some("phy_generic"));
        assert_eq!(name("a/mii.ko.xz").as_deref(), Some("mii"));
        assert_eq!((name("a/modules.order"), name("a/kernel")), (None, None));
    }
}
