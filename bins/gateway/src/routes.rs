//! All routes, who passes before them, and the document that describes them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware;
use axum::routing::get;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{App, Problem, api, auth, server};

/// Largest body that any route takes, in bytes: a resume's text.
const BODY: usize = 1 << 20;

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
