//! Editions of a report: what a written report says, so that data that comes late makes a new one, with what changed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    analysis::{Analysis, Headline, SourceAnalysis},
    text::{SourceId, Text},
};

/// What a report leads with: if this is the same, it says the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// By source.
    pub sources: Vec<SourceFacts>,
}

/// What a report says of a source first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// The source.
    pub id: SourceId,
    /// Its title.
    pub title: Text,
    /// Downloads that were due.
    pub expected: u64,
    /// Downloads that were obtained.
    pub obtained: u64,
    /// The share of the expected observations that are present, to the thousandth.
    pub coverage: Option<f64>,
    /// The headlines.
    pub figures: Vec<Figure>,
}

/// A headline, rounded as it is printed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is.
    pub label: Text,
    /// Of whom, when it is of one.
    pub entity: Option<String>,
    /// The figure.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: String,
    /// The digits after the decimal point.
    pub decimals: u8,
}

/// Which edition a report is, and what the one before said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edition {
    /// From 1.
    pub number: u32,
    /// When the edition before was made; nothing of the first.
    pub replaces: Option<Timestamp>,
    /// What it says otherwise; nothing of the first.
    pub changes: Vec<SourceChange>,
}

impl Edition {
    /// The first edition.
    pub fn first() -> Self {
        Self {
            number: 1,
            replaces: None,
            changes: Vec::new(),
        }
    }
}

/// What a report says otherwise of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceChange {
    /// The source.
    pub id: SourceId,
    /// Its title.
    pub title: Text,
    /// Downloads obtained, before and now, where these are more.
    pub obtained: Option<(u64, u64)>,
    /// The share of observations present, before and now, where that is more.
    pub coverage: Option<(f64, f64)>,
    /// Headlines that are not the same.
    pub figures: Vec<FigureChange>,
}

/// A headline that is not the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FigureChange {
    /// What it is.
    pub label: Text,
    /// Its unit.
    pub unit: String,
    /// The digits after the decimal point.
    pub decimals: u8,
    /// The entity and the figure before.
    pub before: (Option<String>, Option<f64>),
    /// The same now.
    pub now: (Option<String>, Option<f64>),
}

impl Facts {
    /// What a report of this analysis leads with.
    pub fn of(analysis: &Analysis) -> Self {
        Self {
            sources: analysis.sources.iter().map(SourceFacts::of).collect(),
        }
    }

    /// What came since `before`. Late data adds: a source that was disabled, deleted or not asked any more changes nothing, nor
    /// does a ledger that was lost.
    pub fn since(&self, before: &Self) -> Vec<SourceChange> {
        let changes = self.sources.iter().filter_map(|now| {
            let mut known = before.sources.iter();
            match known.find(|before| before.id == now.id) {
                Some(before) => now.since(before),
                None => now.since(&now.without_data()),
            }
        });
        changes.collect()
    }
}

impl SourceFacts {
    fn of(source: &SourceAnalysis) -> Self {
        Self {
            id: source.id.clone(),
            title: source.title.clone(),
            expected: source.captures.expected,
            obtained: source.captures.obtained,
            coverage: source.coverage.map(|share| rounded(share, 3)),
            figures: source.headlines.iter().map(Figure::of).collect(),
        }
    }

    fn without_data(&self) -> Self {
        Self {
            obtained: 0,
            coverage: None,
            figures: Vec::new(),
            ..self.clone()
        }
    }

    fn has_figures(&self) -> bool {
        self.figures.iter().any(|figure| figure.value.is_some())
    }

