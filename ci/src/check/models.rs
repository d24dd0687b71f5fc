//! Models explore what ships: a model's file plays the machine and the program, and has no algorithm of its own.
//!
//! What waits and wakes is made of read-modify-write operations. A model may make them where it is the surroundings of the shipping files
//! (inside an `impl`: a lock, a run queue, a word handed to them), never in the program that is explored; and each file that lists models
//! names a shipping file.

use super::Finding;
use super::source::Source;

const MODELS: [&str; 2] = ["kernel/logic/tests/models/", "libc-shim/sync/tests/models/"];
/// The crates that ship.
const SHIPPING: [&str; 2] = ["skete_logic", "skete_sync"];
/// The runner explores nothing itself.
const RUNNER: &str = "kernel/logic/tests/models/runner.rs";
/// What an algorithm is made of.
const MOVES: [&str; 9] =
    ["compare_exchange", "compare_exchange_weak", "fetch_add", "fetch_sub", "fetch_or", "fetch_and", "fetch_update", "try_update", "swap"];

/// Finds models of something else than what ships.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let models = sources.iter().filter(|source| MODELS.iter().any(|folder| source.path.starts_with(folder)) && source.path != RUNNER);
    models.flat_map(|source| own_moves(source).into_iter().chain(of_nothing(source))).collect()
}

/// Moves on words outside every `impl`.
fn own_moves(source: &Source) -> Vec<Finding> {
    let (mut depth, mut is_coming, mut inside) = (0_u32, false, None);
    let mut findings = Vec::new();
    for token in &source.tokens {
        match token.text.as_str() {
            // An `impl Trait` among a function's arguments stands deeper than a block of its own could begin.
            "impl" if inside.is_none() && depth == 0 => is_coming = true,
            "{" | "(" | "[" => {
                depth += 1;
                if is_coming && token.text == "{" {
                    (is_coming, inside) = (false, Some(depth));
                }
            }
            "}" | ")" | "]" => {
                if inside == Some(depth) {
                    inside = None;
                }
                depth = depth.saturating_sub(1);
            }
            word if inside.is_none() && MOVES.contains(&word) => findings.push(Finding {
                place: format!("{}:{}", source.path, token.line),
                matter: format!("`{word}`: a model calls what ships, and has no algorithm of its own"),
            }),
            _ => {}
        }
    }
    findings
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

    fn found(text: &str) -> usize {
        check(&[Source::parse("kernel/logic/tests/models/x.rs", text).expect("it is Rust")]).len()
    }

    #[test]
    fn a_model_that_calls_what_ships_passes() {
        assert_eq!(found("use skete_logic::token::Token; pub const MODELS: &[u8] = &[]; fn body() { Token::new().take(); }"), 0);
    }

    #[test]
    fn surroundings_may_move_words() {
        assert_eq!(found("impl Word for Named { fn swap(&self) { self.0.swap(1); } }\nfn body(x: impl Fn()) { x() }"), 0);
    }

    #[test]
    fn an_algorithm_in_a_model_is_found() {
        assert_eq!(found("impl A { fn f() {} } fn body() { while word.swap(1) != 0 {} word.compare_exchange(0, 1); }"), 2);
    }

    #[test]
    fn models_of_nothing_are_found() {
        assert_eq!(found("pub const MODELS: &[u8] = &[]; fn body() {}"), 1);
    }

    #[test]
    fn other_files_are_not_asked() {
        let source = Source::parse("kernel/logic/src/token.rs", "fn f() { word.swap(1); }").expect("it is Rust");
        assert!(check(&[source]).is_empty());
    }
}
