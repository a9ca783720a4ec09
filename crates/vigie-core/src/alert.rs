//! Alerts: rules on what is stored, told once per episode.
//!
//! An *episode* begins when a rule has held for as long as it says, and ends when it has not held for as long as it says. What
//! goes to and fro in between is told once; what is not known (a source is silent, the store is away) changes nothing.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a rule must hold before it is told, and not hold before the end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Before the beginning is told.
    pub hold: SignedDuration,
    /// Before the end is told; `None` for what happens and has no end: an earthquake that is revised to and fro is told once.
    pub clear: Option<SignedDuration>,
}

/// Where a rule stands for one subject: a station, an event, a source. No episode: the rule does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// Since when the rule has held.
    pub since: Timestamp,
    /// Whether the beginning was told.
    pub told: bool,
    /// Since when the rule has not held any more, where the end is not told yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear_since: Option<Timestamp>,
}

/// What there is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// An episode begins.
    Begins,
    /// An episode has ended.
    Ends,
}

/// The next state of a rule for a subject, and what there is to tell. `holds` says whether the rule holds at `now`; `None` where
/// that is not known.
pub fn advance(
    episode: Option<Episode>,
    holds: Option<bool>,
    now: Timestamp,
    patience: Patience,
) -> (Option<Episode>, Option<Change>) {
    let (Some(holds), episode) = (holds, episode.map(|episode| episode.not_after(now))) else {
        return (episode, None);
    };
    let Some(mut episode) = episode else {
        let begun = holds.then_some(Episode {
            since: now,
            told: false,
            clear_since: None,
        });
        return begun.map_or((None, None), |begun| begun.tell(now, patience));
    };
    if holds {
        episode.clear_since = None;
        return episode.tell(now, patience);
    }
    if !episode.told {
        return (None, None);
    }
    let since = *episode.clear_since.get_or_insert(now);
    match patience.clear {
        Some(clear) if now.duration_since(since) >= clear => (None, Some(Change::Ends)),
        _ => (Some(episode), None),
    }
}

impl Episode {
    /// When it ended, as known at `now`: when the rule ceased to hold, not when that was told. Never before it began.
    pub fn ended_at(self, now: Timestamp) -> Timestamp {
        self.clear_since.unwrap_or(now).min(now).max(self.since)
    }

    /// Where the clock was set back, times count from now on: no wait is longer than the rule says.
    fn not_after(mut self, now: Timestamp) -> Self {
        self.since = self.since.min(now);
        self.clear_since = self.clear_since.map(|since| since.min(now));
        self
    }

    /// Tells the beginning, when its time has come.
    fn tell(mut self, now: Timestamp, patience: Patience) -> (Option<Self>, Option<Change>) {
        let tells = !self.told && now.duration_since(self.since) >= patience.hold;
        self.told |= tells;
        (Some(self), tells.then_some(Change::Begins))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Patience = Patience {
        hold: SignedDuration::from_mins(2),
        clear: Some(SignedDuration::from_mins(3)),
    };

    /// What is told when the rule holds (`+`), does not (`-`) or is unknown (`?`), minute by minute: `B`egins, `E`nds.
    fn told(minutes: &str) -> String {
        told_with(PATIENCE, minutes)
    }

    fn told_with(patience: Patience, minutes: &str) -> String {
        let mut episode = None;
        let mut said = String::new();
        for (minute, holds) in (0..).zip(minutes.chars()) {
            let holds = (holds != '?').then_some(holds == '+');
            let now = Timestamp::from_second(minute * 60).unwrap();
            let change;
            (episode, change) = advance(episode, holds, now, patience);
            said.push(match change {
                Some(Change::Begins) => 'B',
                Some(Change::Ends) => 'E',
                None => '.',
            });
        }
        said
    }

    #[test]
    fn an_episode_is_told_once_and_so_is_its_end() {
        assert_eq!(told("--+++++-----"), "....B.....E.");
        assert_eq!(told("++--++--"), "........", "too short to be told");
        assert_eq!(told("+++-+-+--+---+"), "..B...........", "to and fro");
        assert_eq!(told("+++---- +++"), "..B...E...B");
    }

    #[test]
    fn what_is_not_known_changes_nothing() {
        assert_eq!(told("+++??????"), "..B......");
        assert_eq!(told("+++--???-"), "..B.....E");
        assert_eq!(told("?????"), ".....");
    }

    #[test]
    fn what_has_no_end_is_told_once() {
        let event = Patience {
            hold: SignedDuration::ZERO,
            clear: None,
        };
        assert_eq!(told_with(event, "-+-+--------+?+"), ".B.............");
    }

    #[test]
    fn an_episode_ends_when_the_rule_ceased_to_hold() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let (mut episode, _) = advance(None, Some(true), at(0), PATIENCE);
        for (minute, holds) in [(2, true), (10, false), (12, false)] {
            (episode, _) = advance(episode, Some(holds), at(minute), PATIENCE);
        }
        let episode = episode.unwrap();
        assert_eq!(
            advance(Some(episode), Some(false), at(13), PATIENCE).1,
            Some(Change::Ends)
        );
        assert_eq!(episode.ended_at(at(13)), at(10));
        // Where the clock was set back it lasted no time, and not less.
        assert_eq!(episode.ended_at(at(-5)), at(0));
    }

    #[test]
    fn a_clock_set_back_keeps_no_episode_waiting() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let (episode, _) = advance(None, Some(true), at(1_000), PATIENCE);
        let (episode, change) = advance(episode, Some(true), at(0), PATIENCE);
        assert_eq!(change, None);
        let (_, change) = advance(episode, Some(true), at(2), PATIENCE);
        assert_eq!(change, Some(Change::Begins));
    }

    proptest! {
        /// Beginnings and ends alternate, whatever happens.
        #[test]
        fn beginnings_and_ends_alternate(minutes in "[+?-]{0,200}") {
            let said: String = told(&minutes).chars().filter(|c| *c != '.').collect();
            prop_assert!(said.replace("BE", "").len() <= 1, "{}", said);
            prop_assert!(!said.starts_with('E'));
        }
    }
}
