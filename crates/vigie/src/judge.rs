//! Whether a body that could be read is believed: rows from the future, sizes, ages, values and identifiers against what the source
//! has sent before. The judgements themselves are `vigie_core::quality`; here they get what the ledger knows.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use vigie_core::{
    capture::Capture,
    cause::Cause,
    census::Census,
    profile::{Jump, Profile, Profiler},
    quality::{self, Degraded, ExpectedRows, HISTORY_MAX, Past},
    row::Rows,
};
use vigie_sources::{Definition, Extraction, Model};

use crate::{
    app::App,
    failure::{Failure, Outcome},
};

/// What is known of a source while its bodies are judged, oldest first.
pub(crate) struct Judge<'d> {
    definition: &'d Definition,
    /// The measures whose median is watched, by their index, and their names.
    watched: Vec<usize>,
    jumps: Vec<(&'d str, Jump)>,
    known: Option<Known>,
    census: Census,
}

/// What came before; asked of the ledger once, when the first body is there.
struct Known {
    history: VecDeque<Past>,
    newest: Option<Timestamp>,
}

/// A body that is believed.
pub(crate) struct Believed {
    /// What it was like, if the next ones shall be compared with it.
    pub(crate) profile: Option<Profile>,
    /// Why rows were refused, if they were.
    pub(crate) cause: Option<Cause>,
}

/// One that is not.
pub(crate) struct Doubted {
    pub(crate) degraded: Degraded,
    pub(crate) profile: Option<Profile>,
}

impl<'d> Judge<'d> {
    /// A judge of the bodies of a source.
    pub(crate) fn new(app: &App, definition: &'d Definition) -> Outcome<Self> {
        let jumps = definition.jumps.iter();
        let census = match definition.model {
            Model::Observations => {
                let known = app.ledger().entities(&definition.id);
                Census::from_bytes(&known.map_err(Failure::usage)?)
            }
            // Events are new by nature.
            Model::Events => Census::default(),
        };
        Ok(Self {
            definition,
            watched: definition.jumps.iter().map(|(index, _)| *index).collect(),
            jumps: jumps
                .map(|(index, jump)| (definition.measures[*index].id.as_str(), *jump))
                .collect(),
            known: None,
            census,
        })
    }

    /// Judges a body; rows that must not count are taken out of it.
    pub(crate) fn judge(
        &mut self,
        app: &App,
        capture: &Capture,
        extraction: &mut Extraction<Rows>,
    ) -> Outcome<Result<Believed, Doubted>> {
        let definition = self.definition;
        let age_max = quality::history_age_max(app.schedule(definition).every());
        let since = capture.started_at.saturating_sub(age_max);
        let since = since.unwrap_or(Timestamp::MIN);
        let known = match &mut self.known {
            Some(known) => known,
            none => none.insert(ask_ledger(app, definition, capture, since)?),
        };
        known.history.retain(|past| past.at >= since);
        extraction.clip_texts(app.config().limits.text_characters_max);
        let (future, latest) = extraction.refuse_future(capture.started_at, definition.future);
        let mut profiler = Profiler::new(&self.watched);
        for row in extraction.rows.iter() {
            profiler.add(row.entity, row.values);
        }
        let sum = profiler.sum();
        let profile = profiler.finish();
        if capture.history.is_some() {
            if let Err(degraded) = judge_past(definition, extraction, future, latest) {
                return Ok(Err(Doubted {
                    degraded,
                    profile: None,
                }));
            }
            let cause = self.cause(app, extraction, sum, future);
            return Ok(Ok(Believed {
                profile: None,
                cause,
            }));
        }
        let newest = if definition.repeats {
            None
        } else {
            newest_content(definition, extraction)
        };
        let same = match (&capture.sha256, newest.is_some() && newest < known.newest) {
            (Some(sha256), true) => app
                .ledger()
                .same_body(&definition.id, sha256, capture.started_at, since)
                .map_err(Failure::usage)?,
            _ => None,
        };
        let recent: &[Past] = known.history.make_contiguous();

        let rows = extraction.rows.len() as u64 + extraction.empty_rows;
        let all = rows + extraction.refused_rows;
        let expected = ExpectedRows {
            min: definition.expected.min.unwrap_or(0),
            shrink: definition.expected.shrink.unwrap_or(0.0),
        };
        let first = extraction.refusals.first().map(ToString::to_string);
        let counts: Vec<u64> = recent.iter().map(|past| past.rows).collect();
        let values_refused = extraction.refused_values > rows / 2;
        let is_observed = definition.model == Model::Observations;
        // The newest event may be taken back, or be missing for a while: of events only the same bytes are known again.
        let margin = if is_observed {
            definition.stale_after
        } else {
            SignedDuration::MAX
        };
        let judged = quality::judge_future(future, all, latest)
            .and_then(|()| {
                let refused = extraction.refused_rows;
                quality::judge(expected, rows, refused, first.as_deref(), &counts)
            })
            .and_then(|()| quality::judge_age(newest, known.newest, margin, same))
            .and_then(|()| quality::judge_values(&profile, &self.jumps, values_refused, recent))
            .and_then(|()| {
                if is_observed {
                    quality::judge_identifiers(&profile, recent)
                } else {
                    Ok(())
                }
            });
        known.history.push_front(Past {
            at: capture.started_at,
            rows: all,
            believed: judged.is_ok(),
            profile: Some(profile.clone()),
        });
        known.history.truncate(HISTORY_MAX);
        if let Err(degraded) = judged {
            return Ok(Err(Doubted {
                degraded,
                profile: Some(profile),
            }));
        }
        known.newest = known.newest.max(newest);
        let cause = self.cause(app, extraction, sum, future);
        Ok(Ok(Believed {
            profile: Some(profile),
            cause,
        }))
    }

