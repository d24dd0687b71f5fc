//! `cargo xtask sd`: the folder that a person copies to a Raspberry Pi 3's SD card.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::image::{self, Contents};
use crate::options::Options;
use crate::run::{Choice, Settings};

/// Fills a folder for a Raspberry Pi 3's SD card: kernel8.img, config.txt, the firmware.
#[derive(Clone, Debug, Args)]
pub struct Sd {
    /// The folder to fill; made if it is not there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Where the firmware's files are (default: where Debian's package puts them, /usr/lib/raspi-firmware).
    #[arg(long, value_name = "DIR")]
    firmware: Option<PathBuf>,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    settings: Settings,
}

/// The firmware's files, and what each is for. `gpu_mem=16` makes the firmware take the cut-down pair.
const FIRMWARE: [(&str, &str); 3] = [
    ("bootcode.bin", "the second stage, which the Pi's boot ROM loads"),
    ("start_cd.elf", "the firmware itself, cut down, for gpu_mem=16"),
    ("fixup_cd.dat", "its counterpart: the two must be of one release"),
];

/// Where Debian's package raspi-firmware puts them.
const DEBIANS: &str = "/usr/lib/raspi-firmware";

/// Text of `config.txt`.
const CONFIG: &str = include_str!("template/config.txt");

impl Sd {
    /// Does it.
    ///
    /// # Errors
    /// The program cannot be built, or the folder not be written.
    pub fn carry_out(self) -> Result<()> {
        self.settings.check()?;
        if let Some(folder) = &self.firmware {
            ensure!(folder.is_dir(), "--firmware {}: there is no such folder", folder.display());
        }
        let told = || format!("{} cannot be written", self.folder.display());
        fs::create_dir_all(&self.folder).with_context(told)?;
        let (builder, elf) = self.choice.build()?;
        let mut options = Options::default();
        self.settings.tell(&self.choice.name(), &mut options)?;
        let contents = Contents { elf, root: self.settings.root.clone(), options };
        image::write(&builder, &contents, &self.folder.join("kernel8.img"))?;
        fs::write(self.folder.join("config.txt"), CONFIG).with_context(told)?;
        let firmware = self.firmware.as_deref().unwrap_or(Path::new(DEBIANS));
        let missing = copy_firmware(firmware, &self.folder)?;
        let shown = self.folder.display();
        println!("{shown} holds kernel8.img and config.txt");
        if missing.is_empty() {
            println!("and the firmware. Copy all of it to the first partition (FAT32) of an SD card.");
            return Ok(());
        }
        println!("still missing there, for {} does not have them:", firmware.display());
        for (name, purpose) in missing {
            println!("    {name:14}{purpose}");
        }
        println!(
            "They come with Debian's package raspi-firmware, in component non-free-firmware. In Debian 12, that is a word more on the\n\
             `Components:` line of /etc/apt/sources.list.d/debian.sources (or on the `deb` lines of /etc/apt/sources.list); then\n\
             `apt-get update && apt-get install raspi-firmware`. Or give a folder that has them by --firmware DIR."
        );
        Ok(())
    }
}

/// Copies the firmware; the files that were not there.
fn copy_firmware(from: &Path, to: &Path) -> Result<Vec<(&'static str, &'static str)>> {
    let mut missing = Vec::new();
    for (name, purpose) in FIRMWARE {
        let source = from.join(name);
        if source.exists() {
            fs::copy(&source, to.join(name)).with_context(|| format!("{} cannot be copied", source.display()))?;
        } else if !to.join(name).exists() {
            missing.push((name, purpose));
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firmware_is_copied_and_what_lacks_is_named() {
        let (from, to) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        fs::write(from.path().join("bootcode.bin"), "x").expect("it can be written");
        let missing = copy_firmware(from.path(), to.path()).expect("it can be copied");
        let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["start_cd.elf", "fixup_cd.dat"]);
        assert!(to.path().join("bootcode.bin").exists());
    }

    #[test]
    fn every_key_of_the_configuration_has_its_reason_above_it() {
        let lines: Vec<&str> = CONFIG.lines().collect();
        let keys = lines.iter().enumerate().filter(|(_, line)| line.contains('=') && !line.starts_with('#'));
        for (at, key) in keys {
            assert!(at > 0 && lines[at - 1].starts_with('#'), "`{key}` has no reason");
        }
    }
}
