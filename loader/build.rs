//! Links the binary for the bare machine with this crate's own script; on a host there is nothing to do.

fn main() {
    println!("cargo:rerun-if-changed=link.ld");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo:rustc-link-arg-bins=--script={folder}/link.ld");
    // Position-independent: whoever loads an `Image` chooses the address. `start.rs` applies the few relocations; until the kernel
    // maps memory, all of it can be written, read-only sections too, which is what `notext` allows.
    for argument in ["-pie", "--no-dynamic-linker", "-znotext", "-zmax-page-size=4096", "--fix-cortex-a53-843419"] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
