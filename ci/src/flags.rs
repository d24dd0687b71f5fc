//! Code-generation and link flags of a program: what every build of the target must be given, and the user's own behind it.
//!
//! The kernel crate carries the link arguments too (for programs built by a plain `cargo build` elsewhere); given twice they
//! do no harm.

use std::path::Path;

use crate::toolchain::Linker;

/// The programs' target.
pub const PROGRAM_TARGET: &str = "aarch64-unknown-hermit";
/// The target of programs that have std as it is on Linux, over the C face.
pub const LINUX_TARGET: &str = "aarch64-unknown-linux-musl";
/// The loader's target: no floating point, for nothing is set up when it starts.
pub const LOADER_TARGET: &str = "aarch64-unknown-none-softfloat";

/// What the linker is told.
///
/// Segments of their own pages, so that the kernel can map code without write and data without execute; no interpreter, for
/// nothing loads libraries; Cortex-A53 erratum 843419 (an `adrp` near a page's end); a build id, by which a program and its
/// symbols find each other.
pub const LINK_ARGS: [&str; 6] = [
    "-zmax-page-size=4096",
    "-zseparate-loadable-segments",
    "--no-dynamic-linker",
    "--fix-cortex-a53-843419",
    "--build-id",
    "--gc-sections",
];

/// Code generation: frame pointers, which backtraces follow, and a `nop` wherever Cortex-A53 erratum 835769 could strike (a 64-bit
/// multiply-accumulate right after a memory access). rustc warns that it has no name of its own for LLVM's feature; the wrapper
/// drops that warning.
pub const CODE: [&str; 2] = ["force-frame-pointers=yes", "target-feature=+fix-cortex-a53-835769"];

/// Packages whose code, where it is not inlined into the program, is small first: measured, the switch and the futex gain from it
/// too (condition variable there and back 907 to 841 instructions), and hello's image is 42 KB smaller. The program itself keeps
/// level 3, and so do those functions of the C face that are `optimize(speed)`.
pub const SMALL: [&str; 9] =
    ["std", "core", "alloc", "skete", "skete-drivers", "skete-libc", "skete-signals", "virtio-drivers", "cpio_reader"];

/// Flags for a program, without the user's.
pub fn program(linker: &Linker) -> Vec<String> {
    let mut flags = linking(linker);
    flags.extend(CODE.iter().flat_map(|word| ["-C".into(), (*word).into()]));
    flags.extend(LINK_ARGS.iter().flat_map(|word| ["-C".into(), format!("link-arg={word}")]));
    flags
}

/// Flags for a program with std as it is on Linux, without the user's. The C compiler of `cargo xtask cc` links: it brings the start, the
/// libraries and what else the linker is told. Atomics are instructions, not calls that ask what the processor can do.
pub fn linux(driver: &Path) -> Vec<String> {
    let linker = format!("linker={}", driver.display());
    let own = [linker.as_str(), "linker-flavor=gcc", "link-self-contained=no", "target-feature=+crt-static,-outline-atomics"];
    own.iter().chain(&CODE).flat_map(|word| ["-C".into(), (*word).into()]).collect()
}

/// Flags for the loader.
pub fn loader(linker: &Linker) -> Vec<String> {
    linking(linker)
}

fn linking(linker: &Linker) -> Vec<String> {
    vec!["-C".into(), format!("linker={}", linker.program.display()), "-C".into(), "linker-flavor=ld.lld".into()]
}
