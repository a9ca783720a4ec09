use std::process::Command;

use tempfile::TempDir;
use vigie_core::capture::{Capture, Outcome};

use super::*;
use crate::{
    landing::Extension,
    ledger::{CaptureId, Tombstone},
};

const BYTES_MAX: u64 = 1 << 20;

struct Workspace {
    folder: TempDir,
    landing: Landing,
    archive: Archive,
    ledger: Ledger,
    source: SourceId,
}

impl Workspace {
    fn new(source: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            landing: Landing::new(folder.path()),
            archive: Archive::new(folder.path()),
            ledger: Ledger::open(&folder.path().join("ledger.db"), false).unwrap(),
            source: SourceId::new(source).unwrap(),
            folder,
        }
    }

    fn land(&mut self, at: &str, body: &[u8]) -> (RawFile, CaptureId) {
        let at: Timestamp = at.parse().unwrap();
        let capture = Capture {
            http_status: Some(200),
            ..Capture::new(self.source.clone(), at, Outcome::Landed)
        };
        let json = Extension::new("json").unwrap();
        let landed = self
            .landing
            .land(&capture, &json, body, &Answer::default())
            .unwrap();
        let id = self.ledger.record(&landed.capture).unwrap();
        let raw = self.landing.pending(&self.source).unwrap().raw;
        let raw = raw.into_iter().find(|raw| raw.file == landed.file).unwrap();
        (raw, id)
    }

    fn append(&self, batch: &[(RawFile, CaptureId)]) -> Result<Vec<Appended>, ArchiveError> {
        let raw_files: Vec<RawFile> = batch.iter().map(|(raw, _)| raw.clone()).collect();
        self.archive
            .append(&self.ledger, &self.source, &raw_files, BYTES_MAX)
    }

    /// Archives, commits and deletes, as summarising does.
    fn finish(&mut self, batch: &[(RawFile, CaptureId)]) {
        let appended = self.append(batch).unwrap();
        let tombstones: Vec<_> = batch
            .iter()
            .map(|(_, id)| (*id, Tombstone::default()))
            .collect();
        self.ledger.tombstones(&tombstones, &appended).unwrap();
        for (raw, _) in batch {
            self.landing.remove(raw).unwrap();
        }
    }

    fn path(&self, month: &str) -> PathBuf {
        let source = &self.source;
        let file = format!("archive/{source}/{source}_{month}.tar.zst");
        self.folder.path().join(file)
    }

    /// Names and bodies in an archive, without the manifests.
    fn bodies(&self, month: &str) -> Vec<(String, Vec<u8>)> {
        let decoder = zstd::Decoder::new(File::open(self.path(month)).unwrap()).unwrap();
        let mut archive = tar::Archive::new(decoder);
        archive.set_ignore_zeros(true);
        let mut bodies = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            if name.ends_with(manifest::SUFFIX) {
                Manifest::parse(&bytes).unwrap();
            } else {
                bodies.push((name, bytes));
            }
        }
        bodies
    }

    fn contents(&self, month: &str) -> Vec<Vec<u8>> {
        self.bodies(month)
            .into_iter()
            .map(|(_, body)| body)
            .collect()
    }
}

#[test]
fn appends_make_one_archive_that_the_real_tar_reads() {
    let mut workspace = Workspace::new(&"longname".repeat(8));
    let bodies: [&[u8]; 3] = [b"{\"a\": 1}", b"", &[0xFF; 3000]];
    let mut files = Vec::new();
    for (number, body) in bodies.iter().enumerate() {
        let landed = workspace.land(&format!("2026-11-2{number}T10:00:00Z"), body);
        files.push(landed.0.file.clone());
        workspace.finish(&[landed]);
    }
    assert_eq!(workspace.contents("2026-11"), bodies);

    // As `tar --zstd` does where the program `zstd` is installed.
    let target = tempfile::tempdir().unwrap();
    let plain = tempfile::NamedTempFile::new().unwrap();
    let packed = fs::File::open(workspace.path("2026-11")).unwrap();
    zstd::stream::copy_decode(packed, plain.as_file()).unwrap();
    let ran = Command::new("tar")
        .arg("-xf")
        .arg(plain.path())
        .arg("-C")
        .arg(target.path())
        .output()
        .expect("this test needs tar");
    let words = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && words.is_empty(), "{words}");
    for (file, body) in files.iter().zip(bodies) {
        assert_eq!(fs::read(target.path().join(file)).unwrap(), body);
        let manifest = fs::read(target.path().join(format!("{file}.manifest.json"))).unwrap();
        let manifest = Manifest::parse(&manifest).unwrap();
        assert_eq!(manifest.capture.sha256, Some(manifest::sha256(body)));
    }
}

