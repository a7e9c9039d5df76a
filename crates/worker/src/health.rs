//! What an orchestrator and a monitor ask a process: does it live, is it ready, what does it count.
//!
//! The operator keeps these addresses inside: nothing asks for a token here.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds in seconds of what is timed: from a cached answer to a spoken text.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

const TIDY: Duration = Duration::from_secs(5);

static RECORDED: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to count. Call it once, first thing in `main`; a second call changes nothing.
pub fn record() {
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS);
    match builder.and_then(PrometheusBuilder::install_recorder) {
        Ok(handle) => {
            tidy(handle.clone());
            drop(RECORDED.set(handle));
        }
        Err(error) => tracing::debug!(%error, "metrics were recorded before"),
    }
}

/// Folds what was timed into its buckets: where nobody asks for metrics it would pile up.
fn tidy(handle: PrometheusHandle) {
    let tidying = std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(TIDY);
            handle.run_upkeep();
        }
    });
    if let Err(error) = tidying {
        tracing::warn!(%error, "the thread that tidies metrics could not start");
    }
}

/// `/livez`, `/readyz` and `/metrics`; ready as long as `ready` says so, else 503 with its reason.
pub fn routes<F, R>(ready: F) -> Router
where
    F: Fn() -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<(), String>> + Send + 'static,
{
    let readiness = move || {
        let ready = ready.clone();
        async move {
            match ready().await {
                Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
                Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
            }
        }
    };
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readiness))
        .route("/metrics", get(|| async { metrics() }))
}

/// Serves them on a port of their own, until dropped.
pub async fn serve<F, R>(address: SocketAddr, ready: F) -> std::io::Result<()>
where
    F: Fn() -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<(), String>> + Send + 'static,
{
    let listener = tokio::net::TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "health and metrics");
    axum::serve(listener, routes(ready)).await
}

fn metrics() -> axum::response::Response {
    let Some(handle) = RECORDED.get() else {
        return (StatusCode::NOT_FOUND, "this process records no metrics\n").into_response();
    };
    handle.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
}
