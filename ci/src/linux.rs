//! Debian's Linux for arm64 in the machines that we boot in, with one program as all there is: what figures are compared with.
//!
//! Its package is brought by the package client and unpacked, not installed. The first process (`ci/linux/init.c`) seeds the kernel's random
//! generator, without which every system call would pay for a missing seed, brings a network card up if there is to be one ([`modules`]), runs
//! the program, and ends the machine.

mod modules;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};

use crate::apt::{self, Client, Kind};
use crate::archive;
use crate::board::Machine;
use crate::cc::linux::{self as cc, Libc};
use crate::guest::{self, Ending, Input};
use crate::house;
use crate::network::Network;
use crate::packages;
use crate::qemu;

/// The package that depends on the kernel's, whatever its version is.
const PACKAGE: &str = "linux-image-arm64";
/// The devicetree of a Raspberry Pi 3, within the kernel's package.
const DEVICETREE: &str = "broadcom/bcm2837-rpi-3-b.dtb";
/// What its network card has as its address, and where packets go: the first process gives it that (`ci/linux/init.c`).
pub const ADDRESS: &str = "10.0.2.15/24,10.0.2.2";
/// What the first process says at the program's end, before its status.
const END: &str = "init: status ";
/// How long a machine may take, boot and program together, in seconds.
const MOST_SECONDS: u64 = 300;

/// A kernel that is here.
#[derive(Clone, Debug)]
pub struct Linux {
    /// Where its files are.
    folder: PathBuf,
    /// The package's name and version.
    pub version: String,
}

impl Linux {
    /// Finds it; brought by Debian's package client the first time.
    ///
    /// # Errors
    /// It cannot be brought, or `offline` forbids to.
    pub fn find(offline: bool) -> Result<Self> {
        let place = house::root().join(".toolchain/linux");
        // Its last part, that earlier versions of this tool did not keep.
        if !place.join(modules::FOLDER).exists() {
            ensure!(
                !offline,
                "--offline: Debian's kernel ({PACKAGE} for arm64) was never fetched, or not all of it; leave --offline out once"
            );
            fetch(&place).with_context(|| format!("Debian's kernel ({PACKAGE} for arm64) cannot be brought here"))?;
        }
        let version = fs::read_to_string(place.join("version")).with_context(|| format!("{} is broken: remove it", place.display()))?;
        Ok(Self { folder: place, version })
    }

    /// Boots with `program` and the words for it; what it printed.
    ///
    /// # Errors
    /// It does not end, or not well: with what it printed.
    pub fn run(&self, machine: &Machine, program: &Path, words: &[&str], offline: bool) -> Result<String> {
        self.run_with(machine, None, program, words, offline, &mut |_| ())
    }

    /// As [`Self::run`], with a network card if there is a `network`; each piece of what is printed goes to `listener` at once.
    ///
    /// # Errors
    /// As [`Self::run`]; the machine has no such card.
    pub fn run_with(
        &self,
        machine: &Machine,
        network: Option<&Network>,
        program: &Path,
        words: &[&str],
        offline: bool,
        listener: &mut dyn FnMut(&[u8]),
    ) -> Result<String> {
        let root = tempfile::tempdir().context("no folder to run in")?;
        put(&init(offline)?, &root.path().join("init"))?;
        put(program, &root.path().join("program"))?;
        if network.is_some() {
            put_all(&self.folder.join(modules::FOLDER).join(machine.board.to_string()), &root.path().join(modules::FOLDER))?;
        }
        let scratch = tempfile::tempdir().context("no folder to run in")?;
        let files = scratch.path().join("initramfs.cpio");
        fs::write(&files, archive::pack(root.path())?).context("the file tree cannot be written")?;
        // Without KASLR, and so without page tables of the kernel's own, which cost QEMU dear and a Cortex-A53 does not need.
        let line = format!("console=ttyAMA0 loglevel=1 panic=-1 nokaslr norandmaps iomem=relaxed -- /program {}", words.join(" "));
        let boot =
            qemu::Linux { kernel: &self.folder.join("vmlinuz"), devicetree: &self.folder.join("pi3.dtb"), files: &files, line: &line };
        let mut output = Vec::new();
        let limit = Some(Duration::from_secs(MOST_SECONDS));
        let mut listener = |piece: &[u8]| {
            output.extend_from_slice(piece);
            listener(piece);
        };
        let mut arguments = qemu::linux_arguments(machine, &boot);
        if let Some(network) = network {
            arguments.extend(network.plug(machine, true)?.words);
        }
        let ending = guest::run(&packages::qemu(offline)?.0, &arguments, scratch.path(), Input::None, limit, &mut listener)?;
        guest::go_on()?;
        let output = String::from_utf8_lossy(&output).replace('\r', "");
        match output.lines().find_map(|line| line.strip_prefix(END)) {
            Some("0") => Ok(output),
            Some(status) => bail!("on Linux the program ended with status {status}; what was printed:\n{output}"),
            None if ending == Ending::TimedOut => bail!("Linux did not end within {MOST_SECONDS} s; what was printed:\n{output}"),
            None => bail!("Linux ended without the program's end; what was printed:\n{output}"),
        }
    }
}

