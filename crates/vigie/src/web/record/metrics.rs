//! Figures for Prometheus, as `OpenMetrics` text. Their names are a contract: they are added to, not changed.

use std::sync::atomic::AtomicU64;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};
use tokio::task::block_in_place;
use vigie_core::{analysis::PeriodKind, time};

use super::{super::Shared, Refusal, health, ledger_of};
use crate::{
    failure::{Failure, Outcome},
    status::Level,
};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Number = Gauge<f64, AtomicU64>;
type Labels = Vec<(&'static str, String)>;

/// Figures for Prometheus, of the present day where they are counts of a day.
#[utoipa::path(get, path = "/metrics", responses(
    (status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text")))]
pub(super) async fn metrics(State(shared): State<Shared>) -> Result<Response, Refusal> {
    let health = health::of(&shared, 1).await?;
    let text = block_in_place(|| text(&shared, &health))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

/// What is measured, each under its name.
struct Figures(Registry);

impl Figures {
    fn one(&mut self, name: &str, help: &str, unit: Option<Unit>, value: f64) {
        let gauge = Number::default();
        gauge.set(value);
        self.register(name, help, unit, gauge);
    }

    fn many(&mut self, name: &str, help: &str, unit: Option<Unit>, values: Vec<(Labels, f64)>) {
        let family = Family::<Labels, Number>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).set(value);
        }
        self.register(name, help, unit, family);
    }

    fn register(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        metric: impl prometheus_client::registry::Metric,
    ) {
        match unit {
            Some(unit) => self.0.register_with_unit(name, help, unit, metric),
            None => self.0.register(name, help, metric),
        }
    }
}

fn text(shared: &Shared, health: &health::Health) -> Outcome<String> {
    let mut figures = Figures(Registry::with_prefix("vigie"));
    captures(shared, health, &mut figures)?;
    sources(health, &mut figures);
    room(health, &mut figures);
    let streams = shared.limits.streams_open() as f64;
    figures.one(
        "open_streams",
        "Pages that follow the stream",
        None,
        streams,
    );
    let mut text = String::new();
    // The one figure that is called as in every other program.
    let mut process = Figures(Registry::default());
    if let Some(bytes) = resident_bytes() {
        let help = "Resident memory of this process";
        process.one("process_resident_memory", help, Some(Unit::Bytes), bytes);
    }
    encode(&mut text, &process.0).map_err(Failure::usage)?;
    // Each registry ends its text with a mark, and there must be one.
    text.truncate(text.trim_end_matches("# EOF\n").len());
    encode(&mut text, &figures.0).map_err(Failure::usage)?;
    Ok(text)
}

fn of(source: &str) -> Labels {
    vec![("source", source.to_owned())]
}

fn captures(shared: &Shared, health: &health::Health, figures: &mut Figures) -> Outcome<()> {
    let app = &shared.app;
    let today = time::period(
        PeriodKind::Day,
        time::local_date(app.now(), app.tz()),
        app.tz(),
    );
    let ledger = ledger_of(app)?;
    let mut values = Vec::new();
    for source in &health.sources {
        let id = &source.status.id;
        let counts = ledger
            .counts(id, today.start, today.end)
            .map_err(Failure::usage)?;
        for (outcome, count) in [
            ("landed", counts.landed),
            ("unchanged", counts.unchanged),
            ("failed", counts.failed),
            ("quarantined", counts.quarantined),
            ("summarized", counts.summarized),
        ] {
            let mut labels = of(id.as_str());
            labels.push(("outcome", outcome.to_owned()));
            values.push((labels, count as f64));
        }
    }
    let help = "Attempts to download for the slots of the local day, by how they ended";
    figures.many("captures_today", help, None, values);
    Ok(())
}

fn sources(health: &health::Health, figures: &mut Figures) {
    let each = |value: &dyn Fn(&crate::status::SourceStatus) -> Option<f64>| {
        let sources = health.sources.iter();
        sources
            .filter_map(|source| Some((of(source.status.id.as_str()), value(&source.status)?)))
            .collect()
    };
    figures.many(
        "slots_expected_today",
        "Slots of the local day whose time has come",
        None,
        each(&|source| Some(source.today.expected as f64)),
    );
    figures.many(
        "slots_obtained_today",
        "Those of them that the provider answered as it should",
        None,
        each(&|source| Some(source.today.obtained as f64)),
    );
    figures.many(
        "content_age",
        "Age of the newest content, by when it happened; absent without content",
        Some(Unit::Seconds),
        each(&|source| source.content_age_seconds.map(|age| age as f64)),
    );
    figures.many(
        "failures_in_a_row",
        "Failed attempts since the last good one",
        None,
        each(&|source| Some(source.failures_in_a_row as f64)),
    );
    figures.many(
        "waiting_files",
        "Raw files that wait to be summarised",
        None,
        each(&|source| Some(source.waiting_files as f64)),
    );
    let level = |level| match level {
        Level::Ok => 0.0,
        Level::Warning => 1.0,
        Level::Critical => 2.0,
    };
    figures.many(
        "source_level",
        "0 as it should be, 1 someone should look at it, 2 the watch does not do its work",
        None,
        each(&|source| Some(level(source.level))),
    );
    figures.one("level", "The same of the whole", None, level(health.level));
}

fn room(health: &health::Health, figures: &mut Figures) {
    let paused = f64::from(u8::from(health.paused.is_some()));
    figures.one(
        "collecting_paused",
        "1 while collecting pauses",
        None,
        paused,
    );
    let disk = &health.room.disk;
    let folders = [
        ("raw", disk.raw),
        ("quarantine", disk.quarantine),
        ("archive", disk.archive),
    ];
    let folder = |value: &dyn Fn(health::FolderUse) -> u64| {
        let folders = folders.iter();
        folders
            .map(|(name, found)| (vec![("folder", (*name).to_owned())], value(*found) as f64))
            .collect()
    };
    let help = "Bodies and archives in a folder";
    figures.many("folder_files", help, None, folder(&|found| found.files));
    let help = "What a folder takes on the disk";
    let bytes = folder(&|found| found.bytes);
    figures.many("folder_size", help, Some(Unit::Bytes), bytes);
    let free = disk.free_bytes as f64;
    figures.one("disk_free", "Free on the disk", Some(Unit::Bytes), free);
    let store = &health.room.store;
    let there = f64::from(u8::from(store.buckets.is_some()));
    figures.one("store_available", "1 while the store answers", None, there);
    let documents = [("bucket", store.buckets), ("event", store.events)];
    let documents = documents
        .into_iter()
        .filter_map(|(kind, count)| Some((vec![("kind", kind.to_owned())], count? as f64)));
    let help = "Documents in the store";
    figures.many("store_documents", help, None, documents.collect());
    if let Some(bytes) = store.bytes {
        let help = "What the store takes";
        figures.one("store_size", help, Some(Unit::Bytes), bytes as f64);
    }
}

/// The resident memory of this process, where the system says it as Linux does.
fn resident_bytes() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((kilobytes * 1024) as f64)
}
