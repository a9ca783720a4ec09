//! `vigie alerts`: rules on what is stored, told once per episode with its end.
//!
//! When an episode begins and ends is [`vigie_core::alert`]; here the rules are looked at. What there is to tell waits in
//! [`crate::outbox`], where the episodes are kept, too: both are written in one go.

mod observe;
mod tell;
mod teller;
mod unusual;

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tracing::{info, warn};
use vigie_core::alert::{self, Change, Patience};
use vigie_store::{
    lock::{Lock, LockError},
    store::Store,
};

use self::observe::{Look, Observed, Observer};
pub(crate) use self::{observe::problems, teller::Teller};
use crate::{
    app::App,
    cli,
    config::AlertConfig,
    failure::{Exit, Failure, Outcome},
    notify,
    outbox::{self, Delivered, Held, Opened, State},
    output,
};

/// An episode whose subject has not been observed for so long is forgotten, without a word.
const UNSEEN_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);
/// When a subject was last observed is written down no more often than this.
const SEEN_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// A beginning or an end.
#[derive(Debug)]
struct Told {
    change: Change,
    observed: Observed,
    since: Timestamp,
    /// When it ended: before that was told.
    until: Timestamp,
}

/// What a look at the rules came to.
#[derive(Debug, Default, Serialize)]
struct Looked {
    rules: Vec<RuleState>,
    #[serde(flatten)]
    delivered: Delivered,
}

#[derive(Debug, Serialize)]
struct RuleState {
    name: String,
    /// What holds now, told or not: subjects with since when.
    open: Vec<OpenEpisode>,
    /// Whether nothing can be said: the source is silent or the store is away.
    unknown: bool,
    /// Why the rule could not be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
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
    // What needs no store is looked at while it is away, too.
    let (store, away) = match app.store(true).await {
        Ok(store) => (Some(store), None),
        Err(failure) if failure.exit == Exit::StoreUnavailable => (None, Some(failure)),
        Err(failure) => return Err(failure),
    };
    let looked = Looked {
        rules: look(app, store.as_ref()).await?,
        delivered: outbox::deliver(app).await?,
    };
    if args.json {
        output::json(&looked)?;
    } else {
        print(&looked)?;
    }
    let delivered = &looked.delivered;
    let undone = !delivered.failed.is_empty() || delivered.refused_now > 0;
    match away {
        Some(failure) => Err(failure),
        None if undone || looked.rules.iter().any(|rule| rule.problem.is_some()) => {
            Ok(Exit::SomeFailed)
        }
        None => Ok(Exit::Done),
    }
}

/// Sends a test message by every channel. One that works is tried again at once.
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
            Ok(()) => {
                let mut opened = Opened::open(app).await?;
                opened.state.works(channel);
                opened.save()?;
                output::line(&format!("{}: sent", channel.name()))?;
            }
            Err(trouble) => {
                exit = Exit::SomeFailed;
                let reason = trouble.reason();
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
        if let Some(problem) = &rule.problem {
            output::line(&format!("  not looked at: {problem}"))?;
        }
    }
    let delivered = &looked.delivered;
    for (channel, reason) in &delivered.failed {
        let next = delivered.next_try.get(channel);
        let next = next.map_or_else(String::new, |next| format!("; the next try is at {next}"));
        output::line(&format!("{channel}: not sent: {reason}{next}"))?;
    }
    for refusal in &delivered.refused {
        let (at, channel) = (refusal.at, refusal.channel.name());
        let (subject, reason) = (&refusal.subject, &refusal.reason);
        output::line(&format!(
            "{channel}: refused at {at}, not sent again: {subject}: {reason}"
        ))?;
    }
    Ok(())
}

/// Looks at the rules after a run, where there are any; what goes wrong is logged, and stops nothing.
pub(crate) async fn look_quietly(app: &App, store: Option<&Arc<dyn Store>>) {
    if app.config().alerts.is_empty() {
        return;
    }
    match look(app, store).await {
        Ok(_) => {}
        Err(failure) if failure.exit == Exit::Locked => {}
        Err(failure) => warn!(reason = failure.report(), "the alerts were not looked at"),
    }
}

