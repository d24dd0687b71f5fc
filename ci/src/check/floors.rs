//! Inside `kernel/src`, imports run downward only: a module names those of its own floor and of the floors below.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::source::Source;

const KERNEL: &str = "kernel/src/";

/// The floors, the highest first. On one floor modules may name one another, as long as no ring comes of it.
const FLOORS: [&[&str]; 8] = [
    &["start"],
    &["calls", "thread", "futex", "futaphore", "sysv"],
    &["files"],
    &["net"],
    &["sched"],
    &["memory", "time", "interrupt", "panic", "trace", "entropy"],
    &["board", "lock"],
    &["arch"],
];

/// A use of one module by another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Import {
    from: String,
    to: String,
    place: String,
}

/// Finds imports that run upward, rings on one floor, and modules that stand on no floor.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let imports: Vec<Import> = sources.iter().flat_map(imports).collect();
    let mut findings: Vec<Finding> = imports.iter().filter_map(upward).collect();
    findings.extend(rings(&imports));
    findings
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn upward(import: &Import) -> Option<Finding> {
    let Import { from, to, place } = import;
    let matter = match (floor(from), floor(to)) {
        (Some(here), Some(there)) if there >= here => return None,
        (Some(_), Some(_)) => format!("`{from}` names `{to}`, which stands above it"),
        (None, _) => format!("`{from}` stands on no floor; give it one in ci/src/check/floors.rs"),
        (_, None) => format!("`{to}` stands on no floor; give it one in ci/src/check/floors.rs"),
    };
    Some(Finding { place: place.clone(), matter })
}

/// What a kernel file names of other modules of the kernel's.
fn imports(source: &Source) -> Vec<Import> {
    let Some(inside) = source.path.strip_prefix(KERNEL) else {
        return Vec::new();
    };
    let module = inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs");
    if module == "lib" {
        return Vec::new();
    }
    let mut found = Vec::new();
    // In `x.rs` itself, outside of inline modules, `super` is the crate's root.
    let is_front = !inside.contains('/');
    let mut inline = 0_usize;
    let mut inline_ends = Vec::new();
    let mut depth = 0_usize;
    for (at, token) in source.tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => {
                depth += 1;
                if at >= 2 && source.tokens[at - 2].text == "mod" {
                    inline += 1;
                    inline_ends.push(depth);
                }
            }
            "}" => {
                if inline_ends.last() == Some(&depth) {
                    inline_ends.pop();
                    inline -= 1;
                }
                depth = depth.saturating_sub(1);
            }
            "crate" => found.extend(named(source, at)),
            "super" if is_front && inline == 0 => found.extend(named(source, at)),
            _ => {}
        }
    }
    found
        .into_iter()
        .filter(|(name, _)| name != module && name.starts_with(char::is_lowercase))
        .map(|(to, line)| Import { from: module.into(), to, place: format!("{}:{line}", source.path) })
        .collect()
}

/// The first names behind `crate::` at `at`: one, or those of a group.
fn named(source: &Source, at: usize) -> Vec<(String, usize)> {
    let rest = &source.tokens[at + 1..];
    let is_path = rest.len() > 2 && rest[0].text == ":" && rest[1].text == ":";
    if !is_path {
        return Vec::new();
    }
    let rest = &rest[2..];
    if rest[0].text != "{" {
        return vec![(rest[0].text.clone(), rest[0].line)];
    }
    let mut names = Vec::new();
    let mut depth = 0;
    let mut is_first = false;
    for token in rest {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ if depth == 1 && is_first => names.push((token.text.clone(), token.line)),
            _ => {}
        }
        is_first = depth == 1 && matches!(token.text.as_str(), "{" | ",");
        if depth == 0 {
            break;
        }
    }
    names
}

/// Modules of one floor that name one another in a ring.
fn rings(imports: &[Import]) -> Vec<Finding> {
    let mut below: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports.iter().filter(|import| floor(&import.from) == floor(&import.to)) {
        below.entry(&import.from).or_default().insert(&import.to);
    }
    let reaches = |from: &str, to: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            for &next in below.get(module).into_iter().flatten() {
                if next == to {
                    return true;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        false
    };
    let ringed = below.keys().filter(|module| reaches(module, module));
    let names: Vec<&str> = ringed.copied().collect();
    if names.is_empty() {
        return Vec::new();
    }
    vec![Finding { place: KERNEL.into(), matter: format!("{} name one another in a ring", names.join(", ")) }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let parse = |(path, text): &(&str, &str)| Source::parse(path, text).expect("it is Rust");
        let sources: Vec<Source> = files.iter().map(parse).collect();
        check(&sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn downward_imports_pass() {
        let files = [("kernel/src/sched/core.rs", "use crate::arch::cpu;\nuse crate::{lock::Spin, time};\nfn f() { crate::memory::x() }")];
        assert_eq!(findings(&files), Vec::<String>::new());
    }

    #[test]
    fn an_upward_import_is_found_with_its_line() {
        let found = findings(&[("kernel/src/arch/switch.rs", "//! x\n\nuse crate::sched::Thread;")]);
        assert_eq!(found, ["kernel/src/arch/switch.rs:3: `arch` names `sched`, which stands above it"]);
    }

    #[test]
    fn an_upward_name_in_a_group_a_path_or_a_macro_is_found() {
        assert_eq!(findings(&[("kernel/src/time.rs", "use crate::{arch::{cpu, x}, start};")]).len(), 1);
        assert_eq!(findings(&[("kernel/src/time.rs", "fn f() { crate::calls::g() }")]).len(), 1);
        assert_eq!(findings(&[("kernel/src/time.rs", "fn f() { say!(\"{}\", crate::calls::g()) }")]).len(), 1);
    }

    #[test]
    fn super_in_a_front_file_is_the_crate() {
        assert_eq!(findings(&[("kernel/src/time.rs", "use super::calls;")]).len(), 1);
        assert_eq!(findings(&[("kernel/src/time.rs", "mod tests { use super::calls; }")]).len(), 0);
        assert_eq!(findings(&[("kernel/src/time/x.rs", "use super::calls;")]).len(), 0);
    }

    #[test]
    fn a_ring_on_one_floor_is_found() {
        let files = [
            ("kernel/src/time.rs", "use crate::panic;"),
            ("kernel/src/panic.rs", "use crate::trace;"),
            ("kernel/src/trace.rs", "use crate::time;"),
        ];
        assert_eq!(findings(&files), ["kernel/src/: panic, time, trace name one another in a ring"]);
        assert_eq!(findings(&files[..2]), Vec::<String>::new());
    }

    #[test]
    fn a_module_without_a_floor_is_found() {
        assert_eq!(findings(&[("kernel/src/misc.rs", "use crate::arch;")]).len(), 1);
        assert_eq!(findings(&[("kernel/src/start.rs", "use crate::misc;")]).len(), 1);
    }

    #[test]
    fn other_crates_are_none_of_our_business() {
        assert_eq!(findings(&[("loader/src/main.rs", "use crate::start;")]), Vec::<String>::new());
    }
}
