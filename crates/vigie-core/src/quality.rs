//! Checks of a whole body against what the source has sent before.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    cause::Cause,
    profile::{Jump, Profile},
};

/// What the number of rows of a body must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ExpectedRows {
    /// Fewer rows than this are not believed.
    pub min: u64,
    /// A body with less than this share of the usual number of rows is not believed; 0 switches the check off.
    pub shrink: f64,
}

impl Default for ExpectedRows {
    fn default() -> Self {
        Self {
            min: 0,
            shrink: 0.0,
        }
    }
}

/// Bodies that must have come before one can be called unusually small.
const HISTORY_MIN: usize = 3;

/// How many earlier bodies make up what is usual. Once more than half of them are small, small is usual: a source that
/// really shrank is believed again after that many captures.
pub const HISTORY_MAX: usize = 15;

/// How many of a source's periods back what is usual is looked for, and at least [`HISTORY_AGE_MIN`]: what was usual months ago says
/// nothing of today.
const HISTORY_PERIODS: i32 = 30;
/// At least two days, whatever the period.
const HISTORY_AGE_MIN: SignedDuration = SignedDuration::from_hours(48);

/// How old a body may be to count as history.
pub fn history_age_max(every: SignedDuration) -> SignedDuration {
    every.saturating_mul(HISTORY_PERIODS).max(HISTORY_AGE_MIN)
}

/// A body of which less than this share of the rows can be read is not believed.
const READABLE_SHARE_MIN: f64 = 0.5;

/// A body of which this share of the rows, or more, is from the future is not believed.
const FUTURE_SHARE_MAX: f64 = 0.5;

/// Entities that a body must have before one can say that they are others than ever.
const ENTITIES_MIN: usize = 8;
/// Bodies as alike as this have the same entities, but for the usual coming and going.
const ALIKE_MIN: f64 = 0.5;
/// Bodies no more alike than this have nothing to do with each other.
const UNLIKE_MAX: f64 = 0.1;
/// How many bodies in a row must have the new identifiers before these are believed.
const BELIEVED_AFTER: usize = HISTORY_MAX / 2 + 1;

/// What is known of an earlier body that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// When it was fetched.
    pub at: Timestamp,
    /// Its rows, taken and refused.
    pub rows: u64,
    /// Whether it counts; the others are in quarantine.
    pub believed: bool,
    /// What it was like, if that was written down.
    pub profile: Option<Profile>,
}

/// Why a readable body must not count.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Degraded {
    /// Fewer rows than the definition allows.
    #[error("{rows} rows, where this source always has at least {min}")]
    TooFew {
        /// The rows of this body.
        rows: u64,
        /// What the definition says.
        min: u64,
    },
    /// Far fewer rows than usual.
    #[error("{rows} rows, where the last {history} bodies had {usual} (median): suddenly shrunken")]
    Shrunken {
        /// The rows of this body.
        rows: u64,
        /// The median of the earlier bodies.
        usual: u64,
        /// How many earlier bodies were compared.
        history: usize,
    },
    /// Most rows cannot be read.
    #[error("{refused} of {rows} rows cannot be read: {first}")]
    MostlyRefused {
        /// The refused rows.
        refused: u64,
        /// All rows of the body.
        rows: u64,
        /// Why the first one was refused.
        first: String,
    },
    /// Most rows are of times to come.
    #[error(
        "{future} of {rows} rows are from the future, the latest of {latest}: if the clock of this machine is right and the \
         source is a forecast, say so by rows.future in its definition"
    )]
    Future {
        /// The rows from the future.
        future: u64,
        /// All rows of the body.
        rows: u64,
        /// The latest time.
        latest: Timestamp,
    },
    /// The values have jumped.
    #[error(
        "the median of `{measure}` is {median}, where the last {history} bodies had {usual}: another unit? (`jump` of the \
         definition is the limit)"
    )]
    OtherUnit {
        /// The measure.
        measure: String,
        /// Its median in this body.
        median: f64,
        /// The median of the earlier medians.
        usual: f64,
        /// How many earlier bodies were compared.
        history: usize,
    },
    /// No value is plausible any more.
    #[error(
        "no value of `{measure}` can be taken, where the last {history} bodies had {usual} (median): another unit?"
    )]
    NoPlausible {
        /// The measure.
        measure: String,
        /// The median of the earlier medians.
        usual: f64,
        /// How many earlier bodies were compared.
        history: usize,
    },
    /// Content of the past.
    #[error("old content again: the newest is of {newest}, where an earlier body had {known}{}", same.map(|at| format!("; the same bytes came at {at}")).unwrap_or_default())]
    Repeated {
        /// The time of the newest content of this body.
        newest: Timestamp,
        /// That of what came before.
        known: Timestamp,
        /// When the very same body came before, if it did.
        same: Option<Timestamp>,
    },
    /// Other identifiers than ever.
    #[error(
        "none of the identifiers came before ({entities} or more of them): renumbered? They are believed once {BELIEVED_AFTER} bodies in a row have them"
    )]
    Renumbered {
        /// How many different ones were looked at.
        entities: usize,
    },
}

