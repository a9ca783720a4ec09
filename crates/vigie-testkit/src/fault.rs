//! What goes wrong, where and when.

use std::{
    num::NonZeroU64,
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::{SignedDuration, Timestamp};

use crate::random::Random;

/// One way in which providers fail.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    /// The body stops in the middle; `Content-Length` agrees with what is sent.
    TruncatedJson,
    /// 200 with a maintenance page in HTML.
    HtmlInstead,
    /// 200 and nothing.
    Empty200,
    /// An error status (503, 429…), perhaps with `Retry-After`.
    Status {
        /// The HTTP status code.
        code: u16,
        /// What to say in `Retry-After`.
        retry_after: Option<RetryAfter>,
    },
    /// `Content-Length` promises the whole body; the connection closes halfway.
    ResetMidBody,
    /// The right body, drop by drop.
    SlowBody {
        /// The speed; at least 1.
        bytes_per_second: u64,
    },
    /// Redirections that lead to other redirections, for ever.
    RedirectLoop,
    /// A valid body that holds only a share of its rows: 0.0 is none, 0.5 every second one.
    HalfRows {
        /// The share of rows that stay, from 0.0 to 1.0.
        keep: f64,
    },
    /// The body of 24 hours ago, as a stale cache would serve it.
    YesterdaysBody,
    /// UTF-16 under a content type that says UTF-8.
    WrongCharset,
    /// A small gzip body that expands to a large one (of spaces).
    GzipBomb {
        /// The size after decompression, rounded up to a whole mebibyte.
        expands_to_bytes: u64,
    },
    /// `Content-Length` announces 10 GB, and blanks follow the body until the client hangs up.
    HugeContentLength,
    /// Rows without their ids: what the Vélib' portal serves while it republishes its data set.
    /// Other providers answer as ever.
    NullIds,
    /// Every entity under another identifier. Providers of a single entity or of plain names, and binary ones, answer as ever.
    RenumberedIds,
    /// Values in another unit. Providers of plain counts, of prices and of storms answer as ever.
    OtherUnit,
    /// The body of a time that has not come yet.
    FutureRows {
        /// How far ahead.
        ahead: SignedDuration,
    },
    /// A redirection to another address: a private one, another host, no address at all.
    RedirectTo {
        /// Where to.
        location: String,
    },
    /// A redirection to the simulator's own https listener, whose certificate nobody trusts.
    UntrustedTls,
}

impl FaultKind {
    /// One fault of each kind, and of each form of a refusal with `Retry-After`, which asks to come back a minute after `at`.
    pub fn each(at: Timestamp) -> Vec<Self> {
        let mut all: Vec<Self> =
            std::iter::successors(Some(Self::TruncatedJson), Self::next).collect();
        let minute = at.saturating_add(SignedDuration::from_mins(1));
        let date = RetryAfter::Date(minute.unwrap_or(at));
        for (code, retry_after) in [
            (503, Some(date)),
            (429, Some(RetryAfter::Seconds(60))),
            (429, Some(date)),
            (404, None),
        ] {
            all.push(Self::Status { code, retry_after });
        }
        all
    }

    /// A fault of the next kind. Without a wildcard, so that no kind can be left out of [`FaultKind::each`].
    fn next(&self) -> Option<Self> {
        Some(match self {
            Self::TruncatedJson => Self::HtmlInstead,
            Self::HtmlInstead => Self::Empty200,
            Self::Empty200 => Self::Status {
                code: 503,
                retry_after: Some(RetryAfter::Seconds(60)),
            },
            Self::Status { .. } => Self::ResetMidBody,
            Self::ResetMidBody => Self::SlowBody {
                bytes_per_second: 1,
            },
            Self::SlowBody { .. } => Self::RedirectLoop,
            Self::RedirectLoop => Self::HalfRows { keep: 0.45 },
            Self::HalfRows { .. } => Self::YesterdaysBody,
            Self::YesterdaysBody => Self::WrongCharset,
            Self::WrongCharset => Self::GzipBomb {
                expands_to_bytes: 48 << 20,
            },
            Self::GzipBomb { .. } => Self::HugeContentLength,
            Self::HugeContentLength => Self::NullIds,
            Self::NullIds => Self::RenumberedIds,
            Self::RenumberedIds => Self::OtherUnit,
            Self::OtherUnit => Self::FutureRows {
                ahead: SignedDuration::from_hours(48),
            },
            Self::FutureRows { .. } => Self::RedirectTo {
                location: "http://169.254.169.254/latest/meta-data/".to_owned(),
            },
            Self::RedirectTo { .. } => Self::UntrustedTls,
            Self::UntrustedTls => return None,
        })
    }
}

