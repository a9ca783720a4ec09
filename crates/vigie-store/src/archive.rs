//! Archives of raw files: one growing `.tar.zst` per source and month.
//!
//! Each append is one zstd frame that holds tar entries (each raw file, then its manifest) and no end-of-archive mark, so that the
//! frames together are one archive: `tar --zstd -xf` reads the whole. The length that counts is kept in the ledger, written in
//! the same commit as the tombstones; what a kill has left beyond it is cut off by the next append. Should the ledger be lost, what
//! is nowhere else stays.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, ErrorKind, Read as _, Seek as _, SeekFrom, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use vigie_core::text::SourceId;

use crate::{
    durable::{self, DiskError, Step},
    fault,
    landing::{Landing, LandingError, RawFile},
    ledger::{Ledger, LedgerError},
    manifest::{self, Answer, Manifest},
};

mod find;

pub use find::{Found, SEARCH_BYTES_MAX};

/// zstd's level: the default, some ten times smaller for JSON at hundreds of megabytes a second.
const LEVEL: i32 = 3;

/// Why raw files were not archived. The raw files are untouched.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A raw file cannot be read.
    #[error(transparent)]
    Landing(#[from] LandingError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The archive is shorter than what was committed.
    #[error(
        "the archive `{file}` has {found} bytes where {committed} were written: restore it, or move it away to have a new one begun"
    )]
    Short {
        /// The archive, below the data folder.
        file: String,
        /// The length in the ledger.
        committed: u64,
        /// The length on the disk.
        found: u64,
    },
    /// What was committed cannot be decoded any more.
    #[error(
        "the archive `{file}` is damaged: restore it from a backup, or move it away to have a new one begun"
    )]
    Damaged {
        /// The archive, below the data folder.
        file: String,
        /// What the decoder said.
        source: io::Error,
    },
    /// What was appended does not read back as what was written.
    #[error(
        "what was appended to `{file}` does not read back: check the disk; the raw files stay where they are"
    )]
    ReadBack {
        /// The archive, below the data folder.
        file: String,
    },
}

/// An append that is on the disk and read back, to be committed with the tombstones by [`Ledger::tombstones`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The archive, below the data folder.
    pub file: String,
    /// Its length now, in bytes.
    pub bytes: u64,
}

/// The archives of a workspace. Each source is archived by one process at a time, the one that summarises it.
#[derive(Debug, Clone)]
pub struct Archive {
    data: PathBuf,
    landing: Landing,
}

