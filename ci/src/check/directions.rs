//! Between the crates of the house, dependencies run downward only.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, MetadataCommand};

use super::Finding;
use crate::house;

/// Which crates of the house each may depend on. Programs (below `apps/`) may depend on those of [`FOR_PROGRAMS`].
const ALLOWED: [(&str, &[&str]); 13] = [
    ("skete-abi", &[]),
    ("skete-cell", &[]),
    ("skete-logic", &["skete-abi", "skete-cell"]),
    ("skete-drivers", &["skete-abi"]),
    ("skete-loader", &["skete-abi", "skete-drivers"]),
    // Of the loader, the kernel reads one format: the function names of a backtrace.
    ("skete", &["skete-abi", "skete-cell", "skete-logic", "skete-drivers", "skete-net"]),
    ("skete-net", &["skete-abi", "skete-cell", "skete-logic", "skete-drivers"]),
    ("skete-signals", &["skete-abi"]),
    ("skete-sync", &["skete-abi"]),
    ("skete-libc", &["skete-abi", "skete-signals", "skete-sync", "skete"]),
    ("skete-archive", &["skete-libc", "skete"]),
    ("xtask", &["skete-loader", "skete-drivers", "skete-abi"]),
    ("skete-fuzz", &["skete-abi", "skete-loader", "skete-drivers", "skete-logic"]),
];

/// What a program may depend on.
const FOR_PROGRAMS: [&str; 2] = ["skete", "skete-libc"];

/// A crate of the house: its name, whether it is a program, and what of the house it depends on.
#[derive(Clone, Debug)]
pub struct Package {
    name: String,
    is_program: bool,
    needs: Vec<String>,
}

/// The crates of this workspace, by what cargo knows of them.
///
/// # Errors
/// Cargo does not answer.
pub fn packages() -> Result<Vec<Package>> {
    let manifest = house::root().join("Cargo.toml");
    let mut query = MetadataCommand::new();
    let metadata = query.manifest_path(manifest).no_deps().exec().context("cargo metadata fails")?;
    let packages = metadata.packages.iter().map(|package| {
        let ours = package.dependencies.iter().filter(|need| need.path.is_some() && need.kind != DependencyKind::Development);
        Package {
            name: package.name.to_string(),
            is_program: package.manifest_path.starts_with(metadata.workspace_root.join("apps")),
            needs: ours.map(|need| need.name.clone()).collect(),
        }
    });
    Ok(packages.collect())
}

/// Finds dependencies that are not allowed, and crates of which nothing is said.
pub fn check(packages: &[Package]) -> Vec<Finding> {
    let allowed = BTreeMap::from(ALLOWED);
    let mut findings = Vec::new();
    for package in packages {
        let told = |matter| Finding { place: package.name.clone(), matter };
        let may = if package.is_program { Some(&FOR_PROGRAMS[..]) } else { allowed.get(package.name.as_str()).copied() };
        let Some(may) = may else {
            findings.push(told("no direction is laid down for this crate; see ci/src/check/directions.rs".into()));
            continue;
        };
        let wrong = package.needs.iter().filter(|need| !may.contains(&need.as_str()));
        findings.extend(wrong.map(|need| told(format!("must not depend on {need}"))));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, is_program: bool, needs: &[&str]) -> Package {
        Package { name: name.into(), is_program, needs: needs.iter().map(|&need| need.into()).collect() }
    }

    #[test]
    fn downward_dependencies_pass() {
        let packages = [package("skete", false, &["skete-logic", "skete-abi"]), package("hello", true, &["skete"])];
        assert_eq!(check(&packages), []);
    }

    #[test]
    fn an_upward_dependency_is_found() {
        assert_eq!(check(&[package("skete-logic", false, &["skete-drivers"])]).len(), 1);
        assert_eq!(check(&[package("hello", true, &["skete-logic"])]).len(), 1);
    }

    #[test]
    fn a_crate_without_a_direction_is_found() {
        assert_eq!(check(&[package("skete-misc", false, &[])]).len(), 1);
    }

    #[test]
    fn what_cargo_knows_of_this_workspace_is_read() {
        let packages = packages().expect("cargo answers");
        let hello = packages.iter().find(|package| package.name == "hello").expect("the workspace has it");
        assert!(hello.is_program && hello.needs == ["skete"]);
    }
}
