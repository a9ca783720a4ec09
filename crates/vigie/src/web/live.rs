//! What changes while pages are open.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, State},
    http::header,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp, civil::Date};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::block_in_place,
};
use tokio_stream::wrappers::BroadcastStream;
use tracing::warn;
use vigie_core::{
    analyse::History,
    analysis::{Period, PeriodKind, SourceAnalysis},
    text::SourceId,
    time,
};
use vigie_sources::Definition;
use vigie_store::store::Store;

use super::{Refusal, Shared};
use crate::{
    analyse::{Past, analyse_source, history, ledger_facts},
    app::{App, RunEvent},
    failure::Outcome,
};

/// How often the ledger is asked for what other processes did.
const POLL: Duration = Duration::from_millis(500);
/// How often pages are told the time.
const TICK: Duration = Duration::from_secs(1);
/// Analyses kept.
const CACHE_MAX: usize = 200;
/// Histories kept: the days before a day, of a source.
const HISTORIES_MAX: usize = 200;
/// How long a history serves before it is read again, for late data.
const HISTORY_FRESH: SignedDuration = SignedDuration::from_hours(6);

type Cache = HashMap<(SourceId, Date), (u64, Arc<SourceAnalysis>)>;

/// The days before a day. Pages do not wait for them: they are read in the background, source by source.
#[derive(Default)]
struct Histories(HashMap<(SourceId, Date), Kept>);

#[derive(Default, Clone)]
struct Kept {
    /// When it was read; nothing as long as it was not.
    read: Option<(Timestamp, Arc<History>)>,
    asked: bool,
    entities: u64,
}

/// A history to be read.
struct Wanted {
    app: App,
    store: Arc<dyn Store>,
    definition: Definition,
    date: Date,
    entities: u64,
}

/// Watches the ledger, tells open pages, and keeps the analyses that are still true.
pub(super) struct Live {
    app: App,
    messages: broadcast::Sender<Message>,
    /// The ledger's sequence number at the latest change of each source.
    changed: Mutex<HashMap<SourceId, u64>>,
    cache: Mutex<Cache>,
    histories: Mutex<Histories>,
    wanted: mpsc::Sender<Wanted>,
    asked: tokio::sync::Mutex<mpsc::Receiver<Wanted>>,
    open: watch::Sender<bool>,
}

#[derive(Debug, Clone)]
enum Message {
    Source(SourceId),
    Clock,
    Report(String),
    Everything,
}

impl Live {
    pub(super) fn new(app: &App) -> Self {
        let (messages, _) = broadcast::channel(256);
        let (open, _) = watch::channel(true);
        let (wanted, asked) = mpsc::channel(HISTORIES_MAX);
        Self {
            app: app.clone(),
            messages,
            changed: Mutex::default(),
            cache: Mutex::default(),
            histories: Mutex::default(),
            wanted,
            asked: tokio::sync::Mutex::new(asked),
            open,
        }
    }

    /// Ends all streams.
    pub(super) fn close(&self) {
        self.open.send_replace(false);
    }

    /// Forgets every analysis, and has open pages read everything again.
    pub(super) fn forget(&self) {
        lock(&self.cache).clear();
        lock(&self.histories).0.clear();
        self.send(Message::Everything);
    }

    /// Watches, until dropped.
    pub(super) async fn run(&self) {
        tokio::join!(self.watch_ledger(), self.read_histories());
    }

    /// Reads the histories that pages want, one after the other.
    async fn read_histories(&self) {
        let mut asked = self.asked.lock().await;
        while let Some(wanted) = asked.recv().await {
            let Wanted {
                app,
                store,
                definition,
                date,
                entities,
            } = wanted;
            let period = time::period(PeriodKind::Day, date, app.tz());
            let key = (definition.id.clone(), date);
            let read = history(&app, &store, &definition, &period, entities).await;
            match read {
                Ok(history) => {
                    if let Some(kept) = lock(&self.histories).0.get_mut(&key) {
                        kept.read = Some((app.now(), Arc::new(history)));
                        kept.asked = false;
                    }
                    lock(&self.cache).remove(&key);
                    self.send(Message::Source(key.0));
                }
                Err(failure) => {
                    // The next look at the source asks again.
                    lock(&self.histories).0.remove(&key);
                    warn!(source = %key.0, reason = failure.report(), "the days before cannot be read");
                }
            }
        }
    }

    /// The days before, if they were read; they are asked for where they were not, or not lately.
    fn history(&self, wanted: Wanted) -> Option<Arc<History>> {
        let mut histories = lock(&self.histories);
        let key = (wanted.definition.id.clone(), wanted.date);
        if histories.0.len() >= HISTORIES_MAX && !histories.0.contains_key(&key) {
            histories.0.retain(|_, kept| kept.asked);
        }
        let kept = histories.0.entry(key).or_default();
        kept.entities = wanted.entities;
        let now = wanted.app.now();
        let fresh = |(at, _): &(Timestamp, Arc<History>)| now.duration_since(*at) < HISTORY_FRESH;
        if !kept.asked && !kept.read.as_ref().is_some_and(fresh) {
            // Where too many wait, or the server ends, the next look asks again.
            kept.asked = self.wanted.try_send(wanted).is_ok();
        }
        kept.read.as_ref().map(|(_, history)| history.clone())
    }

