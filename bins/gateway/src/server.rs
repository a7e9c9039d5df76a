//! The listening side: bounds on what a connection may cost, and an end that loses nothing.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use viva_core::{Clock as _, SystemClock};

use crate::problem::Problem;
use crate::{App, routes::router};

/// A client that sends its header more slowly is cut off.
const HEADER: Duration = Duration::from_secs(10);
/// All headers of a request together, in bytes.
const HEADER_BYTES: usize = 32 * 1024;
/// Header fields of a request.
const HEADER_FIELDS: usize = 64;
/// For a request's body and the work on it; streams are bounded by their clients.
const REQUEST: Duration = Duration::from_secs(150);
/// Between two tries to accept when the process has no room for a connection.
const CROWDED: Duration = Duration::from_millis(100);

/// Serves until `stop`, then ends streams, lets requests finish for `drain`, and returns.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: CancellationToken, drain: Duration) -> io::Result<()> {
    let (routes, _) = router(&app);
    let connections = TaskTracker::new();
    let beside = {
        let app = app.clone();
        tokio::spawn(async move { app.run().await })
    };
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, routes.clone(), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(CROWDED).await;
            }
        }
    }
    drop(listener);
    app.leave();
    connections.close();
    if tokio::time::timeout(drain, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections were still open when the time to drain was over");
    }
    beside.abort();
    Ok(())
}

async fn connection(stream: TcpStream, routes: Router, stop: CancellationToken) {
    // Events are small, and wanted at once.
    drop(stream.set_nodelay(true));
    let service = TowerToHyperService::new(routes.map_request(|request: Request<Incoming>| request.map(axum::body::Body::new)));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER).max_buf_size(HEADER_BYTES).max_headers(HEADER_FIELDS);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(HEADER_BYTES as u32).keep_alive_interval(Some(Duration::from_secs(20)));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection ended");
    }
}

/// Bounds the time until an answer begins.
pub(crate) async fn within_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "the request was not complete in time").into_response(),
    }
}

/// Counts and times requests by route, never by address.
pub(crate) async fn measured(request: Request, next: Next) -> Response {
    let start = SystemClock.monotonic();
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().as_str().to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("viva_http_requests_total", "route" => route.clone(), "method" => method, "status" => status).increment(1);
    metrics::histogram!("viva_http_request_seconds", "route" => route).record(SystemClock.monotonic().since(start));
    response
}
