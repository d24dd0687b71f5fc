//! Models explore what ships: a model's file plays the machine and the program, and has no algorithm of its own.
//!
//! What waits and wakes is made of accesses to atomic words, be they exchanges, loads or stores, and each of those names its `Ordering`. A
//! function in a model's file may name one only where it is the surroundings of the shipping files (a run queue, a word handed to them,
//! what a program does with its own words), and then `ci/surroundings.txt` lists it, by file and name; so nobody adds one unseen, in an
//! `impl` or elsewhere. And each file that lists models names a shipping file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Finding;
use super::source::Source;

const MODELS: [&str; 2] = ["kernel/logic/tests/models/", "libc-shim/sync/tests/models/"];
/// The crates that ship.
const SHIPPING: [&str; 2] = ["skete_logic", "skete_sync"];
/// The runner explores nothing itself.
const RUNNER: &str = "kernel/logic/tests/models/runner.rs";
/// Where the surroundings are listed.
const LIST: &str = "ci/surroundings.txt";
/// What names a moment of an access to an atomic word.
const ORDERING: &str = "Ordering";

/// The functions that may touch atomic words: their file and name.
type Listed = BTreeSet<(String, String)>;

/// Finds models of something else than what ships, in a clone at `root`.
///
/// # Errors
/// The list cannot be read.
pub fn check(root: &Path, sources: &[Source]) -> Result<Vec<Finding>> {
    let text = fs::read_to_string(root.join(LIST)).with_context(|| format!("{LIST} cannot be read"))?;
    Ok(judge(sources, &listed(&text)))
}

/// The list's lines: a file, then the functions in it. `#` begins a comment.
fn listed(text: &str) -> Listed {
    let mut listed = Listed::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace().map(String::from);
        if let Some(path) = words.next() {
            listed.extend(words.map(|name| (path.clone(), name)));
        }
    }
    listed
}

fn judge(sources: &[Source], listed: &Listed) -> Vec<Finding> {
    let is_model = |source: &&Source| MODELS.iter().any(|folder| source.path.starts_with(folder)) && source.path != RUNNER;
    let mut unused = listed.clone();
    let mut findings = Vec::new();
    for source in sources.iter().filter(is_model) {
        for (name, line) in accesses(source) {
            let entry = (source.path.clone(), name);
            unused.remove(&entry);
            if !listed.contains(&entry) {
                let (path, name) = entry;
                findings.push(Finding {
                    place: format!("{path}:{line}"),
                    matter: format!("`{name}` touches an atomic word: a model calls what ships, and what plays the machine is in {LIST}"),
                });
            }
        }
        findings.extend(of_nothing(source));
    }
    findings.extend(unused.into_iter().map(|(path, name)| Finding {
        place: LIST.into(),
        matter: format!("{path} has no function `{name}` that touches an atomic word"),
    }));
    findings
}

/// Every place that names an ordering, by the innermost function that it stands in. An import of the type alone is none.
fn accesses(source: &Source) -> Vec<(String, usize)> {
    let (mut depth, mut is_import) = (0_u32, false);
    // Functions whose bodies are open, and one whose body is yet to come, each with the depth that it stands at.
    let (mut open, mut coming) = (Vec::<(&str, u32)>::new(), None);
    let mut found = Vec::new();
    for (index, token) in source.tokens.iter().enumerate() {
        let next = source.tokens.get(index + 1).map_or("", |token| token.text.as_str());
        match token.text.as_str() {
            "fn" if next != "(" => coming = Some((next, depth)),
            "use" => is_import = true,
            "{" | "(" | "[" => {
                if token.text == "{" && coming.is_some_and(|(_, at)| at == depth) {
                    open.extend(coming.take());
                }
                depth += 1;
            }
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if token.text == "}" && open.last().is_some_and(|(_, at)| *at == depth) {
                    open.pop();
                }
            }
            ";" => {
                is_import = false;
                coming = coming.filter(|(_, at)| *at != depth);
            }
            // Its variants by themselves, or the type by another name, would hide what is looked for.
            ORDERING if !is_import || next == ":" || next == "as" => {
                found.push((open.last().map_or("the file", |(name, _)| *name).to_owned(), token.line));
            }
            _ => {}
        }
    }
    found
}

/// A list of models that names no shipping file.
fn of_nothing(source: &Source) -> Option<Finding> {
    let has = |word: &str| source.texts(0).any(|text| text == word);
    let is_list = source.tokens.windows(2).any(|pair| pair[0].text == "const" && pair[1].text == "MODELS");
    (is_list && !SHIPPING.iter().any(|name| has(name))).then(|| Finding {
        place: source.path.clone(),
        matter: "models of nothing that ships: neither `skete_logic` nor `skete_sync` is named".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "kernel/logic/tests/models/x.rs";

    /// What is said of a file, with these functions of it listed.
    fn found(text: &str, functions: &str) -> Vec<String> {
        let source = Source::parse(PATH, text).expect("it is Rust");
        judge(&[source], &listed(&format!("# a comment\n{PATH} {functions} # another\n")))
            .into_iter()
            .map(|finding| finding.matter)
            .collect()
    }

    #[test]
    fn a_model_that_calls_what_ships_passes() {
        let text =
            "use loom::atomic::Ordering; use skete_logic::token::Token; pub const MODELS: &[u8] = &[]; fn body() { Token::new().take(); }";
        assert_eq!(found(text, "").len(), 0);
    }

    #[test]
    fn listed_surroundings_may_touch_words() {
        let text = "impl Word for Named { fn move_it(&self) where Self: Sized { self.0.swap(1, Ordering::AcqRel); } }\nfn body(x: impl Fn()) { x() }";
        assert_eq!(found(text, "move_it").len(), 0);
    }

    #[test]
    fn a_lock_of_a_models_own_is_found_in_an_impl_too_and_made_of_loads_and_stores_too() {
        let exchanges = "impl Own { fn lock(&self) { while self.0.swap(1, Ordering::Acquire) != 0 {} } fn new() {} }";
        assert!(found(exchanges, "")[0].starts_with("`lock` touches"), "{:?}", found(exchanges, ""));
        let loads = "fn lock(me: usize) { want[me].store(1, Ordering::SeqCst); while want[1 - me].load(Ordering::SeqCst) == 1 {} }";
        assert_eq!(found(loads, "").len(), 2);
        // In a listed function there may be another one.
        assert_eq!(found("fn listed() { fn lock() { a.load(Ordering::Relaxed); } b.load(Ordering::Relaxed); }", "listed").len(), 1);
    }

    #[test]
    fn an_ordering_by_another_name_is_found() {
        assert_eq!(found("use loom::atomic::Ordering::Relaxed;", "").len(), 1);
        assert_eq!(found("use loom::atomic::{AtomicU32, Ordering as O};", "").len(), 1);
        assert_eq!(found("const O: Ordering = Ordering::Relaxed;", "").len(), 2);
    }

    #[test]
    fn a_listed_function_that_touches_none_is_found() {
        assert_eq!(
            found("trait A { fn b(&self); } fn c(b: fn(u8)) {}", "b"),
            [format!("{PATH} has no function `b` that touches an atomic word")]
        );
    }

    #[test]
    fn models_of_nothing_are_found() {
        assert_eq!(found("pub const MODELS: &[u8] = &[]; fn body() {}", "").len(), 1);
    }

    #[test]
    fn other_files_are_not_asked() {
        let source = Source::parse("kernel/logic/src/token.rs", "fn f() { word.swap(1, Ordering::Relaxed); }").expect("it is Rust");
        assert!(judge(&[source], &Listed::new()).is_empty());
    }
}
