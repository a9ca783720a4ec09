//! Events summarised by local hour: what `export summaries` says of sources of events.

use std::ops::ControlFlow;

use jiff::{Timestamp, tz::TimeZone};
use vigie_core::{
    event::Event,
    measure::{Kind, Measure},
    stats::{At, Figures, Stats},
    text::SourceId,
    time::Hours,
};

use super::table::SummaryName;

/// The entity that stands for all the events of a source.
const ALL_EVENTS: &str = "*";

/// What takes in a summary.
pub(crate) type EachFigures<'a> = &'a mut dyn FnMut(SummaryName<'_>, &Figures) -> ControlFlow<()>;

/// Gathers the events of a source, which come in the order of their observed times, and summarises the current version
/// of those of one hour at a time.
pub(crate) struct EventHours<'a> {
    source: &'a SourceId,
    tz: &'a TimeZone,
    hours: Hours<'a>,
    hour: Option<Timestamp>,
    /// The measures in the order of their names, each with its values in the hour.
    measures: Vec<(&'a Measure, Vec<At>)>,
}

impl<'a> EventHours<'a> {
    /// Begins with no events.
    pub(crate) fn new(source: &'a SourceId, measures: &'a [Measure], tz: &'a TimeZone) -> Self {
        let mut measures: Vec<_> = measures
            .iter()
            .map(|measure| (measure, Vec::new()))
            .collect();
        measures.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
        Self {
            source,
            tz,
            hours: Hours::new(tz),
            hour: None,
            measures,
        }
    }

    /// Takes in an event; when it begins another hour, says first what there is to say of the one before.
    pub(crate) fn add(&mut self, event: &Event, each: EachFigures<'_>) -> ControlFlow<()> {
        let Some(version) = event.current() else {
            return ControlFlow::Continue(());
        };
        let hour = self.hours.start_of(version.observed_at);
        if self.hour != Some(hour) {
            self.end_hour(each)?;
            self.hour = Some(hour);
        }
        for (measure, values) in &mut self.measures {
            if let Some(value) = version.values.get(&measure.id) {
                values.push(At(version.observed_at.as_millisecond(), *value));
            }
        }
        ControlFlow::Continue(())
    }

    /// Says what there is to say of the hour; call it once more after the last event.
    pub(crate) fn end_hour(&mut self, each: EachFigures<'_>) -> ControlFlow<()> {
        let Some(hour) = self.hour.take() else {
            return ControlFlow::Continue(());
        };
        for (measure, values) in &mut self.measures {
            if values.is_empty() {
                continue;
            }
            // Of events at the same time the lesser value is first, as when statistics are merged.
            values.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            let kind = match measure.kind {
                Kind::Direction => Kind::Direction,
                _ => Kind::Event,
            };
            let figures = Stats::from_samples(kind, values.drain(..)).publish(kind);
            let name = SummaryName {
                source: self.source.as_str(),
                entity: ALL_EVENTS,
                measure: measure.id.as_str(),
                unit: &measure.unit,
                kind,
                hour,
                offset: self.tz.to_offset(hour),
            };
            each(name, &figures)?;
        }
        ControlFlow::Continue(())
    }
}
