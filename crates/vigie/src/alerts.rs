//! `vigie alerts`: rules on what is stored, told once per episode with its end.
//!
//! When an episode begins and ends is [`vigie_core::alert`]; here the rules are looked at, and what there is to tell waits in
//! `data/alerts.json` until every channel took it. What is written there before it is sent may arrive twice, and is never lost.

mod observe;
mod tell;

use std::{collections::BTreeMap, fs, io, path::PathBuf, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use vigie_core::alert::{self, Change, Episode, Patience};
use vigie_store::{
    durable,
    lock::{Lock, LockError},
    store::Store,
};

pub(crate) use self::observe::problems;
use self::observe::{Look, Observed, observe};
use crate::{
    app::App,
    cli,
    config::AlertConfig,
    failure::{Exit, Failure, Outcome},
    notify::{self, Channel, Message},
    output,
};

/// The file of what is open and what waits to be told, in the data folder.
const FILE: &str = "alerts.json";
/// How long a message is tried again where a channel fails.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Messages that wait at most: the oldest go first.
const WAITING_MAX: usize = 200;

/// What is remembered from one look to the next.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    /// By rule and subject.
    episodes: BTreeMap<String, BTreeMap<String, Held>>,
    /// What some channel has not taken yet, the oldest first.
    waiting: Vec<Waiting>,
}

/// An episode, and what it is called when its subject is no longer observed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Held {
    name: String,
    #[serde(flatten)]
    episode: Episode,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Waiting {
    since: Timestamp,
    channels: Vec<Channel>,
    message: Message,
}

/// A beginning or an end.
#[derive(Debug)]
struct Told {
    change: Change,
    observed: Observed,
    since: Timestamp,
}

/// What a look at the rules came to.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Looked {
    rules: Vec<RuleState>,
    /// Messages that were sent.
    sent: usize,
    /// Why messages wait, by channel.
    failed: BTreeMap<&'static str, String>,
    /// Messages that wait.
    waiting: usize,
}

#[derive(Debug, Serialize)]
struct RuleState {
    name: String,
    /// What holds now, told or not: subjects with since when.
    open: Vec<OpenEpisode>,
    /// Whether nothing can be said: the source is silent or the store is away.
    unknown: bool,
}

#[derive(Debug, Serialize)]
struct OpenEpisode {
    subject: String,
    since: Timestamp,
    told: bool,
}

/// Runs `vigie alerts`.
pub(crate) async fn run(app: &App, args: &cli::Alerts) -> Outcome {
    if args.test {
        return test(app).await;
    }
    let problems = problems(app);
    if !problems.is_empty() {
        let text = problems.join("\n");
        return Err(Failure::usage(text).hint("correct the rule in vigie.toml"));
    }
    let store = app.store(true).await?;
    let looked = look(app, Some(&store)).await?;
    if args.json {
        output::json(&looked)?;
    } else {
        print(&looked)?;
    }
    Ok(if looked.failed.is_empty() {
        Exit::Done
    } else {
        Exit::SomeFailed
    })
}

/// Sends a test message by every channel.
async fn test(app: &App) -> Outcome {
    let channels = notify::channels(app);
    if channels.is_empty() {
        return Err(Failure::usage("vigie.toml names no channel")
            .hint("`[notify]` takes a webhook, a command or an e-mail address"));
    }
    let message = tell::test(app);
    let mut exit = Exit::Done;
    for channel in channels {
        match notify::send(app, channel, &message).await {
            Ok(()) => output::line(&format!("{}: sent", channel.name()))?,
            Err(reason) => {
                exit = Exit::SomeFailed;
                output::line(&format!("{}: not sent: {reason}", channel.name()))?;
            }
        }
    }
    Ok(exit)
}

fn print(looked: &Looked) -> Outcome<()> {
    if looked.rules.is_empty() {
        output::line("vigie.toml has no [[alerts]].")?;
    }
    for rule in &looked.rules {
        let state = match (rule.open.len(), rule.unknown) {
            (0, true) => "not known".to_owned(),
            (0, false) => "does not hold".to_owned(),
            (count, _) => format!("holds ({count})"),
        };
        output::line(&format!("{}: {state}", rule.name))?;
        for open in &rule.open {
            let told = if open.told { "told" } else { "not told yet" };
            output::line(&format!("  {} since {}, {told}", open.subject, open.since))?;
        }
    }
    for (channel, reason) in &looked.failed {
        output::line(&format!("{channel}: not sent: {reason}"))?;
    }
    Ok(())
}

/// Looks at the rules after a run, where there are any; what goes wrong is logged, and stops nothing.
pub(crate) async fn look_quietly(app: &App, store: Option<&Arc<dyn Store>>) {
    if app.config().alerts.is_empty() {
        return;
    }
    match look(app, store).await {
        Ok(looked) => {
            for (channel, reason) in looked.failed {
                warn!(channel, reason, "a message was not sent: it is sent again");
            }
        }
        Err(failure) if failure.exit == Exit::Locked => {}
        Err(failure) => warn!(reason = failure.report(), "the alerts were not looked at"),
    }
}

