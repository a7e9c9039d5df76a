//! The HTTP side of Viva: requests become jobs, answers come from the store, and whoever waits is told.
//!
//! Stateless: everything it knows is in the database and the audio store, so any number of replicas stand behind a proxy. A job is
//! published once, whoever asks, through the outbox that the workers relay: the gateway needs no broker. What it shows is what is
//! stored; a report that is not whole says so. Whatever a token does not allow is refused.

mod api;
pub mod auth;
pub mod cli;
mod conditional;
mod document;
mod hub;
mod jobs;
mod limit;
mod problem;
mod reading;
mod server;
mod webhook;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware;
use axum::routing::get;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use viva_celery::DeadLetters;
use viva_core::audio::Audio;
use viva_core::clock::Moment;
use viva_core::store::Store;
use viva_core::{Clock as _, SystemClock};

pub use problem::Problem;
pub use server::serve;
pub use webhook::Webhook;

use auth::{Caller, Key, Tokens};
use document::Documents;
use hub::Hub;
use jobs::Jobs;
use limit::Limits;

/// Largest body that any route takes, in bytes: a resume's text.
const BODY: usize = 1 << 20;
/// Between two times that what is remembered in this process is looked through.
const PRUNE: Duration = Duration::from_secs(30);

/// What an operator decides.
#[derive(Debug, Clone)]
pub struct Options {
    /// Origins whose pages may ask: none unless named.
    pub cors_origins: Vec<String>,
    /// Requests a second for one person's token; a server may send 40 times as many.
    pub rate_per_s: NonZeroU32,
    /// Streams of news that are open at once.
    pub streams: usize,
    /// The format of speech for clients that name none.
    pub response_format: String,
    /// Whether `/uploads/tts/q_{id}.wav` is served, to anybody who asks.
    pub legacy_audio: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cors_origins: Vec::new(),
            rate_per_s: NonZeroU32::MIN.saturating_add(49),
            streams: 10_000,
            response_format: "wav".to_owned(),
            legacy_audio: false,
        }
    }
}

/// What all routes share.
#[derive(Debug)]
pub struct App {
    store: Store,
    audio: Audio,
    tokens: Tokens,
    key: Key,
    options: Options,
    dead_letters: Option<Arc<DeadLetters>>,
    dead_seen: tokio::sync::Mutex<Option<(Moment, serde_json::Value)>>,
    hub: Hub,
    jobs: Jobs,
    documents: Documents,
    limits: Limits,
    streams: Arc<Semaphore>,
    /// Cancelled when this process leaves: whoever waits is sent elsewhere.
    stop: CancellationToken,
}

impl App {
    /// A gateway over a store and its audio, which knows these tokens.
    pub fn new(store: Store, audio: Audio, tokens: Tokens, key: Key, options: Options) -> Self {
        Self {
            hub: Hub::new(store.clone()),
            store,
            audio,
            tokens,
            key,
            dead_letters: None,
            dead_seen: tokio::sync::Mutex::default(),
            jobs: Jobs::default(),
            documents: Documents::default(),
            limits: Limits::new(options.rate_per_s),
            streams: Arc::new(Semaphore::new(options.streams)),
            stop: CancellationToken::new(),
            options,
        }
    }

    /// The same, which also shows the broker's dead letters.
    #[must_use]
    pub fn with_dead_letters(self, letters: DeadLetters) -> Self {
        Self { dead_letters: Some(Arc::new(letters)), ..self }
    }

    /// Leaves: streams end, and whoever waits is answered with what there is.
    pub fn leave(&self) {
        self.stop.cancel();
    }

    fn caller(&self, token: &str) -> Option<Caller> {
        self.key.check(token, SystemClock.wall()).or_else(|| self.tokens.find(token))
    }

