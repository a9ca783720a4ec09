//! What one client may ask for, so that none starves the others.
//!
//! A client is an address (of IPv6 its network of 64 bits). It has a bucket of tokens, one a request, filled at a steady rate up to
//! what five seconds bring: a page that opens may ask for much at once, and nobody for much all the time.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::Refusal;
use crate::config::ServeConfig;

/// How many seconds of silence a client may use at once.
const BURST: Duration = Duration::from_secs(5);
/// Clients remembered one by one; the others share what one has.
const CLIENTS_MAX: usize = 4096;

/// The limits of a server, and how much of them is used.
pub(super) struct Limits {
    per_second: f64,
    streams_max: usize,
    clients: Mutex<HashMap<IpAddr, Tokens>>,
    streams: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// What a client may still ask for.
struct Tokens {
    left: f64,
    at: Instant,
}

/// A place among the open streams, given back when it is dropped.
pub(super) struct StreamPlace {
    client: IpAddr,
    streams: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut streams = lock(&self.streams);
        if let Some(count) = streams.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                streams.remove(&self.client);
            }
        }
    }
}

impl Limits {
    pub(super) fn new(settings: &ServeConfig) -> Self {
        Self {
            per_second: f64::from(settings.requests_per_second_max),
            streams_max: settings.streams_max,
            clients: Mutex::default(),
            streams: Arc::default(),
        }
    }

    /// Takes a token of a client, or says in how many seconds there will be one.
    fn take(&self, client: IpAddr, now: Instant) -> Result<(), f64> {
        if self.per_second == 0.0 {
            return Ok(());
        }
        let full = (self.per_second * BURST.as_secs_f64()).max(1.0);
        let mut clients = lock(&self.clients);
        let mut client = client;
        if clients.len() >= CLIENTS_MAX && !clients.contains_key(&client) {
            clients.retain(|_, tokens| now.saturating_duration_since(tokens.at) < BURST);
            if clients.len() >= CLIENTS_MAX {
                client = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let tokens = clients.entry(client).or_insert(Tokens {
            left: full,
            at: now,
        });
        let since = now.saturating_duration_since(tokens.at).as_secs_f64();
        tokens.left = (tokens.left + since * self.per_second).min(full);
        tokens.at = now;
        if tokens.left < 1.0 {
            return Err((1.0 - tokens.left) / self.per_second);
        }
        tokens.left -= 1.0;
        Ok(())
    }

    /// A place for a stream, unless all are taken, or this client has half of them.
    pub(super) fn open_stream(&self, from: SocketAddr) -> Result<StreamPlace, Refusal> {
        let client = client(from.ip());
        let mut streams = lock(&self.streams);
        let all: usize = streams.values().sum();
        let own = streams.get(&client).copied().unwrap_or(0);
        if all >= self.streams_max || own >= self.streams_max.div_ceil(2) {
            let most = self.streams_max;
            let reason = format!("too many open streams: serve.streams_max = {most}");
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason));
        }
        *streams.entry(client).or_insert(0) += 1;
        Ok(StreamPlace {
            client,
            streams: self.streams.clone(),
        })
    }

    pub(super) fn streams_open(&self) -> usize {
        lock(&self.streams).values().sum()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who counts as one client.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Lets a request through while its client has a token.
pub(super) async fn check(
    State(limits): State<Arc<Limits>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let Err(seconds) = limits.take(client(from.ip()), Instant::now()) else {
        return next.run(request).await;
    };
    let most = limits.per_second;
    let reason = format!("too many requests: serve.requests_per_second_max = {most}");
    let mut response = Refusal::new(StatusCode::TOO_MANY_REQUESTS, reason).into_response();
    let wait = HeaderValue::from(seconds.ceil() as u64);
    response.headers_mut().insert(header::RETRY_AFTER, wait);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(per_second: u32, streams_max: usize) -> Limits {
        Limits::new(&ServeConfig {
            requests_per_second_max: per_second,
            streams_max,
            ..ServeConfig::default()
        })
    }

    fn address(text: &str) -> IpAddr {
        client(text.parse().unwrap())
    }

    #[test]
    fn a_client_that_asks_too_much_waits_and_the_others_do_not() {
        let limits = limits(2, 1);
        let start = Instant::now();
        let (greedy, calm) = (address("192.0.2.1"), address("192.0.2.2"));
        for request in 0..10 {
            assert!(limits.take(greedy, start).is_ok(), "{request}");
        }
        let wait = limits.take(greedy, start).unwrap_err();
        assert!((wait - 0.5).abs() < 1e-9, "{wait}");
        assert!(limits.take(calm, start).is_ok());
        let later = start + Duration::from_millis(500);
        assert!(limits.take(greedy, later).is_ok());
        assert!(limits.take(greedy, later).is_err());
    }

    #[test]
    fn no_limit_is_none() {
        let limits = limits(0, 1);
        let now = Instant::now();
        assert!((0..10_000).all(|_| limits.take(address("192.0.2.1"), now).is_ok()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_client_and_a_mapped_address_is_that_of_ipv4() {
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    }

    #[test]
    fn clients_beyond_those_remembered_share_what_one_has() {
        let limits = limits(1, 1);
        let now = Instant::now();
        for number in 0..CLIENTS_MAX as u32 {
            limits.take(IpAddr::V4(number.into()), now).unwrap();
        }
        let mut granted = 0;
        for number in 0..50 {
            let stranger = IpAddr::V4((0xc000_0200 + number).into());
            granted += u32::from(limits.take(stranger, now).is_ok());
        }
        assert_eq!(granted, 5);
        // Who was silent is forgotten.
        let later = now + BURST;
        assert!(limits.take(address("198.51.100.1"), later).is_ok());
        assert!(lock(&limits.clients).len() <= 2);
    }

    #[test]
    fn one_client_has_half_of_the_streams_and_gives_them_back() {
        let limits = limits(1, 4);
        let from = |text: &str| SocketAddr::new(text.parse().unwrap(), 1);
        let held: Vec<_> = (0..2)
            .map(|_| limits.open_stream(from("192.0.2.1")).ok().unwrap())
            .collect();
        assert!(limits.open_stream(from("192.0.2.1")).is_err());
        let other = limits.open_stream(from("192.0.2.2")).ok().unwrap();
        assert_eq!(limits.streams_open(), 3);
        drop((held, other));
        assert_eq!(limits.streams_open(), 0);
        assert!(limits.open_stream(from("192.0.2.1")).is_ok());
    }
}
