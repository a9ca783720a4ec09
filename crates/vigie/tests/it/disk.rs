//! A disk that is full, read-only or fails; files that people edit; several programs at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use jiff::{SignedDuration, Timestamp};
use vigie_testkit::FaultPlan;

use crate::support::{Lab, Ran, Workspace};

const ECB: &str = "ecb-eurofxref-daily";
const METAR: &str = "metar-aviationweather";
const USGS: &str = "usgs-earthquakes";
const SOURCES: [&str; 3] = [ECB, METAR, USGS];
const NOON: &str = "2026-11-24T11:00:00Z";
const LATER: &str = "2026-11-24T11:20:00Z";
const SEALED: &str = "2026-12-20T12:00:00Z";

/// What is done: when, and which step.
const STEPS: [(&str, &str); 5] = [
    (NOON, "collect"),
    (NOON, "summarize"),
    (LATER, "collect"),
    (LATER, "summarize"),
    (SEALED, "summarize"),
];

fn archiving(sources: &[&str]) -> Lab {
    let lab = Lab::new("Paris", sources, FaultPlan::none());
    lab.workspace.configure("raw", "after = \"archive\"");
    lab
}

/// What there is in the end.
fn exports(lab: &Lab) -> [String; 2] {
    let raw = lab.workspace.files("data/raw");
    let bodies = raw.iter().filter(|path| !is_manifest(path));
    assert_eq!(bodies.count(), 0, "{raw:?}");
    ["summaries", "events"].map(|what| lab.workspace.exported(what))
}

fn is_manifest(path: &Path) -> bool {
    path.to_str().unwrap().ends_with(".manifest.json")
}

fn undisturbed(sources: &[&str]) -> [String; 2] {
    let lab = archiving(sources);
    for (time, step) in STEPS {
        lab.at(time, &[step]).ends(0);
    }
    exports(&lab)
}

/// A message that says what happened to which file, and what to do.
fn is_clear(lab: &Lab, ran: &Ran, remedy: &str) {
    let text = format!("{}{}", ran.out, ran.err);
    assert!(text.contains(remedy), "no remedy: {ran:#?}");
    assert!(
        text.contains(lab.workspace.path().to_str().unwrap()),
        "no file: {ran:#?}"
    );
    assert!(!text.contains("panicked"), "{ran:#?}");
}

/// Each step under a fault that strikes at the n-th operation, for every n until none strikes any more; then again without.
fn refuse_everywhere(
    sources: &[&str],
    fault: &str,
    lasting: bool,
    remedy: &str,
    strikes_min: [u32; 2],
) {
    let expected = undisturbed(sources);
    let lab = archiving(sources);
    for (time, step) in STEPS {
        let mut nth = 0;
        loop {
            nth += 1;
            assert!(nth < 200, "{fault}: {step} never ends well");
            let mut command = lab.command_at(time, &[step]);
            let plus = if lasting { "+" } else { "" };
            command.env("VIGIE_DISK_FAULT", format!("{fault}#{nth}{plus}"));
            let ran = Ran::of(command.output().unwrap());
            if ran.code == Some(0) {
                break;
            }
            assert!(
                matches!(ran.code, Some(1..=3)),
                "{fault}#{nth}, {step}: {ran:#?}"
            );
            is_clear(&lab, &ran, remedy);
            if nth % 4 == 0 {
                // The disk has room again for a moment: what can be done is done.
                let again = lab.at(time, &[step]);
                assert_eq!(again.code, Some(0), "{fault}#{nth}, {step}: {again:#?}");
            }
        }
        let least = strikes_min[usize::from(step == "summarize")];
        assert!(
            time == SEALED || time == LATER || nth > least,
            "{fault}: {step} was refused {nth} times"
        );
    }
    let again = exports(&lab);
    assert!(again == expected, "{fault}: the exports differ");
    // No half of a body was ever under its name.
    assert_eq!(
        lab.workspace.files("data/quarantine"),
        [""; 0].map(PathBuf::from)
    );
    assert!(expected.iter().any(|text| text.lines().count() > 5));
}

