//! The boot options: what the image carries, and what the firmware's command line adds. The latter has the last word.

use hermit_sync::OnceCell;
use skete_logic::options::{self, Word, Words};

struct Texts {
    image: &'static [u8],
    firmware: &'static [u8],
}

static TEXTS: OnceCell<Texts> = OnceCell::new();

/// Makes the options known. Called once, at boot.
pub fn set(image: &'static [u8], firmware: &'static [u8]) {
    let _ = TEXTS.set(Texts { image, firmware });
}

/// The value of option `key`.
pub fn value(key: &str) -> Option<Word<'static>> {
    let texts = TEXTS.get()?;
    options::value(texts.firmware, key).or_else(|| options::value(texts.image, key))
}

/// The value of option `key` if it is a number.
pub fn number(key: &str) -> Option<u64> {
    value(key).and_then(Word::number)
}

/// Whether option `key` is 1.
pub fn is_on(key: &str) -> bool {
    number(key) == Some(1)
}

/// The options that want numbers and have none.
pub fn misunderstood() -> impl Iterator<Item = Word<'static>> {
    TEXTS.get().into_iter().flat_map(|texts| options::misunderstood(texts.image).chain(options::misunderstood(texts.firmware)))
}

/// Every value of option `key`, the image's first.
pub fn values(key: &'static str) -> impl Iterator<Item = Word<'static>> {
    TEXTS.get().into_iter().flat_map(move |texts| options::values(texts.image, key).chain(options::values(texts.firmware, key)))
}

/// The program's arguments.
pub fn arguments() -> impl Iterator<Item = Word<'static>> {
    let arguments = |texts: &'static Texts| -> Option<Words<'static>> {
        options::arguments(texts.firmware).or_else(|| options::arguments(texts.image))
    };
    TEXTS.get().and_then(arguments).into_iter().flatten()
}

/// Whether every run must be the same: `icount=1`.
pub fn is_repeatable() -> bool {
    is_on("icount")
}