#[test]
fn what_a_kill_left_is_cut_off_by_the_next_append() {
    let mut workspace = Workspace::new("velib");
    let first = workspace.land("2026-11-20T10:00:00Z", b"first");
    workspace.finish(std::slice::from_ref(&first));
    let committed = fs::read(workspace.path("2026-11")).unwrap();

    // Killed between append and commit.
    let second = workspace.land("2026-11-20T10:05:00Z", b"second");
    workspace.append(std::slice::from_ref(&second)).unwrap();
    assert_eq!(workspace.contents("2026-11").len(), 2);
    // Killed in the middle of a write.
    let mut torn = fs::read(workspace.path("2026-11")).unwrap();
    torn.truncate(committed.len() + 20);
    durable::write(&workspace.path("2026-11"), &torn).unwrap();

    let third = workspace.land("2026-11-20T10:10:00Z", b"third");
    workspace.finish(&[second, third]);
    let expected: [&[u8]; 3] = [b"first", b"second", b"third"];
    assert_eq!(workspace.contents("2026-11"), expected);
    let whole = fs::read(workspace.path("2026-11")).unwrap();
    assert!(whole.starts_with(&committed));
    let file = archive_file(&workspace.source, first.0.at);
    assert_eq!(
        workspace.ledger.archive_bytes(&file).unwrap(),
        whole.len() as u64
    );
}

