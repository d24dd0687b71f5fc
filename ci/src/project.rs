//! What a person means by `NAME`, `PATH` or `ELF`: a program of this workspace, a package or a folder of C elsewhere, or a linked program.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::cc::recipe;
use crate::house;
use crate::program::Std;

/// What is to be booted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Project {
    /// A package to be built: the folder to build in, and the package's name if the folder holds several.
    Package {
        /// Where cargo is called.
        folder: PathBuf,
        /// `-p NAME`, in this workspace.
        name: Option<String>,
    },
    /// A folder with `main.c` or a recipe for others' files, which are one program with all of its own.
    C(PathBuf),
    /// A program already linked.
    Elf(PathBuf),
}

impl Project {
    /// The std that a package asks for (`[package.metadata.skete] std = "linux"`); the kernel's own if it does not say.
    ///
    /// # Errors
    /// Its Cargo.toml cannot be read, or names a std that does not exist.
    pub fn std(&self) -> Result<Std> {
        match self {
            Self::Package { name: Some(name), .. } => std_of(&folder(name)),
            Self::Package { folder, name: None } => std_of(folder),
            Self::C(_) | Self::Elf(_) => Ok(Std::default()),
        }
    }

    /// Finds out what `given` means; `.` is the package that the current folder belongs to, as for cargo.
    ///
    /// # Errors
    /// It is none of the three; the message lists the programs there are.
    pub fn find(given: &str) -> Result<Self> {
        let path = Path::new(given);
        if is_elf(path) {
            return Ok(Self::Elf(path.into()));
        }
        if is_word(given) && house::root().join("apps").join(given).join("Cargo.toml").exists() {
            return Ok(Self::Package { folder: house::root().into(), name: Some(given.into()) });
        }
        if names().iter().any(|name| name == given) {
            return Ok(Self::C(folder(given)));
        }
        if path == Path::new(".") || given.is_empty() {
            let here = std::env::current_dir()?;
            return if is_of_c(&here) { Ok(Self::C(here)) } else { Self::around(&here) };
        }
        let folder = if path.ends_with("Cargo.toml") { path.parent().unwrap_or(path) } else { path };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if folder.join("Cargo.toml").exists() {
            return Self::at(&folder.canonicalize()?);
        }
        if is_of_c(folder) {
            return Ok(Self::C(folder.canonicalize()?));
        }
        let programs = names().join(", ");
        bail!("`{given}` is no program of this workspace ({programs}), no folder with a Cargo.toml or a main.c, and no ELF file")
    }

    /// The package of which `folder` is a part: in it, or above it.
    fn around(folder: &Path) -> Result<Self> {
        match folder.ancestors().find(|folder| folder.join("Cargo.toml").exists()) {
            Some(folder) => Self::at(&folder.canonicalize()?),
            None => {
                bail!("no Cargo.toml here or above; name a folder, an ELF file, or a program of this workspace ({})", names().join(", "))
            }
        }
    }

    fn at(folder: &Path) -> Result<Self> {
        let Ok(inside) = folder.strip_prefix(house::root()) else {
            return Ok(Self::Package { folder: folder.into(), name: None });
        };
        match inside.file_name() {
            Some(name) if inside.starts_with("apps") => {
                let name = name.to_string_lossy().into_owned();
                Ok(Self::Package { folder: house::root().into(), name: Some(name) })
            }
            _ => bail!("{} is no program: name one of {}", folder.display(), names().join(", ")),
        }
    }
}

/// Where a program of this workspace stands.
pub fn folder(name: &str) -> PathBuf {
    house::root().join("apps").join(name)
}

/// The programs of this workspace: packages of Rust, and behind `c/` folders of C.
pub fn names() -> Vec<String> {
    let of_c = folders("apps/c", is_of_c).into_iter().map(|name| format!("c/{name}"));
    packages().into_iter().chain(of_c).collect()
}

/// Those of them that are packages of Rust.
pub fn packages() -> Vec<String> {
    folders("apps", |folder| folder.join("Cargo.toml").exists())
}

/// The packages among them that ask for this std.
///
/// # Errors
/// As [`Project::std`].
pub fn packages_with(std: Std) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for name in packages() {
        if std_of(&folder(&name))? == std {
            found.push(name);
        }
    }
    Ok(found)
}

/// Whether a package of this workspace takes every crate with just the features that the workspace names for it: then it is the same
/// program, built alone or together with others like it.
///
/// # Errors
/// Its Cargo.toml cannot be read.
pub fn is_plain(name: &str) -> Result<bool> {
    Ok(takes_no_features(&manifest(&folder(name))?))
}

