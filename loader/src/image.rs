//! `kernel8.img`: the arm64 `Image` header (Linux, `Documentation/arch/arm64/booting.rst`), and how an image is put together.

/// How many bytes the header takes.
pub const HEADER_BYTES: usize = 64;

const MAGIC: [u8; 4] = *b"ARM\x64";
const IMAGE_SIZE: usize = 16;

/// What the header tells a boot loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Where the image wants to be, from a multiple of 2 MiB.
    pub text_offset: u64,
    /// How much memory it takes, which a boot loader keeps other things out of.
    pub image_size: u64,
    /// Byte order, page size, placement.
    pub flags: u64,
}

impl Header {
    /// Reads the header that an image begins with; `None` if it begins otherwise.
    #[must_use]
    pub fn parse(image: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER_BYTES] = image.first_chunk()?;
        if header[56..60] != MAGIC {
            return None;
        }
        let long = |at: usize| header[at..].first_chunk().map(|eight| u64::from_le_bytes(*eight));
        Some(Self { text_offset: long(8)?, image_size: long(IMAGE_SIZE)?, flags: long(24)? })
    }

    /// Writes the three fields over those of `image`. `None` if it does not begin with a header.
    #[must_use]
    pub fn emit(&self, image: &mut [u8]) -> Option<()> {
        Self::parse(image)?;
        let fields = [self.text_offset, self.image_size, self.flags];
        for (place, field) in image[8..32].chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        Some(())
    }
}

#[cfg(any(feature = "emit", test))]
mod build {
    //! The half for the tool.

    use alloc::vec::Vec;

    use super::Header;
    use crate::elf;
    use crate::refusal::Refusal;

    /// Behind the loader lies the payload, at a multiple of this.
    const ALIGNMENT: usize = 16;

    /// The flat image of the loader's ELF file: its segments at their addresses, which begin at 0.
    ///
    /// # Errors
    /// When it is no ELF file, or does not begin with an `Image` header at address 0.
    pub fn flatten(file: &[u8]) -> Result<Vec<u8>, Refusal> {
        let header = elf::header(file).filter(|_| elf::is_at(file)).ok_or(Refusal::NotElf)?;
        let headers = elf::program_headers(file, header).ok_or(Refusal::TruncatedElf)?;
        let mut flat = Vec::new();
        for header in headers {
            if header.p_type != elf::PT_LOAD || header.p_filesz == 0 {
                continue;
            }
            let bytes = elf::segment_bytes(file, header).ok_or(Refusal::TruncatedElf)?;
            let start = usize::try_from(header.p_vaddr).map_err(|_| Refusal::SegmentSize)?;
            if start < flat.len() {
                return Err(Refusal::SegmentsOverlap);
            }
            flat.resize(start, 0);
            flat.extend(bytes);
        }
        flat.resize(flat.len().next_multiple_of(ALIGNMENT), 0);
        Header::parse(&flat).ok_or(Refusal::Entry)?;
        Ok(flat)
    }

    /// `kernel8.img`: the flat loader with the payload behind it, and the header's size covering both.
    ///
    /// # Errors
    /// When `flat` does not begin with an `Image` header.
    pub fn append(mut flat: Vec<u8>, payload: &[u8]) -> Result<Vec<u8>, Refusal> {
        let header = Header::parse(&flat).ok_or(Refusal::Entry)?;
        flat.resize(flat.len().next_multiple_of(ALIGNMENT), 0);
        flat.extend(payload);
        let image_size = flat.len() as u64;
        Header { image_size, ..header }.emit(&mut flat).ok_or(Refusal::Entry)?;
        Ok(flat)
    }
}

#[cfg(any(feature = "emit", test))]
pub use build::{append, flatten};

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    fn flat() -> std::vec::Vec<u8> {
        let mut bytes = vec![0; 100];
        bytes[56..60].copy_from_slice(&MAGIC);
        bytes
    }

    #[test]
    fn what_was_emitted_is_parsed_back() {
        let header = Header { text_offset: 0, image_size: 12345, flags: 0xA };
        let mut bytes = flat();
        header.emit(&mut bytes).expect("it has the magic");
        assert_eq!(Header::parse(&bytes), Some(header));
    }

    #[test]
    fn the_header_covers_an_appended_payload() {
        let image = append(flat(), &[7; 33]).expect("it has the magic");
        assert_eq!(image.len(), 112 + 33);
        assert_eq!(Header::parse(&image).map(|header| header.image_size), Some(145));
        assert_eq!(image[112], 7);
    }

    #[test]
    fn other_bytes_are_no_image() {
        assert_eq!(Header::parse(&[0; 64]), None);
        assert_eq!(Header::parse(&flat()[..63]), None);
        assert!(append(vec![0; 64], &[]).is_err());
        assert!(flatten(&[0; 64]).is_err());
    }
}
