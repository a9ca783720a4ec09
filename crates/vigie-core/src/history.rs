//! What of the past to ask a provider for: decided from values, executed by `vigie backfill`.
//!
//! Times here are those of the content. Scheduled downloads that were all obtained from one slot to another cover what happened in
//! between, but for the end: what the provider had not published yet at the last of them. A backfill settles a stretch once.

use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::time::{day_start, local_date};

/// A stretch of time, from its first instant to the first after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
}

impl Stretch {
    /// The stretch between two instants; `None` where nothing lies between them.
    pub fn new(from: Timestamp, to: Timestamp) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }
}

/// What a provider's history is like.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Nothing is had before this time.
    pub earliest: Timestamp,
    /// The most days of one request; `None` where one document has everything.
    pub chunk_days: Option<u16>,
    /// Whose days are asked for.
    pub tz: TimeZone,
    /// How long after its time something is there.
    pub lag: SignedDuration,
}

/// What was obtained already.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'k> {
    /// The slots that were obtained, ascending.
    pub good_slots: &'k [Timestamp],
    /// The stretches that backfills have settled.
    pub settled: &'k [Stretch],
}

/// A request to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// What is asked for: whole days of the provider.
    pub asked: Stretch,
    /// What need not be asked for again once the answer has come: without what may not be published yet.
    pub settles: Stretch,
}

/// The requests that fill what is missing of `wanted`, where a source is asked `every` so long. Oldest first; none where
/// nothing is missing, or what is missing is too young to be had.
pub fn plan(
    wanted: Stretch,
    terms: &Terms,
    known: Known<'_>,
    every: SignedDuration,
    now: Timestamp,
) -> Vec<Chunk> {
    let newest = now.saturating_sub(terms.lag).unwrap_or(Timestamp::MIN);
    let Some(within) = Stretch::new(wanted.from.max(terms.earliest), wanted.to.min(newest)) else {
        return Vec::new();
    };
    // A slot that comes somewhat late is not a gap; nor is what the next slots will bring.
    let patience = every.saturating_mul(3) / 2;
    let mut done = covered(known.good_slots, patience, terms.lag);
    done.extend_from_slice(known.settled);
    let mut missing = without(within, done);
    let young = patience.max(terms.lag);
    missing.retain(|gap| gap.to < newest || gap.to.duration_since(gap.from) > young);
    if missing.is_empty() {
        return Vec::new();
    }
    let Some(days) = terms.chunk_days else {
        let all = Stretch::new(terms.earliest, newest);
        let chunk = all.map(|all| Chunk {
            asked: all,
            settles: all,
        });
        return chunk.into_iter().collect();
    };
    let chunks = in_days(&missing, terms, days);
    let settled = chunks.into_iter().filter_map(|asked| {
        let settles = Stretch::new(asked.from, asked.to.min(newest))?;
        Some(Chunk { asked, settles })
    });
    settled.collect()
}

/// Since when everything that happened is known: since the first slot, or as far before it as backfills have settled without a gap.
/// `patience` is how much may be missing between two stretches, for what was not published yet at the end of the earlier one.
pub fn known_since(
    first_slot: Option<Timestamp>,
    settled: &[Stretch],
    patience: SignedDuration,
) -> Option<Timestamp> {
    let mut settled = settled.to_vec();
    settled.sort_unstable_by_key(|stretch| std::cmp::Reverse(stretch.to));
    let mut since = first_slot?;
    for stretch in settled {
        if since.duration_since(stretch.to) > patience {
            break;
        }
        since = since.min(stretch.from);
    }
    Some(since)
}

/// Stretches that no more than `patience` separates, as one each, ascending.
pub fn joined(stretches: &[Stretch], patience: SignedDuration) -> Vec<Stretch> {
    let mut ascending = stretches.to_vec();
    ascending.sort_unstable_by_key(|stretch| stretch.from);
    let mut joined: Vec<Stretch> = Vec::new();
    for stretch in ascending {
        match joined.last_mut() {
            Some(last) if stretch.from.duration_since(last.to) <= patience => {
                last.to = last.to.max(stretch.to);
            }
            _ => joined.push(stretch),
        }
    }
    joined
}

/// What scheduled downloads cover: from the first to the last slot of each run without a gap, less the lag.
fn covered(
    good_slots: &[Timestamp],
    patience: SignedDuration,
    lag: SignedDuration,
) -> Vec<Stretch> {
    let runs = good_slots.chunk_by(|a, b| b.duration_since(*a) <= patience);
    runs.filter_map(|run| {
        let (first, last) = (run.first()?, run.last()?);
        Stretch::new(*first, last.saturating_sub(lag).ok()?)
    })
    .collect()
}