fn takes_no_features(table: &toml::Table) -> bool {
    table.iter().all(|(key, value)| match (key.as_str(), value) {
        ("features", _) => false,
        (_, toml::Value::Table(inner)) => takes_no_features(inner),
        _ => true,
    })
}

fn manifest(folder: &Path) -> Result<toml::Table> {
    let path = folder.join("Cargo.toml");
    let told = || format!("{} cannot be read", path.display());
    fs::read_to_string(&path).with_context(told)?.parse().with_context(told)
}

fn std_of(folder: &Path) -> Result<Std> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Words {
        std: Std,
    }
    let told = || format!("{} cannot be read", folder.join("Cargo.toml").display());
    let manifest = manifest(folder)?;
    let words = ["package", "metadata", "skete"].iter().try_fold(toml::Value::from(manifest), |value, key| value.get(key).cloned());
    let words: Words = words.map(toml::Value::try_into).transpose().with_context(told)?.unwrap_or_default();
    Ok(words.std)
}

fn folders(place: &str, is_wanted: impl Fn(&Path) -> bool) -> Vec<String> {
    let entries = fs::read_dir(house::root().join(place)).into_iter().flatten().flatten();
    let programs = entries.filter(|entry| is_wanted(&entry.path()));
    let mut names: Vec<String> = programs.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn is_of_c(folder: &Path) -> bool {
    ["main.c", recipe::FILE].iter().any(|name| folder.join(name).exists()) && !folder.join("Cargo.toml").exists()
}

fn is_word(given: &str) -> bool {
    !given.is_empty() && given.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
    read.is_ok() && &magic == b"\x7fELF"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_program_of_this_workspace() {
        let found = Project::find("hello").expect("apps/hello exists");
        assert_eq!(found, Project::Package { folder: house::root().into(), name: Some("hello".into()) });
    }

    #[test]
    fn a_path_into_apps_is_that_program() {
        let path = house::root().join("apps/hello");
        let found = Project::find(&path.to_string_lossy()).expect("apps/hello exists");
        assert_eq!(found, Project::Package { folder: house::root().into(), name: Some("hello".into()) });
    }

    #[test]
    fn a_folder_elsewhere_is_its_own_package() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("Cargo.toml"), "").expect("a file can be written there");
        let path = folder.path().canonicalize().expect("it exists");
        let found = Project::find(&path.to_string_lossy()).expect("it holds a Cargo.toml");
        assert_eq!(found, Project::Package { folder: path, name: None });
    }

    #[test]
    fn a_folder_inside_a_package_belongs_to_it() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().canonicalize().expect("it exists");
        let inner = path.join("src/deep");
        fs::create_dir_all(&inner).expect("a folder can be made there");
        assert!(Project::around(&inner).expect_err("nothing is there").to_string().contains("hello"));
        fs::write(path.join("Cargo.toml"), "").expect("a file can be written there");
        assert_eq!(Project::around(&inner).expect("it is above"), Project::Package { folder: path, name: None });
    }

    #[test]
    fn a_file_that_begins_as_an_elf_is_taken_as_linked() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("program");
        fs::write(&path, b"\x7fELF and so on").expect("a file can be written there");
        assert_eq!(Project::find(&path.to_string_lossy()).expect("it is an ELF"), Project::Elf(path));
    }

    #[test]
    fn anything_else_is_refused_with_the_list_of_programs() {
        let refusal = Project::find("no-such-program").expect_err("there is no such program").to_string();
        assert!(refusal.contains("hello"), "{refusal}");
    }

    #[test]
    fn a_folder_of_c_is_a_program() {
        assert_eq!(Project::find("c/locks").expect("apps/c/locks exists"), Project::C(folder("c/locks")));
        assert!(names().contains(&"c/locks".to_owned()) && !packages().contains(&"c/locks".to_owned()));
    }

    #[test]
    fn a_package_says_which_std_it_wants() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let std = |text: &str| {
            fs::write(folder.path().join("Cargo.toml"), text).expect("a file can be written there");
            Project::Package { folder: folder.path().into(), name: None }.std()
        };
        assert_eq!(std("[package]\nname = \"x\"\n").expect("it says nothing"), Std::Kernel);
        assert_eq!(std("[package.metadata.skete]\nstd = \"linux\"\n").expect("it says so"), Std::Linux);
        assert!(std("[package.metadata.skete]\nstd = \"windows\"\n").is_err());
    }

    #[test]
    fn a_package_that_names_features_is_not_plain() {
        assert!(is_plain("hello").expect("apps/hello exists"));
        assert!(!is_plain("sqlite").expect("apps/sqlite exists"));
    }

    #[test]
    fn a_crate_of_the_house_is_not_a_program() {
        let path = house::root().join("loader");
        assert!(Project::find(&path.to_string_lossy()).is_err());
    }
}