    async fn watch_ledger(&self) {
        let newest = block_in_place(|| self.app.ledger().changes_since(0));
        let mut sequence = newest.map_or(0, |changes| changes.sequence);
        let mut events = self.app.watch();
        let mut tick = tokio::time::interval(TICK);
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = tick.tick() => self.send(Message::Clock),
                _ = poll.tick() => {}
                event = events.recv() => if let Ok(RunEvent::ReportWritten { path }) = event {
                    self.send(Message::Report(path.display().to_string()));
                },
            }
            match block_in_place(|| self.app.ledger().changes_since(sequence)) {
                Ok(changes) => {
                    sequence = changes.sequence;
                    for source in changes.sources {
                        lock(&self.changed).insert(source.clone(), sequence);
                        self.send(Message::Source(source));
                    }
                }
                Err(error) => warn!(%error, "the ledger cannot be read"),
            }
        }
    }

    fn send(&self, message: Message) {
        // Nobody may be looking.
        let _ = self.messages.send(message);
    }

    /// What a source says of a day: from memory while nothing changed.
    pub(super) async fn source_day(
        &self,
        app: &App,
        store: &Arc<dyn Store>,
        definition: &Definition,
        date: Date,
    ) -> Outcome<SourceAnalysis> {
        let period = time::period(PeriodKind::Day, date, app.tz());
        let key = (definition.id.clone(), date);
        let changed = lock(&self.changed)
            .get(&definition.id)
            .copied()
            .unwrap_or(0);
        let kept = lock(&self.cache)
            .get(&key)
            .filter(|kept| kept.0 == changed)
            .map(|kept| kept.1.clone());
        if let Some(kept) = kept {
            let (freshness, captures) =
                block_in_place(|| ledger_facts(app, definition, &period, app.now()))?;
            return Ok(SourceAnalysis {
                freshness,
                captures,
                ..(*kept).clone()
            });
        }
        let (analysis, with_past) = self.analyse(app, store, definition, &period).await?;
        // One made while its past was being read is not kept where that has come meanwhile.
        let has_past = |kept: &Kept| kept.read.is_some();
        let is_behind = !with_past && lock(&self.histories).0.get(&key).is_some_and(has_past);
        if !is_behind {
            let mut cache = lock(&self.cache);
            if cache.len() >= CACHE_MAX {
                cache.clear();
            }
            cache.insert(key, (changed, Arc::new(analysis.clone())));
        }
        Ok(analysis)
    }

    /// The analysis, and whether it knows the days before.
    async fn analyse(
        &self,
        app: &App,
        store: &Arc<dyn Store>,
        definition: &Definition,
        period: &Period,
    ) -> Outcome<(SourceAnalysis, bool)> {
        let wanted = |entities| Wanted {
            app: app.clone(),
            store: store.clone(),
            definition: definition.clone(),
            date: period.date,
            entities,
        };
        let key = (definition.id.clone(), period.date);
        let known = lock(&self.histories).0.get(&key).map(|kept| kept.entities);
        if let Some(entities) = known
            && let Some(history) = self.history(wanted(entities))
        {
            let known = Past::Known(&history);
            let analysis = analyse_source(app, store, definition, period, known).await?;
            return Ok((analysis, true));
        }
        let analysis = analyse_source(app, store, definition, period, Past::Pending).await?;
        self.history(wanted(analysis.entity_count));
        Ok((analysis, false))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `GET /api/v1/stream`: server-sent events `source`, `clock` and `report`.
pub(super) async fn stream(
    State(shared): State<Shared>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
) -> Result<impl IntoResponse, Refusal> {
    let place = shared.limits.open_stream(from)?;
    let app = shared.app.clone();
    let mut open = shared.live.open.subscribe();
    let closed = async move {
        let _ = open.wait_for(|open| !open).await;
    };
    // The first message says the time, so that ages are right from the start.
    let first = futures::stream::once(async { Ok(Message::Clock) });
    let messages = first.chain(BroadcastStream::new(shared.live.messages.subscribe()));
    let events = messages.map(move |message| {
        let _held = &place;
        let now = app.now();
        let event = match message {
            Ok(Message::Source(source)) => Event::default()
                .event("source")
                .data(serde_json::json!({ "source": source, "now": now }).to_string()),
            Ok(Message::Report(path)) => Event::default()
                .event("report")
                .data(serde_json::json!({ "path": path }).to_string()),
            Ok(Message::Clock) => Event::default()
                .event("clock")
                .data(serde_json::json!({ "now": now }).to_string()),
            // A page that fell behind reads everything again too.
            Ok(Message::Everything) | Err(_) => Event::default()
                .event("resync")
                .data(serde_json::json!({ "now": now }).to_string()),
        };
        Ok::<_, Infallible>(event)
    });
    let stream = Sse::new(events.take_until(closed)).keep_alive(KeepAlive::default());
    Ok(([(header::CACHE_CONTROL, "no-store")], stream))
}
