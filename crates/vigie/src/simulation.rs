//! The seeded simulation: collecting and summarising in any order, killed anywhere, on a disk and with a store that refuse, by a
//! clock that jumps. After each scenario everything is run again undisturbed, and what `export` gives must be, byte for
//! byte, what an undisturbed run over the same bodies gives.
//!
//! It is the program itself that runs, in this process and on one thread: `App`, `collect::receive`, `summarize::summarize`,
//! `export::run`. Only the answers of the providers are made here. `VIGIE_SIM_SEEDS=5000` sets how many seeds are run; one that fails
//! prints the command that replays it.

mod provider;
mod random;
mod turns;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{Arc, Once},
    time::Duration,
};

use futures::FutureExt as _;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::block_in_place};
use vigie_core::{
    bucket::Bucketing,
    capture::{Capture, Outcome as CaptureOutcome},
    event::Event,
    text::SourceId,
};
use vigie_sources::{Context, Definition, Model};
use vigie_store::{
    durable::Step,
    fault::{self, Fault, Killed, Operations, POINTS, Refusal},
    manifest,
    store::Store,
};

use self::{
    provider::{Body, Feed},
    random::Random,
    turns::{Trouble, Unsteady, interleave},
};
use crate::{
    app::App,
    cli::{Export, ExportFormat, ExportWhat},
    clock::Clock,
    collect::{Arrival, receive},
    config::{self, After, Config},
    export,
    failure::Outcome,
    fetch::Answer,
    summarize::{self, Summarized},
};

/// Seeds run when nothing else is asked for: a minute or two of a debug build on one core.
const SEEDS: u64 = 1_000;
/// Seeds run on MongoDB, where a server is named.
const SEEDS_MONGODB: u64 = 20;
/// How long after its deadline a bucket is sealed.
const SEAL_AFTER_S: i64 = 3_600;
/// Steps of a scenario.
const STEPS: u64 = 16;

/// Where scenarios begin, in seconds before which a day or so passes: ordinary days, both changes of the clocks in Paris and on Lord
/// Howe Island, a leap day, the end of a year.
const STARTS: [&str; 7] = [
    "2026-06-10T03:00:00Z",
    "2026-03-28T20:00:00Z",
    "2026-10-24T19:00:00Z",
    "2026-10-03T12:00:00Z",
    "2026-04-04T11:00:00Z",
    "2028-02-28T20:00:00Z",
    "2026-12-31T15:00:00Z",
];
const ZONES: [&str; 4] = [
    "Europe/Paris",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/New_York",
];

/// What is done to a step.
#[derive(Debug, Clone)]
enum Disturbance {
    None,
    Fault(Fault),
    Store(u32, Trouble),
}

/// A body that was offered to the program, in the order of arrival.
#[derive(Clone)]
struct Offered {
    feed: Feed,
    started_at: Timestamp,
    body: Body,
    /// Whether it is well-formed and of the usual size.
    sound: bool,
}

/// A raw file that was seen on the disk.
struct Seen {
    feed: Feed,
    sha256: String,
    started_at: Timestamp,
    /// What is on the disk, after an edit by hand too.
    bytes: Vec<u8>,
    /// Whether a run had it in hand: its rows may be in the store.
    touched: bool,
    /// Whether its rows were found in the store, once it was gone.
    settled: bool,
}

/// A workspace and the program in it, as long as it lives.
struct Workspace {
    folder: TempDir,
    config: Config,
    process: Option<(App, Arc<dyn Store>)>,
}