#[test]
fn a_disk_full_at_any_write_loses_nothing() {
    refuse_everywhere(
        &[METAR, USGS],
        "half@write",
        false,
        "the disk is full; free some space",
        [4, 4],
    );
    // Of two sources one may land its body while the other has the fault, and what has landed is not written again: of one
    // source every write has its turn.
    refuse_everywhere(
        &[METAR],
        "half@write",
        false,
        "the disk is full; free some space",
        [4, 1],
    );
    refuse_everywhere(
        &[METAR, USGS],
        "full@grow",
        true,
        "the disk is full; free some space",
        [6, 4],
    );
}

#[test]
fn a_disk_that_fails_anywhere_loses_nothing() {
    for operation in ["flush", "rename", "delete", "read", "list", "truncate"] {
        let lasting = operation == "rename";
        let fault = format!("broken@{operation}");
        refuse_everywhere(
            &[METAR, USGS],
            &fault,
            lasting,
            "the disk fails; look at the system's log",
            [0, 0],
        );
    }
}

#[test]
fn a_disk_that_turned_read_only_is_named_and_nothing_is_lost() {
    refuse_everywhere(
        &[METAR, USGS],
        "readonly@change",
        true,
        "mounted read-only",
        [4, 2],
    );
}

#[test]
fn databases_that_cannot_grow_are_named_and_nothing_is_lost() {
    let expected = undisturbed(&SOURCES);
    for (variable, words, step, code) in [
        (
            "VIGIE_LEDGER_PAGES",
            "ledger.db`: the disk is full",
            "collect",
            1,
        ),
        (
            "VIGIE_STORE_PAGES",
            "no space is left for the store",
            "summarize",
            3,
        ),
    ] {
        let lab = archiving(&SOURCES);
        let mut refused = 0;
        // Room for a while is in the pages that there are.
        let first: Timestamp = LATER.parse().unwrap();
        for minute in 1..60 {
            if step == "summarize" {
                break;
            }
            let time = first
                .checked_add(SignedDuration::from_mins(minute))
                .unwrap()
                .to_string();
            let mut command = lab.command_at(&time, &["collect"]);
            let ran = Ran::of(command.env(variable, "0").output().unwrap());
            if ran.code == Some(0) {
                continue;
            }
            assert_eq!(ran.code, Some(code), "{ran:#?}");
            assert!(ran.out.contains(words), "{ran:#?}");
            refused += 2;
            break;
        }
        if step == "collect" {
            assert!(refused > 1, "{variable} refused nothing");
            continue;
        }
        for (time, this) in STEPS {
            for pages in [0, 1, 2, 4, 8, 16, 64] {
                let mut command = lab.command_at(time, &[this]);
                let ran = Ran::of(command.env(variable, pages.to_string()).output().unwrap());
                if ran.code == Some(0) {
                    break;
                }
                assert!(
                    this != step || ran.code == Some(code),
                    "{variable}={pages}: {ran:#?}"
                );
                let text = format!("{}{}", ran.out, ran.err);
                assert!(text.contains(words), "{variable}={pages}: {ran:#?}");
                refused += 1;
            }
            lab.at(time, &[this]).ends(0);
        }
        assert!(refused > 1, "{variable} refused nothing");
        assert!(exports(&lab) == expected, "{variable}");
    }
}

