//! The raw landing zone: bodies as they came, byte for byte, each with its manifest.
//!
//! ```text
//! data/raw/<source>/YYYY/MM/DD/<source>_YYYYMMDDTHHMMSSZ.<ext>                the body
//! data/raw/<source>/YYYY/MM/DD/<source>_YYYYMMDDTHHMMSSZ.<ext>.manifest.json  its manifest
//! data/quarantine/…                                                          the same names, kept aside
//! ```
//!
//! The states that a kill can leave, and what the next run makes of them:
//!
//! | on disk | happened | next run |
//! |---|---|---|
//! | `.tmp-…` | killed while writing | ignored, swept after an hour |
//! | manifest alone | killed before the body's rename, or after the body's deletion | not a raw file; swept after an hour |
//! | body and manifest | landed: the body's rename is the commit point | read |
//! | body alone | dropped there by a person, or the manifest was lost | adopted |
//! | manifest in quarantine, body in raw | killed within a quarantine | judged again, or the move is finished |

mod name;
mod sweep;

use std::{
    fs::{self, File},
    io::{ErrorKind, Read as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use vigie_core::{
    capture::{Capture, Outcome},
    cause::Cause,
    text::SourceId,
};

pub use self::{
    name::{BadExtension, Extension, quarantine_file},
    sweep::Swept,
};
use crate::{
    durable::{self, DiskError, Step},
    fault,
    landing::name::{Name, Root},
    manifest::{self, Answer, BadManifest, Manifest},
};

/// How many seconds after its own a body may be filed under, when names are taken.
const SECONDS_LATER_MAX: i64 = 60;

/// The largest manifest that is read, in bytes.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;

/// The reason given in a capture that was rebuilt because the raw file has no manifest.
pub const ADOPTED: &str = "adopted: there was no manifest beside the raw file";

/// Why landing, reading or moving a raw file failed. The errors for which [`LandingError::is_body_fault`] holds are about this one file;
/// the others are about the disk and will be met again with the next file.
#[derive(Debug, thiserror::Error)]
pub enum LandingError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The body is not what the manifest says it is.
    #[error(
        "`{file}` was changed after it landed: the manifest says {expected}, the file has {found}; restore the file, or delete \
         its manifest to have it taken as it is"
    )]
    Altered {
        /// The raw file.
        file: String,
        /// Size and hash that landed.
        expected: String,
        /// Size and hash that are there now.
        found: String,
    },
    /// The manifest cannot be read.
    #[error("the manifest of `{file}` is {source}")]
    Manifest {
        /// The raw file.
        file: String,
        /// What is wrong with it.
        source: BadManifest,
    },
    /// The manifest belongs to another source.
    #[error(
        "the manifest of `{file}` is of the source `{found}`; restore it, or delete it to have the raw file adopted"
    )]
    Foreign {
        /// The raw file.
        file: String,
        /// The source that the manifest names.
        found: SourceId,
    },
    /// More bytes than the source may have.
    #[error(
        "`{file}` has {bytes} bytes, and at most http.body_bytes_max = {bytes_max} are read; raise that or take the file away"
    )]
    TooLarge {
        /// The raw file.
        file: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// The raw file is gone.
    #[error("`{file}` is gone: another run or a person removed it")]
    Gone {
        /// The raw file.
        file: String,
    },
    /// Every name within a minute is taken by another body.
    #[error(
        "no free name for a body of `{source_id}` within {SECONDS_LATER_MAX} s of `{file}`: is another program \
         fetching this source into the same folder?"
    )]
    NoFreeName {
        /// The source.
        source_id: SourceId,
        /// The first name tried.
        file: String,
    },
    /// A different body of that name is in quarantine already.
    #[error("`{file}` is there already with another content; move one of the two away")]
    Occupied {
        /// The place in quarantine.
        file: String,
    },
}

impl LandingError {
    /// Whether this one raw file is at fault (put it into quarantine and go on) and not the disk.
    pub fn is_body_fault(&self) -> bool {
        self.cause().is_some()
    }

    /// The name of what is wrong with this one raw file, if that is at fault.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            LandingError::Altered { .. } => Some(Cause::Altered),
            LandingError::Manifest { .. } | LandingError::Foreign { .. } => Some(Cause::Manifest),
            LandingError::TooLarge { .. } => Some(Cause::TooLarge),
            LandingError::Disk(_)
            | LandingError::Gone { .. }
            | LandingError::NoFreeName { .. }
            | LandingError::Occupied { .. } => None,
        }
    }
}

/// What a landing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The body is new on the disk, under the name of its time.
    New,
    /// The same body of the same second was there already: the same landing, run again.
    AlreadyThere,
    /// Another body had the name, so this one is filed under a later second.
    NextSecond,
}