impl Workspace {
    fn new(zone: &str, after: After, uri: &str) -> Self {
        let text = format!(
            "[zone]\nname = {{ fr = \"Z\", en = \"Z\" }}\nscale = \"city\"\nbbox = [2.2, 48.8, 2.5, 48.9]\n\
             centre = {{ lon = 2.35, lat = 48.86 }}\ntime_zone = \"{zone}\"\n[store]\nuri = \"{uri}\"\n"
        );
        let mut config = config::parse(Path::new("vigie.toml"), &text).unwrap();
        config.raw.after = after;
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        Self {
            folder: folder.unwrap(),
            config,
            process: None,
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program that was just started.
    async fn start(&self) -> Outcome<(App, Arc<dyn Store>)> {
        let app = App::with_definitions(
            self.folder.path(),
            self.config.clone(),
            provider::definitions().clone(),
            Clock::Fixed(Timestamp::UNIX_EPOCH),
        )?;
        let store = app.store(false).await?;
        Ok((app, store))
    }

    /// The running program; a killed one is started again.
    async fn process(&mut self) -> (App, Arc<dyn Store>) {
        if self.process.is_none() {
            self.process = Some(self.start().await.unwrap());
        }
        self.process.clone().unwrap()
    }

    /// The files below a folder of the data folder, by their paths in the data folder.
    fn files(&self, folder: &str) -> Vec<String> {
        fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, files);
                } else {
                    files.push(path);
                }
            }
        }
        let mut files = Vec::new();
        walk(&self.data().join(folder), &mut files);
        let mut files: Vec<String> = files
            .iter()
            .map(|path| {
                path.strip_prefix(self.data())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        files.sort();
        files
    }

    /// The bodies below a folder.
    fn bodies(&self, folder: &str) -> BTreeSet<String> {
        let is_body = |file: &String| !file.ends_with(manifest::SUFFIX) && !file.contains("/.tmp-");
        self.files(folder).into_iter().filter(is_body).collect()
    }

    /// What `vigie export` writes.
    async fn exported(&mut self, what: ExportWhat) -> String {
        let (app, _) = self.process().await;
        let mut text = String::new();
        for feed in Feed::ALL {
            let output = self.folder.path().join("export");
            let args = Export {
                what,
                format: ExportFormat::Ndjson,
                source: Some(feed.id()),
                from: None,
                to: None,
                output: Some(output.clone()),
            };
            export::run(&app, &args).await.unwrap();
            text.push_str(&fs::read_to_string(output).unwrap());
        }
        text
    }
}

/// A scenario.
struct World {
    seed: u64,
    random: Random,
    workspace: Workspace,
    zone: &'static str,
    /// The true time, in seconds since 1970 UTC.
    now: i64,
    /// By how much the clock is wrong.
    clock_error: i64,
    offered: Vec<Offered>,
    seen: BTreeMap<String, Seen>,
    /// The last time at which buckets were sealed, by the clock of then.
    sealed_at: BTreeMap<Feed, i64>,
    /// When the judged feed was fetched last: its bodies come in the order of time.
    judged_at: i64,
    /// Whether values of one time may change.
    revises: bool,
    /// Whether a body came that was fetched, by its clock, before a sealing that did not wait for it.
    early_seal: bool,
    says: bool,
}

macro_rules! say {
    ($world:expr, $($text:tt)*) => {
        if $world.says { eprintln!($($text)*); }
    };
}

impl World {
    fn new(seed: u64, uri: &str, says: bool) -> Self {
        let mut random = Random::keyed(seed, &[]);
        let zone = random.pick(&ZONES);
        let after = random.pick(&[After::Delete, After::Archive, After::Keep, After::Delete]);
        let start: Timestamp = random.pick(&STARTS).parse().unwrap();
        let workspace = Workspace::new(zone, after, uri);
        Self {
            seed,
            workspace,
            zone,
            now: start.as_second() + random.below(6 * 3_600) as i64,
            clock_error: 0,
            offered: Vec::new(),
            seen: BTreeMap::new(),
            sealed_at: BTreeMap::new(),
            judged_at: 0,
            revises: random.chance(70),
            early_seal: false,
            random,
            says,
        }
    }

    fn clock(&self) -> i64 {
        self.now + self.clock_error
    }

    fn disturbance(&mut self) -> Disturbance {
        let random = &mut self.random;
        match random.below(10) {
            0..=2 => Disturbance::Fault(Fault::Kill {
                point: random.pick(&POINTS).to_owned(),
                nth: 1 + random.below(3) as u32,
            }),
            3..=4 => Disturbance::Fault(Fault::Disk {
                refusal: random.pick(&[
                    Refusal::Full,
                    Refusal::Half,
                    Refusal::ReadOnly,
                    Refusal::Broken,
                ]),
                operations: match random.below(6) {
                    0 => Operations::Grow,
                    1 => Operations::Change,
                    _ => Operations::Only(random.pick(&Step::ALL)),
                },
                nth: 1 + random.below(8) as u32,
                lasting: random.chance(40),
            }),
            5 => Disturbance::Store(
                1 + random.below(8) as u32,
                random.pick(&[
                    Trouble::Refused,
                    Trouble::AnswerLost,
                    Trouble::Half,
                    Trouble::KilledBefore,
                    Trouble::KilledAfter,
                ]),
            ),
            _ => Disturbance::None,
        }
    }

