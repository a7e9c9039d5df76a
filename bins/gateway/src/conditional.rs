//! Conditional and partial answers (RFC 9110, sections 13 and 14), and `Prefer: wait` (RFC 7240).

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;

use crate::problem::Problem;

/// Longer than this no request is held: proxies in between give up at 30 s.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(25);

/// Whether the caller has this representation already: `If-None-Match` names it, or anything.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    // The comparison is the weak one: what a proxy has weakened is still the same.
    lists.flat_map(|list| list.split(',')).map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// How long the caller wants to be kept waiting for something new.
pub(crate) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let lists = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut preferences = lists.flat_map(|list| list.split([',', ';'])).filter_map(|preference| preference.trim().split_once('='));
    let (_, seconds) = preferences.find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))?;
    let seconds: u64 = seconds.trim().trim_matches('"').parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// Nothing new.
pub(crate) fn not_modified(etag: &str) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    set_etag(&mut response, etag);
    response
}

pub(crate) fn set_etag(response: &mut Response, etag: &str) {
    if let Ok(value) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, value);
    }
}

/// A whole file, or the part of it that was asked for.
pub(crate) fn file(method: &Method, headers: &HeaderMap, bytes: &Bytes, etag: &str, media_type: &'static str) -> Response {
    if is_known(headers, etag) {
        return not_modified(etag);
    }
    let whole = bytes.len() as u64;
    let asked =
        headers.get(header::RANGE).and_then(|value| value.to_str().ok()).filter(|_| method == Method::GET || method == Method::HEAD);
    // A range of something else than the caller has would be put together with the wrong rest.
    let same = headers.get(header::IF_RANGE).is_none_or(|known| known.as_bytes() == etag.as_bytes());
    let range = asked.filter(|_| same).map_or(Range::Whole, |asked| range(asked, whole));
    let (status, from, to) = match range {
        Range::Whole => (StatusCode::OK, 0, whole),
        Range::Part(from, to) => (StatusCode::PARTIAL_CONTENT, from, to),
        Range::Outside => {
            let detail = format!("the file has {whole} bytes");
            let mut refused = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range-not-satisfiable", detail).into_response();
            refused.headers_mut().insert(header::CONTENT_RANGE, text(&format!("bytes */{whole}")));
            return refused;
        }
    };
    let part = bytes.slice(from as usize..to as usize);
    let body = if method == Method::HEAD { Body::empty() } else { Body::from(part) };
    let mut response = (status, body).into_response();
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    fields.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    fields.insert(header::CONTENT_LENGTH, (to - from).into());
    if status == StatusCode::PARTIAL_CONTENT {
        fields.insert(header::CONTENT_RANGE, text(&format!("bytes {from}-{}/{whole}", to - 1)));
    }
    set_etag(&mut response, etag);
    response
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("digits and ASCII words; this is a bug")
}

/// What of a file is asked for: `from..to` in bytes.
#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    Part(u64, u64),
    Outside,
}

/// One range of bytes. Several at once, and what is no range, are answered with the whole, as the RFC allows.
fn range(asked: &str, whole: u64) -> Range {
    let Some((from, to)) = asked.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else { return Range::Whole };
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().unwrap_or(u64::MAX));
    match (from.is_empty(), to.is_empty(), number(from), number(to)) {
        (true, false, _, Some(last)) if last > 0 && whole > 0 => Range::Part(whole.saturating_sub(last), whole),
        (false, true, Some(from), _) if from < whole => Range::Part(from, whole),
        (false, false, Some(from), Some(to)) if from <= to && from < whole => Range::Part(from, to.saturating_add(1).min(whole)),
        (false, false, Some(from), Some(to)) if from > to => Range::Whole,
        (true, false, _, Some(_)) | (false, true, Some(_), _) | (false, false, Some(_), Some(_)) => Range::Outside,
        _ => Range::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    /// The examples of RFC 9110, section 14.1.2, on a file of 10,000 bytes, and its edges.
    #[test]
    fn a_range_is_what_the_standard_says() {
        let cases = [
            ("bytes=0-499", Range::Part(0, 500)),
            ("bytes=500-999", Range::Part(500, 1000)),
            ("bytes=-500", Range::Part(9500, 10_000)),
            ("bytes=9500-", Range::Part(9500, 10_000)),
            ("bytes=0-0", Range::Part(0, 1)),
            ("bytes=-1", Range::Part(9999, 10_000)),
            ("bytes=0-999999999999999999999999", Range::Part(0, 10_000)),
            ("bytes=-20000", Range::Part(0, 10_000)),
            ("bytes=10000-", Range::Outside),
            ("bytes=-0", Range::Outside),
            ("bytes=20-10", Range::Whole),
            ("bytes=0-1,5-6", Range::Whole),
            ("items=0-1", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("bytes=-", Range::Whole),
        ];
        for (asked, expected) in cases {
            assert_eq!(range(asked, 10_000), expected, "{asked}");
        }
        assert_eq!(range("bytes=0-", 0), Range::Outside);
    }

    #[test]
    fn a_known_representation_is_known_by_any_of_its_tags() {
        for (list, known) in [("\"a\"", true), ("\"b\", \"a\"", true), ("W/\"a\"", true), ("*", true), ("\"b\"", false), ("a", false)] {
            assert_eq!(is_known(&headers("if-none-match", list), "\"a\""), known, "{list}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"a\""));
    }

    #[test]
    fn a_wait_is_at_most_what_proxies_bear() {
        for (preference, seconds) in
            [("wait=10", Some(10)), ("respond-async, wait=\"7\"", Some(7)), ("Wait=900", Some(25)), ("wait=x", None), ("x", None)]
        {
            assert_eq!(wait(&headers("prefer", preference)), seconds.map(Duration::from_secs), "{preference}");
        }
    }
}
