//! What changes while pages are open.

use std::{
    borrow::Borrow,
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use axum::{
    body::{Body, Bytes},
    extract::{ConnectInfo, State},
    http::header,
    response::IntoResponse,
};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::block_in_place,
};
use tokio_stream::wrappers::BroadcastStream;
use tracing::warn;
use vigie_core::{text::SourceId, time::hour_start};
use vigie_store::ledger::{Changes, Ledger};

use super::{
    Refusal, Shared,
    analyses::Wanted,
    record::{Asked, ledger_of},
};
use crate::{
    app::{App, RunEvent},
    clock::{Clock, machine_time},
    failure::{Failure, Outcome},
};

/// How often the ledger is asked for what other processes did.
const POLL: Duration = Duration::from_millis(500);
/// How often pages are told the time: between, they count on by themselves. So there is never a long silence either, which others
/// on the way would take for the end of the stream.
const TICK: Duration = Duration::from_secs(15);
/// How often they are told a time that does not go as fast as theirs.
const TICK_SIMULATED: Duration = Duration::from_secs(1);
/// Days whose past may wait to be read.
const WANTED_MAX: usize = 200;

/// Watches the ledger, tells open pages, and has read what they wait for.
pub(super) struct Live {
    app: App,
    /// Events as they are sent, made once for all pages.
    messages: broadcast::Sender<Bytes>,
    /// How often each source has changed.
    changed: Mutex<HashMap<SourceId, u64>>,
    /// The sources that reach beyond now: what leads is of another hour when an hour begins.
    ahead: Mutex<Vec<SourceId>>,
    told: Mutex<Told>,
    /// The ledger's sequence number before anything was shown.
    begun: u64,
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
    report: Option<(u64, PathBuf)>,
}

impl Told {
    /// Marks of a server that begins are beyond those of the one before it, whatever its pages take for the time.
    fn new() -> Self {
        let begun = machine_time().duration_since(SystemTime::UNIX_EPOCH);
        // More than pages are told in the same time.
        let begun = begun.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
        Self::from(begun)
    }

    fn from(begun: u64) -> Self {
        Self {
            last: begun,
            everything: begun,
            sources: HashMap::new(),
            report: None,
        }
    }

    fn note(&mut self, message: &Message<'_>) {
        self.last += 1;
        match message {
            Message::Source(source) => {
                self.sources.insert((*source).clone(), self.last);
            }
            Message::Report(path) => self.report = Some((self.last, path.to_path_buf())),
            Message::Everything => self.everything = self.last,
            Message::Clock => {}
        }
    }

    /// What a page has to be told that was told everything up to a mark.
    fn missed(&self, since: u64) -> Vec<Message<'_>> {
        let known = (self.everything..=self.last).contains(&since);
        let sources = self.sources.iter().filter(|(_, mark)| **mark > since);
        let mut missed: Vec<_> = if known {
            sources.map(|(source, _)| Message::Source(source)).collect()
        } else {
            vec![Message::Everything]
        };
        // Who reads everything again hears of no report by that.
        let report = self.report.iter();
        let report = report.filter(|(mark, _)| !known || *mark > since);
        missed.extend(report.map(|(_, path)| Message::Report(path)));
        missed
    }
}

/// What pages are told.
#[derive(Debug, PartialEq)]
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
        let (wanted, asked) = mpsc::channel(WANTED_MAX);
        Self {
            app: app.clone(),
            messages,
            changed: Mutex::default(),
            ahead: Mutex::new(ahead(app)),
            told: Mutex::new(Told::new()),
            begun: block_in_place(|| app.ledger().sequence()).unwrap_or(0),
            wanted,
            asked: tokio::sync::Mutex::new(asked),
            open,
        }
    }

    /// Ends all streams.
    pub(super) fn close(&self) {
        self.open.send_replace(false);
    }

    /// Has open pages read everything again, under other settings.
    pub(super) fn forget(&self, app: &App) {
        *lock(&self.ahead) = ahead(app);
        self.send(&Message::Everything);
    }

    /// How often a source has changed: what was read under another number may be no longer true.
    pub(super) fn changed(&self, source: &SourceId) -> u64 {
        lock(&self.changed).get(source).copied().unwrap_or(0)
    }

    /// Has the past of a day read, unless too many wait: says whether it will be.
    pub(super) fn want(&self, wanted: Wanted) -> bool {
        self.wanted.try_send(wanted).is_ok()
    }

    /// Watches, until dropped.
    pub(super) async fn run(&self) {
        tokio::join!(self.watch_ledger(), self.read_histories());
    }

    /// Reads the histories that pages want, one after the other.
    async fn read_histories(&self) {
        let mut asked = self.asked.lock().await;
        while let Some(wanted) = asked.recv().await {
            if wanted.read().await {
                self.send(&Message::Source(wanted.source()));
            }
        }
    }

    async fn watch_ledger(&self) {
        // A connection of its own: who writes waits for the disk, and pages shall not.
        let mut own = None;
        let mut sequence = self.begun;
        let mut hour = self.hour();
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
                    self.tell_changes(&changes.sources);
                }
                Err(failure) => {
                    own = None;
                    warn!(error = failure.report(), "the ledger cannot be read");
                }
            }
            let now = self.hour();
            if now != hour {
                hour = now;
                let ahead = lock(&self.ahead).clone();
                self.tell_changes(&ahead);
            }
        }
    }

    /// The local hour that goes on.
    fn hour(&self) -> Timestamp {
        hour_start(self.app.now(), self.app.tz())
    }

    fn tell_changes(&self, sources: &[SourceId]) {
        let mut changed = lock(&self.changed);
        for source in sources {
            *changed.entry(source.clone()).or_default() += 1;
        }
        drop(changed);
        self.send_all(sources.iter().map(Message::Source));
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
            told.note(message);
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
        let missed = told.missed(since);
        missed.iter().map(|message| message.event(now)).collect()
    }
}

/// The enabled sources that say what is hours ahead.
fn ahead(app: &App) -> Vec<SourceId> {
    let enabled = app.enabled().into_iter();
    let ahead = enabled.filter(|definition| definition.future >= SignedDuration::from_hours(1));
    ahead.map(|definition| definition.id.clone()).collect()
}

/// How often pages are told the time.
fn tick(clock: &Clock, simulated: bool) -> Duration {
    if matches!(clock, Clock::System) && !simulated {
        TICK
    } else {
        TICK_SIMULATED
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
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
    fn what_was_missed_is_told_once_and_what_is_not_known_is_everything() {
        let (a, b) = (SourceId::new("a").unwrap(), SourceId::new("b").unwrap());
        let path = Path::new("day.pdf");
        let mut told = Told::from(1000);
        assert_eq!(told.missed(1000), []);
        for message in [
            Message::Source(&a),
            Message::Clock,
            Message::Source(&b),
            Message::Report(path),
            Message::Source(&a),
        ] {
            told.note(&message);
        }
        assert_eq!(told.missed(told.last), []);
        assert_eq!(told.missed(told.last - 1), [Message::Source(&a)]);
        let latest = [Message::Source(&a), Message::Report(path)];
        assert_eq!(told.missed(told.last - 2), latest);
        assert_eq!(told.missed(1000).len(), 3);
        // Marks of another server, or of before the settings were read again.
        let everything = [Message::Everything, Message::Report(path)];
        for strange in [999, told.last + 1] {
            assert_eq!(told.missed(strange), everything);
        }
        let before = told.last;
        told.note(&Message::Everything);
        assert_eq!(told.missed(told.last), []);
        told.note(&Message::Report(path));
        assert_eq!(told.missed(before), everything);
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