    /// One step of the scenario.
    async fn step(&mut self) {
        self.now += 60 + self.random.below(50 * 60) as i64;
        if self.random.chance(4) {
            // A night goes by: buckets are sealed.
            self.now += 10 * 3_600;
        }
        match self.random.below(100) {
            // The clock jumps: by minutes, hours, days or decades, in both directions; or it is set right.
            0..=5 => {
                let by = self
                    .random
                    .pick(&[600, 3_600, 86_400, 40 * 86_400, 2_000_000_000]);
                self.clock_error = by * self.random.pick(&[-1, 1]);
                self.clock_error = self.clock_error.max(60 - self.now);
                say!(self, "the clock is wrong by {} s", self.clock_error);
            }
            6..=11 => self.clock_error = 0,
            12..=62 => {
                let disturbance = self.disturbance();
                self.collect(disturbance).await;
            }
            63..=84 => {
                let disturbance = self.disturbance();
                self.summarize(disturbance).await;
            }
            85..=90 => self.summarize_twice_at_once().await,
            91..=93 => self.leave_debris(),
            94..=96 => self.lose_a_manifest(),
            _ => self.edit_a_body().await,
        }
        self.check().await;
    }

    /// What a feed answers now, and whether that is sound.
    fn answer(&mut self, feed: Feed) -> (Body, bool) {
        let random = &mut self.random;
        let of = |at: i64, shown: f64, random: &mut Random| {
            provider::body(self.seed, feed, at, self.revises, shown, random)
        };
        let unsound = |bytes: &[u8]| Body {
            bytes: bytes.to_vec(),
            says: Vec::new(),
        };
        match random.below(100) {
            0..=4 => (unsound(b""), false),
            5..=8 => (
                unsound(b"<!DOCTYPE html><html><body>Busy</body></html>"),
                false,
            ),
            9..=14 => {
                let mut body = of(self.now, 1.0, random);
                body.bytes.truncate(body.bytes.len() * 2 / 3);
                (body, false)
            }
            15..=22 if feed == Feed::Judged => (of(self.now, 0.2, random), false),
            23..=30 if feed != Feed::Judged => {
                // The very body of before.
                let earlier: Vec<&Offered> = self
                    .offered
                    .iter()
                    .filter(|offered| offered.feed == feed && offered.sound)
                    .collect();
                if earlier.is_empty() {
                    (of(self.now, 1.0, random), true)
                } else {
                    let which = random.below(earlier.len() as u64) as usize;
                    (earlier[which].body.clone(), true)
                }
            }
            // A cache that answers with what was said hours ago.
            31..=37 => (
                of(self.now - random.below(6 * 3_600) as i64, 1.0, random),
                true,
            ),
            _ => (of(self.now, 1.0, random), true),
        }
    }

    async fn collect(&mut self, disturbance: Disturbance) {
        let feed = self.random.pick(&Feed::ALL);
        let slow = self.random.chance(15) && self.clock_error == 0;
        if slow {
            // Asked for shortly before an hour of some zone is over, and with it the time in which some bucket can change.
            self.now += (1_770 - self.now).rem_euclid(1_800);
        }
        let (body, sound) = self.answer(feed);
        let mut started_at = self.clock();
        if feed == Feed::Judged {
            started_at = started_at.max(self.judged_at + 1);
            self.judged_at = started_at;
        }
        if slow {
            say!(
                self,
                "the answer to {feed:?} takes long: others summarise, and seal, meanwhile"
            );
            self.now += 600;
            Box::pin(self.summarize(Disturbance::None)).await;
        }
        let finished_at = started_at.max(self.clock());
        let offered = Offered {
            feed,
            started_at: Timestamp::from_second(started_at).unwrap(),
            body,
            sound,
        };
        let done = self.offer(&offered, finished_at, disturbance).await;
        if !done && self.random.chance(60) {
            say!(self, "  again");
            self.offer(&offered, finished_at, Disturbance::None).await;
        }
    }

    /// Gives a body to the program. Returns whether it took it.
    async fn offer(
        &mut self,
        offered: &Offered,
        finished_at: i64,
        disturbance: Disturbance,
    ) -> bool {
        let started_at = offered.started_at;
        say!(
            self,
            "{}: {} arrives, {} bytes, sound: {}, {disturbance:?}",
            started_at,
            offered.feed.id(),
            offered.body.bytes.len(),
            offered.sound,
        );
        let (app, _) = self.workspace.process().await;
        let app = app.at(Clock::Fixed(started_at));
        let definition = app.known(&offered.feed.id()).unwrap();
        let arrival = arrival(&app, &definition, offered, finished_at);
        let armed = match &disturbance {
            Disturbance::Fault(fault) => {
                Some(fault::arm(self.workspace.folder.path(), fault.clone()))
            }
            _ => None,
        };
        let landing = async { block_in_place(|| receive(&app, &definition, arrival)) };
        let result = AssertUnwindSafe(landing).catch_unwind().await;
        let fired = armed.as_ref().is_some_and(|armed| armed.fired() > 0);
        drop(armed);
        let capture = self.survived(result);
        say!(
            self,
            "  {:?}",
            capture
                .as_ref()
                .map(|capture| capture.as_ref().map(|capture| capture.outcome))
        );
        let landed = self.look_for_new(offered);
        let answered = match &capture {
            Some(Ok(capture)) => {
                let good = capture.outcome != CaptureOutcome::Failed;
                assert!(good || fired, "{:?}", capture.reason);
                good
            }
            Some(Err(failure)) => {
                assert!(fired, "{}", failure.report());
                false
            }
            None => false,
        };
        if !(landed || answered) {
            return false;
        }
        let sealed_at = self
            .sealed_at
            .get(&offered.feed)
            .copied()
            .unwrap_or(i64::MIN / 2);
        if started_at.as_second() < sealed_at - SEAL_AFTER_S {
            self.early_seal = true;
        }
        self.offered.push(offered.clone());
        true
    }

