//! What is refused of a body after its rows were read.

use jiff::{SignedDuration, Timestamp};
use vigie_core::row::Row;

use crate::{
    extract::{Extraction, Refusal},
    text,
};

impl Extraction {
    /// Refuses the rows observed more than `margin` after the fetch. Returns how many there were, and the latest time.
    pub fn refuse_future(
        &mut self,
        fetched_at: Timestamp,
        margin: SignedDuration,
    ) -> (u64, Option<Timestamp>) {
        let limit = fetched_at.saturating_add(margin).unwrap_or(Timestamp::MAX);
        let mut latest = None;
        let refused = self.refuse_rows("observed_at", |row| {
            (row.observed_at > limit).then(|| {
                latest = latest.max(Some(row.observed_at));
                let value = row.observed_at.to_string();
                (
                    value,
                    "in the future when it was fetched (rows.future)".to_owned(),
                )
            })
        });
        (refused, latest)
    }

    /// Refuses the rows for which `why` gives the value and the reason. Returns how many there were.
    pub fn refuse_rows(
        &mut self,
        path: &str,
        mut why: impl FnMut(&Row) -> Option<(String, String)>,
    ) -> u64 {
        let before = self.refused_rows;
        let (refusals, refused) = (&mut self.refusals, &mut self.refused_rows);
        let mut index = 0;
        self.rows.retain(|row| {
            index += 1;
            let Some((value, reason)) = why(row) else {
                return true;
            };
            *refused += 1;
            if refusals.len() < Extraction::REFUSALS_MAX {
                refusals.push(Refusal {
                    row: index,
                    entity: Some(row.entity.to_string()),
                    path: path.to_owned(),
                    value,
                    reason,
                    whole_row: true,
                });
            }
            false
        });
        self.refused_rows - before
    }

    /// Cuts names and attributes to so many characters; extraction itself cuts at 2,000.
    pub fn clip_texts(&mut self, most: usize) {
        if most >= text::CHARACTERS_MAX {
            return;
        }
        for row in &mut self.rows {
            for kept in row.name.iter_mut().chain(row.attributes.values_mut()) {
                if kept.len() > most {
                    *kept = text::clip(kept, most);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use vigie_core::text::EntityId;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(60 * minute).unwrap()
    }

    fn extraction(minutes: &[i64]) -> Extraction {
        let row = |minute: &i64| Row {
            entity: EntityId::new(minute.to_string()).unwrap(),
            observed_at: at(*minute),
            published_at: None,
            revision: 0,
            point: None,
            name: Some("é".repeat(50)),
            values: Vec::new(),
            attributes: BTreeMap::from([("note".to_owned(), "short".to_owned())]),
        };
        Extraction {
            rows: minutes.iter().map(row).collect(),
            ..Extraction::default()
        }
    }

    #[test]
    fn rows_from_the_future_are_refused_one_by_one() {
        let mut extraction = extraction(&[0, 15, 16, 10, 90]);
        let refused = extraction.refuse_future(at(0), SignedDuration::from_mins(15));
        assert_eq!(refused, (2, Some(at(90))));
        assert_eq!((extraction.rows.len(), extraction.refused_rows), (3, 2));
        assert_eq!(
            extraction.refusals[0].to_string(),
            "row 3 (16): `observed_at` is `1970-01-01T00:16:00Z`: in the future when it was fetched (rows.future)"
        );
        assert_eq!(
            extraction.refuse_future(at(0), SignedDuration::from_mins(15)),
            (0, None)
        );
    }

    #[test]
    fn texts_are_cut_at_a_lower_limit() {
        let mut extraction = extraction(&[0]);
        extraction.clip_texts(text::CHARACTERS_MAX);
        assert_eq!(
            extraction.rows[0].name.as_ref().unwrap().chars().count(),
            50
        );
        extraction.clip_texts(10);
        assert_eq!(extraction.rows[0].name.as_deref(), Some("ééééééééé…"));
        assert_eq!(extraction.rows[0].attributes["note"], "short");
    }
}
