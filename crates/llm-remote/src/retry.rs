//! What is tried again, and when.

use std::time::Duration;

/// Tries of one request, the first included.
pub(crate) const TRIES: u32 = 4;
/// Wait before the second try; each further wait is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Longest wait that a server can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Why a try failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) what: String,
    /// Whether another try may succeed.
    pub(crate) transient: bool,
    /// How long the server wants to be left alone.
    pub(crate) after: Option<Duration>,
}

impl Failure {
    pub(crate) fn transient(what: impl Into<String>) -> Self {
        Self { what: what.into(), transient: true, after: None }
    }

    pub(crate) fn permanent(what: impl Into<String>) -> Self {
        Self { what: what.into(), transient: false, after: None }
    }

    /// A refusal. What the server cannot do now it may do later; what it does not understand, or does not allow, stays so.
    pub(crate) fn refused(status: u16, said: &str, retry_after: Option<&str>) -> Self {
        let said: String = said.trim().chars().take(300).collect();
        let what = format!("answers with status {status}{}{said}", if said.is_empty() { "" } else { ": " });
        let transient = matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 529);
        let after = retry_after.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
        Self { what, transient, after }
    }

    /// The wait before the next try, `done` having failed.
    pub(crate) fn wait(&self, done: u32) -> Duration {
        self.after.unwrap_or(FIRST_WAIT * 2_u32.pow(done.saturating_sub(1).min(16))).min(LONGEST_WAIT)
    }
}

impl From<reqwest::Error> for Failure {
    /// The connection failed in one way or another.
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut what = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            what = format!("{what}: {inner}");
            cause = inner.source();
        }
        Self::transient(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_of_a_refusal_decides_and_the_server_may_ask_for_time() {
        let transient = |status| Failure::refused(status, "", None).transient;
        assert!([408, 429, 500, 502, 503, 504].into_iter().all(transient));
        assert!(![400, 401, 403, 404, 413, 422, 501].into_iter().any(transient));
        assert_eq!(Failure::refused(503, "", Some("2")).wait(1), Duration::from_secs(2));
        assert_eq!(Failure::refused(503, "", Some("86400")).wait(1), LONGEST_WAIT);
        assert_eq!([1, 2, 3].map(|done| Failure::transient("x").wait(done).as_millis()), [250, 500, 1000]);
        assert!(Failure::refused(400, "no such model", None).what.contains("no such model"));
    }
}