    /// What came of it, unless the program was killed.
    fn survived<T>(&mut self, result: std::thread::Result<T>) -> Option<T> {
        match result {
            Ok(done) => Some(done),
            Err(panic) if panic.is::<Killed>() => {
                say!(self, "  killed");
                self.workspace.process = None;
                None
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Takes note of a raw file that was not there before.
    fn look_for_new(&mut self, offered: &Offered) -> bool {
        let mut new = false;
        for folder in ["raw", "quarantine"] {
            for file in self.workspace.bodies(folder) {
                let file = file.replacen("quarantine/", "raw/", 1);
                if self.seen.contains_key(&file) {
                    continue;
                }
                new = true;
                let seen = Seen {
                    feed: offered.feed,
                    sha256: manifest::sha256(&offered.body.bytes),
                    started_at: offered.started_at,
                    bytes: offered.body.bytes.clone(),
                    touched: false,
                    settled: false,
                };
                self.seen.insert(file, seen);
            }
        }
        new
    }

    async fn summarize(&mut self, disturbance: Disturbance) {
        let at = Timestamp::from_second(self.clock()).unwrap();
        self.summarize_at(disturbance, at).await;
    }

    async fn summarize_at(&mut self, disturbance: Disturbance, at: Timestamp) {
        let feeds = self.chosen();
        say!(self, "{at}: summarize {feeds:?}, {disturbance:?}");
        let (app, store) = self.workspace.process().await;
        let app = app.at(Clock::Fixed(at));
        let definitions: Vec<_> = feeds
            .iter()
            .filter_map(|feed| app.known(&feed.id()))
            .collect();
        let trouble = match &disturbance {
            Disturbance::Store(nth, trouble) => Some((*nth, *trouble)),
            _ => None,
        };
        let armed = match &disturbance {
            Disturbance::Fault(fault) => {
                Some(fault::arm(self.workspace.folder.path(), fault.clone()))
            }
            _ => None,
        };
        let store: Arc<dyn Store> = Arc::new(Unsteady::new(store, trouble));
        let run = summarize::summarize(&app, &store, &definitions);
        let result = AssertUnwindSafe(run).catch_unwind().await;
        let fired = armed.as_ref().is_some_and(|armed| armed.fired() > 0) || trouble.is_some();
        drop(armed);
        drop(app);
        drop(store);
        if let Some(result) = self.survived(result) {
            self.undisturbed(result, fired);
        }
        self.sealed(&feeds, at);
    }

    fn chosen(&mut self) -> Vec<Feed> {
        let mut feeds = Feed::ALL.to_vec();
        self.random.shuffle(&mut feeds);
        if self.random.chance(30) {
            feeds.truncate(1 + self.random.below(4) as usize);
        }
        feeds
    }

    fn undisturbed(&self, result: Outcome<BTreeMap<SourceId, Summarized>>, fired: bool) {
        match result {
            Err(failure) => assert!(fired, "{}", failure.report()),
            Ok(all) => {
                for (source, one) in all {
                    say!(self, "  {source}: {one:?}");
                    assert!(fired || one.failed.is_none(), "{source}: {:?}", one.failed);
                }
            }
        }
    }

    fn sealed(&mut self, feeds: &[Feed], at: Timestamp) {
        for feed in feeds {
            let sealed_at = self.sealed_at.entry(*feed).or_insert(i64::MIN / 2);
            *sealed_at = (*sealed_at).max(at.as_second());
        }
        for seen in self
            .seen
            .values_mut()
            .filter(|seen| feeds.contains(&seen.feed))
        {
            seen.touched = true;
        }
    }

    /// Two programs summarise at once, taking turns before each request to the store; one of them may be killed.
    async fn summarize_twice_at_once(&mut self) {
        let at = Timestamp::from_second(self.clock()).unwrap();
        let (one, two) = (self.chosen(), self.chosen());
        let disturbance = self.disturbance();
        say!(
            self,
            "{at}: summarize {one:?} and {two:?} at once, {disturbance:?}"
        );
        let trouble = match &disturbance {
            Disturbance::Store(nth, trouble) => Some((*nth, *trouble)),
            _ => None,
        };
        let (app, store) = self.workspace.process().await;
        let (other_app, other_store) = self.workspace.start().await.unwrap();
        let (app, other_app) = (app.at(Clock::Fixed(at)), other_app.at(Clock::Fixed(at)));
        let of = |feeds: &[Feed]| -> Vec<Arc<Definition>> {
            feeds
                .iter()
                .filter_map(|feed| app.known(&feed.id()))
                .collect()
        };
        let (first, second) = (
            Unsteady::new(store, trouble),
            Unsteady::new(other_store, None),
        );
        let turns = [first.turn(), second.turn()];
        let stores: [Arc<dyn Store>; 2] = [Arc::new(first), Arc::new(second)];
        let definitions = [of(&one), of(&two)];
        let armed = match &disturbance {
            Disturbance::Fault(fault) => {
                Some(fault::arm(self.workspace.folder.path(), fault.clone()))
            }
            _ => None,
        };
        let run = |app: &App, index: usize| {
            let (app, store) = (app.clone(), stores[index].clone());
            let definitions = definitions[index].clone();
            AssertUnwindSafe(async move { summarize::summarize(&app, &store, &definitions).await })
                .catch_unwind()
        };
        let (a, b) = (run(&app, 0), run(&other_app, 1));
        let results = interleave(a, b, turns, &mut self.random).await;
        let fired = armed.as_ref().is_some_and(|armed| armed.fired() > 0) || trouble.is_some();
        drop(armed);
        drop((app, other_app, stores));
        for result in [results.0, results.1] {
            if let Some(result) = self.survived(result) {
                self.undisturbed(result, fired);
            }
        }
        self.sealed(&[one, two].concat(), at);
    }

    /// What a person or a killed program leaves: files that are no raw files and must never be read.
    fn leave_debris(&mut self) {
        let feed = self.random.pick(&Feed::ALL);
        let id = feed.id();
        let folder = self.workspace.data().join(format!("raw/{id}/2026/10/25"));
        fs::create_dir_all(&folder).unwrap();
        let name = format!("{id}_20261025T00{:02}00Z.json", self.random.below(60));
        let name = match self.random.below(2) {
            0 => format!(".tmp-{name}"),
            _ => format!("{name}{}", manifest::SUFFIX),
        };
        say!(self, "debris: {name}");
        let mut file = File::create(folder.join(name)).unwrap();
        std::io::Write::write_all(&mut file, b"[{\"id\":\"debris\",\"at\":1,\"v\":1}]").unwrap();
        if self.random.chance(50) {
            let written = file.metadata().unwrap().modified().unwrap();
            file.set_modified(written - Duration::from_hours(2))
                .unwrap();
        }
    }

    /// The raw files that no run has taken in yet.
    async fn waiting(&mut self) -> Vec<String> {
        let (app, _) = self.workspace.process().await;
        let bodies = self.workspace.bodies("raw");
        let waits = |file: &String| {
            entry(&app, &self.seen[file], file)
                .is_none_or(|capture| capture.outcome == CaptureOutcome::Landed)
        };
        bodies.into_iter().filter(waits).collect()
    }

    /// A manifest is lost; the body is adopted.
    fn lose_a_manifest(&mut self) {
        // The fetch time of an adopted body is the time in its name.
        let named = |file: &String, seen: &Seen| {
            file.contains(&seen.started_at.strftime("_%Y%m%dT%H%M%SZ.").to_string())
        };
        let bodies: Vec<String> = self
            .workspace
            .bodies("raw")
            .into_iter()
            .filter(|file| named(file, &self.seen[file]))
            .collect();
        if let Some(file) =
            (!bodies.is_empty()).then(|| &bodies[self.random.below(bodies.len() as u64) as usize])
        {
            say!(self, "{file} loses its manifest");
            let _ = fs::remove_file(
                self.workspace
                    .data()
                    .join(format!("{file}{}", manifest::SUFFIX)),
            );
        }
    }

    /// A waiting body is edited, cut or emptied by hand: it is set aside by the next run.
    async fn edit_a_body(&mut self) {
        let waiting = self.waiting().await;
        if waiting.is_empty() {
            return;
        }
        let file = waiting[self.random.below(waiting.len() as u64) as usize].clone();
        let path = self.workspace.data().join(&file);
        if !path
            .with_file_name(format!(
                "{}{}",
                path.file_name().unwrap().to_str().unwrap(),
                manifest::SUFFIX
            ))
            .exists()
        {
            return;
        }
        let seen = self.seen.get_mut(&file).unwrap();
        // A body that came again was not landed again: an edit would cost what it said.
        let same = |offered: &&Offered| manifest::sha256(&offered.body.bytes) == seen.sha256;
        if self.offered.iter().filter(same).count() > 1 {
            return;
        }
        if seen.touched || seen.bytes.is_empty() || seen.feed == Feed::Judged {
            return;
        }
        match self.random.below(3) {
            0 => seen.bytes[0] ^= 1,
            1 => seen.bytes.truncate(seen.bytes.len() / 2),
            _ => seen.bytes.clear(),
        }
        say!(self, "{file} is edited by hand");
        std::io::Write::write_all(&mut File::create(&path).unwrap(), &seen.bytes).unwrap();
        let (feed, sha256, started_at) = (seen.feed, seen.sha256.clone(), seen.started_at);
        // What it said is gone, unless it came a second time.
        let known = self.offered.iter().position(|offered| {
            offered.feed == feed
                && offered.started_at == started_at
                && manifest::sha256(&offered.body.bytes) == sha256
        });
        self.offered.remove(known.unwrap());
        let (app, store) = self.workspace.process().await;
        let at = Timestamp::from_second(self.clock()).unwrap();
        let definition = app.known(&feed.id()).unwrap();
        let result = summarize::summarize(&app.at(Clock::Fixed(at)), &store, &[definition]).await;
        let all = result.unwrap();
        let aside = &all[&feed.id()].quarantined;
        assert!(aside.iter().any(|(aside, _)| *aside == file), "{aside:?}");
        self.sealed(&[feed], at);
    }

    /// What must hold after every step, whatever happened in it.
    async fn check(&mut self) {
        let (app, store) = self.workspace.process().await;
        let (raw, aside) = (
            self.workspace.bodies("raw"),
            self.workspace.bodies("quarantine"),
        );
        let data = self.workspace.data();
        for (file, seen) in &mut self.seen {
            let in_quarantine = file.replacen("raw/", "quarantine/", 1);
            let entry = entry(&app, seen, file);
            let tombstone = entry
                .as_ref()
                .is_some_and(|capture| capture.outcome == CaptureOutcome::Summarized);
            let places = [raw.contains(file), aside.contains(&in_quarantine)];
            for (place, there) in [file, &in_quarantine].into_iter().zip(places) {
                if there {
                    assert_eq!(fs::read(data.join(place)).unwrap(), seen.bytes, "{place}");
                }
            }
            match places {
                [true, true] => panic!("{file} is in two places"),
                [true, false] => {}
                [false, true] => {
                    assert!(!tombstone, "{file} counts and is in quarantine");
                    let path = data.join(format!("{in_quarantine}{}", manifest::SUFFIX));
                    let manifest = manifest::Manifest::parse(&fs::read(path).unwrap()).unwrap();
                    assert!(manifest.capture.reason.is_some(), "{file}: no reason");
                }
                [false, false] => {
                    assert!(tombstone, "{file} is gone without a tombstone: {entry:?}");
                }
            }
            if tombstone && !seen.settled {
                assert!(
                    is_stored(&app, store.as_ref(), seen).await,
                    "{file} has a tombstone, and the store has not all of its rows"
                );
                seen.settled = true;
            }
        }
        let unknown: Vec<&String> = raw
            .iter()
            .filter(|file| !self.seen.contains_key(*file))
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    /// The end: everything is run again undisturbed, and compared.
    async fn end(mut self) {
        let last = self
            .offered
            .iter()
            .map(|offered| offered.started_at.as_second())
            .max();
        let sealed = self.sealed_at.values().max();
        let end = self
            .now
            .max(last.unwrap_or(0))
            .max(sealed.copied().unwrap_or(0))
            + 40 * 86_400;
        let end = Timestamp::from_second(end).unwrap();
        self.workspace.process = None;
        let definitions: Vec<_> = provider::definitions().values().cloned().collect();
        for _ in 0..2 {
            let (app, store) = self.workspace.process().await;
            let app = app.at(Clock::Fixed(end));
            let all = summarize::summarize(&app, &store, &definitions)
                .await
                .unwrap();
            assert!(
                all.values().all(|one| one.failed.is_none() && !one.locked),
                "{all:?}"
            );
            self.check().await;
        }
        let (app, store) = self.workspace.process().await;
        self.everything_is_in_one_place(&app);
        for feed in Feed::ALL {
            let unsealed = store.unsealed(&feed.id(), end, 10).await.unwrap();
            assert_eq!(unsealed, [], "{feed:?}");
        }

        let mut undisturbed = Workspace::new(self.zone, After::Delete, "sqlite:data/vigie.db");
        let (app, store) = undisturbed.process().await;
        for offered in &self.offered {
            let app = app.at(Clock::Fixed(offered.started_at));
            let definition = app.known(&offered.feed.id()).unwrap();
            let finished_at = offered.started_at.as_second();
            let arrival = arrival(&app, &definition, offered, finished_at);
            block_in_place(|| receive(&app, &definition, arrival)).unwrap();
        }
        let app = app.at(Clock::Fixed(end));
        summarize::summarize(&app, &store, &definitions)
            .await
            .unwrap();

        let mut texts = Vec::new();
        for workspace in [&mut self.workspace, &mut undisturbed] {
            texts.push((
                workspace.exported(ExportWhat::Summaries).await,
                workspace.exported(ExportWhat::Events).await,
            ));
        }
        // A value that changed after a wrong clock had its hour sealed cannot take the place of the older one; yet no time is lost.
        let counts_only = self.early_seal && self.revises;
        let [ours, theirs] = [&texts[0].0, &texts[1].0].map(|text| {
            if counts_only {
                without_values(text)
            } else {
                text.clone()
            }
        });
        assert_eq!(difference(&ours, &theirs), None, "summaries");
        assert_eq!(difference(&texts[0].1, &texts[1].1), None, "events");
        self.nothing_is_lost_or_invented(&texts[0].0, &texts[0].1);
    }

    /// Every body is in one place, and with an archive once in there.
    fn everything_is_in_one_place(&self, app: &App) {
        let raw = self.workspace.bodies("raw");
        let keeps = self.workspace.config.raw.after == After::Keep;
        assert!(keeps || raw.is_empty(), "left: {raw:?}");
        let aside = self.workspace.bodies("quarantine");
        let mut archived = BTreeMap::<String, u32>::new();
        for file in self.workspace.files("archive") {
            let path = self.workspace.data().join(&file);
            let mut archive =
                tar::Archive::new(zstd::Decoder::new(File::open(path).unwrap()).unwrap());
            for entry in archive.entries().unwrap() {
                let name = entry.unwrap().path().unwrap().to_str().unwrap().to_owned();
                *archived.entry(name).or_default() += 1;
            }
        }
        for (file, seen) in &self.seen {
            let in_quarantine = aside.contains(&file.replacen("raw/", "quarantine/", 1));
            let expected =
                u32::from(self.workspace.config.raw.after == After::Archive && !in_quarantine);
            let times = archived.remove(file).unwrap_or(0);
            assert_eq!(times, expected, "times that {file} is archived");
            archived.remove(&format!("{file}{}", manifest::SUFFIX));
            let tombstone = entry(app, seen, file)
                .is_some_and(|capture| capture.outcome == CaptureOutcome::Summarized);
            assert_eq!(tombstone, !in_quarantine, "{file}");
        }
        assert!(archived.is_empty(), "{archived:?}");
    }

    /// The same counted another way: each time that a sound body names is there once.
    fn nothing_is_lost_or_invented(&self, summaries: &str, events: &str) {
        let mut said: BTreeMap<(String, String), BTreeSet<i64>> = BTreeMap::new();
        for offered in self.offered.iter().filter(|offered| offered.sound) {
            for (key, at) in &offered.body.says {
                let at = if offered.feed == Feed::Timeless {
                    offered.started_at.as_second()
                } else {
                    *at
                };
                said.entry((offered.feed.id().to_string(), key.clone()))
                    .or_default()
                    .insert(at);
            }
        }
        let mut counted: BTreeMap<(String, String), usize> = BTreeMap::new();
        for line in summaries.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            if line["measure"] == "v" && line["entity"] != "*" {
                *counted.entry((text("source"), text("entity"))).or_default() +=
                    line["count"].as_u64().unwrap() as usize;
            }
        }
        for line in events.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            *counted.entry((text("source"), text("key"))).or_default() += 1;
        }
        let judged = Feed::Judged.id().to_string();
        said.retain(|(source, _), _| *source != judged);
        counted.retain(|(source, _), _| *source != judged);
        let said: BTreeMap<_, usize> = said
            .into_iter()
            .map(|(key, times)| (key, times.len()))
            .collect();
        assert_eq!(counted, said, "observed times");
    }
}

fn arrival(app: &App, definition: &Definition, offered: &Offered, finished_at: i64) -> Arrival {
    Arrival {
        slot: app.schedule(definition).slot_at(offered.started_at),
        started_at: offered.started_at,
        finished_at: Timestamp::from_second(finished_at).unwrap(),
        url: format!("https://api.example.org/{}", definition.id),
        answer: Ok(Answer {
            status: 200,
            body: Some(offered.body.bytes.clone()),
            etag: None,
            last_modified: None,
            said: manifest::Answer::default(),
        }),
    }
}

/// What the ledger says of a raw file.
fn entry(app: &App, seen: &Seen, file: &str) -> Option<Capture> {
    let found = app
        .ledger()
        .find_by_file(&seen.feed.id(), file, &seen.sha256);
    found.unwrap().map(|entry| entry.capture)
}

/// Whether the rows of a body are in the store.
async fn is_stored(app: &App, store: &dyn Store, seen: &Seen) -> bool {
    let definition = app.known(&seen.feed.id()).unwrap();
    let context = Context {
        fetched_at: seen.started_at,
        zone_tz: app.tz(),
    };
    let rows = vigie_sources::extract(&definition, &seen.bytes, &context)
        .unwrap()
        .rows;
    let (id, measures) = (&definition.id, &definition.measures);
    if definition.model == Model::Events {
        for row in rows {
            let event = Event::from_row(id, measures, row, seen.started_at);
            let stored = store
                .load_events(std::slice::from_ref(&event.key))
                .await
                .unwrap();
            if !stored.iter().any(|stored| stored.document.includes(&event)) {
                return false;
            }
        }
        return true;
    }
    let mut bucketing = Bucketing::new(id, measures, app.tz(), definition.horizon);
    for row in rows {
        bucketing.add(&row.as_ref(), seen.started_at);
    }
    let deltas = bucketing.finish();
    let keys: Vec<_> = deltas.iter().map(|delta| delta.key.clone()).collect();
    let stored = store.load_buckets(&keys).await.unwrap();
    deltas.iter().all(|delta| {
        stored
            .iter()
            .any(|stored| stored.document.key == delta.key && stored.document.includes(delta))
    })
}

/// Only what says how many there were, and when.
fn without_values(summaries: &str) -> String {
    let mut text = String::new();
    for line in summaries.lines() {
        let mut line: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(line).unwrap();
        line.retain(|key, _| {
            [
                "source", "entity", "measure", "unit", "kind", "hour", "count", "coverage",
            ]
            .contains(&key.as_str())
        });
        text.push_str(&serde_json::to_string(&line).unwrap());
        text.push('\n');
    }
    text
}

/// The first line that differs.
fn difference(ours: &str, theirs: &str) -> Option<String> {
    let (mut ours, mut theirs) = (ours.lines(), theirs.lines());
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => return Some(format!("{a:?}\ninstead of\n{b:?}")),
        }
    }
}

