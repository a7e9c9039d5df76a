//! The web page: files that are part of the program.

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use viva_core::digest::sha256_hex;

use crate::conditional;

/// What the page may load: its own files, and nothing of anybody else's.
pub(crate) const POLICY: &str = "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

const INDEX: &[u8] = include_bytes!("../../page/index.html");

/// Address, media type, bytes.
const FILES: &[(&str, &str, &[u8])] = &[];

/// The page at its addresses, and its files.
pub(crate) fn routes() -> Router {
    let index = |headers: HeaderMap| std::future::ready(file(&headers, "text/html; charset=utf-8", INDEX));
    let routes = Router::new().route("/", get(index)).route("/interviews/{id}", get(index)).route("/fleet", get(index));
    FILES.iter().fold(routes, |routes, &(address, kind, bytes)| {
        routes.route(address, get(move |headers: HeaderMap| std::future::ready(file(&headers, kind, bytes))))
    })
}

/// Asked for each time, and sent when it has changed: the page and its files are of one version.
fn file(headers: &HeaderMap, kind: &'static str, bytes: &'static [u8]) -> Response {
    let etag = format!("\"{}\"", &sha256_hex(bytes)[..32]);
    if conditional::is_known(headers, &etag) {
        return conditional::not_modified(&etag);
    }
    let mut response = ([(header::CONTENT_TYPE, kind)], bytes).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    conditional::set_etag(&mut response, &etag);
    response
}
