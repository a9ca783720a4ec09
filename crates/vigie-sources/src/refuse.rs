//! What is refused of a body after its rows were read.

use jiff::{SignedDuration, Timestamp};
use vigie_core::row::{RowRef, Rows};

use crate::{
    extract::{Extraction, Refusal},
    text,
};

impl Extraction<Rows> {
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
        mut why: impl FnMut(&RowRef<'_>) -> Option<(String, String)>,
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
        self.rows.change_texts(|kept| text::clip(kept, most));
    }
}

#[cfg(test)]
mod tests {
    use vigie_core::row::Attributes;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(60 * minute).unwrap()
    }

    fn extraction(minutes: &[i64]) -> Extraction<Rows> {
        let mut rows = Rows::default();
        rows.reset(0, ["note"].into_iter());
        for minute in minutes {
            let row = RowRef {
                entity: &minute.to_string(),
                observed_at: at(*minute),
                published_at: None,
                revision: 0,
                point: None,
                name: Some(&"é".repeat(50)),
                values: &[],
                attributes: Attributes::NONE,
            };
            rows.push(&row, [(0, "short")]);
        }
        Extraction {
            rows,
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
        let name = |extraction: &Extraction<Rows>| {
            extraction.rows.get(0).unwrap().name.unwrap().to_owned()
        };
        assert_eq!(name(&extraction).chars().count(), 50);
        extraction.clip_texts(10);
        assert_eq!(name(&extraction), "ééééééééé…");
        let row = extraction.rows.get(0).unwrap().to_row().unwrap();
        assert_eq!(row.entity.as_str(), "0");
        assert_eq!(row.attributes["note"], "short");
    }
}