impl Archive {
    /// The archives below a data folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        let data = data.into();
        Self {
            landing: Landing::new(data.clone()),
            data,
        }
    }

    /// Appends raw files of a source to the archives of their months (by the UTC time in their names), flushes these to the disk
    /// and reads back what was appended. The raw files stay: delete them once the result is committed.
    pub fn append(
        &self,
        ledger: &Ledger,
        source: &SourceId,
        raw_files: &[RawFile],
        bytes_max: u64,
    ) -> Result<Vec<Appended>, ArchiveError> {
        let mut appended = Vec::new();
        let mut sorted: Vec<&RawFile> = raw_files.iter().collect();
        sorted.sort_by(|a, b| (a.at, &a.file).cmp(&(b.at, &b.file)));
        for month in
            sorted.chunk_by(|a, b| archive_file(source, a.at) == archive_file(source, b.at))
        {
            let file = archive_file(source, month[0].at);
            let committed = match ledger.archive_bytes(&file)? {
                0 => self.counted(&file)?,
                committed => committed,
            };
            let bytes = self
                .append_month(&file, committed, month, bytes_max)
                .inspect_err(|_| self.cut(&file, committed))?;
            appended.push(Appended { file, bytes });
        }
        Ok(appended)
    }

    fn append_month(
        &self,
        file: &str,
        committed: u64,
        raw_files: &[&RawFile],
        bytes_max: u64,
    ) -> Result<u64, ArchiveError> {
        let path = self.data.join(file);
        let (mut archive, start) = open_at(&path, file, committed)?;
        let write = || DiskError::at(Step::Write, &path);
        let mut encoder =
            zstd::Encoder::new(io::BufWriter::new(fault::Disk::new(&archive, &path)), LEVEL)
                .map_err(write())?;
        encoder.include_checksum(true).map_err(write())?;
        let mut written: Vec<(String, String)> = Vec::new();
        let mut builder = tar::Builder::new(Unended {
            inner: &mut encoder,
            ended: false,
        });
        for raw in raw_files {
            let (capture, body) = self.landing.read(raw, bytes_max)?;
            let manifest = match self.landing.manifest(raw)? {
                Some(manifest) => manifest,
                None => Manifest::new(capture, Answer::default()),
            };
            let manifest_name = format!("{}{}", raw.file, manifest::SUFFIX);
            for (name, bytes) in [
                (raw.file.clone(), body),
                (manifest_name, manifest.to_bytes()),
            ] {
                let mut header = header(raw.at, bytes.len() as u64);
                builder
                    .append_data(&mut header, &name, bytes.as_slice())
                    .map_err(write())?;
                written.push((name, manifest::sha256(&bytes)));
            }
        }
        // Without this the builder would end the archive when it is dropped.
        builder.get_mut().ended = true;
        drop(builder);
        encoder
            .finish()
            .and_then(|mut buffer| buffer.flush())
            .map_err(write())?;
        fault::point("archive.appended");
        fault::disk(Step::Flush, &path)
            .and_then(|()| archive.sync_all())
            .map_err(DiskError::at(Step::Flush, &path))?;
        fault::point("archive.flushed");
        let found = fault::disk(Step::Read, &path)
            .and_then(|()| read_back(&mut archive, start))
            .map_err(DiskError::at(Step::Read, &path))?;
        if found != written {
            return Err(ArchiveError::ReadBack {
                file: file.to_owned(),
            });
        }
        let length = archive
            .metadata()
            .map_err(DiskError::at(Step::Read, &path))?
            .len();
        fault::point("archive.verified");
        Ok(length)
    }
}

impl Archive {
    /// Reads an archive up to its committed length and decodes all of it. One that is not there was moved away or deleted,
    /// which is no fault.
    pub fn check(&self, committed: &Appended) -> Result<(), ArchiveError> {
        let path = self.data.join(&committed.file);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(DiskError::at(Step::Read, &path)(error).into()),
        };
        let found = file
            .metadata()
            .map_err(DiskError::at(Step::Read, &path))?
            .len();
        if found < committed.bytes {
            return Err(ArchiveError::Short {
                file: committed.file.clone(),
                committed: committed.bytes,
                found,
            });
        }
        decode(file.take(committed.bytes)).map_err(|source| ArchiveError::Damaged {
            file: committed.file.clone(),
            source,
        })
    }

    /// Takes back what a refused append has left: a buffer flushed after a failed write leaves no readable frame. Should the disk
    /// refuse this too, the next append of a known archive cuts it off, and that of an unknown one says that it is damaged.
    fn cut(&self, file: &str, committed: u64) {
        let archive = File::options().write(true).open(self.data.join(file));
        if let Ok(archive) = archive
            && archive
                .metadata()
                .is_ok_and(|found| found.len() > committed)
        {
            let _ = archive.set_len(committed);
        }
    }

    /// The length up to which an archive counts that the ledger does not know: it was lost, or a kill came before the
    /// first commit. What a frame holds counts when its raw file is gone; the others are about to be appended again. A manifest
    /// says nothing: somebody may have taken it away from a body that waits.
    fn counted(&self, file: &str) -> Result<u64, ArchiveError> {
        let path = self.data.join(file);
        let archive = match File::open(&path) {
            Ok(archive) => archive,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(DiskError::at(Step::Read, &path)(error).into()),
        };
        let mut reader = io::BufReader::new(archive);
        let mut counted = 0;
        loop {
            match next_frame(&mut reader) {
                Ok(Some(names)) => {
                    let mut bodies = names
                        .iter()
                        .filter(|name| !name.ends_with(manifest::SUFFIX));
                    if bodies.any(|name| !self.data.join(name).exists()) {
                        let end = reader.stream_position();
                        counted = end.map_err(DiskError::at(Step::Read, &path))?;
                    }
                }
                Ok(None) => return Ok(counted),
                // Cut short by a kill.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(counted),
                Err(error) if error.raw_os_error().is_some() => {
                    return Err(DiskError::at(Step::Read, &path)(error).into());
                }
                Err(source) => {
                    let file = file.to_owned();
                    return Err(ArchiveError::Damaged { file, source });
                }
            }
        }
    }
}