#[test]
fn a_raw_file_is_found_in_whichever_frame_it_is() {
    let mut workspace = Workspace::new("velib");
    // Frames of several blocks, of one of repeated bytes, and of none.
    let noise: Vec<u8> = (0..200_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let zeros = vec![0; 400_000];
    let bodies: [&[u8]; 5] = [&noise, &zeros, b"", b"short", b"{\"last\": 1}"];
    let mut files = Vec::new();
    for (number, pair) in bodies.chunks(2).enumerate() {
        let batch: Vec<_> = (pair.iter().enumerate())
            .map(|(part, body)| workspace.land(&format!("2026-11-2{number}T1{part}:00:00Z"), body))
            .collect();
        files.extend(batch.iter().map(|(raw, _)| raw.file.clone()));
        workspace.finish(&batch);
    }
    let archive = "archive/velib/velib_2026-11.tar.zst";
    let committed = workspace.ledger.archive_bytes(archive).unwrap();
    let find = |file: &str| workspace.archive.find(archive, committed, file, 1000);
    for (file, body) in files.iter().zip(bodies) {
        let beginning = body[..body.len().min(1000)].to_vec();
        let bytes = body.len() as u64;
        assert_eq!(find(file).unwrap(), Found::Here { bytes, beginning });
    }
    let other = files[0].replace("2026", "2025");
    assert_eq!(find(&other).unwrap(), Found::Nowhere);
    // What lies beyond the committed length is not looked at.
    let first = workspace.archive.find(archive, 1, &files[4], 1000);
    assert_eq!(first.unwrap(), Found::Nowhere);
    let gone = workspace.archive.find("archive/x.tar.zst", 9, "x", 1);
    assert_eq!(gone.unwrap(), Found::Nowhere);
    let path = workspace.path("2026-11");
    let whole = fs::read(&path).unwrap();
    durable::write(&path, &whole[..whole.len() - 9]).unwrap();
    assert!(find(&files[4]).is_err());
    durable::write(&path, &[b"not zstd", &whole[8..]].concat()).unwrap();
    assert!(matches!(find(&files[4]), Err(ArchiveError::Damaged { .. })));
}

#[test]
fn each_month_has_its_archive_by_utc() {
    let mut workspace = Workspace::new("velib");
    let batch = [
        workspace.land("2026-12-01T00:00:00Z", b"december"),
        workspace.land("2026-11-30T23:59:59Z", b"november"),
    ];
    workspace.finish(&batch);
    assert_eq!(workspace.contents("2026-11"), [b"november"]);
    assert_eq!(workspace.contents("2026-12"), [b"december"]);
}

#[test]
fn an_adopted_body_is_archived_with_a_manifest_and_an_altered_one_not_at_all() {
    let mut workspace = Workspace::new("velib");
    let adopted = workspace.land("2026-11-20T10:00:00Z", b"adopted");
    let manifest = format!("{}.manifest.json", adopted.0.file);
    fs::remove_file(workspace.landing.path(&manifest)).unwrap();
    let altered = workspace.land("2026-11-20T10:05:00Z", b"altered");
    durable::write(&workspace.landing.path(&altered.0.file), b"by hand").unwrap();
    let error = workspace.append(&[adopted.clone(), altered]).unwrap_err();
    assert!(
        matches!(error, ArchiveError::Landing(LandingError::Altered { .. })),
        "{error}"
    );
    workspace.finish(&[adopted]);
    assert_eq!(workspace.contents("2026-11"), [b"adopted"]);
}

#[test]
fn an_archive_that_was_moved_away_is_begun_anew_and_a_cut_one_is_told() {
    let mut workspace = Workspace::new("velib");
    let first = workspace.land("2026-11-20T10:00:00Z", b"first");
    workspace.finish(&[first]);
    fs::remove_file(workspace.path("2026-11")).unwrap();
    let second = workspace.land("2026-11-20T10:05:00Z", b"second");
    workspace.finish(&[second]);
    assert_eq!(workspace.contents("2026-11"), [b"second"]);

    durable::write(&workspace.path("2026-11"), b"cut").unwrap();
    let third = workspace.land("2026-11-20T10:10:00Z", b"third");
    let error = workspace.append(&[third]).unwrap_err();
    assert!(
        matches!(error, ArchiveError::Short { found: 3, .. }),
        "{error}"
    );
    assert_eq!(fs::read(workspace.path("2026-11")).unwrap(), b"cut");
}

/// Who moves a damaged ledger away, as its error says, must not lose what only the archives have.
#[test]
fn an_archive_that_a_lost_ledger_knew_is_kept() {
    let mut workspace = Workspace::new("velib");
    let first = workspace.land("2026-11-24T10:00:00Z", b"[1]");
    let second = workspace.land("2026-11-24T10:10:00Z", b"[2]");
    workspace.finish(&[first]);
    workspace.finish(&[second]);
    // Appended, and then killed before the commit.
    let third = workspace.land("2026-11-24T10:20:00Z", b"[3]");
    workspace.append(std::slice::from_ref(&third)).unwrap();
    let whole = fs::read(workspace.path("2026-11")).unwrap();
    // As a kill leaves it: whole, or cut anywhere in the last frame.
    let kept = {
        let committed = workspace
            .ledger
            .archive_bytes("archive/velib/velib_2026-11.tar.zst");
        usize::try_from(committed.unwrap()).unwrap()
    };
    for length in [whole.len(), whole.len() - 1, kept + 3, kept] {
        durable::write(&workspace.path("2026-11"), &whole[..length]).unwrap();
        let lost = workspace.folder.path().join("ledger.db");
        for end in ["", "-wal", "-shm"] {
            // The side files may be gone already.
            let _ = fs::remove_file(format!("{}{end}", lost.display()));
        }
        workspace.ledger = Ledger::open(&lost, false).unwrap();
        workspace.append(std::slice::from_ref(&third)).unwrap();
        assert_eq!(
            workspace.contents("2026-11"),
            [b"[1]", b"[2]", b"[3]"],
            "{length}"
        );
    }
    // What is damaged in the middle is not taken for a torn end.
    let mut damaged = whole;
    damaged[20] ^= 0xFF;
    durable::write(&workspace.path("2026-11"), &damaged).unwrap();
    let error = workspace.append(&[third]).unwrap_err();
    assert!(matches!(error, ArchiveError::Damaged { .. }), "{error}");
    assert!(fs::read(workspace.path("2026-11")).unwrap() == damaged);
}

#[test]
fn a_body_that_lost_its_manifest_after_a_kill_is_archived_once() {
    let mut workspace = Workspace::new("velib");
    let first = workspace.land("2026-11-24T10:00:00Z", b"[1]");
    // Appended, and killed before the first commit; then somebody takes the manifest away.
    workspace.append(std::slice::from_ref(&first)).unwrap();
    let manifest = format!("{}{}", first.0.file, manifest::SUFFIX);
    fs::remove_file(workspace.folder.path().join(manifest)).unwrap();
    workspace.finish(&[first]);
    assert_eq!(workspace.contents("2026-11"), [b"[1]"]);
}
