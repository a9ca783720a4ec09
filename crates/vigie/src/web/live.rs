//! What changes while pages are open.

use std::{
    borrow::Borrow,
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{ConnectInfo, State},
    http::header,
    response::IntoResponse,
};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::Deserialize;
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
use vigie_store::{
    ledger::{Changes, Ledger},
    store::Store,
};

use super::{
    Refusal, Shared,
    record::{Asked, ledger_of},
};
use crate::{
    analyse::{Past, analyse_source, history, ledger_facts},
    app::{App, RunEvent},
    clock::Clock,
    failure::{Failure, Outcome},
};

/// How often the ledger is asked for what other processes did.
const POLL: Duration = Duration::from_millis(500);
/// How often pages are told the time: between, they count on by themselves. So there is never a long silence either, which others
/// on the way would take for the end of the stream.
const TICK: Duration = Duration::from_secs(15);
/// How often they are told a time that does not go as fast as theirs.
const TICK_SIMULATED: Duration = Duration::from_secs(1);
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
    /// Events as they are sent, made once for all pages.
    messages: broadcast::Sender<Bytes>,
    /// The ledger's sequence number at the latest change of each source.
    changed: Mutex<HashMap<SourceId, u64>>,
    told: Mutex<Told>,
    cache: Mutex<Cache>,
    histories: Mutex<Histories>,
    wanted: mpsc::Sender<Wanted>,
    asked: tokio::sync::Mutex<mpsc::Receiver<Wanted>>,
    open: watch::Sender<bool>,
}

/// What pages were told, by marks that grow: one that has read the day and opens its stream only then asks for what it has missed.
struct Told {
    last: u64,
    /// Before this there was nobody to tell, or pages were told to read everything again.
    everything: u64,
    sources: HashMap<SourceId, u64>,
}

impl Told {
    /// Marks of a server that begins are beyond those of the one before it.
    fn new(now: Timestamp) -> Self {
        let begun = now.as_millisecond().unsigned_abs();
        Self {
            last: begun,
            everything: begun,
            sources: HashMap::new(),
        }
    }
}

