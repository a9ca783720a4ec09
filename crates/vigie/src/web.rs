//! The dashboard: the embedded page, the API that it reads, and the stream of what changes.

mod analyses;
mod assets;
mod data;
mod guard;
mod limits;
mod live;
mod map;
mod record;
mod redact;

use std::{
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{FromRef, Path, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, sync::Semaphore};
use utoipa::{OpenApi, ToSchema};
use vigie_core::{
    analysis::{Analysis, PeriodKind, SourceAnalysis},
    text::{Language, SourceId},
    time,
};
use vigie_store::store::Store;

pub(crate) use self::guard::Guard;
use self::{
    analyses::Analyses,
    limits::Limits,
    live::Live,
    map::Ground,
    record::{Asked, Memory},
};
use crate::{
    app::App,
    export::range::Range,
    failure::{Failure, Outcome},
    report as reports,
};

/// The dashboard, bound to its address but not yet serving.
pub(crate) struct Dashboard {
    listener: TcpListener,
    router: Router,
    live: Arc<Live>,
    current: Current,
}

#[derive(Clone)]
struct Shared {
    app: App,
    store: Arc<dyn Store>,
    live: Arc<Live>,
    analyses: Arc<Analyses>,
    limits: Arc<Limits>,
    memory: Arc<Memory>,
    reports: Arc<Semaphore>,
    places: Arc<Semaphore>,
    ground: Arc<Ground>,
}

/// What requests are answered from; another when the settings are read again.
#[derive(Clone)]
pub(crate) struct Current(Arc<RwLock<Shared>>);

impl Current {
    /// Answers from now on by these settings and from this store; open pages read everything anew.
    pub(crate) fn replace(&self, app: &App, store: &Arc<dyn Store>) {
        // Read before anybody has to wait for it.
        let ground = Arc::new(Ground::read(app));
        let mut shared = self.0.write().unwrap_or_else(PoisonError::into_inner);
        shared.app = app.clone();
        shared.store = store.clone();
        // Whoever began before goes on with what was theirs.
        shared.analyses = Arc::default();
        shared.memory = Arc::default();
        shared.ground = ground;
        shared.live.forget(app);
    }
}

impl FromRef<Current> for Shared {
    fn from_ref(current: &Current) -> Self {
        let shared = current.0.read();
        shared.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Vigie",
        description = "The live public data of a place, summarised."
    ),
    paths(day, source_day, report, live::stream),
    components(schemas(Analysis, SourceAnalysis))
)]
struct ApiDocument;

/// The OpenAPI document of the API.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = ApiDocument::openapi();
    document.merge(data::openapi());
    document.merge(record::openapi());
    document.merge(map::openapi());
    document
}