impl Degraded {
    /// The name of it.
    pub fn cause(&self) -> Cause {
        match self {
            Degraded::TooFew { .. } => Cause::TooFew,
            Degraded::Shrunken { .. } => Cause::Shrunken,
            Degraded::MostlyRefused { .. } => Cause::MostlyRefused,
            Degraded::Future { .. } => Cause::Future,
            Degraded::OtherUnit { .. } | Degraded::NoPlausible { .. } => Cause::OtherUnit,
            Degraded::Repeated { .. } => Cause::Repeated,
            Degraded::Renumbered { .. } => Cause::Renumbered,
        }
    }
}

/// Judges a body by its rows from the future, which are refused one by one as long as they are few.
pub fn judge_future(future: u64, rows: u64, latest: Option<Timestamp>) -> Result<(), Degraded> {
    match latest {
        Some(latest) if future as f64 > FUTURE_SHARE_MAX * rows as f64 => Err(Degraded::Future {
            future,
            rows,
            latest,
        }),
        _ => Ok(()),
    }
}

/// Judges a body by the time of its newest content. `known` is the newest of the bodies before it; `margin` is how much older
/// than that a body may be, since caches of a provider are not all of one age; `same` says when the same bytes came before, as
/// another body than the last.
pub fn judge_age(
    newest: Option<Timestamp>,
    known: Option<Timestamp>,
    margin: SignedDuration,
    same: Option<Timestamp>,
) -> Result<(), Degraded> {
    let (Some(newest), Some(known)) = (newest, known) else {
        return Ok(());
    };
    if newest < known && (same.is_some() || known.duration_since(newest) > margin) {
        return Err(Degraded::Repeated {
            newest,
            known,
            same,
        });
    }
    Ok(())
}