/// Decodes all frames and entries, so that every checksum is compared.
fn decode(archive: impl io::Read) -> io::Result<()> {
    let mut tar = tar::Archive::new(zstd::Decoder::new(archive)?);
    for entry in tar.entries()? {
        io::copy(&mut entry?, &mut io::sink())?;
    }
    io::copy(&mut tar.into_inner(), &mut io::sink()).map(drop)
}

/// The names of the entries of the frame that begins here, and stands behind it; `None` at the end.
fn next_frame(reader: &mut io::BufReader<File>) -> io::Result<Option<Vec<String>>> {
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let frame = zstd::Decoder::with_buffer(reader)?.single_frame();
    let mut tar = tar::Archive::new(frame);
    let mut names = Vec::new();
    for entry in tar.entries()? {
        names.push(entry?.path()?.to_string_lossy().into_owned());
    }
    io::copy(&mut tar.into_inner(), &mut io::sink())?;
    Ok(Some(names))
}

/// The archive of a source's month, below the data folder.
pub fn archive_file(source: &SourceId, at: Timestamp) -> String {
    format!("archive/{source}/{source}_{}.tar.zst", at.strftime("%Y-%m"))
}

/// The archive, cut back to what was committed and standing at its end. One that was moved away is begun anew.
fn open_at(path: &Path, file: &str, committed: u64) -> Result<(File, u64), ArchiveError> {
    let folder = path.parent().unwrap_or(path);
    durable::create_folders(folder)?;
    let exists = match fs::metadata(path) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(DiskError::at(Step::Read, path)(error).into()),
    };
    let open = || {
        File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
    };
    let mut archive = fault::disk(Step::Create, path)
        .and_then(|()| open())
        .map_err(DiskError::at(Step::Create, path))?;
    if !exists {
        durable::flush_folder(folder)?;
        return Ok((archive, 0));
    }
    let found = archive
        .metadata()
        .map_err(DiskError::at(Step::Read, path))?
        .len();
    if found < committed {
        return Err(ArchiveError::Short {
            file: file.to_owned(),
            committed,
            found,
        });
    }
    fault::disk(Step::Truncate, path)
        .and_then(|()| archive.set_len(committed))
        .and_then(|()| archive.seek(SeekFrom::End(0)))
        .map_err(DiskError::at(Step::Truncate, path))?;
    Ok((archive, committed))
}

fn header(at: Timestamp, bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_mtime(u64::try_from(at.as_second()).unwrap_or(0));
    header.set_size(bytes);
    header
}

/// The names and hashes of the entries from `start` on.
fn read_back(archive: &mut File, start: u64) -> io::Result<Vec<(String, String)>> {
    archive.seek(SeekFrom::Start(start))?;
    let mut entries = Vec::new();
    let mut tar = tar::Archive::new(zstd::Decoder::new(&*archive)?);
    for entry in tar.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let mut hasher = manifest::Hasher::default();
        io::copy(&mut entry, &mut hasher)?;
        entries.push((name, hasher.finish()));
    }
    // To the end of the frame, so that its checksum is compared.
    let mut rest = Vec::new();
    tar.into_inner().read_to_end(&mut rest)?;
    Ok(entries)
}

/// Passes bytes on until told that the archive has ended; the end-of-archive mark is then swallowed.
struct Unended<W> {
    inner: W,
    ended: bool,
}

impl<W: Write> Write for Unended<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.ended {
            Ok(bytes.len())
        } else {
            self.inner.write(bytes)
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;