impl Dashboard {
    /// Binds the address. Anything but loopback needs a token, from `VIGIE_TOKEN`.
    pub(crate) async fn bind(
        app: &App,
        store: Arc<dyn Store>,
        listen: SocketAddr,
    ) -> Outcome<Self> {
        let guard = Guard::for_address(listen)?;
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Failure::usage(format!("cannot listen on {listen}: {error}")).hint(
                "another program may hold the port: choose one with `--listen 127.0.0.1:PORT`",
            )
        })?;
        let live = Arc::new(Live::new(app));
        let limits = Arc::new(Limits::new(&app.config().serve));
        let current = Current(Arc::new(RwLock::new(Shared {
            app: app.clone(),
            store,
            live: live.clone(),
            analyses: Arc::default(),
            limits: limits.clone(),
            memory: Arc::default(),
            reports: Arc::new(Semaphore::new(1)),
            places: Arc::new(Semaphore::new(1)),
            ground: Arc::new(Ground::read(app)),
        })));
        let router = Router::new()
            .route("/api/v1/day", get(day))
            .route("/api/v1/day/{source}", get(source_day))
            .route("/api/v1/report.pdf", get(report))
            .route("/api/v1/stream", get(live::stream))
            .route("/api/openapi.json", get(|| async { Json(openapi()) }))
            .merge(data::routes())
            .merge(record::routes())
            .merge(map::routes())
            .layer(middleware::from_fn_with_state(
                current.clone(),
                redact::check,
            ))
            .fallback(get(assets::asset))
            .layer(middleware::from_fn_with_state(
                Arc::new(guard),
                guard::check,
            ))
            .layer(middleware::from_fn_with_state(limits, limits::check))
            .layer(middleware::from_fn_with_state(
                current.clone(),
                guard::headers,
            ))
            // Brotli, which the simulator's crate switches on, wants ten times the memory for a twentieth fewer bytes.
            .layer(tower_http::compression::CompressionLayer::new().no_br())
            .with_state(current.clone());
        Ok(Self {
            listener,
            router,
            live,
            current,
        })
    }

    /// What it answers from.
    pub(crate) fn current(&self) -> Current {
        self.current.clone()
    }

    /// The address of the page.
    pub(crate) fn url(&self) -> String {
        match self.listener.local_addr() {
            Ok(address) => format!("http://{address}"),
            Err(error) => format!("http://? ({error})"),
        }
    }

    /// Serves until `stop` ends.
    pub(crate) async fn serve(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Outcome<()> {
        let (live, stopping) = (self.live.clone(), self.live.clone());
        let stop = async move {
            stop.await;
            // Open streams would otherwise keep the server from ending.
            stopping.close();
        };
        let serving = axum::serve(
            self.listener,
            self.router
                .into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(stop);
        tokio::select! {
            served = serving => served.map_err(Failure::usage),
            () = live.run() => Ok(()),
            () = stay_small() => Ok(()),
        }
    }
}

/// How often memory is given back to the system.
const GIVE_BACK: Duration = Duration::from_secs(10);

/// Gives back what answers have left behind, until dropped: a year of hours takes some megabytes for a moment.
async fn stay_small() {
    loop {
        tokio::time::sleep(GIVE_BACK).await;
        // If the program ends, it is done all the more.
        let _ = tokio::task::spawn_blocking(vigie_memory::give_back).await;
    }
}

/// What the API answers when it cannot.
struct Refusal {
    status: StatusCode,
    reason: String,
    code: Option<&'static str>,
}

impl Refusal {
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            code: None,
        }
    }

    /// Has a name by which programs know it.
    fn named(self, code: &'static str) -> Self {
        let code = Some(code);
        Self { code, ..self }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "error": self.reason, "code": self.code });
        (self.status, Json(body)).into_response()
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, failure.report())
    }
}

/// The stretch of time between two parameters of an address: local dates, that of `to` included, or instants.
fn range(app: &App, from: Option<&str>, to: Option<&str>) -> Result<Range, Refusal> {
    Range::parse(from, to, app.tz())
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string().replace("--", "")))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct DayQuery {
    /// A local date of the zone; today when absent.
    #[param(value_type = Option<String>, format = Date)]
    date: Option<Date>,
}

impl DayQuery {
    fn date(&self, app: &App) -> Date {
        self.date
            .unwrap_or_else(|| time::local_date(app.now(), app.tz()))
    }
}

/// A day as it was when it was read.
#[derive(Serialize, ToSchema)]
struct Day {
    #[serde(flatten)]
    analysis: Analysis,
    /// What the stream is to be asked `since`, to hear of everything that came after.
    mark: u64,
}

/// The analysis of a day.
#[utoipa::path(get, path = "/api/v1/day", params(DayQuery), responses(
    (status = 200, description = "What happened that day, per source", body = Day)))]
