//! Crates that the house says it is built of are really used in the kernel's source, once the part they are for exists.

use super::Finding;
use super::source::Source;

/// A crate as source names it, and the part it is for: when a file's path begins so, the crate must be named in the kernel.
const EMPLOYED: [(&str, &str); 5] = [
    ("aarch64_cpu", "kernel/src/arch"),
    ("bitflags", "kernel/drivers/src"),
    ("hermit_sync", "kernel/src/sched"),
    ("talc", "kernel/src/memory"),
    ("smoltcp", "kernel/src/net/"),
];

/// Finds crates that nobody uses.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let kernel: Vec<&Source> = sources.iter().filter(|source| source.path.starts_with("kernel/")).collect();
    let is_there = |part: &str| kernel.iter().any(|source| source.path.starts_with(part));
    let is_named = |name: &str| kernel.iter().any(|source| names(source, name));
    let idle = EMPLOYED.iter().filter(|(name, part)| is_there(part) && !is_named(name));
    idle.map(|(name, part)| Finding { place: part.to_string(), matter: format!("crate {name} is not used") }).collect()
}

/// Whether a path in the file begins with the crate's name: `name::…`, or `name!` of a crate that is one macro.
fn names(source: &Source, name: &str) -> bool {
    source.tokens.windows(2).any(|pair| pair[0].text == name && matches!(pair[1].text.as_str(), ":" | "!"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let parse = |(path, text): &(&str, &str)| Source::parse(path, text).expect("it is Rust");
        let sources: Vec<Source> = files.iter().map(parse).collect();
        check(&sources).into_iter().map(|finding| finding.matter).collect()
    }

    #[test]
    fn a_part_without_its_crate_is_found() {
        assert_eq!(found(&[("kernel/src/memory/heap.rs", "fn f() {}")]), ["crate talc is not used"]);
    }

    #[test]
    fn a_crate_that_is_named_passes() {
        assert_eq!(found(&[("kernel/src/memory/heap.rs", "use talc::Talc;")]), Vec::<String>::new());
    }

    #[test]
    fn a_crate_is_not_asked_for_before_its_part_exists() {
        assert_eq!(found(&[("kernel/src/net.rs", "fn f() {}")]), Vec::<String>::new());
    }
}