/// The value of a `Retry-After` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// In so many seconds.
    Seconds(u64),
    /// At an instant, written as an HTTP date.
    Date(Timestamp),
}

/// Which requests a fault strikes.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// Those from one virtual time (included) to another (excluded).
    Window(Timestamp, Timestamp),
    /// Each n-th one of those that match the path.
    EveryNth(NonZeroU64),
    /// A share of them, drawn by seed.
    Probability {
        /// From 0.0 (none) to 1.0 (all).
        share: f64,
        /// Another seed strikes other requests.
        seed: u64,
    },
    /// The first one only.
    Once,
}

/// One fault of one provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The beginning of the path of the requests that it may strike, such as
    /// `/earthquakes/`. An encoded slash (`%2F`) equals a slash.
    pub path_prefix: String,
    /// What happens.
    pub kind: FaultKind,
    /// To which of them.
    pub when: When,
}

/// All that will go wrong. Where two faults strike the same request, the first counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FaultPlan {
    /// The faults, in order of precedence.
    pub faults: Vec<Fault>,
    /// What strikes those requests that no fault of the list does.
    pub seeded: Option<Seeded>,
}

/// Faults of every kind, drawn for each request. What is drawn depends on the seed, the path and the second of the virtual time,
/// and on nothing else: a run with the same times meets the same faults, whatever it did before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seeded {
    /// Another seed draws other faults.
    pub seed: u64,
    /// The share of the requests that are struck, from 0.0 to 1.0.
    pub share: f64,
}

impl Seeded {
    fn draw(self, path: &str, at: Timestamp) -> Option<FaultKind> {
        if path.starts_with("/simulator/") {
            return None;
        }
        let path = path.bytes().fold(0_u64, |hash, byte| {
            hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
        });
        let second = at.as_second().cast_unsigned();
        let mut random = Random::keyed(self.seed, &[path, second]);
        random
            .chance(self.share)
            .then(|| random.pick(&FaultKind::each(at)).clone())
    }
}

impl FaultPlan {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// Faults of every kind for a share of the requests, drawn by seed.
    pub fn seeded(seed: u64, share: f64) -> Self {
        Self {
            seeded: Some(Seeded { seed, share }),
            ..Self::default()
        }
    }

    /// Whether the simulator's https listener may be asked for.
    pub(crate) fn wants_tls(&self) -> bool {
        let mut faults = self.faults.iter();
        self.seeded.is_some() || faults.any(|fault| fault.kind == FaultKind::UntrustedTls)
    }

    /// This plan and one more fault.
    #[must_use]
    pub fn and(mut self, path_prefix: impl Into<String>, kind: FaultKind, when: When) -> Self {
        self.faults.push(Fault {
            path_prefix: path_prefix.into(),
            kind,
            when,
        });
        self
    }