/// A body that is safely on the disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Landed {
    /// The capture as the ledger shall record it: with file, size and hash.
    pub capture: Capture,
    /// The file's path below the data folder.
    pub file: String,
    /// How it got there.
    pub how: How,
}

/// A body that waits in the landing zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFile {
    /// The source, from the folder and the name.
    pub source: SourceId,
    /// The path below the data folder, with `/` between folders.
    pub file: String,
    /// The time in the name, to the second.
    pub at: Timestamp,
    /// Bytes of the body.
    pub bytes: u64,
    /// Whether a manifest stands beside it; without one it is adopted.
    pub has_manifest: bool,
}

/// What waits in the landing zone of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pending {
    /// The raw files, oldest first.
    pub raw: Vec<RawFile>,
    /// Paths below the data folder of files whose names are not those of raw files of this source. They are left alone.
    pub foreign: Vec<String>,
}

/// The landing zone of a workspace.
///
/// It expects that each source is landed by one process at a time and summarised by one at a time (see
/// [`crate::lock`]); the two may run together.
#[derive(Debug, Clone)]
pub struct Landing {
    data: PathBuf,
}

impl Landing {
    /// The landing zone below a data folder, which need not exist yet.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into() }
    }

    /// The full path of a file named below the data folder.
    pub fn path(&self, file: &str) -> PathBuf {
        self.data.join(file)
    }

    /// Lands a body. On return body and manifest are on the disk, and the capture is complete, with
    /// [`Outcome::Landed`]. The time in the name is `capture.started_at`.
    pub fn land(
        &self,
        capture: &Capture,
        extension: &Extension,
        body: &[u8],
        answer: &Answer,
    ) -> Result<Landed, LandingError> {
        let mut capture = capture.clone();
        capture.outcome = Outcome::Landed;
        self.place(Root::Raw, capture, extension, body, answer)
    }

    /// Puts a body that must not count straight into quarantine, with the reason; the capture comes back with
    /// [`Outcome::Quarantined`].
    pub fn land_in_quarantine(
        &self,
        capture: &Capture,
        extension: &Extension,
        body: &[u8],
        answer: &Answer,
        cause: Cause,
        reason: &str,
    ) -> Result<Landed, LandingError> {
        let mut capture = capture.clone();
        capture.outcome = Outcome::Quarantined;
        capture.cause = Some(cause);
        capture.reason = Some(reason.to_owned());
        self.place(Root::Quarantine, capture, extension, body, answer)
    }

    fn place(
        &self,
        root: Root,
        mut capture: Capture,
        extension: &Extension,
        body: &[u8],
        answer: &Answer,
    ) -> Result<Landed, LandingError> {
        let sha256 = manifest::sha256(body);
        capture.bytes = body.len() as u64;
        capture.sha256 = Some(sha256.clone());
        let first = Name::new(&capture.source, capture.started_at, extension);
        for later in 0..=SECONDS_LATER_MAX {
            let name = first.later(later);
            let file = name.file(root);
            let how = match self.held_by(&name, root)? {
                Some(held) if held.sha256 == sha256 && held.root == root => {
                    if held.body {
                        capture.file = Some(file.clone());
                        return Ok(Landed {
                            capture,
                            file,
                            how: How::AlreadyThere,
                        });
                    }
                    How::New // The manifest of a killed landing of this very body: written again.
                }
                Some(_) => continue,
                None => How::New,
            };
            capture.file = Some(file.clone());
            let path = self.path(&file);
            let manifest = Manifest::new(capture.clone(), answer.clone()).with_quick_hash(body);
            durable::write(&manifest_path(&path), &manifest.to_bytes())?;
            fault::point("landing.manifest");
            if !durable::write_new(&path, body)? {
                continue;
            }
            fault::point("landing.renamed");
            if let Some(folder) = path.parent() {
                durable::flush_folder(folder)?;
            }
            fault::point("landing.flushed");
            let how = if later == 0 { how } else { How::NextSecond };
            return Ok(Landed { capture, file, how });
        }
        Err(LandingError::NoFreeName {
            source_id: capture.source,
            file: first.file(root),
        })
    }

    /// What has a name already, in the landing zone or in quarantine. Names are unique over both, so that a raw
    /// file can always move.
    fn held_by(&self, name: &Name, wanted: Root) -> Result<Option<Held>, LandingError> {
        for root in [wanted, wanted.other()] {
            let path = self.path(&name.file(root));
            if let Some(body) = read_if_there(&path, u64::MAX)? {
                let sha256 = manifest::sha256(&body);
                return Ok(Some(Held {
                    root,
                    sha256,
                    body: true,
                }));
            }
            if let Some(bytes) = read_if_there(&manifest_path(&path), MANIFEST_BYTES_MAX)? {
                let sha256 = Manifest::parse(&bytes)
                    .ok()
                    .and_then(|manifest| manifest.capture.sha256)
                    .unwrap_or_default();
                return Ok(Some(Held {
                    root,
                    sha256,
                    body: false,
                }));
            }
        }
        Ok(None)
    }

    /// Reads a raw file and checks it against its manifest. Without a manifest the capture is rebuilt from the
    /// name and the body, with [`ADOPTED`] as its reason.
    pub fn read(&self, raw: &RawFile, bytes_max: u64) -> Result<(Capture, Vec<u8>), LandingError> {
        let mut body = Vec::new();
        let capture = self.read_into(raw, self.manifest(raw)?, bytes_max, &mut body)?;
        Ok((capture, body))
    }

    /// As [`Landing::read`] with a manifest that was read before, into a room that is used again.
    pub fn read_into(
        &self,
        raw: &RawFile,
        manifest: Option<Manifest>,
        bytes_max: u64,
        body: &mut Vec<u8>,
    ) -> Result<Capture, LandingError> {
        let path = self.path(&raw.file);
        let gone = || LandingError::Gone {
            file: raw.file.clone(),
        };
        body.clear();
        if !read_to(&path, bytes_max.saturating_add(1), body)? {
            return Err(gone());
        }
        if body.len() as u64 > bytes_max {
            return Err(LandingError::TooLarge {
                file: raw.file.clone(),
                bytes: fs::metadata(&path).map_or(body.len() as u64, |metadata| metadata.len()),
                bytes_max,
            });
        }
        let Some(manifest) = manifest else {
            return Ok(rebuilt(raw, body.len() as u64, manifest::sha256(body)));
        };
        let mut capture = manifest.capture;
        let is_same = capture.bytes == body.len() as u64
            && match &manifest.xxh3 {
                Some(xxh3) => *xxh3 == manifest::xxh3(body),
                None => capture.sha256.as_deref() == Some(manifest::sha256(body).as_str()),
            };
        if !is_same {
            let expected = capture.sha256.as_deref().unwrap_or("no hash");
            return Err(LandingError::Altered {
                file: raw.file.clone(),
                expected: format!("{} bytes, SHA-256 {expected}", capture.bytes),
                found: format!("{} bytes, SHA-256 {}", body.len(), manifest::sha256(body)),
            });
        }
        capture.file = Some(raw.file.clone());
        Ok(capture)
    }

    /// The manifest beside a raw file; `None` when there is none.
    pub fn manifest(&self, raw: &RawFile) -> Result<Option<Manifest>, LandingError> {
        let path = manifest_path(&self.path(&raw.file));
        let Some(bytes) = read_if_there(&path, MANIFEST_BYTES_MAX)? else {
            return Ok(None);
        };
        let manifest = Manifest::parse(&bytes).map_err(|source| LandingError::Manifest {
            file: raw.file.clone(),
            source,
        })?;
        if manifest.capture.source != raw.source {
            return Err(LandingError::Foreign {
                file: raw.file.clone(),
                found: manifest.capture.source,
            });
        }
        Ok(Some(manifest))
    }

    /// The capture under which a raw file goes into quarantine: that of its manifest, or rebuilt where this cannot
    /// be read. Record it in the ledger first, then call [`Landing::quarantine`]: after a kill in between, the
    /// ledger tells the next run to finish the move.
    pub fn condemn(
        &self,
        raw: &RawFile,
        cause: Cause,
        reason: &str,
    ) -> Result<Capture, LandingError> {
        let manifest = match self.manifest(raw) {
            Err(error) if !error.is_body_fault() => return Err(error),
            read => read.ok().flatten(),
        };
        let mut capture = if let Some(manifest) = manifest {
            manifest.capture
        } else {
            let (bytes, sha256) = self.hash(raw)?;
            rebuilt(raw, bytes, sha256)
        };
        capture.file = Some(quarantine_file(&raw.file));
        capture.outcome = Outcome::Quarantined;
        capture.cause = Some(cause);
        capture.reason = Some(reason.to_owned());
        Ok(capture)
    }

    /// The size and hash of a raw file of any size.
    fn hash(&self, raw: &RawFile) -> Result<(u64, String), LandingError> {
        let path = self.path(&raw.file);
        let mut hasher = manifest::Hasher::default();
        let mut file = match fault::disk(Step::Read, &path).and_then(|()| File::open(&path)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(LandingError::Gone {
                    file: raw.file.clone(),
                });
            }
            Err(error) => return Err(DiskError::at(Step::Read, &path)(error).into()),
        };
        let bytes =
            std::io::copy(&mut file, &mut hasher).map_err(DiskError::at(Step::Read, &path))?;
        Ok((bytes, hasher.finish()))
    }

    /// Moves a raw file and its manifest into quarantine, under the same name; `capture` is what the manifest there
    /// shall say. Returns the path below the data folder. Killed at any point and called again, it finishes.
    pub fn quarantine(&self, raw: &RawFile, capture: &Capture) -> Result<String, LandingError> {
        let file = quarantine_file(&raw.file);
        let (from, to) = (self.path(&raw.file), self.path(&file));
        let answer = match self.manifest(raw) {
            Ok(Some(manifest)) => manifest.answer,
            _ => Answer::default(),
        };
        let mut capture = capture.clone();
        capture.outcome = Outcome::Quarantined;
        capture.file = Some(file.clone());
        if is_there(&to)? {
            if !is_there(&from)? {
                remove_if_there(&manifest_path(&from))?;
                return Ok(file);
            }
            let aside = RawFile {
                file: file.clone(),
                ..raw.clone()
            };
            if self.hash(&aside)? != self.hash(raw)? {
                return Err(LandingError::Occupied { file });
            }
            self.remove(raw)?;
            return Ok(file);
        }
        let manifest = Manifest::new(capture, answer);
        durable::write(&manifest_path(&to), &manifest.to_bytes())?;
        fault::point("quarantine.manifest");
        fault::disk(Step::Rename, &from)
            .and_then(|()| fs::rename(&from, &to))
            .map_err(DiskError::at(Step::Rename, &from))?;
        fault::point("quarantine.body");
        for folder in [to.parent(), from.parent()].into_iter().flatten() {
            durable::flush_folder(folder)?;
        }
        fault::point("quarantine.flushed");
        remove_if_there(&manifest_path(&from))?;
        fault::point("quarantine.left");
        Ok(file)
    }

    /// Deletes a raw file whose content is safe elsewhere: the body first, so that a kill in between leaves a
    /// manifest alone, which is no raw file. Already gone is fine.
    pub fn remove(&self, raw: &RawFile) -> Result<(), LandingError> {
        let path = self.path(&raw.file);
        remove_if_there(&path)?;
        fault::point("removal.body");
        remove_if_there(&manifest_path(&path))?;
        fault::point("removal.manifest");
        Ok(())
    }
}

