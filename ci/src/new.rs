//! `cargo xtask new`: a project outside of this workspace, in which `cargo xtask run` and plain `cargo run` boot the program.
//!
//! Its `rust-toolchain.toml` names the wrapper toolchain (see [`crate::wrapper`]), so rustup needs nothing of its own; its
//! `.cargo/config.toml` has what xtask would pass: the target, std's building, the flags, and this tool as runner.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::flags::{self, PROGRAM_TARGET};
use crate::house;
use crate::program::Builder;

/// Writes a project of your own: plain `fn main()`, this kernel as its one dependency.
#[derive(Clone, Debug, Args)]
pub struct New {
    /// The folder to make; its name becomes the package's.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Install nothing and fetch nothing.
    #[arg(long)]
    offline: bool,
}

/// Text for `src/main.rs`.
const MAIN: &str = include_str!("template/main.rs.txt");

impl New {
    /// Does it.
    ///
    /// # Errors
    /// The folder is there already, cannot be written, or lies in this workspace.
    pub fn carry_out(&self) -> Result<()> {
        let name = package_name(&self.folder)?;
        ensure!(!self.folder.exists(), "{} is there already", self.folder.display());
        let builder = Builder::new(self.offline)?;
        for (path, text) in files(&name, &builder)? {
            let path = self.folder.join(path);
            let told = || format!("{} cannot be written", path.display());
            fs::create_dir_all(path.parent().unwrap_or(&self.folder)).with_context(told)?;
            fs::write(&path, text).with_context(told)?;
        }
        let shown = house::quoted(&self.folder);
        println!(
            "{shown} is made. Boot it:\n\n    cd {shown}\n    cargo run                     # a Raspberry Pi 3 in QEMU\n    cargo xtask run --board virt  # with every option of this tool"
        );
        Ok(())
    }
}

/// What no program can be called: Rust's keywords, crates that every program has already, folders of cargo's.
const TAKEN: [&str; 64] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "skete",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "union",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "xtask",
    "panic_abort",
];

/// The files of the project.
fn files(name: &str, builder: &Builder) -> Result<Vec<(&'static str, String)>> {
    let root = house::root();
    let lock = fs::read_to_string(root.join("Cargo.lock")).context("this clone's Cargo.lock cannot be read")?;
    Ok(vec![
        ("Cargo.toml", manifest(name, root)),
        ("src/main.rs", MAIN.into()),
        ("rust-toolchain.toml", toolchain(&builder.wrapper().folder)),
        (".cargo/config.toml", configuration(builder)),
        (".gitignore", "/target\n".into()),
        // The versions that this clone was tested with; cargo drops those that the project does not use.
        ("Cargo.lock", lock),
    ])
}

fn package_name(folder: &Path) -> Result<String> {
    let place = resolved(folder)?;
    let name = place.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    if place.starts_with(resolved(house::root())?) {
        bail!("{} lies in this workspace; choose a folder outside, such as ../{name}", folder.display());
    }
    let is_good =
        name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    ensure!(is_good, "`{name}` is no name for a package: letters, digits, - and _, a letter first");
    ensure!(!TAKEN.contains(&name.replace('-', "_").to_lowercase().as_str()), "`{name}` is taken: by Rust, by cargo or by the kernel");
    Ok(name)
}

/// Where `folder` is or will be, whatever links and `..` lead there.
fn resolved(folder: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(folder).context("no such folder can be")?;
    let (there, known) = absolute
        .ancestors()
        .find_map(|there| Some((there, there.canonicalize().ok()?)))
        .with_context(|| format!("{} leads nowhere", folder.display()))?;
    let rest = absolute.strip_prefix(there)?;
    ensure!(rest.components().all(|part| part != Component::ParentDir), "{} leads through a folder that is not there", folder.display());
    Ok(known.join(rest))
}

