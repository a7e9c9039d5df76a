//! A worker as a process: joins the others, takes tasks from its broker until it is told to stop, and leaves.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use viva_celery::{Node, QueueType, ResultBackend, Settings, Unknown};
use viva_core::TaskError;
use viva_core::store::Store;
use viva_core::task::{ANALYZE_ANSWER, GENERATE_EMBEDDINGS, GENERATE_FINAL_REPORT, GENERATE_NEXT_QUESTION, PRELOAD_MODEL, SYNTHESIZE};

use crate::keeper::BadTiming;
use crate::{Amqp, Closing, Drained, Flight, Keeper, Runtime, Timing, health, stdio};

/// How long a task that was told to stop may take to do so.
const GRACE: Duration = Duration::from_secs(5);

/// Where a platform sends its tasks: whichever worker relays one, it goes where the platform's own go.
const ROUTES: [(&str, &str); 6] = [
    (SYNTHESIZE, "cpu_queue"),
    (GENERATE_FINAL_REPORT, "gpu_queue"),
    (ANALYZE_ANSWER, "gpu_queue"),
    (GENERATE_EMBEDDINGS, "gpu_queue"),
    (GENERATE_NEXT_QUESTION, "gpu_queue"),
    (PRELOAD_MODEL, "gpu_queue"),
];

const RESULT_BACKEND: &str = "rpc://";
const QUEUE_TYPE: &str = "classic";
const DRAIN_S: u64 = 30;

/// Where a worker's tasks come from, and what else holds for every worker.
#[derive(Debug, Clone, clap::Args)]
pub struct BrokerArgs {
    /// Where tasks come from: amqp://user:password@host:5672/vhost (amqps:// for TLS; several, separated by `;`, for the nodes
    /// of a cluster), or memory://, a queue inside this process that is fed from standard input, one task a line
    /// ({"id", "task", "args", "kwargs"}), and prints each outcome as a line.
    #[arg(long, env = "BROKER_URL", value_name = "URL", default_value = "amqp://guest:guest@localhost:5672/%2f", hide_env_values = true)]
    pub broker_url: String,
    /// Where results go, as the platform's Celery has it: rpc://, redis://host:6379/0, or none.
    #[arg(long, env = "RESULT_BACKEND", value_name = "URL", default_value = RESULT_BACKEND, hide_env_values = true)]
    pub result_backend: String,
    /// Queues to take tasks from, instead of this worker's usual ones.
    #[arg(long, env = "QUEUES", value_name = "NAME", value_delimiter = ',')]
    pub queues: Vec<String>,
    /// As what the producers declare them: classic or quorum.
    #[arg(long, env = "QUEUE_TYPE", value_name = "TYPE", default_value = QUEUE_TYPE)]
    pub queue_type: String,
    /// Name among Celery's workers, `name@host`; must be the only one of that name [default: this program at this host].
    #[arg(long, env = "NODE_NAME", value_name = "NAME@HOST")]
    pub node_name: Option<String>,
    /// Queue that tasks go on to which this worker does not know, such as those of a platform's other workers; without it
    /// their producers are told NotRegistered.
    #[arg(long, env = "UNKNOWN_TASKS_QUEUE", value_name = "NAME")]
    pub unknown_tasks_queue: Option<String>,
    /// Redis to ask for claims before the database, which decides all the same: redis://user:password@host:6379/0. It keeps
    /// nothing that must not be lost, and may go and come back at any time [default: the database alone].
    #[arg(long, env = "CLAIMS_URL", value_name = "URL", hide_env_values = true)]
    pub claims_url: Option<String>,
    /// Address and port for /livez, /readyz and /metrics, such as 0.0.0.0:9090; keep it inside [default: none].
    #[arg(long, env = "HEALTH_LISTEN", value_name = "ADDRESS")]
    pub health_listen: Option<SocketAddr>,
    /// Seconds that running tasks may go on after SIGTERM or Ctrl-C, before they are stopped and handed back.
    #[arg(long, env = "DRAIN_S", value_name = "SECONDS", default_value_t = DRAIN_S)]
    pub drain_s: u64,
}

impl BrokerArgs {
    /// The usual settings of a worker that takes its tasks from `broker_url`.
    pub fn at(broker_url: impl Into<String>) -> Self {
        Self {
            broker_url: broker_url.into(),
            result_backend: RESULT_BACKEND.to_owned(),
            queues: Vec::new(),
            queue_type: QUEUE_TYPE.to_owned(),
            node_name: None,
            unknown_tasks_queue: None,
            claims_url: None,
            health_listen: None,
            drain_s: DRAIN_S,
        }
    }
}

/// How a worker tells that it lives, and how long it is believed.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct LivenessArgs {
    /// Milliseconds between two signs of life.
    #[arg(long, env = "BEAT_MS", value_name = "MS", default_value = "1000")]
    pub beat_ms: u64,
    /// Milliseconds after which the others take a worker without a sign of life for gone: at least six beats. One whose process
    /// has ended is noticed within three beats.
    #[arg(long, env = "TTL_MS", value_name = "MS", default_value = "20000")]
    pub ttl_ms: u64,
}

impl LivenessArgs {
    /// The timing they make; refuses a pair under which a few lost beats would kill a worker.
    pub fn timing(&self) -> Result<Timing, BadTiming> {
        Timing::new(self.beat_ms, self.ttl_ms)
    }
}

