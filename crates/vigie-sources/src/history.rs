//! Where a provider keeps its past, and how far back.

use std::fmt;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use vigie_core::{
    history::{Stretch, Terms},
    time::{day_start, local_date},
};

use crate::follow::Follow;

/// How the past of a source is asked for.
#[derive(Debug, Clone)]
pub struct History {
    pub(crate) url: String,
    pub(crate) reach: Reach,
    pub(crate) chunk_days: Option<u16>,
    pub(crate) tz: TimeZone,
    /// How long after its time something is there.
    pub lag: SignedDuration,
    /// How an answer goes on, where it has several parts.
    pub follow: Option<Follow>,
}

/// How far back it goes.
#[derive(Debug, Clone, Copy)]
pub enum Reach {
    /// To this day.
    Since(Date),
    /// So long, and no longer: the provider forgets.
    Back(SignedDuration),
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reach::Since(date) => write!(f, "{date}"),
            Reach::Back(back) => write!(f, "{back}"),
        }
    }
}

impl History {
    /// How far back it goes.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// What may be asked for, as things stand at `now`.
    pub fn terms(&self, now: Timestamp) -> Terms {
        let first = match self.reach {
            Reach::Since(date) => date,
            Reach::Back(back) => {
                let at = now.saturating_sub(back).unwrap_or(Timestamp::MIN);
                local_date(at, &self.tz)
            }
        };
        Terms {
            earliest: day_start(first, &self.tz),
            chunk_days: self.chunk_days,
            tz: self.tz.clone(),
            lag: self.lag,
        }
    }

    /// A stretch as the dates of its days, for people.
    pub fn dates(&self, asked: Stretch) -> (Date, Date) {
        let date = |at: Timestamp| local_date(at, &self.tz);
        let last = asked.to.saturating_sub(SignedDuration::from_nanos(1));
        (date(asked.from), date(last.unwrap_or(asked.from)))
    }
}
