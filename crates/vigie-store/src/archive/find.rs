//! A raw file within an archive: found without decoding what lies before it.
//!
//! The frames of an archive stand in the order of time, and each begins with the earliest raw file that it holds. The blocks of a
//! frame say how long they are (RFC 8878), so that frames are stepped over; then the latest that can hold the file is decoded first.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, ErrorKind, Read as _, Seek as _, SeekFrom},
};

use crate::{
    archive::{Archive, ArchiveError},
    durable::{DiskError, Step},
};

/// The most bytes that are decoded in search of a raw file.
pub const SEARCH_BYTES_MAX: u64 = 256 << 20;

const FRAME_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A raw file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Its size, and its beginning.
    Here {
        /// All its bytes.
        bytes: u64,
        /// The first of them.
        beginning: Vec<u8>,
    },
    /// It is not in this archive, or the archive was moved away.
    Nowhere,
    /// More than [`SEARCH_BYTES_MAX`] would have to be decoded.
    TooFar,
}

impl Archive {
    /// Looks up to the committed length of an archive for a raw file, and reads at most so many of its first bytes.
    pub fn find(
        &self,
        archive: &str,
        committed: u64,
        raw_file: &str,
        bytes_max: usize,
    ) -> Result<Found, ArchiveError> {
        let path = self.data.join(archive);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nowhere),
            Err(error) => return Err(DiskError::at(Step::Read, &path)(error).into()),
        };
        find(&mut file, committed, raw_file, bytes_max).map_err(|source| {
            if source.raw_os_error().is_some() {
                DiskError::at(Step::Read, &path)(source).into()
            } else {
                let file = archive.to_owned();
                ArchiveError::Damaged { file, source }
            }
        })
    }
}

fn find(file: &mut File, committed: u64, wanted: &str, bytes_max: usize) -> io::Result<Found> {
    let mut frames = Vec::new();
    while file.stream_position()? < committed {
        frames.push(file.stream_position()?);
        step_over(file)?;
    }
    let mut left = SEARCH_BYTES_MAX;
    for start in frames.into_iter().rev() {
        file.seek(SeekFrom::Start(start))?;
        let frame = zstd::Decoder::new(&mut *file)?.single_frame();
        let mut tar = tar::Archive::new(frame);
        for (place, entry) in tar.entries()?.enumerate() {
            let mut entry = entry?;
            let order = entry.path()?.as_os_str().cmp(OsStr::new(wanted));
            if order.is_eq() {
                let bytes = entry.size();
                let mut beginning = Vec::new();
                entry.take(bytes_max as u64).read_to_end(&mut beginning)?;
                return Ok(Found::Here { bytes, beginning });
            }
            // Names begin with the path of their day and end with their time: the order of names is that of time.
            if place == 0 && order.is_gt() {
                break;
            }
            match left.checked_sub(entry.size()) {
                Some(rest) => left = rest,
                None => return Ok(Found::TooFar),
            }
            io::copy(&mut entry, &mut io::sink())?;
        }
    }
    Ok(Found::Nowhere)
}

/// Goes to the end of the frame that begins here.
fn step_over(file: &mut File) -> io::Result<()> {
    let mut head = [0; 5];
    file.read_exact(&mut head)?;
    let [magic @ .., descriptor] = head;
    if magic != FRAME_MAGIC {
        return Err(io::Error::new(ErrorKind::InvalidData, "no zstd frame"));
    }
    let single_segment = descriptor & 0x20 != 0;
    let window = i64::from(!single_segment);
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content_size = match descriptor >> 6 {
        0 => i64::from(single_segment),
        flag => 1 << flag,
    };
    file.seek_relative(window + dictionary + content_size)?;
    loop {
        let mut block = [0; 4];
        file.read_exact(&mut block[..3])?;
        let block = u32::from_le_bytes(block);
        // A block of one repeated byte holds that byte alone.
        let length = if block >> 1 & 3 == 1 { 1 } else { block >> 3 };
        file.seek_relative(i64::from(length))?;
        if block & 1 == 1 {
            break;
        }
    }
    let checksum = if descriptor & 4 == 0 { 0 } else { 4 };
    file.seek_relative(checksum)
}
