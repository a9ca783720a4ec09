//! The seeded simulation: collecting and summarising in any order, killed anywhere, on a disk and with a store that refuse, by a
//! clock that jumps. After each scenario everything is run again undisturbed, and what `export` gives must be, byte for
//! byte, what an undisturbed run over the same bodies gives.
//!
//! It is the program itself that runs, in this process and on one thread: `App`, `collect::receive`, `summarize::summarize`,
//! `export::run`. Only the answers of the providers are made here. `VIGIE_SIM_SEEDS=5000` sets how many seeds are run; one that fails
//! prints the command that replays it.

mod checks;
mod provider;
mod random;
mod turns;
mod workspace;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    panic::AssertUnwindSafe,
    sync::{Arc, Once},
    time::Duration,
};

use futures::FutureExt as _;
use jiff::Timestamp;
use tokio::{runtime::Runtime, task::block_in_place};
use vigie_core::{
    capture::{Capture, Outcome as CaptureOutcome},
    text::SourceId,
};
use vigie_sources::Definition;
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
    workspace::Workspace,
};
use crate::{
    app::App,
    clock::Clock,
    collect::{Arrival, receive},
    config::After,
    failure::Outcome,
    fetch::Answer,
    summarize::{self, Summarized},
};

/// Seeds run when nothing else is asked for: a minute or two of a debug build on one core.
const SEEDS: u64 = 2_000;
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
        let mut workspace = Workspace::new(zone, after, uri);
        // A day or two, so that a scenario gets there; users keep 35 at least.
        workspace.keep(random.pick(&[0, 0, 1, 2]));
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
}

fn arrival(app: &App, definition: &Definition, offered: &Offered, finished_at: i64) -> Arrival {
    Arrival {
        slot: app.schedule(definition).slot_at(offered.started_at),
        started_at: offered.started_at,
        finished_at: Timestamp::from_second(finished_at).unwrap(),
        url: format!("https://api.example.org/{}", definition.id),
        history: None,
        answer: Ok(Answer {
            status: 200,
            body: Some(offered.body.bytes.clone()),
            etag: None,
            last_modified: None,
            link: None,
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
