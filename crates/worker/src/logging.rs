//! Log lines for people on a terminal, or JSON for machines. Always on stderr: stdout belongs to results.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// What a worker says when `RUST_LOG` is not set.
pub const WORKER: &str = "info,sqlx=warn,sea_orm=warn,sea_orm_migration=warn";
/// The same for a program that talks to a person on stdout: trouble only.
pub const PERSON: &str = "warn";

/// Starts logging. `RUST_LOG` filters (`default` unless told); `VIVA_LOG=json` writes one JSON object a line.
///
/// Call it once, first thing in `main`; a second call changes nothing. A filter that cannot be read is reported and left out.
pub fn init(default: &str) {
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) if !text.is_empty() => EnvFilter::builder().parse_lossy(text),
        _ => EnvFilter::new(default),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if std::env::var("VIVA_LOG").is_ok_and(|kind| kind == "json") {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init()
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}