/// What kind of worker it is.
#[derive(Debug, Clone)]
pub struct Kind {
    /// The program's name.
    pub name: &'static str,
    /// The queues that its tasks come on.
    pub queues: &'static [&'static str],
    /// The tasks it does.
    pub tasks: &'static [&'static str],
    /// Tasks that run at once.
    pub concurrency: NonZeroUsize,
}

/// Joins the workers of the database, and runs what `register` makes of a runtime until it is told to stop: by a signal, by remote
/// control, by the end of standard input where tasks come from there, or because the others have given this process up.
pub async fn run(
    store: Store,
    args: BrokerArgs,
    kind: Kind,
    timing: Timing,
    register: impl FnOnce(Runtime, Flight) -> Runtime,
) -> Result<Drained, TaskError> {
    let store = store.with_claims(args.claims_url.as_deref(), timing.ttl).await?;
    let concurrency = kind.concurrency;
    let register = move |runtime: Runtime, flight| register(runtime.concurrency(concurrency), flight);
    if args.broker_url.starts_with("memory:") {
        return stdio::run(store, kind.name, timing, register).await;
    }
    let drain = Duration::from_secs(args.drain_s);
    let settings = settings(&args, &kind).map_err(TaskError::permanent)?;
    let node = Arc::new(Node::start(settings).map_err(TaskError::permanent)?);
    let hint = AbortOnDropHandle::new(tokio::spawn(say_what_to_do(node.clone())));
    let amqp = Arc::new(Amqp::new(node.clone()));
    let beside = store.beside().await?;
    let replies = Arc::new(Closing::new(beside.clone(), amqp.clone()));
    let keeper = Keeper::join(beside, kind.name, amqp.clone(), replies.clone(), timing).await?;
    let flight = Flight::new(store, keeper.id().clone()).kept_by(&keeper);
    let runtime = register(Runtime::new(amqp.clone(), replies), flight).drain_deadline(drain);
    let (shutdown, lost) = (CancellationToken::new(), keeper.lost().clone());
    let running = tokio::spawn(runtime.run(shutdown.clone()));
    let health =
        args.health_listen.map(|address| AbortOnDropHandle::new(tokio::spawn(tell_health(address, node.clone(), shutdown.clone()))));
    keeper.progress().set_ready(true);
    tokio::select! {
        signal = told_to_stop() => tracing::info!(signal = signal.map_err(TaskError::permanent)?, "told to stop; running tasks may finish"),
        () = node.shutdown_asked().cancelled_owned() => tracing::info!("remote control asked this worker to leave"),
        () = lost.cancelled() => {}
    }
    drop(hint);
    shutdown.cancel();
    let drained = running.await.map_err(TaskError::permanent)??;
    keeper.leave().await?;
    node.shutdown(Duration::ZERO, GRACE).await;
    drop(health);
    tracing::info!(settled = drained.settled, handed_back = drained.handed_back, "stopped");
    if lost.is_cancelled() {
        return Err(stdio::given_up());
    }
    Ok(drained)
}

fn settings(args: &BrokerArgs, kind: &Kind) -> Result<Settings, viva_celery::Error> {
    let defaults = Settings::new(&args.broker_url);
    let host = defaults.node_name.split_once('@').map_or("localhost", |(_, host)| host).to_owned();
    let queues = if args.queues.is_empty() { kind.queues.iter().map(|&name| name.to_owned()).collect() } else { args.queues.clone() };
    Ok(Settings {
        result_backend: args.result_backend.parse::<ResultBackend>()?,
        queue_type: args.queue_type.parse::<QueueType>()?,
        node_name: args.node_name.clone().unwrap_or_else(|| format!("{}@{host}", kind.name)),
        queues,
        tasks: kind.tasks.iter().map(|&name| name.to_owned()).collect(),
        concurrency: kind.concurrency.get(),
        routes: ROUTES.map(|(task, queue)| (task.to_owned(), queue.to_owned())).into(),
        unknown: args.unknown_tasks_queue.clone().map_or(Unknown::NotRegistered, Unknown::Forward),
        ..defaults
    })
}

/// Ready while tasks come in. A port that is taken is told, and does not keep a worker from its work.
async fn tell_health(address: SocketAddr, node: Arc<Node>, leaving: CancellationToken) {
    let ready = move || {
        let told = match (leaving.is_cancelled(), node.is_consuming()) {
            (true, _) => Err("this worker leaves".to_owned()),
            (false, false) => Err("the broker does not answer".to_owned()),
            (false, true) => Ok(()),
        };
        std::future::ready(told)
    };
    if let Err(error) = health::serve(address, ready).await {
        tracing::error!(%error, %address, "health and metrics cannot be served");
    }
}

/// For whoever starts a worker for the first time: the node tries for ever, and says so in the broker's terms.
async fn say_what_to_do(node: Arc<Node>) {
    tokio::time::sleep(Duration::from_secs(3)).await;
    if !node.is_consuming() {
        tracing::warn!(
            "no broker answers yet: is RabbitMQ running where BROKER_URL (--broker-url) says? This worker goes on trying. \
             To try it without a broker: --broker-url memory://"
        );
    }
}

/// Waits for SIGTERM or SIGINT; their name.
pub async fn told_to_stop() -> std::io::Result<&'static str> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        interrupt = tokio::signal::ctrl_c() => interrupt.map(|()| "SIGINT"),
    }
}