/// Copies a file into the tree, as old as ever: a boot is the same each time as long as every byte is.
fn put(from: &Path, to: &Path) -> Result<()> {
    let copied = fs::copy(from, to).and_then(|_| File::options().write(true).open(to)?.set_modified(UNIX_EPOCH));
    copied.with_context(|| format!("{} cannot be copied", from.display()))
}

/// Copies every file of a folder.
fn put_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to).with_context(|| format!("{} cannot be made", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("{} cannot be read", from.display()))? {
        let entry = entry?;
        put(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Brings the package and unpacks what a boot needs of it.
fn fetch(place: &Path) -> Result<()> {
    let client = Client::new(Kind::Binary("arm64"), &[], place.parent().context("the place has a parent")?)?;
    let metapackage = client.download(&format!("{PACKAGE}:arm64"))?;
    let name = dependency(&field(&metapackage, "Depends")?).context("the package names no kernel")?;
    let (package, unpacked) = client.unpacked(&format!("{name}:arm64"))?;
    let release = name.strip_prefix("linux-image-").unwrap_or(&name);
    let whole = client.here().join("whole");
    fs::create_dir(&whole)?;
    let files = [
        (unpacked.join("boot").join(format!("vmlinuz-{release}")), "vmlinuz"),
        (unpacked.join("usr/lib").join(&name).join(DEVICETREE), "pi3.dtb"),
    ];
    for (from, to) in files {
        fs::rename(&from, whole.join(to)).with_context(|| format!("{name} has no {}", from.display()))?;
    }
    modules::collect(&modules_of(&unpacked, release)?, &whole.join(modules::FOLDER)).with_context(|| format!("modules of {name}"))?;
    fs::write(whole.join("version"), format!("{name} {}", field(&package, "Version")?))?;
    // What an earlier version of this tool has brought goes with the client's folder.
    if place.exists() && !place.join(modules::FOLDER).exists() {
        fs::rename(place, client.here().join("earlier")).with_context(|| format!("{} cannot be replaced", place.display()))?;
    }
    apt::keep(&whole, place)
}

/// Where the package has its modules: where `/lib` is a name for `/usr/lib`, packages may know either.
fn modules_of(unpacked: &Path, release: &str) -> Result<PathBuf> {
    let places = ["lib", "usr/lib"].map(|library| unpacked.join(library).join("modules").join(release));
    places.into_iter().find(|place| place.is_dir()).context("the kernel's package has no modules")
}

/// A field of a package's description.
fn field(package: &Path, name: &str) -> Result<String> {
    let output = Command::new("dpkg-deb").arg("-f").arg(package).arg(name).stderr(Stdio::inherit()).output();
    let output = output.context("dpkg-deb does not start")?;
    ensure!(output.status.success(), "{} cannot be read", package.display());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The kernel's package among what another depends on: `linux-image-6.1.0-57-arm64 (= 6.1.192-3)`.
fn dependency(depends: &str) -> Option<String> {
    let names = depends.split(',').filter_map(|one| one.split_whitespace().next());
    names.map(String::from).find(|name| name.starts_with("linux-image-"))
}

/// The first process, built.
fn init(offline: bool) -> Result<PathBuf> {
    cc::program(&[house::root().join("ci/linux/init.c")], Libc::Glibc, "init", offline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_package_is_what_the_other_depends_on() {
        assert_eq!(dependency("initramfs-tools, linux-image-6.1.0-57-arm64 (= 6.1.192-3)").as_deref(), Some("linux-image-6.1.0-57-arm64"));
        assert_eq!(dependency("libc6 (>= 2.36)"), None);
    }
}
