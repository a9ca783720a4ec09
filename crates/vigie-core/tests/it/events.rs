//! Merging the versions of an event is a pure function of the set of rows.

use proptest::prelude::*;
use vigie_core::event::Event;

use crate::rows::{HORIZON, Said, Source, said};

fn source() -> Source {
    Source::in_zone(jiff::tz::TimeZone::UTC, HORIZON)
}

fn event(source: &Source, said: &Said) -> Event {
    let one = Said {
        entity: 0,
        ..said.clone()
    };
    Event::from_row(&source.id, &source.measures, one.row(), one.fetched_at())
}

fn merged<'s>(source: &Source, said: impl IntoIterator<Item = &'s Said>) -> Option<Event> {
    said.into_iter()
        .map(|said| event(source, said))
        .reduce(|mut known, next| {
            known.merge(&next);
            known
        })
}

proptest! {
    #[test]
    fn any_order_portions_and_repetition_give_the_same_event(
        rows in prop::collection::vec(said(), 1..20), order in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(),
        shuffled in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let source = source();
        let whole = merged(&source, &rows).unwrap();
        // Rotated, cut into two that are merged either way round, and with rows again.
        let mut rotated = rows.clone();
        rotated.rotate_left(order.index(rows.len()));
        rotated.extend(shuffled.iter().map(|index| index.get(&rows).clone()));
        let (left, right) = rotated.split_at(cut.index(rotated.len()) + 1);
        let left = merged(&source, left).unwrap();
        if let Some(right) = merged(&source, right) {
            for (mut first, second) in [(left.clone(), &right), (right.clone(), &left)] {
                first.merge(second);
                prop_assert_eq!(&first, &whole);
            }
        }
        let mut again = whole.clone();
        prop_assert!(!again.merge(&whole));
        for said in &rows {
            let event = event(&source, said);
            prop_assert!(whole.includes(&event));
            // Seen once more, it says nothing new.
            prop_assert!(!again.merge(&event));
        }
    }

    /// Against a plain reading: of what was fetched by then, the greatest revision, then the one fetched last.
    #[test]
    fn what_was_known_at_a_time_is_what_had_been_fetched_by_then(rows in prop::collection::vec(said(), 1..20), at in 0_i64..400) {
        let source = source();
        let whole = merged(&source, &rows).unwrap();
        let at = jiff::Timestamp::from_second(crate::rows::START + at * 60).unwrap();
        let known: Vec<&Said> = rows.iter().filter(|said| said.fetched_at() <= at).collect();
        let found = whole.known_at(at);
        prop_assert_eq!(found.is_some(), !known.is_empty());
        let Some(found) = found else { return Ok(()) };
        let newest = known.iter().map(|said| said.revision).max().unwrap();
        prop_assert_eq!(found.revision, newest);
        // What counts now was fetched last among the versions of the greatest revision, where revisions are not ordered.
        let newest = rows.iter().map(|said| said.revision).max().unwrap();
        let current = whole.current().unwrap();
        prop_assert_eq!(current.revision, newest);
        if newest == 0 {
            let last = rows.iter().map(Said::fetched_at).max().unwrap();
            prop_assert_eq!(current.last_fetched_at, last);
        }
    }
}
