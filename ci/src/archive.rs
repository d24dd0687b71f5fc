//! A folder of this machine as a cpio archive (newc): what the kernel's file tree is filled from.

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use cpio::newc::Builder;

/// Packs everything below `folder`, sorted by name; symbolic links are followed.
///
/// # Errors
/// A file cannot be read, is neither file nor folder, or is 4 GiB or more (newc's limit).
pub fn pack(folder: &Path) -> Result<Vec<u8>> {
    let mut entries = Vec::new();
    collect(folder, "", &mut Vec::new(), &mut entries).with_context(|| format!("{} cannot be packed", folder.display()))?;
    let inputs = entries.into_iter().map(|(builder, body)| (builder, Cursor::new(body)));
    cpio::write_cpio(inputs, Vec::new()).context("the archive cannot be written")
}

type Entry = (Builder, Vec<u8>);

/// `open` holds the folders that lead here, by the names that no link hides.
fn collect(folder: &Path, prefix: &str, open: &mut Vec<PathBuf>, into: &mut Vec<Entry>) -> Result<()> {
    let real = folder.canonicalize()?;
    if open.iter().any(|outer| outer.starts_with(&real)) {
        bail!("{} leads back to a folder that holds it", folder.display());
    }
    open.push(real);
    let mut names: Vec<_> = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
    names.sort();
    for name in names {
        let path = folder.join(&name);
        let shown = name.to_str().with_context(|| format!("the name of {} is not UTF-8", path.display()))?;
        let inside = format!("{prefix}{shown}");
        let about = fs::metadata(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let mode = about.permissions().mode() & 0o777;
        // newc's clock ends in 2106; older than 1970 is written as 1970.
        let mtime = u32::try_from(about.mtime().max(0)).unwrap_or(u32::MAX);
        let builder = Builder::new(&inside).mtime(mtime);
        if about.is_dir() {
            into.push((builder.nlink(2).mode(0o040_000 | mode), Vec::new()));
            collect(&path, &format!("{inside}/"), open, into)?;
        } else if about.is_file() {
            if u32::try_from(about.len()).is_err() {
                bail!("{} is too large: an archive's file ends before 4 GiB", path.display());
            }
            let body = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            into.push((builder.nlink(1).mode(0o100_000 | mode), body));
        } else {
            bail!("{} is neither file nor folder", path.display());
        }
    }
    open.pop();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn a_folder_comes_back_out_of_its_archive() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::create_dir(folder.path().join("etc")).expect("a folder can be made there");
        fs::write(folder.path().join("etc/motd"), "welcome\n").expect("a file can be written there");
        fs::write(folder.path().join("empty"), "").expect("a file can be written there");
        let archive = pack(folder.path()).expect("everything there can be read");
        let mut found = Vec::new();
        let mut rest = Cursor::new(archive);
        loop {
            let mut entry = cpio::NewcReader::new(rest).expect("the archive is well-formed");
            if entry.entry().is_trailer() {
                break;
            }
            let (name, mode) = (entry.entry().name().to_owned(), entry.entry().mode());
            let mut body = String::new();
            entry.read_to_string(&mut body).expect("the body is text");
            found.push((name, mode & 0o170_000, body));
            rest = entry.finish().expect("the next entry follows");
        }
        let expected = [("empty", 0o100_000, ""), ("etc", 0o040_000, ""), ("etc/motd", 0o100_000, "welcome\n")];
        assert_eq!(found, expected.map(|(name, mode, body)| (name.to_owned(), mode, body.to_owned())));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let refusal = pack(Path::new("/no/such/folder")).expect_err("it is not there");
        assert!(format!("{refusal:#}").contains("/no/such/folder"));
    }

    #[test]
    fn links_that_lead_back_lead_nowhere() {
        for target in [".", "..", "/"] {
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            let inner = folder.path().join("a");
            fs::create_dir(&inner).expect("a folder can be made there");
            std::os::unix::fs::symlink(target, inner.join("b")).expect("a link can be made there");
            let refusal = pack(folder.path()).expect_err("it has no end");
            assert!(format!("{refusal:#}").contains("leads back"), "{refusal:#}");
        }
    }

    #[test]
    fn what_is_neither_file_nor_folder_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).expect("a socket can be made there");
        let refusal = format!("{:#}", pack(folder.path()).expect_err("a socket is no file"));
        assert!(refusal.ends_with("socket is neither file nor folder"), "{refusal}");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        std::os::unix::fs::symlink("nowhere", folder.path().join("link")).expect("a link can be made there");
        let refusal = format!("{:#}", pack(folder.path()).expect_err("the link's end is missing"));
        assert!(refusal.contains("link cannot be read"), "{refusal}");
    }
}
