//! What of musl's `libc.a` must not be in a program: what does our work with another kernel, or defines what we define.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// Members that must never be linked: they begin or end threads, hold memory or make another of the program, behind the kernel's back. A
/// member that only asks the system for something may: its `svc` is answered by the table of `libc-shim/src/linux.rs`.
const FORBIDDEN: [&str; 14] = [
    "__init_tls.lo",
    "__libc_start_main.lo",
    "__unmapself.lo",
    "clone.lo",
    "lite_malloc.lo",
    "malloc.lo",
    "free.lo",
    "realloc.lo",
    "synccall.lo",
    "vmlock.lo",
    "__wait.lo",
    "__timedwait.lo",
    "syscall.lo",
    "abort.lo",
];
/// Beginnings of the names of such members.
const FORBIDDEN_FAMILIES: [&str; 6] = ["pthread_", "sem_", "cnd_", "mtx_", "thrd_", "tss_"];

/// Looks at what the linker has taken out of archives (`extracted`: lld's `--why-extract`).
///
/// # Errors
/// A member that must not be there, or that defines what our archive defines: each with who asked for it.
pub fn check(extracted: &Path, archive: &Path, libc: &Path) -> Result<()> {
    let text = fs::read_to_string(extracted).context("the linker does not tell what it took")?;
    let taken = taken(&text, &libc.display().to_string());
    let defined = globals(libc, false)?;
    let ours: BTreeSet<String> = globals(archive, true)?.into_values().flatten().collect();
    let mut faults = Vec::new();
    for (member, reason) in &taken {
        let names = defined.get(*member).map(Vec::as_slice).unwrap_or_default();
        let twice: Vec<&str> = names.iter().map(String::as_str).filter(|name| ours.contains(*name)).collect();
        if !twice.is_empty() {
            faults.push(format!("{member} defines {}, as we do ({reason})", twice.join(", ")));
        } else if is_forbidden(member) {
            faults.push(format!("{member} would go past the kernel ({reason})"));
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    bail!("the link is refused: of musl's libc.a it took what must be ours\n  {}", faults.join("\n  "))
}

fn is_forbidden(member: &str) -> bool {
    FORBIDDEN.contains(&member) || FORBIDDEN_FAMILIES.iter().any(|family| member.starts_with(family))
}

/// The members that were taken out of `libc`, and why: out of lines `reference<TAB>extracted<TAB>symbol`.
fn taken<'a>(text: &'a str, libc: &str) -> BTreeMap<&'a str, String> {
    let mut found = BTreeMap::new();
    for line in text.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(reference), Some(member), Some(symbol)) = (columns.next(), columns.next(), columns.next()) else { continue };
        if let Some(name) = member.strip_prefix(libc).and_then(|rest| rest.strip_prefix('(')).and_then(|rest| rest.strip_suffix(')')) {
            let who = reference.rsplit('/').next().unwrap_or(reference);
            found.entry(name).or_insert_with(|| format!("{who} asked for {symbol}"));
        }
    }
    found
}

/// What each member of an archive defines for others. Of musl's weak names are left out, which give way; all of ours are weak.
fn globals(archive: &Path, is_ours: bool) -> Result<BTreeMap<String, Vec<String>>> {
    let mut nm = Command::new("aarch64-linux-gnu-nm");
    let output = nm.args(["--defined-only", "--extern-only", "--print-file-name", "--format=posix"]).arg(archive).output();
    let output = output.context("aarch64-linux-gnu-nm does not start")?;
    ensure!(output.status.success(), "the names in {} cannot be read", archive.display());
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        // `PATH[MEMBER]: NAME KIND …`
        let Some((place, rest)) = line.split_once("]: ") else { continue };
        let member = place.rsplit('[').next().unwrap_or(place);
        let mut words = rest.split(' ');
        if let (Some(name), Some(kind)) = (words.next(), words.next())
            && (!"wWvV".contains(kind) || is_ours)
        {
            found.entry(member.into()).or_default().push(name.into());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_told_with_who_asked() {
        let text = "reference\textracted\tsymbol\n/tmp/a.o\t/x/libc.a(printf.lo)\tprintf\n/x/libskete.a(skete.o)\t/y/libgcc.a(_a.o)\t__a\n";
        let found = taken(text, "/x/libc.a");
        assert_eq!(found, BTreeMap::from([("printf.lo", "a.o asked for printf".into())]));
    }

    #[test]
    fn threads_and_heaps_of_another_kernel_are_refused() {
        assert!(is_forbidden("pthread_create.lo") && is_forbidden("malloc.lo") && is_forbidden("sem_post.lo"));
        assert!(!is_forbidden("printf.lo") && !is_forbidden("getcwd.lo"));
    }
}