/// A real file system that is full, where this user may mount one.
#[test]
#[cfg(target_os = "linux")]
fn a_small_file_system_that_fills_up_loses_nothing() {
    struct Mounted(PathBuf);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        }
    }
    let lab = archiving(&SOURCES);
    // The reserve would stop collecting before the disk does.
    lab.workspace.configure("disk", "reserve_bytes = 0");
    let data = lab.workspace.path().join("data");
    fs::create_dir_all(&data).unwrap();
    assert!(
        fs::read_dir(&data).unwrap().next().is_none(),
        "not collected yet"
    );
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m", "none"])
        .arg(&data)
        .output();
    if !mounted.is_ok_and(|mounted| mounted.status.success()) {
        eprintln!("\n*** SKIPPED: this user may not mount a file system ***\n");
        return;
    }
    let mounted = Mounted(data.clone());
    let room = |kilobytes: u32| {
        let option = format!("remount,size={kilobytes}k");
        let done = Command::new("mount")
            .args(["-o", &option])
            .arg(&mounted.0)
            .status()
            .unwrap();
        assert!(done.success(), "cannot resize to {kilobytes} kB");
    };
    let expected = undisturbed(&SOURCES);
    let (mut refused, mut kilobytes) = (0, 128);
    for (time, step) in STEPS {
        loop {
            let ran = lab.at(time, &[step]);
            if ran.code == Some(0) {
                break;
            }
            let text = format!("{}{}", ran.out, ran.err);
            let known = ["the disk is full", "no space is left", "is not available"];
            assert!(
                known.iter().any(|words| text.contains(words)),
                "{kilobytes} kB: {ran:#?}"
            );
            assert!(kilobytes < 4_096, "it never ends well: {ran:#?}");
            refused += 1;
            kilobytes += 64;
            room(kilobytes);
        }
        if refused == 0 {
            // Just as much as is used: the next write does not fit.
            kilobytes = 64;
            while Command::new("mount")
                .args(["-o", &format!("remount,size={kilobytes}k")])
                .arg(&mounted.0)
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| !status.success())
            {
                kilobytes += 64;
            }
        }
    }
    assert!(refused > 2, "refused {refused} times");
    room(8_192);
    assert!(exports(&lab) == expected);
}

/// What becomes of a raw file that somebody changed: the words of the reason, or none where it counts.
#[test]
fn each_damaged_raw_file_has_its_reason_and_the_others_count() {
    type Damage = fn(&Path, &Path);
    let damages: [(&str, Damage, Option<&str>); 8] = [
        (
            "edited",
            |body, _| {
                let text = fs::read_to_string(body).unwrap().replacen('1', "2", 1);
                fs::write(body, text).unwrap();
            },
            Some("was changed after it landed"),
        ),
        (
            "cut",
            |body, _| {
                let bytes = fs::read(body).unwrap();
                fs::write(body, bytes.split_at(bytes.len() / 2).0).unwrap();
            },
            Some("was changed after it landed"),
        ),
        (
            "emptied",
            |body, _| fs::write(body, "").unwrap(),
            Some("was changed after it landed"),
        ),
        (
            "manifest cut",
            |_, manifest| {
                let bytes = fs::read(manifest).unwrap();
                fs::write(manifest, bytes.split_at(bytes.len() / 2).0).unwrap();
            },
            Some("not a manifest"),
        ),
        (
            "manifest emptied",
            |_, manifest| fs::write(manifest, "").unwrap(),
            Some("not a manifest"),
        ),
        (
            "manifest of another source",
            |_, manifest| {
                let text = fs::read_to_string(manifest).unwrap().replace(METAR, ECB);
                fs::write(manifest, text).unwrap();
            },
            Some("is of the source `ecb-eurofxref-daily`"),
        ),
        (
            "manifest of a newer program",
            |_, manifest| {
                let text = fs::read_to_string(manifest).unwrap().replacen(
                    "\"format\": 1",
                    "\"format\": 99",
                    1,
                );
                fs::write(manifest, text).unwrap();
            },
            Some("is of format 99, and this program knows 1 at most: update vigie"),
        ),
        (
            "manifest lost",
            |_, manifest| fs::remove_file(manifest).unwrap(),
            None,
        ),
    ];
    let expected = {
        let lab = Lab::new("Paris", &[METAR, USGS], FaultPlan::none());
        lab.at(NOON, &["collect"]).ends(0);
        lab.at(NOON, &["summarize"]).ends(0);
        lab.workspace.exported("summaries")
    };
    for (name, damage, words) in damages {
        let lab = Lab::new("Paris", &[METAR, USGS], FaultPlan::none());
        lab.at(NOON, &["collect"]).ends(0);
        let files = lab.workspace.files(&format!("data/raw/{METAR}"));
        let (body, manifest) = (&files[0], &files[1]);
        assert!(is_manifest(manifest) && !is_manifest(body));
        damage(body, manifest);
        let kept = fs::read(body).unwrap();
        let ran = lab.at(NOON, &["summarize"]);
        let capture = lab.workspace.captures(METAR).remove(0);
        match words {
            None => {
                assert_eq!(ran.code, Some(0), "{name}: {ran:#?}");
                assert_eq!(capture["outcome"], "summarized", "{name}");
                assert_eq!(lab.workspace.exported("summaries"), expected, "{name}");
            }
            Some(words) => {
                assert_eq!(ran.code, Some(1), "{name}: {ran:#?}");
                assert_eq!(capture["outcome"], "quarantined", "{name}: {capture}");
                let reason = capture["reason"].as_str().unwrap();
                assert!(reason.contains(words), "{name}: {reason}");
                assert!(ran.out.contains(words), "{name}: {ran:#?}");
                let aside = lab.workspace.files(&format!("data/quarantine/{METAR}"));
                assert_eq!(fs::read(&aside[0]).unwrap(), kept, "{name}");
                let manifest = fs::read_to_string(&aside[1]).unwrap();
                assert!(manifest.contains(words), "{name}: {manifest}");
                let metar = format!("\"source\":\"{METAR}\"");
                let others: String = expected
                    .lines()
                    .filter(|line| !line.contains(&metar))
                    .fold(String::new(), |text, line| text + line + "\n");
                assert_eq!(lab.workspace.exported("summaries"), others, "{name}");
            }
        }
        assert!(lab.workspace.files("data/raw").is_empty(), "{name}");
        // It is no reason to fail again.
        lab.at(LATER, &["summarize"]).ends(0);
    }
}