/// What pages are told.
enum Message<'a> {
    /// A source has something new.
    Source(&'a SourceId),
    /// The time.
    Clock,
    /// A report was written there.
    Report(&'a Path),
    /// Everything may be another.
    Everything,
}

impl Message<'_> {
    /// The message as a server-sent event.
    fn event(&self, now: Timestamp) -> String {
        let (event, data) = match self {
            Message::Source(source) => (
                "source",
                serde_json::json!({ "source": source, "now": now }),
            ),
            Message::Clock => ("clock", serde_json::json!({ "now": now })),
            Message::Report(path) => (
                "report",
                serde_json::json!({ "path": path.display().to_string() }),
            ),
            Message::Everything => ("resync", serde_json::json!({ "now": now })),
        };
        // JSON has no line breaks, which would end the event.
        format!("event: {event}\ndata: {data}\n\n")
    }
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
            told: Mutex::new(Told::new(app.now())),
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
        self.send(&Message::Everything);
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
                    self.send(&Message::Source(&key.0));
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
        // A connection of its own: who writes waits for the disk, and pages shall not.
        let mut own = None;
        let mut sequence = block_in_place(|| self.app.ledger().sequence()).unwrap_or(0);
        let mut events = self.app.watch();
        let mut tick = tokio::time::interval(tick(self.app.clock(), self.app.config().simulated));
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = tick.tick() => self.send(&Message::Clock),
                _ = poll.tick() => {}
                event = events.recv() => {
                    // What came at the same moment is answered together.
                    let more = std::iter::from_fn(|| events.try_recv().ok());
                    for event in event.ok().into_iter().chain(more) {
                        if let RunEvent::ReportWritten { path } = event {
                            self.send(&Message::Report(&path));
                        }
                    }
                }
            }
            match block_in_place(|| self.changes(&mut own, sequence)) {
                Ok(changes) => {
                    sequence = changes.sequence;
                    let mut changed = lock(&self.changed);
                    for source in &changes.sources {
                        changed.insert(source.clone(), sequence);
                    }
                    drop(changed);
                    self.send_all(changes.sources.iter().map(Message::Source));
                }
                Err(failure) => {
                    own = None;
                    warn!(error = failure.report(), "the ledger cannot be read");
                }
            }
        }
    }

    /// What changed since, by a connection that is kept.
    fn changes(&self, own: &mut Option<Ledger>, sequence: u64) -> Outcome<Changes> {
        let ledger = match own {
            Some(ledger) => ledger,
            None => own.insert(ledger_of(&self.app)?),
        };
        ledger.changes_since(sequence).map_err(Failure::usage)
    }

    fn send(&self, message: &Message<'_>) {
        self.send_all([message]);
    }

    /// Sends messages, together.
    fn send_all<'m>(&self, messages: impl IntoIterator<Item = impl Borrow<Message<'m>>>) {
        let now = self.app.now();
        let mut text = String::new();
        let mut told = lock(&self.told);
        for message in messages {
            let message = message.borrow();
            text.push_str(&message.event(now));
            told.last += 1;
            let mark = told.last;
            match message {
                Message::Source(source) => {
                    told.sources.insert((*source).clone(), mark);
                }
                Message::Everything => told.everything = mark,
                Message::Clock | Message::Report(_) => {}
            }
        }
        drop(told);
        if !text.is_empty() {
            // Nobody may be looking.
            let _ = self.messages.send(text.into());
        }
    }

    /// The mark of what pages have been told up to now.
    pub(super) fn mark(&self) -> u64 {
        lock(&self.told).last
    }

    /// What a page would have been told since a mark.
    fn missed(&self, since: u64, now: Timestamp) -> String {
        let told = lock(&self.told);
        if !(told.everything..=told.last).contains(&since) {
            return Message::Everything.event(now);
        }
        let missed = told.sources.iter().filter(|(_, mark)| **mark > since);
        missed
            .map(|(source, _)| Message::Source(source).event(now))
            .collect()
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

/// How often pages are told the time.
fn tick(clock: &Clock, simulated: bool) -> Duration {
    if matches!(clock, Clock::System) && !simulated {
        TICK
    } else {
        TICK_SIMULATED
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamQuery {
    /// The `mark` of the day that a page has read: the stream begins with what came since.
    since: Option<u64>,
}

/// What changes, as server-sent events: `source` (it has something new), `clock` (the server's time), `report` (a PDF was written)
/// and `resync` (everything is to be read again).
#[utoipa::path(get, path = "/api/v1/stream", params(StreamQuery), responses(
    (status = 200, description = "Events, for as long as the connection is open", content_type = "text/event-stream", body = String)))]
pub(super) async fn stream(
    State(shared): State<Shared>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Asked(query): Asked<StreamQuery>,
) -> Result<impl IntoResponse, Refusal> {
    let place = shared.limits.open_stream(from)?;
    let app = shared.app.clone();
    let mut open = shared.live.open.subscribe();
    let closed = async move {
        let _ = open.wait_for(|open| !open).await;
    };
    let messages = BroadcastStream::new(shared.live.messages.subscribe());
    // The first message says the time, so that ages are right from the start.
    let now = app.now();
    let mut first = Message::Clock.event(now);
    if let Some(since) = query.since {
        first.push_str(&shared.live.missed(since, now));
    }
    let events = messages.map(move |message| {
        let _held = &place;
        // A page that fell behind reads everything again.
        message.unwrap_or_else(|_lagged| Message::Everything.event(app.now()).into())
    });
    let first = futures::stream::once(std::future::ready(Bytes::from(first)));
    let events = first.chain(events).take_until(closed);
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(events.map(Ok::<_, Infallible>))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_ends_where_it_should() {
        let path = Path::new("reports/a \n\nevent: x\r\ndata: {}.pdf");
        let event = Message::Report(path).event(Timestamp::UNIX_EPOCH);
        assert_eq!(event.lines().count(), 3, "{event}");
        assert!(event.starts_with("event: report\ndata: {"), "{event}");
        assert!(event.ends_with("}\n\n"), "{event}");
    }

    #[test]
    fn only_a_clock_that_goes_as_the_pages_do_is_told_seldom() {
        assert_eq!(tick(&Clock::System, false), TICK);
        for (clock, simulated) in [
            (Clock::System, true),
            (Clock::Fixed(Timestamp::UNIX_EPOCH), false),
        ] {
            assert_eq!(tick(&clock, simulated), TICK_SIMULATED);
        }
    }
}