    /// What goes on beside the requests, until it leaves.
    pub async fn run(&self) {
        let prune = async {
            loop {
                tokio::time::sleep(PRUNE).await;
                self.limits.prune();
                self.jobs.prune();
            }
        };
        tokio::select! {
            () = self.hub.run(self.stop.clone()) => {}
            () = prune => {}
        }
    }
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Viva", description = "Interviews voiced, scored and reported. Errors are problem+json (RFC 9457)."),
    modifiers(&Security),
    tags(
        (name = "interviews", description = "Reports, and news about them"), (name = "questions", description = "Speech of questions"),
        (name = "answers", description = "Evaluations and reviews"), (name = "resumes"), (name = "audio"), (name = "openai"),
        (name = "tokens"), (name = "fleet")
    )
)]
struct Document;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let address = ApiKeyValue::with_description("access_token", "a short-lived token, for EventSource");
        components.add_security_scheme("address", SecurityScheme::ApiKey(ApiKey::Query(address)));
    }
}

/// All routes, and the document that describes them.
pub fn router(app: &Arc<App>) -> (Router, utoipa::openapi::OpenApi) {
    let guarded = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(api::interviews::list))
        .routes(routes!(api::report::ask, api::report::show))
        .routes(routes!(api::news::interview))
        .routes(routes!(api::questions::ask, api::questions::show))
        .routes(routes!(api::answers::ask, api::answers::show))
        .routes(routes!(api::answers::review))
        .routes(routes!(api::resumes::put, api::resumes::show))
        .routes(routes!(api::speech::create))
        .routes(routes!(api::models::list))
        .routes(routes!(api::models::show))
        .routes(routes!(api::tokens::create))
        .routes(routes!(api::fleet::show))
        .routes(routes!(api::fleet::watch))
        .routes(routes!(api::fleet::replay))
        .routes(routes!(api::fleet::remove))
        .route_layer(middleware::from_fn_with_state(app.clone(), auth::guard));
    let open = OpenApiRouter::new().routes(routes!(api::audio::clip)).routes(routes!(api::audio::alias));
    let (routes, document) = guarded.merge(open).with_state(app.clone()).split_for_parts();
    let shown = document.to_json().unwrap_or_default();
    let routes = routes
        .route("/openapi.json", get(move || std::future::ready(([(header::CONTENT_TYPE, "application/json")], shown.clone()))))
        .merge(api::page::routes())
        .merge(viva_worker::health::routes(ready(app)))
        .fallback(|| std::future::ready(Problem::not_found("there is nothing at this address; /openapi.json lists what there is")))
        .method_not_allowed_fallback(|| {
            std::future::ready(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "this address takes other methods"))
        });
    (layered(routes, app), document)
}

/// Ready while the database answers.
fn ready(app: &Arc<App>) -> impl Fn() -> futures_util::future::BoxFuture<'static, Result<(), String>> + Clone + Send + Sync + 'static {
    let app = app.clone();
    move || {
        let app = app.clone();
        Box::pin(async move {
            if app.stop.is_cancelled() {
                return Err("this gateway leaves".to_owned());
            }
            let look = async {
                let unit = app.store.glance().await?;
                unit.worker_sessions().have_left().await?;
                unit.rollback().await
            };
            match tokio::time::timeout(Duration::from_secs(2), look).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("the database does not answer within 2 s".to_owned()),
            }
        })
    }
}

fn layered(routes: Router, app: &Arc<App>) -> Router {
    use tower_http::catch_panic::CatchPanicLayer;
    use tower_http::set_header::SetResponseHeaderLayer;

    let fixed = |name: HeaderName, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    let panicked = |_: Box<dyn std::any::Any + Send>| {
        use axum::response::IntoResponse as _;
        tracing::error!("a request crashed; the line before says where");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something is wrong here; the gateway's log has the details")
            .into_response()
    };
    routes
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn(server::within_time))
        .layer(cors(&app.options.cors_origins))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, api::page::POLICY))
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(server::measured))
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            header::RANGE,
            header::IF_RANGE,
            HeaderName::from_static("prefer"),
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([header::ETAG, header::LOCATION, header::RETRY_AFTER, header::CONTENT_RANGE, header::ACCEPT_RANGES])
        .max_age(Duration::from_hours(1))
}
