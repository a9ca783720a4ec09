//! The server.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Query, Request, State},
    http::{HeaderMap, Method, Uri},
    response::Response,
};
use jiff::Timestamp;
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet, time::timeout};
use tower_http::{CompressionLevel, compression::CompressionLayer};

use crate::{
    distort,
    fault::{FaultKind, FaultPlan, Faults, plain_path},
    provider::{Ask, Shape, World},
    respond::{self, Compressible},
    tls,
};

/// How many requests are remembered; older ones are forgotten.
const REMEMBERED_REQUESTS: usize = 20_000;

/// How long [`Simulator::stop`] waits for answers under way.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a simulator is made of.
pub struct SimulatorOptions {
    /// Another seed is another world.
    pub seed: u64,
    /// Says the virtual time; asked once per request.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// How many Vélib' stations there are.
    pub stations: usize,
}

impl SimulatorOptions {
    /// A world without faults and with 400 stations.
    pub fn new(seed: u64, clock: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self {
            seed,
            clock,
            faults: FaultPlan::none(),
            stations: 400,
        }
    }

    /// The same with these faults.
    #[must_use]
    pub fn faults(self, faults: FaultPlan) -> Self {
        Self { faults, ..self }
    }
}

impl fmt::Debug for SimulatorOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SimulatorOptions")
            .field("seed", &self.seed)
            .field("faults", &self.faults)
            .field("stations", &self.stations)
            .finish_non_exhaustive()
    }
}

/// A request that the simulator has received.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenRequest {
    /// `GET`, normally.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Names in lower case; values that are not text are shown as well as can be.
    pub headers: Vec<(String, String)>,
    /// The virtual time of arrival.
    pub at: Timestamp,
    /// The fault that struck it.
    pub fault: Option<FaultKind>,
    /// The HTTP status of the answer.
    pub status: u16,
}

impl SeenRequest {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A running simulator. Dropping it stops it without waiting; [`Simulator::stop`] waits.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinSet<std::io::Result<()>>,
}

impl Simulator {
    /// Starts to serve on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Those of the operating system, when no port can be opened.
    pub async fn start(options: SimulatorOptions) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut server = JoinSet::new();
        let tls = if options.faults.wants_tls() {
            Some(tls::listen(&mut server).await?)
        } else {
            None
        };
        let shared = Arc::new(Shared {
            world: World::new(options.seed, options.stations),
            clock: options.clock,
            tls,
            faults: Faults::new(options.faults),
            seen: Mutex::new(VecDeque::new()),
            stopping: Arc::new(AtomicBool::new(false)),
        });
        let compression = CompressionLayer::new()
            .quality(CompressionLevel::Fastest)
            .compress_when(Compressible);
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared))
            .layer(compression);
        let (stop, stopped) = oneshot::channel::<()>();
        server.spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(async {
                    // An error means that the simulator was dropped: stop as well.
                    let _ = stopped.await;
                })
                .await
        });
        Ok(Self {
            address,
            shared,
            stop: Some(stop),
            server,
        })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests received, oldest first; the last 20,000.
    pub fn requests(&self) -> Vec<SeenRequest> {
        let seen = self
            .shared
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        seen.iter().cloned().collect()
    }

    /// Stops serving; answers under way get two seconds.
    pub async fn stop(mut self) {
        self.say_stop();
        // Clients that keep a connection open are left to themselves, and so is the https listener.
        let _ = timeout(FAREWELL, self.server.join_next()).await;
    }

    fn say_stop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        if let Some(stop) = self.stop.take() {
            // The server may be gone already; then there is nobody to tell.
            let _ = stop.send(());
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.say_stop();
    }
}

struct Shared {
    world: World,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    tls: Option<SocketAddr>,
    faults: Faults,
    seen: Mutex<VecDeque<SeenRequest>>,
    stopping: Arc<AtomicBool>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let at = (shared.clock)();
    let path = plain_path(request.uri().path());
    let fault = shared.faults.strike(&path, at);
    let response = shared.respond(
        &path,
        request.method(),
        request.uri(),
        request.headers(),
        at,
        fault.as_ref(),
    );
    shared.remember(SeenRequest {
        method: request.method().to_string(),
        target: request
            .uri()
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.to_string(), value)
            })
            .collect(),
        at,
        fault,
        status: response.status().as_u16(),
    });
    response
}

impl Shared {
    fn respond(
        &self,
        path: &str,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        at: Timestamp,
        fault: Option<&FaultKind>,
    ) -> Response {
        if method != Method::GET && method != Method::HEAD {
            return respond::refusal(405, "Method Not Allowed");
        }
        if let Some(hop) = path.strip_prefix(respond::LOOP_PATH) {
            return respond::next_hop(hop);
        }
        let query = Query::<HashMap<String, String>>::try_from_uri(uri)
            .map(|Query(query)| query)
            .unwrap_or_default();
        let (at, shape) = match fault {
            Some(FaultKind::HalfRows { keep }) => {
                let keep = keep.clamp(0.0, 1.0);
                (
                    at,
                    Shape {
                        keep,
                        ..Shape::WHOLE
                    },
                )
            }
            Some(FaultKind::NullIds) => {
                let null_ids = true;
                (
                    at,
                    Shape {
                        null_ids,
                        ..Shape::WHOLE
                    },
                )
            }
            Some(FaultKind::YesterdaysBody) => (respond::day_before(at), Shape::WHOLE),
            Some(FaultKind::FutureRows { ahead }) => (
                at.saturating_add(*ahead).unwrap_or(Timestamp::MAX),
                Shape::WHOLE,
            ),
            _ => (at, Shape::WHOLE),
        };
        let ask = Ask {
            at,
            query: &query,
            shape,
        };
        match self.world.page(path, &ask) {
            None => respond::refusal(404, "Not Found"),
            Some(page) => {
                let page = match fault {
                    Some(FaultKind::OtherUnit) => distort::other_unit(page),
                    Some(FaultKind::RenumberedIds) => distort::renumbered(page),
                    _ => page,
                };
                respond::respond(page, fault, headers, self.tls, &self.stopping)
            }
        }
    }

    fn remember(&self, request: SeenRequest) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() == REMEMBERED_REQUESTS {
            seen.pop_front();
        }
        seen.push_back(request);
    }
}
