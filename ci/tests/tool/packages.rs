//! Projects outside of the clone, and crates that compile C.

use std::fs;
use std::process::Command;

use super::{Outcome, Package, clean, kernel, place, root, tool};

/// A build script that compiles `x.c` with the tools that the variable `CC…` and `AR…` of the target name, or with the host's `cc`.
const COMPILES_C: &str = "use std::process::Command;
fn main() {
    let tool = |name: &str| std::env::var(format!(\"{name}_aarch64_unknown_hermit\")).unwrap();
    let (compiler, flags) = if cfg!(feature = \"host\") { (\"cc\".into(), \"-fPIC\".into()) } else { (tool(\"CC\"), tool(\"CFLAGS\")) };
    let out = std::env::var(\"OUT_DIR\").unwrap();
    let object = format!(\"{out}/x.o\");
    let run = |command: &mut Command| assert!(command.status().unwrap().success());
    run(Command::new(compiler).args(flags.split(' ')).args([\"-c\", \"x.c\", \"-o\", &object]));
    let archiver = if cfg!(feature = \"host\") { \"ar\".into() } else { tool(\"AR\") };
    run(Command::new(archiver).args([\"crs\", &format!(\"{out}/libx.a\"), &object]));
    println!(\"cargo:rustc-link-search={out}\");
    println!(\"cargo:rustc-link-lib=static=x\");
}";

const CALLS_C: &str = "unsafe extern \"C\" { fn seven(by: i32) -> i32; }
pub fn by(factor: i32) -> i32 { unsafe { seven(factor) } }";

/// A program that depends on crate `seventh`, which compiles C; `name` is no other test's.
fn with_c(name: &str) -> Package {
    let package = Package::new(name, "fn main() { std::process::exit(seventh::by(6)) }");
    let manifest = fs::read_to_string(package.path().join("Cargo.toml")).unwrap();
    package.write("Cargo.toml", &format!("{manifest}seventh = {{ path = \"seventh\" }}\n[features]\nhost = [\"seventh/host\"]\n"));
    package.write("seventh/Cargo.toml", "[package]\nname = \"seventh\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[features]\nhost = []\n");
    package.write("seventh/build.rs", COMPILES_C);
    package.write("seventh/src/lib.rs", CALLS_C);
    package.write("seventh/x.c", "int seven(int by) { return 7 * by; }\n");
    package
}

/// C that wants a C library: it prints, reads a number back, and keeps a line in a file.
const WANTS_LIBRARY: &str = "#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int seven(int by) {
    char line[32];
    FILE *file = fopen(\"/tmp/line\", \"w+\");
    if (!file || fprintf(file, \"%.1f\\n\", 7.0 * by) != 5 || fseek(file, 0, SEEK_SET) || !fgets(line, sizeof line, file)) return 1;
    printf(\"of %ld bytes: %s\", ftell(file), line);
    return fclose(file) || access(\"/tmp/line\", R_OK) ? 2 : (int)floor(strtod(line, NULL));
}
";

fn has(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|folder| folder.join(program).exists())
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_crate_that_compiles_c_gets_the_targets_compiler_or_the_remedy() {
    let outcome = Outcome::of(tool(with_c("with-c").path()).arg("run"));
    if has("aarch64-linux-gnu-gcc") && has("aarch64-linux-gnu-ar") || has("clang") && has("llvm-ar") {
        outcome.assert(42, &[]);
    } else {
        outcome.assert(1, &["no C compiler for aarch64 is here", "gcc-aarch64-linux-gnu"]);
    }
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_crate_whose_c_wants_a_c_library_finds_musls() {
    if !has("aarch64-linux-gnu-gcc") || !has("aarch64-linux-gnu-ar") {
        return;
    }
    let package = with_c("with-libc");
    let shim = root().join("libc-shim");
    let manifest = fs::read_to_string(package.path().join("Cargo.toml")).unwrap();
    let dependency = format!("[dependencies]\nskete-libc = {{ path = {shim:?}, features = [\"libc\"] }}\n");
    package.write("Cargo.toml", &manifest.replacen("[dependencies]\n", &dependency, 1));
    package.write("src/main.rs", "use skete as _;\nuse skete_libc as _;\nfn main() { std::process::exit(seventh::by(6)) }");
    package.write("seventh/x.c", WANTS_LIBRARY);
    Outcome::of(tool(package.path()).arg("run")).assert(42, &["of 5 bytes: 42.0"]);
}

#[test]
#[ignore = "needs the tool"]
fn an_object_of_the_host_is_blamed_on_the_crate_that_brings_it() {
    let outcome = Outcome::of(tool(with_c("with-c").path()).args(["run", "--features", "host"]));
    outcome.assert(1, &["crate `seventh` brings objects of another machine into the program"]);
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_new_project_boots_with_plain_cargo_and_with_the_tool() {
    let folder = place("new");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let project = folder.join("my-app");
    Outcome::of(tool(&folder).args(["new", "my-app"])).assert(0, &["my-app is made", "cargo run"]);
    Outcome::of(tool(&folder).args(["new", "my-app"])).assert(1, &["is there already"]);
    // The clone's target folder, so that std is not built anew.
    std::os::unix::fs::symlink(root().join("target/skete"), project.join("target")).unwrap();
    let hello = "hello from thread 4 of 4";
    let cargo = |words: &[&str]| Outcome::of(clean(&mut Command::new("cargo")).args(words).current_dir(project.join("src")));
    let is_rustups = Outcome::of(Command::new("cargo").arg("+stable").arg("--version")).status == Some(0);
    if is_rustups {
        cargo(&["run", "--release"]).assert(0, &[hello]);
        cargo(&["xtask", "run", "--board", "virt", "--cores", "2"]).assert(0, &["hello from thread 2 of 2"]);
    }
    fs::write(project.join("src/main.rs"), "use skete as _;\nfn main() { std::process::exit(std::env::args().count() as i32) }\n").unwrap();
    Outcome::of(tool(&project).args(["run", "--", "a", "b c"])).assert(3, &[]);
    if is_rustups {
        cargo(&["run", "--release", "--", "a", "b c", "d"]).assert(4, &[]);
    }
    assert!(fs::read_to_string(project.join("Cargo.toml")).unwrap().contains(&kernel()));
}