    /// The faults of the demo day that begins at `day_start`: each source fails at least once,
    /// but for the exchange rates, and works most of the time.
    ///
    /// | from | to | source | what happens |
    /// |---|---|---|---|
    /// | 03:00 | 03:40 | METAR | maintenance page with status 200 |
    /// | 05:30 | 05:40 | storms | body cut in the middle |
    /// | 08:15 | 08:30 | albums | 503 |
    /// | 09:20 | 09:50 | earthquakes | a valid list without a single earthquake |
    /// | 10:15 | 10:30 | hashtags | 429, `Retry-After: 900` |
    /// | 11:00 | 11:15 | `éCO2mix` | 503, `Retry-After: 900` |
    /// | 12:30 | 12:40 | game deals | a page for people |
    /// | 13:00 | 13:40 | subway | 503 |
    /// | 14:10 | 14:15 | Vélib' | body cut in the middle |
    /// | 14:40 | 15:00 | `éCO2mix` | yesterday's figures again |
    /// | 15:30 | 15:40 | METAR | degrees Fahrenheit, inches of mercury |
    /// | 16:15 | 16:25 | Vélib' | rows without ids |
    /// | 17:30 | 17:35 | Vélib' | half of the stations |
    /// | 18:45 | 18:50 | Vélib' | every station under another number |
    /// | 19:00 | 19:10 | videos | an empty body |
    /// | 20:00 | 20:05 | earthquakes | a redirection into a private network |
    /// | 21:00 | 21:05 | Vélib' | a decompression bomb |
    /// | 22:00 | 22:10 | METAR | reports of the day after tomorrow |
    pub fn demo(day_start: Timestamp) -> Self {
        let after = |hours: i64, minutes: i64| {
            day_start
                .saturating_add(SignedDuration::from_mins(hours * 60 + minutes))
                .unwrap_or(Timestamp::MAX)
        };
        let window = |from: (i64, i64), to: (i64, i64)| {
            When::Window(after(from.0, from.1), after(to.0, to.1))
        };
        Self::none()
            .and(
                "/api/data/metar",
                FaultKind::HtmlInstead,
                window((3, 0), (3, 40)),
            )
            .and(
                "/earthquakes/",
                FaultKind::HalfRows { keep: 0.0 },
                window((9, 20), (9, 50)),
            )
            .and(
                "/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/",
                FaultKind::Status {
                    code: 503,
                    retry_after: Some(RetryAfter::Seconds(900)),
                },
                window((11, 0), (11, 15)),
            )
            .and(
                "/Dataservice/mtagtfsfeeds/",
                FaultKind::Status {
                    code: 503,
                    retry_after: None,
                },
                window((13, 0), (13, 40)),
            )
            .and(
                "/api/explore/v2.1/catalog/datasets/velib-",
                FaultKind::TruncatedJson,
                window((14, 10), (14, 15)),
            )
            .and(
                "/api/explore/v2.1/catalog/datasets/velib-",
                FaultKind::NullIds,
                window((16, 15), (16, 25)),
            )
            .and(
                "/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/",
                FaultKind::YesterdaysBody,
                window((14, 40), (15, 0)),
            )
            .and(
                "/api/data/metar",
                FaultKind::OtherUnit,
                window((15, 30), (15, 40)),
            )
            .and(
                "/api/explore/v2.1/catalog/datasets/velib-",
                FaultKind::HalfRows { keep: 0.45 },
                window((17, 30), (17, 35)),
            )
            .and(
                "/api/explore/v2.1/catalog/datasets/velib-",
                FaultKind::RenumberedIds,
                window((18, 45), (18, 50)),
            )
            .and(
                "/earthquakes/",
                FaultKind::RedirectTo {
                    location: "http://169.254.169.254/latest/meta-data/".to_owned(),
                },
                window((20, 0), (20, 5)),
            )
            .and(
                "/api/explore/v2.1/catalog/datasets/velib-",
                FaultKind::GzipBomb {
                    expands_to_bytes: 1 << 30,
                },
                window((21, 0), (21, 5)),
            )
            .and(
                "/api/data/metar",
                FaultKind::FutureRows {
                    ahead: SignedDuration::from_hours(48),
                },
                window((22, 0), (22, 10)),
            )
            .and(
                "/CurrentStorms.json",
                FaultKind::TruncatedJson,
                window((5, 30), (5, 40)),
            )
            .and(
                "/api/v2/fr/music/",
                FaultKind::Status {
                    code: 503,
                    retry_after: None,
                },
                window((8, 15), (8, 30)),
            )
            .and(
                "/api/v1/trends/",
                FaultKind::Status {
                    code: 429,
                    retry_after: Some(RetryAfter::Seconds(900)),
                },
                window((10, 15), (10, 30)),
            )
            .and(
                "/api/1.0/deals",
                FaultKind::HtmlInstead,
                window((12, 30), (12, 40)),
            )
            .and(
                "/api/v1/videos",
                FaultKind::Empty200,
                window((19, 0), (19, 10)),
            )
    }
}

/// A plan at work: it counts the requests that each fault has seen.
#[derive(Debug)]
pub(crate) struct Faults {
    faults: Vec<(Fault, AtomicU64)>,
    seeded: Option<Seeded>,
}