fn manifest(name: &str, root: &Path) -> String {
    format!(
        "[package]\n\
         name = \"{name}\"\n\
         version = \"0.1.0\"\n\
         edition = \"2024\"\n\
         \n\
         [dependencies]\n\
         skete = {{ path = {kernel:?} }}\n\
         \n\
         [profile.dev]\n\
         opt-level = 1\n\
         panic = \"abort\"\n\
         debug = \"line-tables-only\"\n\
         \n\
         # What makes a system call an inlined function.\n\
         [profile.release]\n\
         panic = \"abort\"\n\
         lto = \"fat\"\n\
         codegen-units = 1\n\
         debug = \"line-tables-only\"\n\
         \n\
         # A workspace of its own, wherever the folder lies.\n\
         [workspace]\n",
        kernel = root.join("kernel"),
    )
}

fn toolchain(wrapper: &Path) -> String {
    format!(
        "# The compiler that builds std for the kernel's target, as `cargo xtask` found or installed it on this machine.\n\
         [toolchain]\n\
         path = {wrapper:?}\n"
    )
}

fn configuration(builder: &Builder) -> String {
    let flags: Vec<String> = flags::program(&builder.toolchain().linker).iter().map(|flag| format!("    {flag:?},\n")).collect();
    let variables = builder.c_variables();
    let variables: Vec<String> = variables.iter().map(|(name, value)| format!("{name} = {value:?}\n")).collect();
    format!(
        "# What `cargo xtask` passes by itself, for plain `cargo build` and `cargo run`.\n\
         [build]\n\
         target = \"{PROGRAM_TARGET}\"\n\
         \n\
         [unstable]\n\
         build-std = [\"std\", \"panic_abort\"]\n\
         build-std-features = [\"compiler-builtins-mem\"]\n\
         \n\
         [target.{PROGRAM_TARGET}]\n\
         runner = [{tool:?}, \"boot\"]\n\
         rustflags = [\n{flags}]\n\
         \n\
         # What is not inlined from these is small first. Here and not in Cargo.toml, where cargo would miss std's packages in the graph.\n\
         [profile.release.package]\n\
         {small}\
         \n\
         # Crates that compile C must not take the compiler of this machine.\n\
         [env]\n\
         {variables}",
        tool = builder.wrapper().tool(),
        flags = flags.concat(),
        small = flags::SMALL.map(|package| format!("{package}.opt-level = \"s\"\n")).concat(),
        variables = variables.concat(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_takes_its_folders_name() {
        assert_eq!(package_name(Path::new("/tmp/my-app")).expect("a good name"), "my-app");
        assert!(package_name(Path::new("/tmp/1st")).is_err());
        assert!(package_name(Path::new("/tmp/a b")).is_err());
        assert!(package_name(Path::new("/tmp/fn")).is_err() && package_name(Path::new("/tmp/std")).is_err());
    }

    #[test]
    fn a_project_in_this_workspace_is_refused() {
        for inside in ["apps/mine", "apps/../mine", "kernel/../apps/args/../mine"] {
            assert!(package_name(&house::root().join(inside)).is_err_and(|told| told.to_string().contains("such as ../mine")), "{inside}");
        }
    }

    #[test]
    fn a_project_beside_this_workspace_is_named_from_within() {
        assert_eq!(package_name(&house::root().join("../mine")).expect("it is beside"), "mine");
        assert_eq!(package_name(&house::root().join("apps/../../mine/deeper")).expect("folders are made"), "deeper");
        assert!(package_name(&house::root().join("../nowhere/../mine")).is_err());
    }

    #[test]
    fn the_manifest_has_the_kernel_as_its_one_dependency() {
        let text = manifest("mine", Path::new("/clone"));
        let table: toml::Table = text.parse().expect("it is TOML");
        let dependencies = table["dependencies"].as_table().expect("a table");
        assert_eq!(dependencies.len(), 1);
        assert_eq!(dependencies["skete"]["path"].as_str(), Some("/clone/kernel"));
    }
}
