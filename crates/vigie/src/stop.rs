//! Told to end (SIGTERM, Ctrl-C): what is under way gets a moment, then the program ends, whatever it waits for.
//!
//! Ending is safe at any point, since every step can be killed and run again. The moment is there for what is nearly done: an
//! answer on its way, a batch on its way into the store.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time::Instant};
use tracing::{info, warn};

use crate::failure::{Exit, Failure, Outcome};

/// What a request or a batch under way is given.
const PATIENCE: Duration = Duration::from_secs(2);
/// After so long the program ends although something still waits for a disk or a store.
const DEADLINE: Duration = Duration::from_millis(3_500);

/// Whether the program was told to end. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    since: Arc<watch::Sender<Option<Instant>>>,
}

impl Default for Stop {
    fn default() -> Self {
        let (since, _) = watch::channel(None);
        Self {
            since: Arc::new(since),
        }
    }
}

impl Stop {
    /// Tells it to end.
    pub(crate) fn ask(&self) {
        self.since
            .send_if_modified(|since| since.is_none() && since.replace(Instant::now()).is_none());
    }

    /// Whether it was told to end: nothing new is begun.
    pub(crate) fn is_asked(&self) -> bool {
        self.since.borrow().is_some()
    }

    /// Waits until it is told to end.
    pub(crate) async fn asked(&self) {
        self.since_when().await;
    }

    /// Waits until it was told to end and what is under way has had its moment.
    pub(crate) async fn patience_over(&self) {
        let since = self.since_when().await;
        tokio::time::sleep_until(since + PATIENCE).await;
    }

    async fn since_when(&self) -> Instant {
        let mut since = self.since.subscribe();
        match since.wait_for(Option::is_some).await.map(|since| *since) {
            Ok(Some(since)) => since,
            // The sender lives as long as `self`.
            _ => std::future::pending().await,
        }
    }
}

/// Runs a command that ends in order when it is told to. `told_is_done` says whether being told is how it should end, as for
/// `vigie up`; else some of its work is left for the next run.
pub(crate) async fn in_order(
    stop: Stop,
    told_is_done: bool,
    work: impl Future<Output = Outcome> + Send + 'static,
) -> Outcome {
    let signal = stop_signal()?;
    let exit = if told_is_done {
        Exit::Done
    } else {
        Exit::SomeFailed
    };
    // On its own task, so that nothing that it blocks on keeps the deadline from being kept.
    let mut working = JoinSet::new();
    working.spawn(work);
    tokio::select! {
        ended = working.join_next() => return outcome(ended),
        () = signal => {}
    }
    info!("stopping");
    stop.ask();
    // Listening from now on only: the first signal is not the second.
    let again = stop_signal()?;
    let ended = tokio::select! {
        ended = working.join_next() => outcome(ended),
        () = tokio::time::sleep(DEADLINE) => {
            warn!("ended before everything had come to its end: the next run takes it up");
            working.detach_all();
            return Ok(exit);
        }
        () = again => {
            working.detach_all();
            return Ok(exit);
        }
    };
    info!("stopped");
    ended.map(|ended| if ended == Exit::Done { exit } else { ended })
}

fn outcome(ended: Option<Result<Outcome, tokio::task::JoinError>>) -> Outcome {
    match ended {
        Some(Ok(outcome)) => outcome,
        Some(Err(error)) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Failure::usage(error)),
        },
        None => Ok(Exit::Done),
    }
}

/// Ends with Ctrl-C or SIGTERM.
pub(crate) fn stop_signal() -> Outcome<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::usage)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::usage)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn told_twice_the_moment_does_not_begin_anew() {
        let stop = Stop::default();
        assert!(!stop.is_asked());
        stop.ask();
        stop.asked().await;
        let since = *stop.since.borrow();
        tokio::time::sleep(Duration::from_millis(5)).await;
        stop.ask();
        assert_eq!(*stop.since.borrow(), since);
        stop.patience_over().await;
        assert!(since.unwrap().elapsed() >= PATIENCE);
    }
}