/// Looks at every rule, and sends what there is to tell. Without a store, rules on values are not known.
async fn look(app: &App, store: Option<&Arc<dyn Store>>) -> Outcome<Looked> {
    let now = app.now();
    let _lock = match Lock::take(&app.data(), "alerts", now) {
        Ok(lock) => lock,
        Err(error @ LockError::Held { .. }) => return Err(Failure::new(Exit::Locked, error)),
        Err(error) => return Err(Failure::usage(error)),
    };
    let file = app.data().join(FILE);
    let mut state = read(&file)?;
    let rules = &app.config().alerts;
    // A rule that was taken out of the settings is over, without a word.
    state
        .episodes
        .retain(|name, _| rules.iter().any(|rule| rule.name == *name));
    let mut looked = Looked::default();
    let channels = notify::channels(app);
    for rule in rules {
        let look_at_it = observe(app, store, rule, now).await?;
        let unknown = look_at_it.is_unknown();
        let told = advance(&mut state, rule, look_at_it, now);
        let open = state.episodes.get(&rule.name).into_iter().flatten();
        looked.rules.push(RuleState {
            name: rule.name.clone(),
            open: open
                .map(|(_, held)| OpenEpisode {
                    subject: held.name.clone(),
                    since: held.episode.since,
                    told: held.episode.told,
                })
                .collect(),
            unknown,
        });
        for change in [Change::Begins, Change::Ends] {
            let of: Vec<&Told> = told.iter().filter(|told| told.change == change).collect();
            if of.is_empty() {
                continue;
            }
            let message = tell::message(app, rule, change, &of, now);
            info!(rule = %rule.name, subject = %message.subject, "alert");
            state.waiting.push(Waiting {
                since: now,
                channels: channels.clone(),
                message,
            });
        }
    }
    let surplus = state.waiting.len().saturating_sub(WAITING_MAX);
    for dropped in state.waiting.drain(..surplus) {
        warn!(
            subject = dropped.message.subject,
            "never sent: too many wait"
        );
    }
    // Written before it is sent: a kill in between repeats a message, and loses none.
    write(&file, &state)?;
    if send(app, &mut state, now, &mut looked).await {
        write(&file, &state)?;
    }
    looked.waiting = state.waiting.len();
    Ok(looked)
}

/// Takes in what was observed for a rule. Returns what there is to tell.
fn advance(
    state: &mut State,
    rule: &AlertConfig,
    Look { observed, happen }: Look,
    now: Timestamp,
) -> Vec<Told> {
    let minutes = |minutes: u32| SignedDuration::from_mins(i64::from(minutes));
    let patience = Patience {
        hold: minutes(rule.for_minutes),
        clear: minutes(rule.clear_minutes),
    };
    let before = state.episodes.remove(&rule.name).unwrap_or_default();
    let mut after = BTreeMap::new();
    let mut told = Vec::new();
    if !happen {
        // Of a station that is silent nothing is known. An event that is long past is over, without a word.
        after = before.clone();
    }
    for observed in observed {
        let episode = before.get(&observed.subject).map(|held| held.episode);
        let since = episode.map_or(now, |episode| episode.since);
        let (episode, change) = alert::advance(episode, observed.holds, now, patience);
        match episode {
            Some(episode) => {
                let name = observed.name.clone();
                after.insert(observed.subject.clone(), Held { name, episode });
            }
            None => {
                after.remove(&observed.subject);
            }
        }
        // An event does not end: it happened.
        if let Some(change) = change
            && !(happen && change == Change::Ends)
        {
            told.push(Told {
                change,
                observed,
                since,
            });
        }
    }
    if !after.is_empty() {
        state.episodes.insert(rule.name.clone(), after);
    }
    told
}

/// Sends what waits. Whether anything changed.
async fn send(app: &App, state: &mut State, now: Timestamp, looked: &mut Looked) -> bool {
    let before = state.waiting.len();
    let mut changed = false;
    for waiting in &mut state.waiting {
        let mut left = Vec::new();
        for channel in std::mem::take(&mut waiting.channels) {
            // One that just failed is not asked again for the next message.
            let sent = match looked.failed.get(channel.name()) {
                Some(reason) => Err(reason.clone()),
                None => notify::send(app, channel, &waiting.message).await,
            };
            match sent {
                Ok(()) => {
                    changed = true;
                    looked.sent += 1;
                }
                Err(reason) => {
                    looked.failed.insert(channel.name(), reason);
                    left.push(channel);
                }
            }
        }
        waiting.channels = left;
    }
    state.waiting.retain(|waiting| {
        let late = now.duration_since(waiting.since) > TRIED_FOR;
        if late && !waiting.channels.is_empty() {
            let subject = &waiting.message.subject;
            warn!(subject, "not sent for a day: given up");
        }
        !late && !waiting.channels.is_empty()
    });
    changed || state.waiting.len() != before
}

fn read(file: &PathBuf) -> Outcome<State> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
        Err(error) => return Err(Failure::usage(format!("{}: {error}", file.display()))),
    };
    serde_json::from_slice(&bytes).or_else(|error| {
        let reason = error.to_string();
        warn!(file = %file.display(), reason, "damaged: what holds now is told anew");
        Ok(State::default())
    })
}

fn write(file: &std::path::Path, state: &State) -> Outcome<()> {
    let bytes = serde_json::to_vec_pretty(state).map_err(Failure::usage)?;
    durable::write(file, &bytes).map_err(Failure::usage)
}