async fn day(
    State(current): State<Current>,
    Asked(query): Asked<DayQuery>,
) -> Result<Json<Day>, Refusal> {
    // Taken first, before the settings: what comes while the sources are read is told to who asks the stream for what came since.
    let mark = Shared::from_ref(&current).live.mark();
    let shared = Shared::from_ref(&current);
    let app = &shared.app;
    let date = query.date(app);
    let mut sources = Vec::new();
    for definition in app.enabled() {
        sources.push(analyses::source_day(&shared, &definition, date).await?);
    }
    let analysis = Analysis {
        zone: app.config().zone.clone(),
        period: time::period(PeriodKind::Day, date, app.tz()),
        now: app.now(),
        simulated: app.config().simulated,
        sources,
        correlations: Vec::new(),
    };
    Ok(Json(Day { analysis, mark }))
}

/// What one source says of a day.
#[utoipa::path(get, path = "/api/v1/day/{source}", params(("source" = String, Path,), DayQuery), responses(
    (status = 200, description = "What the source says of that day", body = SourceAnalysis),
    (status = 404, description = "No such source, or it is not enabled")))]
async fn source_day(
    State(shared): State<Shared>,
    Path(source): Path<String>,
    Asked(query): Asked<DayQuery>,
) -> Result<Json<SourceAnalysis>, Refusal> {
    let app = &shared.app;
    let unknown = || {
        Refusal::new(
            StatusCode::NOT_FOUND,
            format!("no enabled source is called `{source}`"),
        )
    };
    let id = SourceId::new(&source).map_err(|_| unknown())?;
    let definition = app
        .enabled()
        .into_iter()
        .find(|definition| definition.id == id)
        .ok_or_else(unknown)?;
    let date = query.date(app);
    Ok(Json(
        analyses::source_day(&shared, &definition, date).await?,
    ))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ReportQuery {
    /// A local date of the zone; today when absent.
    #[param(value_type = Option<String>, format = Date)]
    date: Option<Date>,
    /// `fr` or `en`; the language of the workspace when absent.
    #[param(value_type = Option<String>)]
    lang: Option<Language>,
}

/// The PDF of a day.
#[utoipa::path(get, path = "/api/v1/report.pdf", params(ReportQuery), responses(
    (status = 200, description = "The PDF", content_type = "application/pdf")))]
async fn report(
    State(shared): State<Shared>,
    Asked(query): Asked<ReportQuery>,
) -> Result<Response, Refusal> {
    let app = &shared.app;
    // One after the other: each takes some seconds of a processor, and its memory.
    let _turn = shared.reports.acquire().await.map_err(Failure::usage)?;
    let date = DayQuery { date: query.date }.date(app);
    let language = query.lang.unwrap_or(app.config().language);
    let wanted = reports::Wanted::day(date, language);
    let pdf = reports::make(app, &shared.store, wanted).await?;
    let name = format!("inline; filename=\"vigie_day_{date}.pdf\"");
    let headers = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, pdf).into_response())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use vigie_core::domain::Domain;

    /// The page names them in two languages without asking.
    #[test]
    fn the_page_calls_each_domain_as_everything_else_does() {
        let words = include_str!("../../../web/src/i18n.ts");
        for domain in Domain::ALL {
            let title = domain.title();
            for title in [title.fr, title.en] {
                let plain = format!("\n    {domain}: \"{title}\",");
                let quoted = format!("\n    \"{domain}\": \"{title}\",");
                assert!(words.contains(&plain) || words.contains(&quoted), "{title}");
            }
        }
    }

    /// The page's types are generated from `web/openapi.json` (`npm run generate`). `VIGIE_BLESS=1` writes it anew.
    #[test]
    fn the_page_is_built_for_this_api() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/openapi.json");
        let document = format!("{}\n", super::openapi().to_pretty_json().unwrap());
        if std::env::var_os("VIGIE_BLESS").is_some() {
            vigie_store::durable::write(&file, document.as_bytes()).unwrap();
        }
        let known = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            known, document,
            "run with VIGIE_BLESS=1, then `npm run generate` in web/"
        );
    }
}
