//! Sending what waits.

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tracing::warn;
use vigie_store::lock::{Lock, LockError};

use super::{Opened, Pause, REFUSED_KEPT, REFUSED_MAX, Refusal, State, peek};
use crate::{
    app::App,
    failure::{Exit, Failure, Outcome},
    notify::{self, Channel, Message, Trouble},
};

/// The lock of whoever sends.
const LOCK: &str = "notify";
/// How long a message is tried again where a channel fails.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// What came of sending, and what is left.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Delivered {
    /// Messages that were sent.
    pub(crate) sent: usize,
    /// Why messages wait, by channel.
    pub(crate) failed: BTreeMap<&'static str, String>,
    /// When such a channel is tried again.
    pub(crate) next_try: BTreeMap<&'static str, Timestamp>,
    /// Messages that were refused in the last seven days, and are not sent.
    pub(crate) refused: Vec<Refusal>,
    /// Messages that wait.
    pub(crate) waiting: usize,
    /// Messages refused now.
    #[serde(skip)]
    pub(crate) refused_now: usize,
    /// Channels that failed now.
    #[serde(skip)]
    failed_now: Vec<Channel>,
}

/// Sends what waits, by each channel that is not left alone for a while. Where another program sends, it is left to that one.
pub(crate) async fn deliver(app: &App) -> Outcome<Delivered> {
    let mut delivered = Delivered::default();
    if !peek(app)?.waiting.is_empty() {
        match Lock::take(&app.data(), LOCK, app.now()) {
            Ok(_sending) => {
                let all = Channel::ALL.map(|channel| deliver_by(app, channel));
                for by_channel in join_all(all).await {
                    let ByChannel {
                        channel,
                        sent,
                        refused,
                        failed,
                    } = by_channel?;
                    delivered.sent += sent;
                    delivered.refused_now += refused;
                    delivered.failed_now.extend(failed.then_some(channel));
                }
            }
            Err(LockError::Held { .. }) => {}
            Err(error) => return Err(Failure::usage(error)),
        }
    }
    let state = peek(app)?;
    for (channel, pause) in &state.pauses {
        if state.waits_for(*channel) {
            let name = channel.name();
            delivered.failed.insert(name, pause.reason.clone());
            delivered.next_try.insert(name, pause.next_try);
        }
    }
    delivered.refused = state.refused;
    delivered.waiting = state.waiting.len();
    Ok(delivered)
}

/// The same where nobody looks; what goes wrong is logged, and stops nothing.
pub(crate) async fn deliver_quietly(app: &App) {
    match deliver(app).await {
        Ok(delivered) => {
            for channel in delivered.failed_now {
                let channel = channel.name();
                let reason = delivered.failed.get(channel).map_or("", String::as_str);
                warn!(channel, reason, "a message was not sent: it is sent again");
            }
        }
        Err(failure) if failure.exit == Exit::Locked => {}
        Err(failure) => warn!(reason = failure.report(), "messages were not sent"),
    }
}

/// What came of a channel.
struct ByChannel {
    channel: Channel,
    sent: usize,
    refused: usize,
    failed: bool,
}

async fn deliver_by(app: &App, channel: Channel) -> Outcome<ByChannel> {
    let mut so_far = ByChannel {
        channel,
        sent: 0,
        refused: 0,
        failed: false,
    };
    loop {
        let now = app.now();
        let mut opened = Opened::open(app).await?;
        opened.state.tidy(app, now);
        let next = opened.state.next(channel, now);
        opened.save()?;
        let Some(message) = next else {
            return Ok(so_far);
        };
        let sent = notify::send(app, channel, &message).await;
        let mut opened = Opened::open(app).await?;
        match &sent {
            Ok(()) => so_far.sent += 1,
            Err(Trouble::Refused(_)) => so_far.refused += 1,
            Err(Trouble::Failed(_)) => so_far.failed = true,
        }
        opened.state.settle(channel, &message, sent, app.now());
        opened.save()?;
        if so_far.failed {
            return Ok(so_far);
        }
    }
}

