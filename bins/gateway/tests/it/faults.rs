//! Clients that misbehave, and a database that is away.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use viva_core::store::{self, Store};
use viva_testkit::{Postgres, Relay};

use crate::house::{House, SERVICE, json, options};
use crate::news::read_until;

async fn raw(house: &House, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection is not ended: {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn headers_without_end_are_cut_off() {
    let house = House::open().await;
    let many = (0..200).map(|n| format!("x-{n}: y\r\n")).collect::<Vec<_>>().concat();
    let answer = raw(&house, format!("GET /livez HTTP/1.1\r\nhost: a\r\n{many}\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let long = format!("GET /livez HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    let answer = raw(&house, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer}");
    assert_eq!(house.get("/livez", SERVICE).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_header_that_never_ends_is_not_waited_for() {
    let house = House::open().await;
    let answer = raw(&house, b"GET /livez HTTP/1.1\r\nhost: a\r\nx-slow: ").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_too_large_or_not_json_is_refused() {
    let house = House::open().await;
    let post =
        |body: Vec<u8>, kind: &str| house.post("/v1/audio/speech", SERVICE).header("content-type", kind.to_owned()).body(body).send();
    assert_eq!(post(vec![b' '; 2 << 20], "application/json").await.unwrap().status(), 413);
    assert_eq!(post(b"{\"model\":".to_vec(), "application/json").await.unwrap().status(), 400);
    assert_eq!(post(vec![0xff, 0xfe], "application/json").await.unwrap().status(), 400);
    assert_eq!(post(b"x".to_vec(), "text/plain").await.unwrap().status(), 415);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = post(deep.into_bytes(), "application/json").await.unwrap();
    assert!(deep.status().is_client_error(), "{}", deep.status());
    for answer in [house.get("/nowhere", SERVICE).send().await.unwrap(), house.post("/v1/fleet", SERVICE).send().await.unwrap()] {
        assert!(matches!(answer.status().as_u16(), 404 | 405));
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}

/// A thousand; as many as `VIVA_STREAMS` says on demand, with two files open for each.
#[tokio::test]
async fn a_thousand_streams_are_open_at_once_and_all_are_told() {
    let streams = std::env::var("VIVA_STREAMS").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000);
    let house = House::open_with(gateway::Options { streams, ..options() }).await;
    house.interview(1).await;
    let mut open = Vec::new();
    for _ in 0..streams {
        open.push(house.get("/v1/interviews/1/events", SERVICE).send().await.unwrap());
    }
    let one_more = house.get("/v1/interviews/1/events", SERVICE).send().await.unwrap();
    assert_eq!(one_more.status(), 503);
    assert!(one_more.headers().contains_key("retry-after"));
    house.evaluate(1).await;
    house.conclude(1).await;
    let told = futures_util::future::join_all(open.into_iter().map(|stream| read_until(stream, "end"))).await;
    assert!(told.iter().all(|told| told.len() == 3), "{:?}", told.iter().map(Vec::len).collect::<Vec<_>>());
    assert_eq!(house.get("/v1/interviews/1/events", SERVICE).send().await.unwrap().status(), 200, "there is room again");
}

#[tokio::test]
async fn a_client_that_does_not_read_costs_no_memory_and_stops_nobody() {
    let house = House::open().await;
    house.interview(1).await;
    let mut idle = TcpStream::connect(house.address).await.unwrap();
    let request = format!("GET /v1/interviews/1/events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {SERVICE}\r\n\r\n");
    idle.write_all(request.as_bytes()).await.unwrap();
    let stream = house.get("/v1/interviews/1/events", SERVICE).send().await.unwrap();
    let reading = tokio::spawn(read_until(stream, "end"));
    for _ in 0..20 {
        let unit = house.store.write().await.unwrap();
        for _ in 0..500 {
            let news = serde_json::json!({ "filling": "x".repeat(200) });
            unit.tell(viva_core::store::Topic::Interview(1), "answer.evaluated", news);
        }
        unit.commit().await.unwrap();
    }
    house.conclude(1).await;
    assert_eq!(reading.await.unwrap().len(), 10_002);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_said_and_nothing_is_missed_when_it_is_back() {
    let database = Postgres::shared().database();
    store::migrate(&database).await.unwrap();
    let (relay, url) = Relay::before(&database);
    let house = House::over(Store::connect(&url).await.unwrap(), tempfile::tempdir().unwrap(), options()).await;
    house.interview(1).await;
    assert_eq!(house.get("/readyz", SERVICE).send().await.unwrap().status(), 200);
    let stream = house.get("/v1/interviews/1/events", SERVICE).send().await.unwrap();
    house.evaluate(1).await;
    relay.refuse(true);
    relay.cut_all();
    let refused = house.get("/v1/interviews", SERVICE).send().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let problem = json(refused).await;
    assert!(!problem.to_string().contains("postgres"), "{problem}");
    assert_eq!(house.get("/readyz", SERVICE).send().await.unwrap().status(), 503);
    assert_eq!(house.get("/livez", SERVICE).send().await.unwrap().status(), 200, "it lives: a restart would not help");
    relay.heal();
    let told = read_until(stream, "answer.evaluated").await;
    let seen = told.iter().filter_map(|event| event.id).max().unwrap_or(0);
    let mut ready = false;
    for _ in 0..200 {
        ready = house.get("/readyz", SERVICE).send().await.unwrap().status() == 200;
        if ready {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(ready, "it is ready again");
    house.conclude(1).await;
    let stream = house.get("/v1/interviews/1/events", SERVICE).header("last-event-id", seen).send().await.unwrap();
    let rest = read_until(stream, "end").await;
    let ids: Vec<i64> = told.iter().chain(&rest).filter_map(|event| event.id).collect();
    assert_eq!(ids, [1, 2]);
}