/// Looks at every rule, and puts what there is to tell before the channels. Without a store, rules on values are not known.
async fn look(app: &App, store: Option<&Arc<dyn Store>>) -> Outcome<Vec<RuleState>> {
    let now = app.now();
    let _lock = match Lock::take(&app.data(), "alerts", now) {
        Ok(lock) => lock,
        Err(error @ LockError::Held { .. }) => return Err(Failure::new(Exit::Locked, error)),
        Err(error) => return Err(Failure::usage(error)),
    };
    let rules = &app.config().alerts;
    // The store may be slow: nobody waits for it to send a message.
    let mut observer = Observer::new(app, store, outbox::peek(app)?.judged, now);
    let mut looks = Vec::new();
    for rule in rules {
        looks.push(observer.look_at(rule).await);
    }
    let judged = observer.judged;
    let channels = notify::channels(app);
    let mut opened = Opened::open(app).await?;
    let state = &mut opened.state;
    // A rule that was taken out of the settings is over, without a word.
    state
        .episodes
        .retain(|name, _| rules.iter().any(|rule| rule.name == *name));
    state.judged = judged;
    let mut states = Vec::new();
    for (rule, look) in rules.iter().zip(looks) {
        let (unknown, happen) = (look.unknown, look.happen);
        let (problem, note) = (look.problem.clone(), look.note.clone());
        let told = advance(state, rule, look, now);
        let open = state.episodes.get(&rule.name).into_iter().flatten();
        states.push(RuleState {
            name: rule.name.clone(),
            open: open
                // An event that was revised is remembered, so that it is not told again.
                .filter(|(_, held)| !happen || held.episode.clear_since.is_none())
                .map(|(_, held)| OpenEpisode {
                    subject: held.name.clone(),
                    since: held.episode.since,
                    told: held.episode.told,
                })
                .collect(),
            unknown,
            problem,
        });
        for change in [Change::Begins, Change::Ends] {
            let of: Vec<&Told> = told.iter().filter(|told| told.change == change).collect();
            if of.is_empty() {
                continue;
            }
            let message = tell::message(app, rule, change, &of, note.as_deref(), now);
            info!(rule = %rule.name, subject = %message.subject, "alert");
            state.put(message, channels.clone(), now);
        }
    }
    // Written before it is sent: a kill in between repeats a message, and loses none.
    opened.save()?;
    Ok(states)
}

/// Takes in what was observed for a rule. Returns what there is to tell.
fn advance(state: &mut State, rule: &AlertConfig, look: Look, now: Timestamp) -> Vec<Told> {
    let minutes = |minutes: u32| SignedDuration::from_mins(i64::from(minutes));
    let patience = Patience {
        hold: minutes(rule.for_minutes),
        // An event does not end: it happened.
        clear: (!look.happen).then(|| minutes(rule.clear_minutes)),
    };
    let mut before = state.episodes.remove(&rule.name).unwrap_or_default();
    let mut after = BTreeMap::new();
    let mut told = Vec::new();
    let mut take = |observed: Observed, held: Option<Held>| {
        let before = held.as_ref().map(|held| held.episode);
        let (episode, change) = alert::advance(before, observed.holds, now, patience);
        if let Some(episode) = episode {
            let seen = held.and_then(|held| held.seen);
            let is_recent = |seen: &Timestamp| {
                let age = now.duration_since(*seen);
                (SignedDuration::ZERO..SEEN_EVERY).contains(&age)
            };
            let held = Held {
                name: observed.name.clone(),
                seen: seen.filter(is_recent).or(Some(now)),
                episode,
            };
            after.insert(observed.subject.clone(), held);
        }
        if let Some(change) = change {
            told.push(Told {
                change,
                observed,
                since: before.map_or(now, |episode| episode.since),
                until: before.map_or(now, |episode| episode.ended_at(now)),
            });
        }
    };
    for observed in look.observed {
        let held = before.remove(&observed.subject);
        take(observed, held);
    }
    // What is left was not observed.
    if look.complete {
        for (subject, held) in std::mem::take(&mut before) {
            let observed = Observed {
                subject,
                name: held.name.clone(),
                holds: Some(false),
                figure: String::new(),
            };
            take(observed, Some(held));
        }
    }
    // An event that is long past is over, without a word. Of a station that is silent nothing is known, but not for ever.
    for (subject, mut held) in before.into_iter().filter(|_| !look.happen) {
        let seen = *held.seen.get_or_insert(now);
        if now.duration_since(seen) <= UNSEEN_MAX {
            after.insert(subject, held);
        }
    }
    if !after.is_empty() {
        state.episodes.insert(rule.name.clone(), after);
    }
    told
}
