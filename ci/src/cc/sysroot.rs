//! The headers and libraries of a C program: musl's, Linux's for what musl has not, and ours.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::apt::{self, Client, Kind};
use crate::house;

/// Debian's places for musl, when its package for arm64 is installed.
const INSTALLED: [&str; 2] = ["/usr/include/aarch64-linux-musl", "/usr/lib/aarch64-linux-musl"];
/// Where Debian's cross packages have Linux's headers, among those of another libc.
const KERNEL: &str = "/usr/aarch64-linux-gnu/include";
/// Those of them that are Linux's.
const KERNEL_FOLDERS: [&str; 3] = ["linux", "asm", "asm-generic"];

/// What a person types instead.
const INSTALL: &str = "sudo dpkg --add-architecture arm64 && sudo apt-get update && sudo apt-get install -y musl-dev:arm64";

/// Where headers and libraries are.
#[derive(Clone, Debug)]
pub struct Sysroot {
    musl_headers: PathBuf,
    musl_libraries: PathBuf,
    compilers: PathBuf,
    kernels: PathBuf,
}

/// Whether Linux's headers for the target's processor are here.
pub fn has_kernel_headers() -> bool {
    Path::new(KERNEL).join("linux/futex.h").exists()
}

impl Sysroot {
    /// Finds them, with the `compilers` own headers; musl is brought by Debian's package client if it is not here.
    ///
    /// # Errors
    /// They are not here, and cannot be brought, or `offline` forbids to.
    pub fn find(compilers: &Path, offline: bool) -> Result<Self> {
        let folder = house::root().join(".toolchain/c");
        let [musl_headers, musl_libraries] = musl(&folder, offline)?;
        Ok(Self { musl_headers, musl_libraries, compilers: compilers.into(), kernels: kernels_headers(&folder)? })
    }

    /// The folders that `#include <…>` looks into, in this order.
    pub fn headers(&self) -> [PathBuf; 4] {
        [house::root().join("libc-shim/include"), self.musl_headers.clone(), self.compilers.clone(), self.kernels.clone()]
    }

    /// musl's `libc.a`, and the empty ones beside it that `-lpthread` and its like mean.
    pub fn libraries(&self) -> &Path {
        &self.musl_libraries
    }
}

/// A folder with Linux's headers alone.
fn kernels_headers(folder: &Path) -> Result<PathBuf> {
    let place = folder.join("linux");
    fs::create_dir_all(&place).with_context(|| format!("{} cannot be made", place.display()))?;
    for name in KERNEL_FOLDERS {
        let link = place.join(name);
        if !link.exists() {
            // Another build may be faster.
            let _ = std::os::unix::fs::symlink(Path::new(KERNEL).join(name), &link);
        }
        ensure!(link.exists(), "{} is not here: package linux-libc-dev-arm64-cross", link.display());
    }
    Ok(place)
}

/// musl's headers and libraries.
fn musl(folder: &Path, offline: bool) -> Result<[PathBuf; 2]> {
    let installed = INSTALLED.map(PathBuf::from);
    if installed[1].join("libc.a").exists() && installed[0].exists() {
        return Ok(installed);
    }
    let place = folder.join("musl");
    if !place.exists() {
        ensure!(!offline, "--offline: musl for arm64 was never fetched; `cargo xtask cc --path` fetches it, or {INSTALL}");
        fetch(folder, &place).with_context(|| format!("musl for arm64 cannot be brought here; on Debian: {INSTALL}"))?;
    }
    Ok(INSTALLED.map(|path| place.join(path.trim_start_matches('/'))))
}

/// Brings Debian's package for arm64 and unpacks it.
fn fetch(folder: &Path, place: &Path) -> Result<()> {
    let client = Client::new(Kind::Binary("arm64"), &[], folder)?;
    let (_, unpacked) = client.unpacked("musl-dev:arm64")?;
    apt::keep(&unpacked, place)
}