    /// Takes out the rows of entities that are too many, and names why rows were refused, if they were.
    fn cause(
        &mut self,
        app: &App,
        extraction: &mut Extraction<Rows>,
        sum: u64,
        future: u64,
    ) -> Option<Cause> {
        let most = app.config().limits.entities_max;
        let strangers = if self.definition.model == Model::Observations {
            self.admit(extraction, sum, most)
        } else {
            0
        };
        match (
            strangers,
            future,
            extraction.refused_rows + extraction.refused_values,
        ) {
            (1.., _, _) => Some(Cause::TooManyEntities),
            (_, 1.., _) => Some(Cause::Future),
            (_, _, 1..) => Some(Cause::RowsRefused),
            _ => None,
        }
    }

    /// Writes down which entities the source has, if there are new ones. Before the rows are in the store, so that a kill cannot
    /// let more of them in.
    pub(crate) fn write_census(&mut self, app: &App) -> Outcome<()> {
        let Some(known) = self.census.to_bytes_if_changed() else {
            return Ok(());
        };
        app.ledger()
            .set_entities(&self.definition.id, &known)
            .map_err(Failure::usage)
    }

    /// Refuses the rows of entities that are too many.
    fn admit(&mut self, extraction: &mut Extraction<Rows>, sum: u64, most: usize) -> u64 {
        if self.census.knows_body(sum) {
            return 0;
        }
        let census = &mut self.census;
        let refused = extraction.refuse_rows("entity", |row| {
            let entity = row.entity;
            (!census.admit(entity, most)).then(|| {
                let reason = format!("the source has limits.entities_max = {most} others already");
                (entity.to_owned(), reason)
            })
        });
        if refused == 0 {
            self.census.remember_body(sum);
        }
        refused
    }
}

/// Judges a stretch of the past by itself: it is longer or shorter than what comes from slot to slot, and older. Where the source
/// always has something, nothing at all is not believed.
fn judge_past(
    definition: &Definition,
    extraction: &Extraction<Rows>,
    future: u64,
    latest: Option<Timestamp>,
) -> Result<(), Degraded> {
    let taken = extraction.rows.len() as u64 + extraction.empty_rows;
    let refused = extraction.refused_rows;
    let expected = ExpectedRows {
        min: definition.expected.min.unwrap_or(0).min(1),
        shrink: 0.0,
    };
    let first = extraction.refusals.first().map(ToString::to_string);
    quality::judge_future(future, taken + refused, latest)?;
    quality::judge(expected, taken, refused, first.as_deref(), &[])
}

fn ask_ledger(
    app: &App,
    definition: &Definition,
    capture: &Capture,
    since: Timestamp,
) -> Outcome<Known> {
    let (id, before) = (&definition.id, capture.started_at);
    let ledger = app.ledger();
    let history = ledger.history(id, before, HISTORY_MAX);
    let newest = ledger.newest_content(id, before, since);
    let (observed, published) = newest.map_err(Failure::usage)?;
    Ok(Known {
        history: history.map_err(Failure::usage)?.into(),
        newest: if definition.says_when_published() {
            published
        } else {
            observed
        },
    })
}

/// The time of a body's newest content: when it was published if the provider says so, else when it was observed. Nothing can be
/// said of events without a time of publication, since the newest may be taken back, nor where the times are those of the fetch.
fn newest_content(definition: &Definition, extraction: &Extraction<Rows>) -> Option<Timestamp> {
    if definition.times_are_fetch_times() {
        return None;
    }
    let rows = extraction.rows.iter();
    if definition.says_when_published() {
        let published = rows.filter_map(|row| row.published_at).max();
        return extraction.published_at.max(published);
    }
    match definition.model {
        Model::Observations => rows.map(|row| row.observed_at).max(),
        Model::Events => None,
    }
}
