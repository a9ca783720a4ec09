//! `store.keep_summaries_days` and `store.keep_events_days`: what is older than that is not taken in, and goes from the store at the end
//! of each summary of its source. Which days these are is `vigie_core::retention`.

use jiff::Timestamp;
use vigie_core::retention::{self, DAYS_MIN, KeptDays, Retention};
use vigie_sources::{Definition, Model};
use vigie_store::store::Store;

use crate::{
    app::{App, store_failure},
    config::StoreConfig,
    crash,
    failure::Outcome,
    service,
};

/// Documents deleted at a time.
const FORGET_MAX: usize = 2_000;

impl StoreConfig {
    /// How long summaries or events are kept; `None`: for ever.
    pub(crate) fn keep(&self, model: Model) -> Option<Retention> {
        Retention::of_days(match model {
            Model::Observations => self.keep_summaries_days,
            Model::Events => self.keep_events_days,
        })
    }

    /// The key of a retention that cannot be, and why.
    pub(crate) fn check(&self) -> Result<(), String> {
        for model in [Model::Observations, Model::Events] {
            if let Some(keep) = self.keep(model)
                && keep.days() < DAYS_MIN
            {
                let key = key(model);
                return Err(format!(
                    "store.{key}: at least {DAYS_MIN}, which a month and its charts need, or 0: for ever"
                ));
            }
        }
        Ok(())
    }

    /// The key of a retention that is shorter than the time in which a source may still change, and why.
    pub(crate) fn check_source(&self, definition: &Definition) -> Result<(), String> {
        let Some(keep) = self.keep(definition.model) else {
            return Ok(());
        };
        // A day more: the bucket of an hour is sealed some time after the horizon has passed.
        let least = (definition.horizon.as_hours() + 23) / 24 + 1;
        if i64::from(keep.days()) >= least {
            return Ok(());
        }
        let (key, days, id) = (key(definition.model), keep.days(), &definition.id);
        Err(format!(
            "store.{key} = {days}: what `{id}` says may still change; keep at least {least} days, or 0: for ever"
        ))
    }

    /// What is kept, as it is told.
    pub(crate) fn kept_days(&self) -> KeptDays {
        let days = |model| self.keep(model).map(Retention::days);
        KeptDays {
            summaries: days(Model::Observations),
            events: days(Model::Events),
        }
    }

    /// The same for operators.
    pub(crate) fn keeps(&self) -> String {
        let span = |days: Option<u32>| {
            days.map_or_else(|| "for ever".to_owned(), |days| format!("{days} days"))
        };
        let KeptDays { summaries, events } = self.kept_days();
        format!(
            "summaries kept {}, events {}",
            span(summaries),
            span(events)
        )
    }
}

fn key(model: Model) -> &'static str {
    match model {
        Model::Observations => "keep_summaries_days",
        Model::Events => "keep_events_days",
    }
}

/// What decides which rows of a source are taken, and what is known of its newest content; `None` where everything is kept.
pub(crate) async fn intake<'a>(
    app: &'a App,
    store: &dyn Store,
    definition: &Definition,
) -> Outcome<Option<retention::Intake<'a>>> {
    let Some(keep) = app.config().store.keep(definition.model) else {
        return Ok(None);
    };
    let newest = newest(store, definition).await?;
    let by_hour = definition.model == Model::Observations;
    Ok(Some(retention::Intake::new(
        keep,
        newest,
        by_hour,
        app.tz(),
    )))
}

/// The newest content of a source: the start of an hour, or the time of an event.
async fn newest(store: &dyn Store, definition: &Definition) -> Outcome<Option<Timestamp>> {
    let newest = match definition.model {
        Model::Observations => store.newest_hour(&definition.id, None).await,
        Model::Events => store.newest_event(&definition.id).await,
    };
    newest.map_err(store_failure)
}

/// Deletes what is no longer kept of a source, and returns how many documents that were. Buckets that are not sealed stay until they
/// are.
pub(crate) async fn forget(app: &App, store: &dyn Store, definition: &Definition) -> Outcome<u64> {
    let Some(keep) = app.config().store.keep(definition.model) else {
        return Ok(0);
    };
    let Some(newest) = newest(store, definition).await? else {
        return Ok(0);
    };
    let before = keep.start(newest, app.now(), app.tz());
    let mut forgotten = 0;
    while !app.stop().is_asked() {
        let (id, most) = (&definition.id, FORGET_MAX);
        let done = match definition.model {
            Model::Observations => store.forget_buckets(id, before, most).await,
            Model::Events => store.forget_events(id, before, most).await,
        };
        let done = done.map_err(store_failure)?;
        if done == 0 {
            break;
        }
        forgotten += done;
        crash::point("summarize.forgotten");
        service::advanced();
    }
    Ok(forgotten)
}