impl Faults {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        let faults = plan.faults.into_iter().map(|mut fault| {
            fault.path_prefix = plain_path(&fault.path_prefix);
            (fault, AtomicU64::new(0))
        });
        Self {
            faults: faults.collect(),
            seeded: plan.seeded,
        }
    }

    /// The fault that strikes a request, if any. `path` must be a [`plain_path`].
    pub(crate) fn strike(&self, path: &str, at: Timestamp) -> Option<FaultKind> {
        let mut struck = None;
        for (fault, seen) in &self.faults {
            if !path.starts_with(&fault.path_prefix) {
                continue;
            }
            let earlier = seen.fetch_add(1, Ordering::Relaxed);
            let strikes = match &fault.when {
                When::Window(from, to) => (*from..*to).contains(&at),
                When::EveryNth(n) => (earlier + 1).is_multiple_of(n.get()),
                When::Probability { share, seed } => {
                    Random::keyed(*seed, &[earlier]).chance(*share)
                }
                When::Once => earlier == 0,
            };
            if strikes && struck.is_none() {
                struck = Some(fault.kind.clone());
            }
        }
        struck.or_else(|| self.seeded?.draw(path, at))
    }
}

/// The path with its encoded slashes as slashes: the subway feed is known by
/// `/Dataservice/mtagtfsfeeds/nyct%2Fgtfs-ace`, which some clients decode.
pub(crate) fn plain_path(path: &str) -> String {
    path.replace("%2F", "/").replace("%2f", "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(when: When, requests: usize) -> Vec<usize> {
        let faults = Faults::new(FaultPlan::none().and("/a", FaultKind::Empty200, when));
        (0..requests)
            .filter(|_| faults.strike("/a/b", Timestamp::UNIX_EPOCH).is_some())
            .collect()
    }

    #[test]
    fn faults_strike_when_they_should() {
        assert_eq!(struck(When::Once, 5), [0]);
        let third = NonZeroU64::new(3).unwrap();
        assert_eq!(struck(When::EveryNth(third), 9), [2, 5, 8]);
        let half = When::Probability {
            share: 0.5,
            seed: 4,
        };
        let drawn = struck(half.clone(), 400);
        assert!((150..250).contains(&drawn.len()), "{}", drawn.len());
        assert_eq!(drawn, struck(half, 400));
        let end = Timestamp::from_second(1).unwrap();
        assert_eq!(struck(When::Window(end, Timestamp::MAX), 3), [0_usize; 0]);
        assert_eq!(
            struck(When::Window(Timestamp::UNIX_EPOCH, end), 3),
            [0, 1, 2]
        );
    }

    #[test]
    fn seeded_faults_are_of_every_kind_and_the_same_for_the_same_seed() {
        let drawn = |seed: u64, share: f64| -> Vec<Option<FaultKind>> {
            let faults = Faults::new(FaultPlan::seeded(seed, share));
            (0..4_000)
                .map(|second| faults.strike("/a/b", Timestamp::from_second(second).unwrap()))
                .collect()
        };
        let some = drawn(1, 0.25);
        assert_eq!(some, drawn(1, 0.25));
        assert_ne!(some, drawn(2, 0.25));
        let struck: Vec<&FaultKind> = some.iter().flatten().collect();
        assert!((850..1_150).contains(&struck.len()), "{}", struck.len());
        for kind in FaultKind::each(Timestamp::UNIX_EPOCH) {
            let found = struck
                .iter()
                .any(|other| std::mem::discriminant(*other) == std::mem::discriminant(&kind));
            assert!(found, "{kind:?}");
        }
        assert_eq!(drawn(1, 0.0), vec![None; 4_000]);
        // An endless chain of redirections is one fault, not many.
        let faults = Faults::new(FaultPlan::seeded(1, 1.0));
        assert_eq!(faults.strike("/simulator/x", Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn other_paths_are_spared_and_the_first_fault_counts() {
        let plan = FaultPlan::none()
            .and("/x%2Fy", FaultKind::Empty200, When::Once)
            .and("/x", FaultKind::HtmlInstead, When::Once);
        let faults = Faults::new(plan);
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(faults.strike("/z", at), None);
        assert_eq!(faults.strike("/x/y", at), Some(FaultKind::Empty200));
        assert_eq!(faults.strike("/x/y", at), None);
    }
}
