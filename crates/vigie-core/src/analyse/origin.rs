//! Of which hours, entities and events a sentence speaks, so that each of its figures can be followed to the downloads.

use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};

use super::sentence::{Sentence, is_daily};
use crate::{
    analysis::{Origin, Period, RankLine, Role, SourceAnalysis},
    time::{day_start, hour_end, hour_start, local_date, period as period_of},
};

type Stretch = (Timestamp, Timestamp);

/// Where the figures of a sentence come from, its own first.
pub fn origins(
    sentence: &Sentence,
    source: &SourceAnalysis,
    period: &Period,
    tz: &TimeZone,
    now: Timestamp,
) -> Vec<Origin> {
    let finder = Finder {
        source,
        period,
        tz,
        now,
        daily: is_daily(source),
    };
    finder.origins(sentence)
}

struct Finder<'a> {
    source: &'a SourceAnalysis,
    period: &'a Period,
    tz: &'a TimeZone,
    now: Timestamp,
    daily: bool,
}

impl Finder<'_> {
    fn origins(&self, sentence: &Sentence) -> Vec<Origin> {
        let told = |stretch| origin(Role::Told, stretch);
        let whole = told(self.whole());
        match sentence {
            Sentence::Events {
                strongest, usual, ..
            } => {
                let strongest = strongest.as_ref().map(|(strongest, _)| strongest.at);
                let usual = usual.and_then(|_| self.past());
                [whole]
                    .into_iter()
                    .chain(strongest.map(|at| self.event(at)))
                    .chain(usual)
                    .collect()
            }
            Sentence::MoreThanEver(..) => [whole].into_iter().chain(self.past()).collect(),
            Sentence::Level {
                entity, at, usual, ..
            } => {
                let stretch = at.map_or_else(|| self.whole(), |at| self.hour(at));
                let level = self.of(told(stretch), entity.as_deref());
                let usual = usual.and_then(|_| self.past());
                [level].into_iter().chain(usual).collect()
            }
            Sentence::Mean { entity, .. } => vec![self.of(whole, entity.as_deref())],
            Sentence::Moved(track, _) => {
                let events = self.source.findings.events.is_some();
                vec![Origin {
                    entity: (!events).then(|| track.entity.clone()),
                    key: events.then(|| track.entity.clone()),
                    name: Some(track.name.clone()),
                    ..whole
                }]
            }
            Sentence::Range(least, greatest, _) => {
                [least, greatest].map(|one| told(self.step(one.at))).into()
            }
            Sentence::First(_, line, _) | Sentence::Climber(line) => self.of_rank(line),
            Sentence::Movement(_, _, since, _) => {
                let before = origin(Role::Before, self.hour(*since));
                vec![told(self.ranked()), before]
            }
            Sentence::Unusual(anomaly, ..) => {
                let found = told((anomaly.from, anomaly.to));
                let found = self.of(found, anomaly.entity.as_deref());
                [found].into_iter().chain(self.past()).collect()
            }
            Sentence::Compared(change, ..) => {
                let before = period_of(self.period.kind, change.before_date, self.tz);
                vec![whole, origin(Role::Before, (before.start, before.end))]
            }
            Sentence::Record(record, _) => {
                let found = if self.source.findings.events.is_some() {
                    self.event(record.at)
                } else {
                    told(self.step(record.at))
                };
                vec![found, self.before(record.since)]
            }
            Sentence::Busiest(record, _) => vec![whole, self.before(record.since)],
            Sentence::Trend(trend, _) => {
                let last = local_date(self.period.end, self.tz);
                let first = last.saturating_sub(i64::from(trend.days).days());
                vec![told((day_start(first, self.tz), self.whole().1))]
            }
            Sentence::Mix(_) | Sentence::Growth { .. } | Sentence::Sparse(_) => vec![whole],
            Sentence::Incomplete(..) | Sentence::Nothing => vec![Origin {
                role: Role::Downloads,
                ..whole
            }],
        }
    }

    /// What has passed of the period.
    fn whole(&self) -> Stretch {
        let Period { start, end, .. } = *self.period;
        (
            start,
            if self.now > start {
                end.min(self.now)
            } else {
                end
            },
        )
    }

    fn hour(&self, at: Timestamp) -> Stretch {
        let start = hour_start(at, self.tz);
        (start, hour_end(start, self.tz))
    }

    /// The hour (or day) that a value of the chart is of.
    fn step(&self, at: Timestamp) -> Stretch {
        if !self.daily {
            return self.hour(at);
        }
        let date = local_date(at, self.tz);
        let next = date.saturating_add(1.day());
        (day_start(date, self.tz), day_start(next, self.tz))
    }

    /// The days that what is usual rests on.
    fn past(&self) -> Option<Origin> {
        let since = self.source.findings.history.since?;
        let start = day_start(since, self.tz);
        (start < self.period.start).then(|| origin(Role::Usual, (start, self.period.start)))
    }

    fn before(&self, since: jiff::civil::Date) -> Origin {
        let start = day_start(since, self.tz).min(self.period.start);
        origin(Role::Before, (start, self.period.start))
    }

    /// Of an entity that only its name is known of; of all, where none of those that are listed is called so.
    fn of(&self, origin: Origin, name: Option<&str>) -> Origin {
        let mut lines = (self.source.entities.iter()).filter(|line| Some(&*line.name) == name);
        // Two may be called alike: then it is one of them.
        let line = lines.next().filter(|_| lines.next().is_none());
        Origin {
            entity: line.map(|line| line.entity.clone()),
            name: line.map(|line| line.name.clone()),
            ..origin
        }
    }

    /// The event of that time; the second, where it is not listed, or not alone.
    fn event(&self, at: Timestamp) -> Origin {
        let mut lines = self.source.events.iter().filter(|event| event.at == at);
        let line = lines.next().filter(|_| lines.next().is_none());
        let after = at.saturating_add(SignedDuration::from_secs(1));
        Origin {
            key: line.map(|event| event.key.clone()),
            name: line.map(|event| event.title.clone()),
            ..origin(Role::Told, (at, after.unwrap_or(Timestamp::MAX)))
        }
    }

    /// The hour of the present ranking.
    fn ranked(&self) -> Stretch {
        let ranking = self.source.findings.ranking.as_ref();
        let at = ranking.and_then(|ranking| ranking.at);
        at.map_or_else(|| self.whole(), |at| self.hour(at))
    }

    fn of_rank(&self, line: &RankLine) -> Vec<Origin> {
        let of_line = |origin: Origin| Origin {
            entity: Some(line.entity.clone()),
            name: Some(line.name.clone()),
            ..origin
        };
        let ranking = self.source.findings.ranking.as_ref();
        let before = ranking.and_then(|ranking| ranking.compared_with);
        let now = of_line(origin(Role::Told, self.ranked()));
        // One that was not in it comes from all of that hour: what is missing has no rows.
        let before = before.map(|at| {
            let before = origin(Role::Before, self.hour(at));
            if line.before.is_some() {
                of_line(before)
            } else {
                before
            }
        });
        [now].into_iter().chain(before).collect()
    }
}

