//! What waits to be told, in `data/alerts.json`: written down before it is sent, so that a kill may repeat it and never loses it,
//! and tried again channel by channel, ever more seldom, until each has taken it or refused it.
//!
//! Two locks: `messages` for the moment in which the file is read, changed and written; `notify` for as long as somebody
//! sends, so that nothing is sent twice.

mod deliver;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tracing::warn;
use vigie_core::{alert::Episode, text::SourceId};
use vigie_store::{durable, lock::Lock};

pub(crate) use self::deliver::{Delivered, deliver, deliver_quietly};
use crate::{
    app::App,
    failure::{Failure, Outcome},
    notify::{Channel, Message},
    turn,
};

/// The file, in the data folder.
const FILE: &str = "alerts.json";
/// How long to wait for another program that changes the file.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Messages that wait at most: the oldest go first.
const WAITING_MAX: usize = 200;
/// Refusals remembered, and for how long.
const REFUSED_MAX: usize = 20;
const REFUSED_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The first wait of a channel that failed; each further one is twice as long, up to the last.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);
const WAIT_MAX: SignedDuration = SignedDuration::from_hours(1);

/// What is remembered from one look to the next.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// By rule and subject.
    pub(crate) episodes: BTreeMap<String, BTreeMap<String, Held>>,
    /// The last look for what is unusual, by source.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) judged: BTreeMap<SourceId, Judged>,
    /// What some channel has not taken yet, the oldest first.
    waiting: Vec<Waiting>,
    /// Channels that failed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pauses: BTreeMap<Channel, Pause>,
    /// What was refused lately, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refusal>,
}

/// An episode, and what it is called when its subject is no longer observed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) name: String,
    /// When its subject was last observed, to the day.
    #[serde(default)]
    pub(crate) seen: Option<Timestamp>,
    #[serde(flatten)]
    pub(crate) episode: Episode,
}

/// A look for what is unusual.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Judged {
    /// The hour of it.
    pub(crate) hour: Timestamp,
    /// Whether anything could be said.
    pub(crate) known: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Waiting {
    since: Timestamp,
    channels: Vec<Channel>,
    /// How often a channel failed with it: those that failed less go first, so that none is in the way of the others.
    #[serde(default)]
    tries: u32,
    message: Message,
}

/// A channel that failed, and when it is tried again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pause {
    failures: u32,
    next_try: Timestamp,
    reason: String,
}

/// A message that a channel refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Refusal {
    /// When.
    pub(crate) at: Timestamp,
    /// By which channel.
    pub(crate) channel: Channel,
    /// What it was.
    pub(crate) subject: String,
    /// Why.
    pub(crate) reason: String,
}

impl Pause {
    /// After one more failure.
    fn longer(before: Option<&Self>, reason: String, now: Timestamp) -> Self {
        let failures = before.map_or(0, |pause| pause.failures).saturating_add(1);
        let doublings = failures.saturating_sub(1).min(10);
        let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(WAIT_MAX);
        Self {
            failures,
            next_try: now.saturating_add(wait).unwrap_or(now),
            reason,
        }
    }

    /// Whether the channel is left alone. A clock that was set back makes no wait longer.
    fn is_on(&self, now: Timestamp) -> bool {
        let left = self.next_try.duration_since(now);
        left > SignedDuration::ZERO && left <= WAIT_MAX
    }
}

impl State {
    /// Puts a message before these channels.
    pub(crate) fn put(&mut self, message: Message, channels: Vec<Channel>, now: Timestamp) {
        if channels.is_empty() {
            return;
        }
        self.waiting.push(Waiting {
            since: now,
            channels,
            tries: 0,
            message,
        });
        let surplus = self.waiting.len().saturating_sub(WAITING_MAX);
        for dropped in self.waiting.drain(..surplus) {
            let subject = dropped.message.subject;
            warn!(subject, "never sent: too many wait");
        }
    }

    /// A channel works.
    pub(crate) fn works(&mut self, channel: Channel) {
        self.pauses.remove(&channel);
    }
}

/// The state, while nobody else changes it.
pub(crate) struct Opened {
    pub(crate) state: State,
    file: PathBuf,
    before: Vec<u8>,
    _lock: Lock,
}

impl Opened {
    /// Opens the state, when it is this program's turn.
    pub(crate) async fn open(app: &App) -> Outcome<Self> {
        let lock = turn::wait_for(app, "messages", LOCK_WAIT).await?;
        let file = app.data().join(FILE);
        let (state, before) = match read(&file)? {
            Some(state) => {
                let before = bytes(&state)?;
                (state, before)
            }
            None => (State::default(), Vec::new()),
        };
        Ok(Self {
            state,
            file,
            before,
            _lock: lock,
        })
    }

    /// Writes it, where it changed.
    pub(crate) fn save(self) -> Outcome<()> {
        let after = bytes(&self.state)?;
        let is_nothing = self.before.is_empty() && after == bytes(&State::default())?;
        if after == self.before || (is_nothing && !self.file.exists()) {
            return Ok(());
        }
        durable::write(&self.file, &after).map_err(Failure::usage)
    }
}

/// Puts a message before these channels.
pub(crate) async fn put(app: &App, message: Message, channels: Vec<Channel>) -> Outcome<()> {
    let mut opened = Opened::open(app).await?;
    opened.state.put(message, channels, app.now());
    opened.save()
}

/// The state as it is, for those who change nothing.
pub(crate) fn peek(app: &App) -> Outcome<State> {
    Ok(read(&app.data().join(FILE))?.unwrap_or_default())
}

/// `None` where there is none.
fn read(file: &Path) -> Outcome<Option<State>> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::usage(format!("{}: {error}", file.display()))),
    };
    serde_json::from_slice(&bytes).map(Some).or_else(|error| {
        let reason = error.to_string();
        warn!(file = %file.display(), reason, "damaged: what holds now is told anew");
        Ok(None)
    })
}

fn bytes(state: &State) -> Outcome<Vec<u8>> {
    serde_json::to_vec_pretty(state).map_err(Failure::usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_fails_is_tried_ever_more_seldom() {
        let mut now: Timestamp = "2026-11-24T11:00:00Z".parse().unwrap();
        let mut pause = None;
        let mut waits = Vec::new();
        for _ in 0..9 {
            let next = Pause::longer(pause.as_ref(), "away".to_owned(), now);
            waits.push(next.next_try.duration_since(now).as_mins());
            assert!(next.is_on(now) && !next.is_on(next.next_try));
            now = next.next_try;
            pause = Some(next);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        // A clock that was a year ahead when it failed.
        let back = now - SignedDuration::from_hours(365 * 24);
        assert!(!pause.unwrap().is_on(back));
    }

    #[test]
    fn what_an_earlier_version_wrote_is_read() {
        let text = r#"{"episodes": {"a": {"s": {"name": "S", "since": "2026-11-24T11:00:00Z", "told": true}}}, "waiting": []}"#;
        let state: State = serde_json::from_str(text).unwrap();
        assert!(state.episodes["a"]["s"].episode.told);
    }
}