/// What is left of a stretch without others.
fn without(whole: Stretch, mut others: Vec<Stretch>) -> Vec<Stretch> {
    others.sort_unstable_by_key(|other| other.from);
    let (mut left, mut from) = (Vec::new(), whole.from);
    for other in others {
        left.extend(Stretch::new(from, other.from.min(whole.to)));
        from = from.max(other.to);
    }
    left.extend(Stretch::new(from, whole.to));
    left
}

/// The whole days that hold these stretches, so many at most in each piece.
fn in_days(missing: &[Stretch], terms: &Terms, days: u16) -> Vec<Stretch> {
    let date = |at: Timestamp| local_date(at, &terms.tz);
    let start = |day| day_start(day, &terms.tz);
    let mut whole: Vec<Stretch> = Vec::new();
    for gap in missing {
        let last = gap
            .to
            .saturating_sub(SignedDuration::from_nanos(1))
            .unwrap_or(gap.from);
        let end = date(last).tomorrow().map_or(gap.to, start);
        let from = start(date(gap.from));
        match whole.last_mut() {
            Some(before) if before.to >= from => before.to = before.to.max(end),
            _ => whole.extend(Stretch::new(from, end)),
        }
    }
    let mut pieces = Vec::new();
    for stretch in whole {
        let mut from = stretch.from;
        while from < stretch.to {
            let later = date(from).checked_add(i32::from(days.max(1)).days());
            let to = later.map_or(stretch.to, start).min(stretch.to);
            pieces.extend(Stretch::new(from, to));
            from = to;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn stretch(from: &str, to: &str) -> Stretch {
        Stretch::new(at(from), at(to)).unwrap()
    }

    fn terms(days: Option<u16>, zone: &str) -> Terms {
        Terms {
            earliest: at("2026-01-01T00:00:00Z"),
            chunk_days: days,
            tz: TimeZone::get(zone).unwrap(),
            lag: SignedDuration::from_hours(2),
        }
    }

    const EVERY: SignedDuration = SignedDuration::from_hours(1);

    fn asked(wanted: Stretch, terms: &Terms, known: Known<'_>, now: &str) -> Vec<String> {
        plan(wanted, terms, known, EVERY, at(now))
            .iter()
            .map(|chunk| {
                let Chunk { asked, settles } = chunk;
                assert_eq!(settles.from, asked.from);
                format!("{} {} {}", asked.from, asked.to, settles.to)
            })
            .collect()
    }

    fn hourly(from: &str, to: &str) -> Vec<Timestamp> {
        let mut slots = vec![at(from)];
        while *slots.last().unwrap() < at(to) {
            slots.push(*slots.last().unwrap() + EVERY);
        }
        slots
    }

    #[test]
    fn what_was_never_watched_is_asked_for_in_pieces_of_whole_local_days() {
        // The day on which clocks go back in Paris is the second.
        let wanted = stretch("2026-10-24T10:00:00Z", "2026-10-27T03:00:00Z");
        let chunks = asked(
            wanted,
            &terms(Some(2), "Europe/Paris"),
            Known::default(),
            "2026-11-20T00:00:00Z",
        );
        assert_eq!(
            chunks,
            [
                "2026-10-23T22:00:00Z 2026-10-25T23:00:00Z 2026-10-25T23:00:00Z",
                "2026-10-25T23:00:00Z 2026-10-27T23:00:00Z 2026-10-27T23:00:00Z"
            ]
        );
        let one = terms(None, "UTC");
        let whole = asked(wanted, &one, Known::default(), "2026-11-20T00:00:00Z");
        let all = "2026-01-01T00:00:00Z 2026-11-19T22:00:00Z 2026-11-19T22:00:00Z";
        assert_eq!(whole, [all]);
    }

    #[test]
    fn slots_without_a_gap_cover_all_but_what_was_not_published_at_the_last() {
        let utc = terms(Some(31), "UTC");
        let wanted = stretch("2026-11-10T00:00:00Z", "2026-11-16T00:00:00Z");
        let mut slots = hourly("2026-11-09T00:00:00Z", "2026-11-12T01:00:00Z");
        slots.extend(hourly("2026-11-13T08:00:00Z", "2026-11-17T00:00:00Z"));
        let known = Known {
            good_slots: &slots,
            settled: &[],
        };
        // The last slot before the gap had nothing of its last two hours, which were those of the 11th.
        let gap = "2026-11-11T00:00:00Z 2026-11-14T00:00:00Z 2026-11-14T00:00:00Z";
        assert_eq!(asked(wanted, &utc, known, "2026-11-17T00:30:00Z"), [gap]);
        let settled = [stretch("2026-11-11T00:00:00Z", "2026-11-14T00:00:00Z")];
        let known = Known {
            good_slots: &slots,
            settled: &settled,
        };
        assert!(asked(wanted, &utc, known, "2026-11-17T00:30:00Z").is_empty());
        // A slot that was missed is a gap, one that comes late is not.
        let missed: Vec<Timestamp> = [0, 60, 120, 270, 330, 420, 480]
            .map(|minutes| at("2026-11-10T00:00:00Z") + SignedDuration::from_mins(minutes))
            .into();
        let known = Known {
            good_slots: &missed,
            settled: &[],
        };
        let day = stretch("2026-11-10T00:00:00Z", "2026-11-10T05:00:00Z");
        assert_eq!(asked(day, &utc, known, "2026-11-17T00:30:00Z").len(), 1);
        let known = Known {
            good_slots: &missed[3..],
            settled: &[],
        };
        let day = stretch("2026-11-10T04:30:00Z", "2026-11-10T05:30:00Z");
        assert!(asked(day, &utc, known, "2026-11-17T00:30:00Z").is_empty());
    }

    #[test]
    fn what_may_not_be_published_yet_is_not_settled_nor_asked_for_anew_at_once() {
        let utc = terms(Some(31), "UTC");
        let wanted = stretch("2026-11-15T00:00:00Z", "2026-11-18T00:00:00Z");
        let first = asked(wanted, &utc, Known::default(), "2026-11-17T12:00:00Z");
        let whole = "2026-11-15T00:00:00Z 2026-11-18T00:00:00Z 2026-11-17T10:00:00Z";
        assert_eq!(first, [whole]);
        let settled = [stretch("2026-11-15T00:00:00Z", "2026-11-17T10:00:00Z")];
        let known = Known {
            good_slots: &[],
            settled: &settled,
        };
        assert!(asked(wanted, &utc, known, "2026-11-17T13:00:00Z").is_empty());
        let later = asked(wanted, &utc, known, "2026-11-17T20:00:00Z");
        let today = "2026-11-17T00:00:00Z 2026-11-18T00:00:00Z 2026-11-17T18:00:00Z";
        assert_eq!(later, [today]);
    }

    #[test]
    fn nothing_lies_before_the_beginning_or_in_the_future() {
        let utc = terms(Some(31), "UTC");
        let now = "2026-11-17T12:00:00Z";
        let before = stretch("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
        assert!(asked(before, &utc, Known::default(), now).is_empty());
        let future = stretch("2026-11-17T11:00:00Z", "2026-12-01T00:00:00Z");
        assert!(asked(future, &utc, Known::default(), now).is_empty());
        let over = stretch("2025-12-30T00:00:00Z", "2026-01-02T00:00:00Z");
        let rest = "2026-01-01T00:00:00Z 2026-01-02T00:00:00Z 2026-01-02T00:00:00Z";
        assert_eq!(asked(over, &utc, Known::default(), now), [rest]);
    }

    #[test]
    fn what_is_known_begins_with_the_backfills_that_reach_the_first_slot() {
        let settled = [
            stretch("2026-01-10T00:00:00Z", "2026-01-20T00:00:00Z"),
            stretch("2026-02-01T00:00:00Z", "2026-02-10T00:00:00Z"),
            stretch("2026-02-10T00:00:00Z", "2026-02-20T22:00:00Z"),
        ];
        let patience = SignedDuration::from_hours(4);
        let since = |first: &str| known_since(Some(at(first)), &settled, patience);
        // The two that follow each other, not the one before the gap.
        let february = Some(at("2026-02-01T00:00:00Z"));
        assert_eq!(since("2026-02-21T00:00:00Z"), february);
        assert_eq!(since("2026-02-05T00:00:00Z"), february);
        // The slots began too long after it, or before it.
        let late = "2026-02-21T03:00:00Z";
        assert_eq!(since(late), Some(at(late)));
        let early = "2026-01-05T00:00:00Z";
        assert_eq!(since(early), Some(at(early)));
        assert_eq!(known_since(None, &settled, patience), None);
    }
}
