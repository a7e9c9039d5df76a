//! News go to a server, signed, until it takes them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use gateway::Webhook;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::house::House;

type Taken = Arc<Mutex<Vec<(String, Value)>>>;

/// Refuses the first request, takes the others.
async fn receiver(taken: Taken) -> String {
    let take = move |headers: HeaderMap, body: String| {
        let taken = taken.clone();
        async move {
            let id = headers["webhook-id"].to_str().unwrap().to_owned();
            assert!(headers["webhook-signature"].to_str().unwrap().starts_with("v1,"));
            let mut taken = taken.lock().unwrap();
            let first = taken.is_empty();
            taken.push((id, serde_json::from_str(&body).unwrap()));
            if first { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NO_CONTENT }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", post(take))).await });
    url
}

#[tokio::test]
async fn news_are_delivered_until_they_are_taken_by_one_of_two_gateways() {
    let house = House::open().await;
    house.interview(1).await;
    let taken = Taken::default();
    let url = receiver(taken.clone()).await;
    let stop = CancellationToken::new();
    for _ in 0..2 {
        let (hook, store, stop) = (Webhook::new(&url, "a secret of 24 bytes or more").unwrap(), house.store.clone(), stop.clone());
        tokio::spawn(async move { hook.run(store, stop).await });
    }
    house.evaluate(1).await;
    for _ in 0..400 {
        if taken.lock().unwrap().len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    house.conclude(1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.cancel();
    let taken = taken.lock().unwrap().clone();
    let kinds: Vec<_> = taken.iter().map(|(_, body)| body["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["answer.evaluated", "answer.evaluated", "report.ready"]);
    assert_eq!(taken[0].0, taken[1].0, "the same name for every attempt");
    assert_eq!(taken[2].1["data"]["interview_id"], 1);
}
