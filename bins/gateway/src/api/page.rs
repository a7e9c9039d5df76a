//! The web page: files that are part of the program.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use include_dir::{Dir, include_dir};
use viva_core::digest::sha256_hex;

use crate::conditional;
use crate::problem::Problem;

/// What the page may load: its own files, and nothing of anybody else's.
pub(crate) const POLICY: &str = "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/page");
const INDEX: &str = "index.html";

/// The page at its addresses, and its files.
pub(crate) fn routes() -> Router {
    let index = |headers: HeaderMap| std::future::ready(file(&headers, INDEX));
    let asset = |Path(name): Path<String>, headers: HeaderMap| std::future::ready(file(&headers, &name));
    let routes = Router::new().route("/", get(index)).route("/interviews/{id}", get(index)).route("/fleet", get(index));
    routes.route("/assets/{*name}", get(asset))
}

/// Asked for each time, and sent when it has changed: the page and its files are of one version.
fn file(headers: &HeaderMap, name: &str) -> Response {
    let Some(found) = FILES.get_file(name) else {
        return Problem::not_found("there is no such file").into_response();
    };
    let bytes = found.contents();
    let etag = format!("\"{}\"", &sha256_hex(bytes)[..32]);
    if conditional::is_known(headers, &etag) {
        return conditional::not_modified(&etag);
    }
    let mut response = ([(header::CONTENT_TYPE, kind(name))], bytes).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    conditional::set_etag(&mut response, &etag);
    response
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}
