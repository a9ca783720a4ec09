//! What the service manager is told (`sd_notify(3)`), and how it asks for the settings to be read again.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

use crate::failure::{Failure, Outcome};

/// The program is ready.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The settings are being read again; [`ready`] says when that is over.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The program is ending.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Something was got done: a turn of the main loop, an answer, a batch. Called from the work itself and from no timer, so that
/// the watchdog bites when the work hangs.
pub(crate) fn advanced() {
    tell(&[NotifyState::Watchdog]);
}

/// How often something must be got done, if the service manager watches.
pub(crate) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

fn tell(state: &[NotifyState<'_>]) {
    // Without a service manager this does nothing; one that does not listen must not stop the watch.
    if let Err(error) = sd_notify::notify(state) {
        debug!(%error, "the service manager was not told");
    }
}

/// The wish to have the settings read again: SIGHUP.
pub(crate) struct Hangup(tokio::signal::unix::Signal);

impl Hangup {
    /// From now on SIGHUP no longer ends the program.
    pub(crate) fn listen() -> Outcome<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::hangup())
            .map(Self)
            .map_err(Failure::usage)
    }

    /// Waits for it.
    pub(crate) async fn wished(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
