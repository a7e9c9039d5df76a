//! What the operating system says about this process.

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};

/// As Python's `platform.system()` has it.
pub(crate) const SYSTEM: &str = if cfg!(target_os = "macos") { "Darwin" } else { "Linux" };

/// The machine's load over 1, 5 and 15 minutes; zeros where it cannot be read.
pub(crate) fn load_average() -> [f64; 3] {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut numbers = text.split_whitespace().map(|number| number.parse().unwrap_or_default());
    std::array::from_fn(|_| numbers.next().unwrap_or_default())
}

/// What Python's `resource.getrusage` returns, by the same names.
pub(crate) fn resource_usage() -> Value {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return json!({}) };
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    json!({
        "utime": seconds(usage.user_time()), "stime": seconds(usage.system_time()), "maxrss": usage.max_rss(),
        "ixrss": usage.shared_integral(), "idrss": usage.unshared_data_integral(), "isrss": usage.unshared_stack_integral(),
        "minflt": usage.minor_page_faults(), "majflt": usage.major_page_faults(), "nswap": usage.full_swaps(),
        "inblock": usage.block_reads(), "oublock": usage.block_writes(), "msgsnd": usage.ipc_sends(), "msgrcv": usage.ipc_receives(),
        "nsignals": usage.signals(), "nvcsw": usage.voluntary_context_switches(), "nivcsw": usage.involuntary_context_switches(),
    })
}
