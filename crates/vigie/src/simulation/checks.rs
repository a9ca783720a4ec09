//! What must hold after each step of a scenario, and at its end.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
};

use jiff::Timestamp;
use tokio::task::block_in_place;
use vigie_core::{
    bucket::Bucketing, capture::Outcome as CaptureOutcome, event::Event, retention::Retention,
    time::hour_start,
};
use vigie_sources::{Context, Model};
use vigie_store::{manifest, store::Store};

use super::{
    Seen, World, arrival, entry,
    provider::{self, Feed},
    workspace::Workspace,
};
use crate::{app::App, cli::ExportWhat, clock::Clock, collect::receive, config::After, summarize};

impl World {
    /// What must hold after every step, whatever happened in it.
    pub(super) async fn check(&mut self) {
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
    pub(super) async fn end(mut self) {
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
        undisturbed.keep(self.workspace.config.store.keep_summaries_days);
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
        let mut kept = BTreeMap::new();
        for feed in Feed::ALL {
            kept.insert(
                feed.id().to_string(),
                kept_from(&app, store.as_ref(), feed).await,
            );
        }
        self.nothing_is_lost_or_invented(&texts[0].0, &texts[0].1, &kept);
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

    /// The same counted another way: each time that a sound body names, and that is kept, is there once.
    fn nothing_is_lost_or_invented(
        &self,
        summaries: &str,
        events: &str,
        kept: &BTreeMap<String, Timestamp>,
    ) {
        let mut said: BTreeMap<(String, String), BTreeSet<i64>> = BTreeMap::new();
        let tz = self.workspace.config.zone.tz();
        for offered in self.offered.iter().filter(|offered| offered.sound) {
            let id = offered.feed.id();
            for (key, at) in &offered.body.says {
                let at = if offered.feed == Feed::Timeless {
                    offered.started_at.as_second()
                } else {
                    *at
                };
                let mut counts_by = Timestamp::from_second(at).unwrap();
                if offered.feed != Feed::Events {
                    counts_by = hour_start(counts_by, &tz);
                }
                if counts_by < kept[id.as_str()] {
                    continue;
                }
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

/// From when on the rows of a feed must be there: what is older than its newest days may have been forgotten.
async fn kept_from(app: &App, store: &dyn Store, feed: Feed) -> Timestamp {
    let id = feed.id();
    let newest = match feed {
        Feed::Events => store.newest_event(&id).await.unwrap(),
        _ => store.newest_hour(&id, None).await.unwrap(),
    };
    let keep = Retention::of_days(app.config().store.keep_summaries_days);
    match (keep, newest) {
        (Some(keep), Some(newest)) => keep.start(newest, Timestamp::MAX, app.tz()),
        _ => Timestamp::MIN,
    }
}

/// Whether the rows of a body are in the store, as far as they are kept.
async fn is_stored(app: &App, store: &dyn Store, seen: &Seen) -> bool {
    let kept = kept_from(app, store, seen.feed).await;
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
            if event.current().unwrap().observed_at < kept {
                continue;
            }
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
    let mut deltas = bucketing.finish();
    deltas.retain(|delta| delta.key.hour >= kept);
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
