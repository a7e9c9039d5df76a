//! A RabbitMQ of the chaos' own: tasks go in as any producer sends them, outcomes come out of the result backend.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;
use viva_celery::{Call, Replies, Settings};
use viva_core::task::SYNTHESIZE;
use viva_testkit::{Rabbit, Redis};

use super::Task;

const QUEUE: &str = "cpu_queue";
/// Between two looks at the outcomes.
const LOOK: Duration = Duration::from_millis(200);

pub(super) struct Broker {
    pub(super) rabbit: Rabbit,
    redis: Redis,
    producer: Replies,
    runtime: tokio::runtime::Runtime,
    outcomes: redis::Connection,
    looked: Instant,
}

impl Broker {
    pub(super) fn start() -> Self {
        let (rabbit, redis) = (Rabbit::start(), Redis::start());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        // A broker that is down is no reason to wait: the faults go on meanwhile.
        let settings = Settings { patience: Duration::from_secs(1), default_queue: QUEUE.to_owned(), ..Settings::new(rabbit.url()) };
        let producer = runtime.block_on(async { Replies::new(&settings) }).unwrap();
        let outcomes = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
        Self { rabbit, redis, producer, runtime, outcomes, looked: Instant::now() }
    }

    /// What a worker is told of it.
    pub(super) fn env(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![("TEST_BROKER", url.to_owned()), ("TEST_RESULTS", self.redis.url()), ("TEST_QUEUE", QUEUE.to_owned())]
    }

    pub(super) fn url(&self) -> String {
        self.rabbit.url()
    }

    /// Publishes a task; false where the broker has not confirmed it. It may have it all the same.
    pub(super) fn publish(&self, id: &str, task: &Task) -> bool {
        let kwargs: Map<String, Value> = [("question_id".to_owned(), json!(task.question))].into_iter().collect();
        let call = Call { id: Some(id.to_owned()), queue: Some(QUEUE.to_owned()), ..Call::new(SYNTHESIZE, vec![json!(task.text)], kwargs) };
        self.runtime.block_on(self.producer.send(&call)).is_ok()
    }

    /// The outcomes of those of these tasks that have one by now; asked now and then only.
    pub(super) fn outcomes(&mut self, tasks: &[String]) -> BTreeMap<String, (bool, String)> {
        if tasks.is_empty() || self.looked.elapsed() < LOOK {
            return BTreeMap::new();
        }
        self.looked = Instant::now();
        let keys: Vec<_> = tasks.iter().map(|id| format!("celery-task-meta-{id}")).collect();
        let found: Vec<Option<String>> = redis::cmd("MGET").arg(&keys).query(&mut self.outcomes).unwrap();
        let read = |(id, text): (&String, Option<String>)| {
            let text = text?;
            let value: Value = serde_json::from_str(&text).unwrap();
            match value["status"].as_str()? {
                "SUCCESS" => Some((id.clone(), (true, text))),
                "FAILURE" => Some((id.clone(), (false, text))),
                _ => None,
            }
        };
        tasks.iter().zip(found).filter_map(read).collect()
    }

    /// Forgets an outcome, so that the next one shows.
    pub(super) fn forget(&mut self, id: &str) {
        redis::cmd("DEL").arg(format!("celery-task-meta-{id}")).exec(&mut self.outcomes).unwrap();
    }
}