#[test]
fn a_manifest_without_its_body_is_no_raw_file_and_is_swept_later() {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    lab.at(NOON, &["collect"]).ends(0);
    let files = lab.workspace.files("data/raw");
    fs::remove_file(&files[0]).unwrap();
    lab.at(NOON, &["summarize"]).ends(0);
    assert_eq!(lab.workspace.files("data/raw"), files[1..]);
    let out = lab.at(NOON, &["collect"]).ends(0);
    assert!(
        out.contains("unchanged") || out.contains("data/raw"),
        "{out}"
    );
    let file = fs::File::options().write(true).open(&files[1]).unwrap();
    let written = file.metadata().unwrap().modified().unwrap();
    file.set_modified(written - std::time::Duration::from_hours(2))
        .unwrap();
    lab.at(LATER, &["summarize"]).ends(0);
    assert!(!files[1].exists(), "it was left");
}

/// Several programs at once, each of which may find another one's lock.
fn at_once(lab: &Lab, time: &str, arguments: &[&str], many: usize) -> Vec<Ran> {
    let started: Vec<_> = (0..many)
        .map(|_| {
            let mut command = lab.command_at(time, arguments);
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    started
        .into_iter()
        .map(|child| Ran::of(child.wait_with_output().unwrap()))
        .collect()
}

#[test]
fn many_programs_at_once_lose_nothing_and_count_nothing_twice() {
    let expected = undisturbed(&SOURCES);
    let lab = archiving(&SOURCES);
    for (time, step) in STEPS {
        let ran = at_once(&lab, time, &[step], 5);
        for one in &ran {
            assert!(matches!(one.code, Some(0 | 4)), "{step}: {ran:#?}");
        }
        // Whoever found every lock taken left the work to the others; whatever they left is done now.
        lab.at(time, &[step]).ends(0);
    }
    assert!(exports(&lab) == expected);
    // Each body was landed, counted and archived once.
    let captures = lab.workspace.export("captures");
    let files: Vec<&str> = captures
        .iter()
        .filter_map(|capture| capture["file"].as_str())
        .collect();
    let distinct: BTreeSet<&str> = files.iter().copied().collect();
    assert_eq!(files.len(), distinct.len(), "{files:?}");
    let mut archived = BTreeMap::<String, u32>::new();
    for path in lab.workspace.files("data/archive") {
        let file = zstd::Decoder::new(fs::File::open(path).unwrap()).unwrap();
        for entry in tar::Archive::new(file).entries().unwrap() {
            *archived
                .entry(entry.unwrap().path().unwrap().display().to_string())
                .or_default() += 1;
        }
    }
    assert!(archived.values().all(|times| *times == 1), "{archived:?}");
    assert!(
        files.iter().all(|file| archived.contains_key(*file)),
        "{archived:?} {files:?}"
    );
}

#[test]
fn many_programs_that_collect_what_is_due_ask_each_provider_once() {
    let lab = Lab::new("Paris", &SOURCES, FaultPlan::none());
    let mut asked = 0;
    for time in [NOON, LATER] {
        at_once(&lab, time, &["collect", "--due"], 6);
        lab.at(time, &["collect", "--due"]).ends(0);
        let captures = lab.workspace.export("captures");
        let slots: BTreeSet<(&str, &str)> = captures
            .iter()
            .map(|capture| {
                let text = |key: &str| capture[key].as_str().unwrap();
                (text("source"), text("slot"))
            })
            .collect();
        assert_eq!(captures.len(), slots.len(), "{captures:#?}");
        assert!(captures.len() > asked, "nothing was due");
        asked = captures.len();
    }
    assert_eq!(lab.requests().len(), asked);
}

#[test]
fn a_fault_is_in_the_ledger_where_the_ledger_can_be_written() {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    lab.at(NOON, &["status"]);
    let mut command = lab.command_at(NOON, &["collect"]);
    let ran = Ran::of(
        command
            .env("VIGIE_DISK_FAULT", "full@rename")
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let capture = lab.workspace.captures(METAR).remove(0);
    assert_eq!(capture["outcome"], "failed", "{capture}");
    let reason = capture["reason"].as_str().unwrap();
    assert!(reason.contains("the disk is full"), "{reason}");
    lab.at(LATER, &["collect"]).ends(0);
    lab.at(LATER, &["summarize"]).ends(0);
    assert!(!lab.workspace.exported("summaries").is_empty());
}

/// A whole workspace on a file system that is mounted read-only, where this user may mount one.
#[test]
#[cfg(target_os = "linux")]
fn a_workspace_on_a_read_only_file_system_is_named_with_the_remedy() {
    let workspace = Workspace::new("Paris");
    workspace.run(&["status"]);
    let path = workspace.path().to_owned();
    let mount = |arguments: &[&str]| {
        let ran = Command::new("mount").args(arguments).arg(&path).output();
        ran.is_ok_and(|ran| ran.status.success())
    };
    let itself = path.to_str().unwrap().to_owned();
    if !mount(&["--bind", &itself]) {
        eprintln!("\n*** SKIPPED: this user may not mount a file system ***\n");
        return;
    }
    let read_only = mount(&["-o", "remount,ro,bind"]);
    let ran: Vec<Ran> = ["collect", "summarize"]
        .map(|step| workspace.run(&[step]))
        .into();
    let unmounted = Command::new("umount")
        .arg("-l")
        .arg(&path)
        .status()
        .unwrap();
    assert!(read_only && unmounted.success());
    for ran in ran {
        assert!(matches!(ran.code, Some(1..=3)), "{ran:#?}");
        let text = format!("{}{}", ran.out, ran.err);
        assert!(
            text.contains("may not be opened or written") || text.contains("read-only"),
            "{ran:#?}"
        );
    }
}
