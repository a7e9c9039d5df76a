//! A few numbers about this process' work, told with its signs of life: for people who look at the fleet.
//!
//! Monitors have `/metrics`; this is what a page shows without one.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

type Gauges = BTreeMap<&'static str, BTreeMap<&'static str, f64>>;

static GAUGES: Mutex<Gauges> = Mutex::new(BTreeMap::new());

/// Sets a number of a worker, of which one process may hold several, by the name that it has among the metrics. What is not finite is
/// no number.
pub fn set(worker: &'static str, name: &'static str, value: f64) {
    if value.is_finite() {
        GAUGES.lock().unwrap_or_else(PoisonError::into_inner).entry(worker).or_default().insert(name, value);
    }
}

/// All of them, as JSON, by worker.
pub fn written() -> String {
    let gauges = GAUGES.lock().unwrap_or_else(PoisonError::into_inner);
    serde_json::to_string(&*gauges).expect("names and finite numbers are plain JSON; this is a bug")
}
