//! The workers of the database, and what is stuck: for a person, in words.

use viva_core::clock::Lateness;
use viva_core::store::{Backlog, Store, WorkerSession};
use viva_core::{Clock as _, SystemClock};

use super::chain;
use crate::cli::Settings;

/// A line each.
type Findings = Vec<(String, Result<String, String>)>;

/// Looks at the workers of a database that was named or is there already.
pub(super) async fn look(settings: &Settings) -> Findings {
    let url = settings.database_url(&settings.viva_data);
    if settings.database_url.is_none() && !matches!(settings.viva_data.join("viva.db").try_exists(), Ok(true)) {
        return Vec::new();
    }
    match read(&url).await {
        Ok((sessions, backlog)) => findings(&sessions, backlog),
        Err(error) => vec![("workers".to_owned(), Err(chain(&error)))],
    }
}

async fn read(url: &str) -> Result<(Vec<WorkerSession>, Backlog), viva_core::store::Error> {
    let store = Store::connect(url).await?;
    let unit = store.read().await?;
    let found = (unit.worker_sessions().all().await?, unit.worker_sessions().backlog().await?);
    unit.rollback().await?;
    store.close().await?;
    Ok(found)
}

fn findings(sessions: &[WorkerSession], backlog: Backlog) -> Findings {
    let live: Vec<_> = sessions.iter().filter(|session| session.live).collect();
    let mut all: Findings = live.iter().map(|session| (format!("worker {}", session.name), worker(session))).collect();
    let now = SystemClock.wall().format("%H:%M:%S UTC");
    all.push(("workers".to_owned(), Ok(format!("{} live, {} gone and remembered, as of {now}", live.len(), sessions.len() - live.len()))));
    all.push(("left behind".to_owned(), left(live.len(), backlog)));
    all
}

fn worker(session: &WorkerSession) -> Result<String, String> {
    let WorkerSession { id, beat, rhythm, vitals, silent_ms, claims, .. } = session;
    let silent_s = *silent_ms as f64 / 1000.0;
    if *silent_ms > rhythm.ttl.as_millis() as i64 {
        return Err(format!(
            "{id} has given no sign of life for {silent_s:.0} s and holds {claims} claims: any other worker declares it gone and takes them \
             up; start one if none runs"
        ));
    }
    if !vitals.ready {
        return Ok(format!("{id} is warming up; beat {beat}, {silent_s:.1} s ago"));
    }
    let lateness = Lateness { lag: std::time::Duration::from_millis(vitals.mail_lag_ms.max(0) as u64), ahead_ms: vitals.clock_ahead_ms };
    let text = format!("{id} works on {claims} claims; beat {beat}, {silent_s:.1} s ago; {lateness}");
    if !lateness.is_notable() {
        return Ok(text);
    }
    let advice = if vitals.mail_lag_ms >= 5_000 {
        "something computes or waits on the threads of its runtime: fewer tasks at once, or a look at what blocks"
    } else {
        "set its clock (NTP); its work is not in danger, its logs and dates are wrong"
    };
    Err(format!("{text}: {advice}"))
}

fn left(live: usize, backlog: Backlog) -> Result<String, String> {
    let Backlog { orphaned_claims, orphaned_letters, waiters_of_nobody } = backlog;
    if orphaned_claims + orphaned_letters + waiters_of_nobody == 0 {
        return Ok("nothing".to_owned());
    }
    let what = format!(
        "{orphaned_claims} claims and {orphaned_letters} letters of workers that are gone, {waiters_of_nobody} tasks that wait for what nobody computes"
    );
    match live {
        0 => Err(format!("{what}: start a worker, which takes them up")),
        _ => Err(format!("{what}: a live worker takes them up within a second; if this stays, read its log")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use viva_core::claim::WorkerId;
    use viva_core::liveness::Rhythm;
    use viva_core::store::Vitals;

    fn session(silent_ms: i64, vitals: Vitals) -> WorkerSession {
        let rhythm = Rhythm { beat: Duration::from_secs(1), ttl: Duration::from_secs(20) };
        WorkerSession {
            id: WorkerId::from("w".to_owned()),
            name: "tts-worker".to_owned(),
            live: true,
            beat: 7,
            rhythm,
            vitals,
            silent_ms,
            claims: 2,
            gauges: serde_json::Map::new(),
        }
    }

    fn vitals(clock_ahead_ms: i64, mail_lag_ms: i64) -> Vitals {
        Vitals { clock_ahead_ms: Some(clock_ahead_ms), mail_lag_ms, ready: true }
    }

    #[test]
    fn a_worker_is_described_by_what_can_be_done_about_it() {
        let said = |silent_ms, vitals| worker(&session(silent_ms, vitals));
        assert!(said(500, vitals(40, 3)).is_ok_and(|text| text.ends_with("this worker reads its mail in time; its clock is right")));
        assert!(said(500, Vitals::default()).is_ok_and(|text| text.contains("warming up")));
        assert!(said(33_000, vitals(0, 0)).is_err_and(|text| text.contains("no sign of life for 33 s and holds 2 claims")));
        assert!(
            said(500, vitals(0, 33_000))
                .is_err_and(|text| text.contains("read its mail 33 s late; its clock is right: something computes"))
        );
        assert!(said(500, vitals(-33_000, 0)).is_err_and(|text| text.contains("its clock is 33 s behind") && text.contains("(NTP)")));
    }

    #[test]
    fn what_nobody_takes_up_needs_a_worker() {
        let backlog = Backlog { orphaned_claims: 3, orphaned_letters: 0, waiters_of_nobody: 1 };
        assert!(left(0, backlog).is_err_and(|text| text.contains("3 claims") && text.contains("start a worker")));
        assert_eq!(left(0, Backlog::default()), Ok("nothing".to_owned()));
    }
}
