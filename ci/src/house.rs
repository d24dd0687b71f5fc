//! Where things stand: this clone, its target folders, the cargo that builds for the host.
//!
//! The tool may be called from anywhere (a project outside the workspace calls it too), so nothing here looks at the current
//! folder.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The root of this clone: the folder with the workspace's Cargo.toml.
pub fn root() -> &'static Path {
    let ci = Path::new(env!("CARGO_MANIFEST_DIR"));
    ci.parent().unwrap_or(ci)
}

/// Where programs and the loader are built: apart from the host's target folder, since another compiler fills it.
pub fn target_dir() -> PathBuf {
    root().join("target/skete")
}

/// The cargo that built this tool: it builds what runs on the host.
pub fn host_cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// `path` as a shell takes it for one word.
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "/._-+,:@%".contains(c));
    if is_plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// `path` as a person would write it here: relative to the current folder if it lies below.
pub fn shown(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_a_shell() {
        assert_eq!(quoted(Path::new("/tmp/my-app")), "/tmp/my-app");
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