    fn since(&self, before: &Self) -> Option<SourceChange> {
        if before.has_figures() && !self.has_figures() {
            return None;
        }
        let figures = self.figures.iter().enumerate().filter_map(|(index, now)| {
            let same = |before: &&Figure| before.label == now.label;
            let known = before.figures.get(index).filter(same);
            let known = known.or_else(|| before.figures.iter().find(same));
            if known.is_none() && before.has_figures() {
                // It leads with something else: that did not come late.
                return None;
            }
            let was = known.map_or((None, None), Figure::said);
            (was != now.said()).then(|| FigureChange {
                label: now.label.clone(),
                unit: now.unit.clone(),
                decimals: now.decimals,
                before: was,
                now: now.said(),
            })
        });
        let change = SourceChange {
            id: self.id.clone(),
            title: self.title.clone(),
            obtained: (self.obtained > before.obtained).then_some((before.obtained, self.obtained)),
            coverage: before
                .coverage
                .zip(self.coverage)
                .filter(|(before, now)| now > before),
            figures: figures.collect(),
        };
        let is_one =
            change.obtained.is_some() || change.coverage.is_some() || !change.figures.is_empty();
        is_one.then_some(change)
    }
}

impl Figure {
    fn of(headline: &Headline) -> Self {
        let value = headline.value.filter(|value| value.is_finite());
        Self {
            label: headline.label.clone(),
            entity: headline.entity.clone(),
            value: value.map(|value| rounded(value, headline.decimals)),
            unit: headline.unit.clone(),
            decimals: headline.decimals,
        }
    }

    /// Of whom, and what. Without a figure it is of nobody.
    fn said(&self) -> (Option<String>, Option<f64>) {
        (
            self.entity.clone().filter(|_| self.value.is_some()),
            self.value,
        )
    }
}

/// As it is printed. Zero has no sign.
fn rounded(value: f64, decimals: u8) -> f64 {
    let scale = 10_f64.powi(i32::from(decimals));
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() {
        rounded + 0.0
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(id: &str, obtained: u64, value: Option<f64>) -> SourceFacts {
        SourceFacts {
            id: SourceId::new(id).unwrap(),
            title: Text::same(id),
            expected: 24,
            obtained,
            coverage: Some(0.5),
            figures: vec![Figure {
                label: Text::same("mean"),
                entity: None,
                value,
                unit: "Cel".to_owned(),
                decimals: 1,
            }],
        }
    }

    fn facts(sources: Vec<SourceFacts>) -> Facts {
        Facts { sources }
    }

    #[test]
    fn what_came_late_is_named_with_what_was_said_before() {
        let before = facts(vec![source("a", 20, Some(1.5)), source("b", 24, Some(2.0))]);
        let after = facts(vec![source("a", 22, Some(1.7)), source("b", 24, Some(2.0))]);
        let changes = after.since(&before);
        let [change] = changes.as_slice() else {
            panic!("{changes:?}")
        };
        assert_eq!((change.id.as_str(), change.obtained), ("a", Some((20, 22))));
        assert_eq!(change.figures[0].before, (None, Some(1.5)));
        assert_eq!(change.figures[0].now, (None, Some(1.7)));
        assert_eq!(before.since(&before), []);
    }

    #[test]
    fn what_is_lost_or_disabled_makes_no_edition() {
        let before = facts(vec![source("a", 20, Some(1.5)), source("b", 24, Some(2.0))]);
        // Deleted by the retention; a ledger made anew; a source taken out; one that is new and has nothing.
        assert_eq!(facts(vec![source("a", 20, None)]).since(&before), []);
        assert_eq!(facts(vec![source("a", 3, Some(1.5))]).since(&before), []);
        assert_eq!(facts(vec![source("c", 0, None)]).since(&before), []);
        // One whose past was fetched.
        let filled = facts(vec![source("c", 0, Some(4.0))]).since(&before);
        assert_eq!(filled[0].figures[0].before, (None, None));
    }

    #[test]
    fn figures_are_compared_as_they_are_printed() {
        for (value, decimals, expected) in [
            (0.1 + 0.2, 1, 0.3),
            (-0.01, 1, 0.0),
            (15204.4, 0, 15204.0),
            (1e308, 9, 1e308),
        ] {
            let is = rounded(value, decimals);
            assert_eq!((is, is.is_sign_negative()), (expected, false));
        }
    }
}
