//! The stretch of time of an export, from what was written after `--from` and `--to`.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use vigie_core::time::{day_start, hour_end, hour_start};

/// A stretch of time, the end excluded; `None` stands for no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Range {
    /// Its first instant.
    pub(crate) from: Option<Timestamp>,
    /// The first instant after it.
    pub(crate) to: Option<Timestamp>,
}

/// Why a stretch of time is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RangeError {
    /// Neither a date nor a time.
    #[error(
        "--{option} `{text}` is neither a date nor a time: write a local date of the zone (2026-11-23), \
         or a time with its offset (2026-11-23T10:00:00+01:00 or 2026-11-23T09:00:00Z)"
    )]
    NotATime {
        /// `from` or `to`.
        option: &'static str,
        /// What was written.
        text: String,
    },
    /// It would end before it begins, or as soon.
    #[error(
        "nothing lies between --from `{from}` and --to `{to}`: write the earlier one after --from"
    )]
    Empty {
        /// What was written after `--from`.
        from: String,
        /// What was written after `--to`.
        to: String,
    },
}

impl Range {
    /// Reads both ends: local dates of the zone, that of `to` included, or RFC 3339 times, that of `to` excluded.
    pub(crate) fn parse(
        from: Option<&str>,
        to: Option<&str>,
        tz: &TimeZone,
    ) -> Result<Self, RangeError> {
        let range = Self {
            from: from.map(|text| instant("from", text, tz)).transpose()?,
            to: to.map(|text| instant("to", text, tz)).transpose()?,
        };
        if let (Some(start), Some(end)) = (range.from, range.to)
            && start >= end
        {
            return Err(RangeError::Empty {
                from: from.unwrap_or_default().to_owned(),
                to: to.unwrap_or_default().to_owned(),
            });
        }
        Ok(range)
    }

    /// The whole local hours that begin in the stretch: an hour is never counted in part.
    pub(crate) fn whole_hours(self, tz: &TimeZone) -> Self {
        let next_start = |at: Timestamp| {
            let start = hour_start(at, tz);
            if start == at {
                start
            } else {
                hour_end(start, tz)
            }
        };
        Self {
            from: self.from.map(next_start),
            to: self.to.map(next_start),
        }
    }
}

fn instant(option: &'static str, text: &str, tz: &TimeZone) -> Result<Timestamp, RangeError> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    // A date and a clock time without offset also read as a date: which instant is meant must not be guessed.
    let date = Some(text)
        .filter(|text| !text.contains(['T', 't', ' ', ':']))
        .and_then(|text| text.parse::<Date>().ok());
    let day = date.and_then(|date| {
        if option == "to" {
            date.tomorrow().ok()
        } else {
            Some(date)
        }
    });
    let day = day.ok_or_else(|| RangeError::NotATime {
        option,
        text: text.to_owned(),
    })?;
    Ok(day_start(day, tz))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").unwrap()
    }

    fn range(from: &str, to: &str) -> String {
        match Range::parse(Some(from), Some(to), &paris()) {
            Ok(range) => format!("{} {}", range.from.unwrap(), range.to.unwrap()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn dates_are_whole_local_days_and_times_are_instants() {
        // The day on which clocks go forward has 23 hours.
        assert_eq!(
            range("2026-03-29", "2026-03-29"),
            "2026-03-28T23:00:00Z 2026-03-29T22:00:00Z"
        );
        assert_eq!(
            range("2026-11-23T10:00:00+01:00", "2026-11-23T09:30:00Z"),
            "2026-11-23T09:00:00Z 2026-11-23T09:30:00Z"
        );
        assert_eq!(
            Range::parse(None, None, &paris()).unwrap(),
            Range::default()
        );
    }

    #[test]
    fn what_is_not_understood_is_named_with_what_is_expected() {
        for wrong in [
            "yesterday",
            "2026-11-31",
            "2026-11-23T10:00",
            "2026-11-23 10:00:00",
            "",
        ] {
            let said = range(wrong, "2026-11-23");
            let expected =
                format!("--from `{wrong}` is neither a date nor a time: write a local date");
            assert!(said.starts_with(&expected), "{said}");
        }
        assert!(range("2026-11-23", "tomorrow").starts_with("--to `tomorrow`"));
        assert_eq!(
            range("2026-11-23", "2026-11-22"),
            "nothing lies between --from `2026-11-23` and --to `2026-11-22`: write the earlier one after --from"
        );
    }

    #[test]
    fn an_hour_is_never_counted_in_part() {
        let kolkata = TimeZone::get("Asia/Kolkata").unwrap();
        let range = Range::parse(
            Some("2026-11-23T10:30:00+05:30"),
            Some("2026-11-23T12:00:00+05:30"),
            &kolkata,
        );
        let hours = range.unwrap().whole_hours(&kolkata);
        assert_eq!(hours.from.unwrap().to_string(), "2026-11-23T05:30:00Z");
        assert_eq!(hours.to.unwrap().to_string(), "2026-11-23T06:30:00Z");
    }
}
