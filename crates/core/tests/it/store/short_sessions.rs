//! No unit of work outlives its purpose: what a server sees of a thousand of them, two hundred and more cut off midway.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sea_orm::{ConnectionTrait as _, Database as SeaOrm, Statement};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use viva_core::SystemClock;
use viva_core::clock::Clock as _;
use viva_core::evaluation::Status;
use viva_core::store::{Store, migrate, take_longest_session};
use viva_testkit::{Direction, FaultPlan, Mode, Postgres, Relay, promised};

use super::fixture::{evaluation, has_interview, interview, question, transcript};

const UNITS: i32 = 1000;
/// Between two samples of the server's sessions.
const PAUSE: Duration = Duration::from_millis(5);
const BLIND: u32 = 20;
const CUT_OFF: usize = 200;

/// No session may stand inside a transaction for longer while nothing is asked of it.
const IDLE: Duration = Duration::from_millis(50);
const CONNECTED: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'viva'";

struct Server {
    postgres: Postgres,
    url: String,
}

impl Server {
    async fn start() -> (Self, Store) {
        let postgres = Postgres::start();
        let url = postgres.database();
        migrate(&url).await.unwrap();
        let store = Store::connect(&url).await.unwrap();
        let unit = store.write().await.unwrap();
        unit.interviews().put(&interview(153)).await.unwrap();
        for id in 1..=17 {
            unit.questions().put(&question(id)).await.unwrap();
            unit.transcripts().put(&transcript(id, id)).await.unwrap();
        }
        unit.commit().await.unwrap();
        (Self { postgres, url }, store)
    }

    async fn number(&self, sql: &str) -> i64 {
        let db = SeaOrm::connect(&self.url).await.unwrap();
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
        db.close().await.unwrap();
        row.try_get_by_index(0).unwrap()
    }

    fn warnings(&self) -> Vec<String> {
        let told = |line: &&str| ["WARNING", "ERROR", "FATAL"].iter().any(|level| line.contains(level));
        self.postgres.log().lines().filter(told).map(str::to_owned).collect()
    }
}

/// The shape of a search and what follows it: read much, think long with nothing open, write a little.
async fn search_and_judge(store: Store, number: i32, thinking: Duration) {
    let unit = store.read().await.unwrap();
    let answers = unit.transcripts().answers(153).await.unwrap();
    unit.evaluations().newest(153).await.unwrap();
    unit.rollback().await.unwrap();
    tokio::time::sleep(thinking).await;
    let unit = store.write().await.unwrap();
    let answer = &answers[number as usize % answers.len()].transcript;
    unit.evaluations().record(&evaluation(answer.id, &format!("computation {}", number % 50), Status::Scored)).await.unwrap();
    unit.transcripts().set_score(answer.id, Some(f64::from(number % 100)), None).await.unwrap();
    unit.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_units_of_work_leave_no_session_open_and_no_warning() {
    let (server, store) = Server::start().await;
    let (stop, idle) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let watching = tokio::spawn(watch_idle(server.url.clone(), stop.clone(), idle.clone()));
    take_longest_session();
    let mut plan = FaultPlan::from_env("short sessions");
    let room = Arc::new(Semaphore::new(4));
    let (mut units, mut cut_off) = (JoinSet::new(), 0);
    for number in 0..UNITS {
        let permit = room.clone().acquire_owned().await.unwrap();
        let work = search_and_judge(store.clone(), number, plan.delay(&(Duration::ZERO..Duration::from_millis(20))));
        // One in three is cut off, wherever it stands by then; some are done before.
        let cut = number % 3 == 0;
        let patience = if cut { plan.delay(&(Duration::ZERO..Duration::from_millis(8))) } else { Duration::MAX };
        units.spawn(async move {
            let ended = tokio::time::timeout(patience, work).await.is_ok();
            drop(permit);
            ended
        });
    }
    while let Some(ended) = units.join_next().await {
        cut_off += usize::from(!ended.unwrap());
    }
    stop.store(true, Ordering::SeqCst);
    let samples = watching.await.unwrap();
    assert!(cut_off >= CUT_OFF, "only {cut_off} were cut off midway");
    assert_eq!(idle.load(Ordering::SeqCst), 0, "sessions idle in transaction, of {samples} samples");
    println!("{cut_off} cut off, {samples} samples, longest unit of work {:?}", take_longest_session());
    assert!(server.number(CONNECTED).await <= 8, "connections leaked");
    store.close().await.unwrap();
    viva_testkit::eventually("every connection is closed", Duration::from_secs(10), || {
        server.postgres.sql(&server.url, CONNECTED).trim() == "0"
    });
    assert_eq!(server.warnings(), Vec::<String>::new());
}

/// Samples until told to stop; how many samples counted. On a machine that keeps the watcher itself waiting, a session may wait
/// as long for no fault of its own: what is seen within [`BLIND`] samples of such a wait says nothing.
async fn watch_idle(url: String, stop: Arc<AtomicBool>, idle: Arc<AtomicUsize>) -> usize {
    let db = SeaOrm::connect(&url).await.unwrap();
    let idle_now = format!(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
         AND state LIKE 'idle in transaction%' AND clock_timestamp() - state_change > INTERVAL '{} ms'",
        promised(IDLE).as_millis()
    );
    let (mut counted, mut blind) = (0, 0);
    while !stop.load(Ordering::SeqCst) {
        let begin = SystemClock.monotonic();
        tokio::time::sleep(PAUSE).await;
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), &idle_now)).await.unwrap().unwrap();
        let waited = SystemClock.monotonic().since(begin) > 5 * PAUSE;
        blind = if waited { BLIND } else { blind.saturating_sub(1_u32) };
        if blind == 0 {
            idle.fetch_add(row.try_get_by_index::<i64>(0).unwrap() as usize, Ordering::SeqCst);
            counted += 1;
        }
    }
    db.close().await.unwrap();
    counted
}

/// F23: a `BEGIN` that is cancelled while the server's answer is on its way must not leave its connection inside a transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cancelled_begin_leaves_no_transaction_behind() {
    let (server, store) = Server::start().await;
    store.close().await.unwrap();
    let (relay, url) = Relay::before(&server.url);
    let store = Store::connect(&url).await.unwrap();
    relay.set(Direction::Down, Mode::Delay(Duration::from_millis(30)));
    for _ in 0..40 {
        assert!(tokio::time::timeout(Duration::from_millis(10), store.write()).await.is_err(), "the relay delays longer");
    }
    relay.heal();
    for id in 1000..1040 {
        let unit = store.write().await.unwrap();
        unit.interviews().put(&interview(id)).await.unwrap();
        unit.commit().await.unwrap();
        assert!(has_interview(&store, id).await);
    }
    let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    viva_testkit::eventually("no transaction is open", Duration::from_secs(5), || server.postgres.sql(&server.url, open).trim() == "0");
    assert_eq!(server.number("SELECT COUNT(*) FROM interviews WHERE id >= 1000").await, 40);
    assert_eq!(server.warnings(), Vec::<String>::new());
}
