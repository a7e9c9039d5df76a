//! How often one token may ask.

use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::App;
use crate::auth::{Caller, Role};
use crate::problem::Problem;

/// A server asks for many people.
const SERVICE_FACTOR: u32 = 40;

/// A bucket for each token.
#[derive(Debug)]
pub(crate) struct Limits {
    people: DefaultKeyedRateLimiter<String>,
    service: DefaultKeyedRateLimiter<String>,
}

impl Limits {
    /// `per_s` requests a second, and twice as many at once, for people's tokens.
    pub(crate) fn new(per_s: NonZeroU32) -> Self {
        let quota = |per_s: NonZeroU32| Quota::per_second(per_s).allow_burst(per_s.saturating_mul(NonZeroU32::MIN.saturating_add(1)));
        let service = per_s.saturating_mul(NonZeroU32::MIN.saturating_add(SERVICE_FACTOR - 1));
        Self { people: RateLimiter::keyed(quota(per_s)), service: RateLimiter::keyed(quota(service)) }
    }

    /// Forgets the buckets of those who have not asked for long.
    pub(crate) fn prune(&self) {
        self.people.retain_recent();
        self.service.retain_recent();
    }
}

pub(crate) fn check(app: &App, caller: &Caller) -> Result<(), Problem> {
    let limits = if caller.role == Role::Service { &app.limits.service } else { &app.limits.people };
    let key = format!("{}/{}/{:?}", caller.role.as_str(), caller.subject, caller.interview_id);
    limits.check_key(&key).map_err(|early| {
        metrics::counter!("viva_rate_limited_total", "role" => caller.role.as_str()).increment(1);
        let wait = early.wait_time_from(DefaultClock::default().now()).as_secs_f64().ceil().max(1.0) as u64;
        Problem::new(axum::http::StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "this token asks too often").retry_after(wait)
    })
}
