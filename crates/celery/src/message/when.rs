//! ISO 8601 as Python's `isoformat` and other producers write it.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// A time without an offset is taken as UTC, as Celery does with `enable_utc`.
pub(crate) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let offset = ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z"];
    let naive = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
    let with_offset = offset.iter().find_map(|format| DateTime::parse_from_str(text, format).ok()).map(|at| at.to_utc());
    with_offset
        .or_else(|| naive.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok()).map(|at| at.and_utc()))
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN).and_utc()))
}