fn origin(role: Role, (from, to): Stretch) -> Origin {
    Origin {
        role,
        entity: None,
        key: None,
        name: None,
        from,
        to,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{
        analyse::{
            sentence::sentences,
            tests::{analysis, sheet},
        },
        analysis::{Anomaly, Band, Basis, Change, EventFigures, EventLine, PeriodKind, Record},
        measure::Across,
    };

    fn told(sentence: &Sentence, source: &SourceAnalysis, period: &Period) -> Vec<Origin> {
        let now = period.start + SignedDuration::from_hours(6);
        origins(sentence, source, period, &paris(), now)
    }

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").unwrap()
    }

    /// Two stations, the first of them at ten past midnight and at ten past three.
    fn watched() -> (SourceAnalysis, Period) {
        let rows = [("a", 10, 2.0), ("b", 10, 3.0), ("a", 190, 7.0)];
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(id, minute, value)| (id.to_owned(), minute, value))
            .collect();
        let day = period_of(PeriodKind::Day, date(2026, 10, 25), &paris());
        (analysis(&sheet(Across::Each), &rows), day)
    }

    fn band() -> Band {
        Band {
            low: 1.0,
            median: 2.0,
            high: 3.0,
            samples: 9,
            basis: Basis::AnyDay,
        }
    }

    #[test]
    fn a_level_is_of_its_hour_and_entity_and_of_the_days_that_say_what_is_usual() {
        let (mut source, day) = watched();
        source.findings.history.since = Some(date(2026, 10, 11));
        source.headlines[0].usual = Some(band());
        let lead = &sentences(&source, &day, day.end)[0];
        let [level, usual] = told(lead, &source, &day).try_into().unwrap();
        let hour = |hour: i64| day.start + SignedDuration::from_hours(hour);
        assert_eq!(
            (level.role, level.from, level.to),
            (Role::Told, hour(3), hour(4))
        );
        assert_eq!(level.entity.as_deref(), Some("a"));
        let first = day_start(date(2026, 10, 11), &paris());
        assert_eq!(
            (usual.role, usual.from, usual.to),
            (Role::Usual, first, day.start)
        );
    }

    #[test]
    fn a_comparison_is_of_both_periods_and_what_has_passed_of_this_one() {
        let (source, day) = watched();
        let change = Change {
            value: 2.0,
            before: 1.0,
            hours: 6,
            hours_passed: 6,
            ratio: true,
            before_date: date(2026, 10, 24),
        };
        let scale = crate::analyse::sentence::Scale {
            unit: "1".into(),
            decimals: 0,
        };
        let compared = Sentence::Compared(change, scale, false);
        let [now, before] = told(&compared, &source, &day).try_into().unwrap();
        let six = day.start + SignedDuration::from_hours(6);
        assert_eq!((now.from, now.to), (day.start, six));
        assert_eq!((before.role, before.to), (Role::Before, day.start));
        assert_eq!(before.from, day_start(date(2026, 10, 24), &paris()));
    }

    #[test]
    fn an_unusual_stretch_is_of_its_entity_where_that_is_listed() {
        let (source, day) = watched();
        let anomaly = |entity: &str| Anomaly {
            entity: Some(entity.into()),
            from: day.start,
            to: day.start + SignedDuration::from_hours(2),
            above: true,
            value: 7.0,
            at: day.start,
            usual: band(),
            steps: 2,
            p: 0.001,
        };
        let scale = crate::analyse::sentence::Scale {
            unit: "1".into(),
            decimals: 0,
        };
        let of = |entity: &str| {
            let unusual = Sentence::Unusual(anomaly(entity), scale.clone(), 0, 0.1);
            told(&unusual, &source, &day)[0].entity.clone()
        };
        assert_eq!((of("b").as_deref(), of("gone")), (Some("b"), None));
    }

    #[test]
    fn a_record_of_events_is_of_the_event() {
        let (mut source, day) = watched();
        source.findings.events = Some(EventFigures::default());
        let at = day.start + SignedDuration::from_hours(1);
        source.events.push(EventLine {
            key: "us7000".into(),
            title: "M 6.4".into(),
            at,
            lon: None,
            lat: None,
            value: Some(6.4),
            revisions: 1,
        });
        let record = Record {
            highest: true,
            value: 6.4,
            at,
            before: 6.1,
            since: date(2026, 3, 3),
            of_all: false,
            days: 200,
            days_passed: 236,
        };
        let scale = crate::analyse::sentence::Scale {
            unit: "1".into(),
            decimals: 1,
        };
        let record = Sentence::Record(record, scale);
        let [event, before] = told(&record, &source, &day).try_into().unwrap();
        assert_eq!(event.key.as_deref(), Some("us7000"));
        assert_eq!(before.from, day_start(date(2026, 3, 3), &paris()));
    }

    #[test]
    fn downloads_that_were_counted_are_those_of_the_period() {
        let (source, day) = watched();
        let [downloads] = told(&Sentence::Incomplete(1, 9), &source, &day)
            .try_into()
            .unwrap();
        assert_eq!(
            (downloads.role, downloads.from),
            (Role::Downloads, day.start)
        );
    }
}
