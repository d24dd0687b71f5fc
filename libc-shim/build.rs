//! With feature `libc`: has musl's `libc.a` linked, which the compiler of C for this target knows the place of.

use std::env;
use std::process::Command;

const COMPILER: &str = "CC_aarch64_unknown_hermit";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={COMPILER}");
    if env::var_os("CARGO_FEATURE_LIBC").is_none() {
        return;
    }
    let compiler = env::var_os(COMPILER).expect("`cargo xtask` builds programs of this kernel, and names the compiler of C in a variable");
    let output = Command::new(&compiler).arg("-print-file-name=libc.a").output().expect("the compiler of C starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let folder = said.trim().strip_suffix("/libc.a").filter(|_| output.status.success());
    let Some(folder) = folder else { panic!("no libc.a for this target: {}", String::from_utf8_lossy(&output.stderr)) };
    println!("cargo:rustc-link-search=native={folder}");
    println!("cargo:rustc-link-lib=static:-bundle=c");
}
