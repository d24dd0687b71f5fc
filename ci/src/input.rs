//! Input that is known before a run begins.
//!
//! What is typed to a guest arrives when the host comes to it, so no run would be like another. Where instructions are counted, what is
//! known beforehand goes into the image instead: a file's text, and that `/dev/null` has none.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, stdin};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

use anyhow::{Context as _, Result};

use crate::guest::Input;

/// The longest text, in bytes.
const MOST: u64 = 64 << 10;
/// `makedev(1, 3)`: `/dev/null`.
const NULL_DEVICE: u64 = 1 << 8 | 3;

/// All that will ever come from `input`, if that is known now: not of a terminal or a pipe, of a long file, or of one that is no text.
///
/// # Errors
/// Standard input cannot be read.
pub fn known(input: Input<'_>) -> Result<Option<String>> {
    match input {
        Input::Ours => {
            let ours = stdin().as_fd().try_clone_to_owned().context("standard input is closed")?;
            text_of(File::from(ours)).context("standard input cannot be read")
        }
        Input::Typed(_) | Input::Reply { .. } | Input::None => Ok(None),
    }
}

fn text_of(mut file: File) -> std::io::Result<Option<String>> {
    let metadata = file.metadata()?;
    if metadata.file_type().is_char_device() && metadata.rdev() == NULL_DEVICE {
        return Ok(Some(String::new()));
    }
    if !metadata.is_file() {
        return Ok(None);
    }
    let start = file.stream_position()?;
    let mut bytes = Vec::new();
    (&file).take(MOST + 1).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= MOST);
    if text.is_none() {
        // It will be typed after all.
        file.seek(SeekFrom::Start(start))?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().expect("there is room for a file");
        file.write_all(bytes).and_then(|()| file.seek(SeekFrom::Start(1))).expect("it can be written");
        file
    }

    #[test]
    fn a_files_rest_and_an_empty_device_are_known() {
        assert_eq!(text_of(file(b"one\n")).expect("it can be read"), Some("ne\n".into()));
        assert_eq!(text_of(File::open("/dev/null").expect("it is there")).expect("it can be read"), Some(String::new()));
    }

    #[test]
    fn what_is_no_text_too_long_or_yet_to_come_is_not() {
        for bytes in [&b"a\xff"[..], &[b'a'; (64 << 10) + 2]] {
            let file = file(bytes);
            assert_eq!(text_of(file.try_clone().expect("it can be shared")).expect("it can be read"), None);
            let mut rest = Vec::new();
            (&file).read_to_end(&mut rest).expect("it can be read again");
            assert_eq!(rest, bytes[1..]);
        }
        let (reader, _writer) = std::io::pipe().expect("there is a pipe");
        assert_eq!(text_of(File::from(std::os::fd::OwnedFd::from(reader))).expect("it is asked"), None);
    }
}