/// Says how to replay a seed that fails.
struct Replay<'a> {
    seed: u64,
    test: &'a str,
}

impl Drop for Replay<'_> {
    #[expect(
        clippy::print_stderr,
        reason = "for the person who reads the failed test"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, test } = self;
            eprintln!(
                "\nreplay it with: VIGIE_SIM_SEED={seed} cargo test -p vigie {test} -- --nocapture\n"
            );
        }
    }
}

fn runtime() -> Runtime {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !panic.payload().is::<Killed>() {
                before(panic);
            }
        }));
    });
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

fn simulate(runtime: &Runtime, seed: u64, uri: &str, test: &str, says: bool) {
    let _replay = Replay { seed, test };
    runtime.block_on(async {
        let mut world = World::new(seed, uri, says);
        for _ in 0..STEPS {
            world.step().await;
        }
        world.end().await;
    });
}

#[test]
fn simulation_ends_as_an_undisturbed_run() {
    let runtime = runtime();
    let test = "simulation_ends";
    if let Some(seed) = number("VIGIE_SIM_SEED") {
        return simulate(&runtime, seed, "sqlite:data/vigie.db", test, true);
    }
    let first = number("VIGIE_SIM_FIRST").unwrap_or(0);
    for seed in first..first + number("VIGIE_SIM_SEEDS").unwrap_or(SEEDS) {
        simulate(&runtime, seed, "sqlite:data/vigie.db", test, false);
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "what is skipped is said loudly")]
fn simulation_on_mongodb_ends_as_an_undisturbed_run_on_sqlite() {
    let Ok(server) = std::env::var("VIGIE_TEST_MONGODB_URI") else {
        eprintln!("\n*** SKIPPED: VIGIE_TEST_MONGODB_URI names no server for the simulation ***\n");
        return;
    };
    let (hosts, options) = server.split_once('?').unwrap_or((&server, ""));
    let hosts = hosts.trim_end_matches('/');
    let process = std::process::id();
    let uri = |seed: u64| format!("{hosts}/simulation_{process}_{seed}?{options}");
    let runtime = runtime();
    let test = "simulation_on_mongodb";
    if let Some(seed) = number("VIGIE_SIM_SEED") {
        return simulate(&runtime, seed, &uri(seed), test, true);
    }
    for seed in 0..SEEDS_MONGODB {
        simulate(&runtime, seed, &uri(seed), test, false);
    }
}