/// Judges the values of a body by those of the bodies before it, newest first. `jumps` are the measures that are watched, in the
/// order of the medians of a [`Profile`], with their names.
pub fn judge_values(
    profile: &Profile,
    jumps: &[(&str, Jump)],
    values_refused: bool,
    history: &[Past],
) -> Result<(), Degraded> {
    for (index, (measure, jump)) in jumps.iter().enumerate() {
        let mut medians: Vec<f64> = history
            .iter()
            .filter_map(|past| past.profile.as_ref()?.median(index))
            .collect();
        if medians.len() < HISTORY_MIN {
            continue;
        }
        medians.sort_unstable_by(f64::total_cmp);
        let usual = medians[medians.len() / 2];
        let (measure, history) = ((*measure).to_owned(), medians.len());
        match profile.median(index) {
            Some(median) if jump.is_beyond(usual, median) => {
                return Err(Degraded::OtherUnit {
                    measure,
                    median,
                    usual,
                    history,
                });
            }
            None if values_refused => {
                return Err(Degraded::NoPlausible {
                    measure,
                    usual,
                    history,
                });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Judges the identifiers of a body by those of the bodies before it, newest first. A source whose entities always come and go
/// is left alone.
pub fn judge_identifiers(profile: &Profile, history: &[Past]) -> Result<(), Degraded> {
    let profiles: Vec<(&Profile, bool)> = history
        .iter()
        .filter_map(|past| Some((past.profile.as_ref()?, past.believed)))
        .collect();
    let entities = profile.entities();
    let Some((reference, _)) = profiles.iter().find(|(_, believed)| *believed) else {
        return Ok(());
    };
    if entities < ENTITIES_MIN
        || reference.entities() < ENTITIES_MIN
        || profile.likeness(reference) > UNLIKE_MAX
    {
        return Ok(());
    }
    let believed: Vec<&Profile> = profiles
        .iter()
        .filter_map(|(profile, believed)| believed.then_some(*profile))
        .collect();
    if believed.len() < HISTORY_MIN
        || believed
            .windows(2)
            .any(|pair| pair[0].likeness(pair[1]) < ALIKE_MIN)
    {
        return Ok(());
    }
    let agreeing = profiles
        .iter()
        .take_while(|(past, believed)| !believed && past.likeness(profile) >= ALIKE_MIN)
        .count();
    if agreeing + 1 >= BELIEVED_AFTER {
        return Ok(());
    }
    Err(Degraded::Renumbered { entities })
}

/// Judges a body by its rows: `taken` were read, `refused` were not; `history` has the numbers of rows (taken and refused) of
/// the bodies before it, newest first.
pub fn judge(
    expected: ExpectedRows,
    taken: u64,
    refused: u64,
    first_refusal: Option<&str>,
    history: &[u64],
) -> Result<(), Degraded> {
    let rows = taken + refused;
    if refused > 0 && (taken as f64) < READABLE_SHARE_MIN * rows as f64 {
        let first = first_refusal.unwrap_or("no reason given").to_owned();
        return Err(Degraded::MostlyRefused {
            refused,
            rows,
            first,
        });
    }
    if rows < expected.min {
        return Err(Degraded::TooFew {
            rows,
            min: expected.min,
        });
    }
    let history = &history[..history.len().min(HISTORY_MAX)];
    if expected.shrink > 0.0 && history.len() >= HISTORY_MIN {
        let mut sorted = history.to_vec();
        sorted.sort_unstable();
        let usual = sorted[sorted.len() / 2];
        if (rows as f64) < expected.shrink * usual as f64 {
            return Err(Degraded::Shrunken {
                rows,
                usual,
                history: history.len(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profiler;

    fn profile(ids: std::ops::Range<u32>, value: f64) -> Profile {
        let mut profiler = Profiler::new(&[0]);
        for id in ids {
            profiler.add(&id.to_string(), &[Some(value)]);
        }
        profiler.finish()
    }

    fn past(profile: Profile, believed: bool) -> Past {
        Past {
            at: Timestamp::UNIX_EPOCH,
            rows: 1,
            believed,
            profile: Some(profile),
        }
    }

    #[test]
    fn other_identifiers_are_doubted_and_believed_once_they_last() {
        let mut history = vec![past(profile(0..1_000, 1.0), true); HISTORY_MAX];
        let other = profile(50_000..51_000, 1.0);
        let mut doubted = 0;
        while let Err(degraded) = judge_identifiers(&other, &history) {
            assert_eq!(degraded.cause(), Cause::Renumbered);
            history.insert(0, past(other.clone(), false));
            history.truncate(HISTORY_MAX);
            doubted += 1;
        }
        assert_eq!(doubted, HISTORY_MAX / 2);
        // Stations that come and go, a small source, and one whose entities always change are left alone.
        let history = vec![past(profile(0..1_000, 1.0), true); 3];
        assert_eq!(
            judge_identifiers(&profile(500..1_500, 1.0), &history),
            Ok(())
        );
        let small = vec![past(profile(0..7, 1.0), true); 3];
        assert_eq!(judge_identifiers(&profile(10..17, 1.0), &small), Ok(()));
        let changing: Vec<Past> = (0..5)
            .map(|at| past(profile(at * 100..at * 100 + 100, 1.0), true))
            .collect();
        assert_eq!(
            judge_identifiers(&profile(900..1_000, 1.0), &changing),
            Ok(())
        );
    }

    #[test]
    fn values_in_another_unit_are_doubted_and_believed_once_they_last() {
        let jumps = [("temperature", Jump::By(15.0))];
        let celsius = profile(0..9, 9.0);
        let mut history = vec![past(celsius.clone(), true); HISTORY_MAX];
        let fahrenheit = profile(0..9, 48.2);
        let error = judge_values(&fahrenheit, &jumps, false, &history).unwrap_err();
        assert_eq!(error.cause(), Cause::OtherUnit);
        assert!(
            error.to_string().contains("`temperature` is 48.2"),
            "{error}"
        );
        assert_eq!(
            judge_values(&profile(0..9, 23.9), &jumps, false, &history),
            Ok(())
        );
        assert_eq!(
            judge_values(&fahrenheit, &jumps, false, &history[..2]),
            Ok(())
        );
        assert_eq!(judge_values(&fahrenheit, &[], false, &history), Ok(()));
        let mut doubted = 0;
        while judge_values(&fahrenheit, &jumps, false, &history).is_err() {
            history.insert(0, past(fahrenheit.clone(), false));
            history.truncate(HISTORY_MAX);
            doubted += 1;
        }
        assert_eq!(doubted, HISTORY_MAX / 2 + 1);
        // Where every value is out of its range there is no median.
        let mut none = Profiler::new(&[0]);
        none.add("1", &[None]);
        let none = none.finish();
        let history = vec![past(celsius, true); 3];
        assert_eq!(judge_values(&none, &jumps, false, &history), Ok(()));
        let error = judge_values(&none, &jumps, true, &history).unwrap_err();
        assert_eq!(error.cause(), Cause::OtherUnit);
    }

    #[test]
    fn old_content_is_known_by_its_age_or_its_bytes() {
        let hour = |hour: i64| Timestamp::from_second(hour * 3_600).ok();
        let margin = SignedDuration::from_hours(3);
        let repeated = |newest, known, same| judge_age(newest, known, margin, same).is_err();
        assert!(!repeated(hour(10), hour(10), hour(1)));
        assert!(!repeated(hour(11), hour(10), hour(1)));
        assert!(!repeated(hour(7), hour(10), None));
        assert!(repeated(hour(7), hour(10), hour(1)));
        assert!(repeated(hour(6), hour(10), None));
        assert!(!repeated(None, hour(10), hour(1)));
        assert!(!repeated(hour(1), None, hour(1)));
    }

    #[test]
    fn a_body_mostly_from_the_future_is_not_believed() {
        let latest = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(judge_future(0, 0, None), Ok(()));
        assert_eq!(judge_future(5, 10, latest), Ok(()));
        let error = judge_future(6, 10, latest).unwrap_err();
        assert_eq!(error.cause(), Cause::Future);
        assert!(error.to_string().contains("rows.future"), "{error}");
    }

    const EXPECTED: ExpectedRows = ExpectedRows {
        min: 1,
        shrink: 0.5,
    };

    #[test]
    fn the_outage_of_september_2025_is_seen_for_what_it_is() {
        // The counts of the USGS feed on 2025-09-29, every time with status 200.
        let counts = [37, 41, 40, 40, 10, 38, 5, 36, 0, 36, 0, 0, 36];
        let mut history: Vec<u64> = vec![36, 37, 37];
        let mut believed = Vec::new();
        for count in counts {
            if judge(EXPECTED, count, 0, None, &history).is_ok() {
                believed.push(count);
            }
            history.insert(0, count);
        }
        assert_eq!(believed, [37, 41, 40, 40, 38, 36, 36, 36]);
    }

    #[test]
    fn a_source_that_really_shrank_is_believed_in_the_end() {
        let mut history = vec![100; HISTORY_MAX];
        let doubted = (0..100)
            .take_while(|_| {
                let doubted = judge(EXPECTED, 20, 0, None, &history).is_err();
                history.insert(0, 20);
                doubted
            })
            .count();
        assert_eq!(doubted, HISTORY_MAX / 2 + 1);
    }

    #[test]
    fn a_body_without_ids_is_not_believed() {
        let error = judge(EXPECTED, 0, 1479, Some("stationcode: null"), &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "1479 of 1479 rows cannot be read: stationcode: null"
        );
        assert!(judge(EXPECTED, 1400, 79, Some("x"), &[]).is_ok());
    }
}