/// What has the name of a raw file.
#[derive(Debug)]
struct Held {
    root: Root,
    sha256: String,
    body: bool,
}

/// The capture of a raw file without manifest.
fn rebuilt(raw: &RawFile, bytes: u64, sha256: String) -> Capture {
    Capture {
        bytes,
        sha256: Some(sha256),
        file: Some(raw.file.clone()),
        reason: Some(ADOPTED.to_owned()),
        ..Capture::new(raw.source.clone(), raw.at, Outcome::Landed)
    }
}

/// The path of the manifest of the body at `path`.
fn manifest_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(manifest::SUFFIX);
    PathBuf::from(name)
}

/// The first `bytes_max` bytes of a file; `None` when there is none.
fn read_if_there(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, DiskError> {
    let mut bytes = Vec::new();
    Ok(read_to(path, bytes_max, &mut bytes)?.then_some(bytes))
}

/// Adds the first `bytes_max` bytes of a file; `false` when there is none.
fn read_to(path: &Path, bytes_max: u64, bytes: &mut Vec<u8>) -> Result<bool, DiskError> {
    let file = match fault::disk(Step::Read, path).and_then(|()| File::open(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(DiskError::at(Step::Read, path)(error)),
    };
    let expected = file.metadata().map_or(0, |metadata| metadata.len());
    // One byte more, so that the end is seen without growing.
    bytes.reserve(expected.min(bytes_max) as usize + 1);
    file.take(bytes_max)
        .read_to_end(bytes)
        .map_err(DiskError::at(Step::Read, path))?;
    Ok(true)
}

/// Whether there is something of that name. A disk that cannot say is an error: taken for a no, it would cost a file.
fn is_there(path: &Path) -> Result<bool, DiskError> {
    fault::disk(Step::Read, path)
        .and_then(|()| path.try_exists())
        .map_err(DiskError::at(Step::Read, path))
}

fn remove_if_there(path: &Path) -> Result<(), DiskError> {
    match fault::disk(Step::Delete, path).and_then(|()| fs::remove_file(path)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(DiskError::at(Step::Delete, path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
