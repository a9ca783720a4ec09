//! A turn at what only one may do at a time: a lock that is waited for.

use std::time::Duration;

use tokio::time::Instant;
use vigie_store::lock::{Lock, LockError};

use crate::{
    app::App,
    failure::{Exit, Failure, Outcome},
};

/// Takes a lock, or waits until whoever holds it is done, but not longer than `most`.
pub(crate) async fn wait_for(app: &App, name: &str, most: Duration) -> Outcome<Lock> {
    let until = Instant::now() + most;
    loop {
        match Lock::take(&app.data(), name, app.now()) {
            Ok(lock) => return Ok(lock),
            Err(error @ LockError::Held { .. }) if Instant::now() >= until => {
                return Err(Failure::new(Exit::Locked, error));
            }
            Err(LockError::Held { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => return Err(Failure::usage(error)),
        }
    }
}
