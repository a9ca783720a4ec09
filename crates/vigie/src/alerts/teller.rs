//! Looking at the rules and sending, beside the work of `vigie up`: weeks that are read and channels that hang hold up nothing.

use std::sync::Arc;

use tokio::task::JoinSet;
use tracing::warn;
use vigie_store::store::Store;

use super::look_quietly;
use crate::{app::App, outbox, stop::Stop};

/// While one task sends, another may look.
const TASKS_MAX: usize = 2;

/// The tasks that tell. Who has it awaits them.
#[derive(Debug, Default)]
pub(crate) struct Teller(JoinSet<()>);

impl Teller {
    /// Looks at the rules and sends what waits. What is under way already is not begun twice: its locks see to that.
    pub(crate) fn go_on(&mut self, app: &App, store: Option<&Arc<dyn Store>>) {
        while let Some(ended) = self.0.try_join_next() {
            if let Err(panic) = ended {
                warn!(%panic, "a task ended unexpectedly");
            }
        }
        if self.0.len() < TASKS_MAX {
            let (app, store) = (app.clone(), store.cloned());
            self.0.spawn(async move {
                look_quietly(&app, store.as_ref()).await;
                outbox::deliver_quietly(&app).await;
            });
        }
    }

    /// Gives what is under way its moment. What is given up is done by the next start.
    pub(crate) async fn end(mut self, stop: &Stop) {
        let ended = async { while self.0.join_next().await.is_some() {} };
        tokio::select! {
            () = ended => {}
            () = stop.patience_over() => {}
        }
    }
}