impl State {
    fn waits_for(&self, channel: Channel) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|waiting| waiting.channels.contains(&channel))
    }

    /// Forgets what nobody shall get any more.
    fn tidy(&mut self, app: &App, now: Timestamp) {
        self.waiting.retain_mut(|waiting| {
            waiting.channels.retain(|channel| channel.is_set(app));
            let is_late = now.duration_since(waiting.since) > TRIED_FOR;
            if is_late && !waiting.channels.is_empty() {
                let subject = &waiting.message.subject;
                warn!(subject, "not sent for a day: given up");
            }
            !is_late && !waiting.channels.is_empty()
        });
        self.refused
            .retain(|refusal| now.duration_since(refusal.at).abs() <= REFUSED_KEPT);
    }

    /// What a channel gets next: of the messages that failed least, the oldest.
    fn next(&self, channel: Channel, now: Timestamp) -> Option<Message> {
        if self.pauses.get(&channel).is_some_and(|p| p.is_on(now)) {
            return None;
        }
        let waiting = self.waiting.iter();
        waiting
            .filter(|waiting| waiting.channels.contains(&channel))
            .min_by_key(|waiting| waiting.tries)
            .map(|waiting| waiting.message.clone())
    }

    /// Takes in what came of a message.
    fn settle(
        &mut self,
        channel: Channel,
        message: &Message,
        sent: Result<(), Trouble>,
        now: Timestamp,
    ) {
        let mut all = self.waiting.iter_mut();
        let waiting = all.find(|waiting| waiting.message.id == message.id);
        match sent {
            Err(Trouble::Failed(reason)) => {
                if let Some(waiting) = waiting {
                    waiting.tries = waiting.tries.saturating_add(1);
                }
                let pause = Pause::longer(self.pauses.get(&channel), reason, now);
                self.pauses.insert(channel, pause);
                return;
            }
            Err(Trouble::Refused(reason)) => {
                let (name, subject) = (channel.name(), &message.subject);
                warn!(channel = name, subject, reason, "refused: not sent again");
                self.refused.push(Refusal {
                    at: now,
                    channel,
                    subject: subject.clone(),
                    reason,
                });
                let surplus = self.refused.len().saturating_sub(REFUSED_MAX);
                self.refused.drain(..surplus);
            }
            Ok(()) => {}
        }
        if let Some(waiting) = waiting {
            waiting.channels.retain(|other| *other != channel);
        }
        self.waiting.retain(|waiting| !waiting.channels.is_empty());
        self.works(channel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str) -> Message {
        Message {
            id: id.to_owned(),
            subject: id.to_owned(),
            text: String::new(),
            data: serde_json::Value::Null,
            file: None,
        }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn a_message_that_fails_is_in_nobodys_way() {
        let (mut state, channel) = (State::default(), Channel::Webhook);
        for id in ["one", "two"] {
            state.put(message(id), vec![channel], at(0));
        }
        let failed = || Err(Trouble::Failed("busy".to_owned()));
        let first = state.next(channel, at(0)).unwrap();
        assert_eq!(first.id, "one");
        state.settle(channel, &first, failed(), at(0));
        assert_eq!(
            state.next(channel, at(0)),
            None,
            "it is left alone for a minute"
        );
        let second = state.next(channel, at(1)).unwrap();
        assert_eq!(second.id, "two");
        state.settle(channel, &second, Ok(()), at(1));
        // It works: what waits goes at once, and a failure is the first again.
        assert_eq!(state.next(channel, at(1)).unwrap().id, "one");
        state.settle(channel, &first, failed(), at(1));
        assert!(state.next(channel, at(2)).is_some());
    }

    #[test]
    fn a_refusal_is_of_the_message_and_is_remembered() {
        let (mut state, channel) = (State::default(), Channel::Webhook);
        for id in ["one", "two"] {
            state.put(message(id), vec![channel, Channel::Email], at(0));
        }
        let refused = Err(Trouble::Refused("HTTP status 400".to_owned()));
        state.settle(channel, &message("one"), refused, at(0));
        assert_eq!(state.next(channel, at(0)).unwrap().id, "two");
        assert_eq!(state.next(Channel::Email, at(0)).unwrap().id, "one");
        assert_eq!(state.refused[0].subject, "one");
    }
}
