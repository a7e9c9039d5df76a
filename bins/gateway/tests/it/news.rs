//! News are told in their order, none twice, none missed.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Response;

use crate::house::{House, SERVICE, json};

const EVENTS: &str = "/v1/interviews/1/events";

/// An event as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Told {
    pub id: Option<i64>,
    pub kind: String,
    pub data: String,
}

/// Reads events until one is of this kind, or the stream ends.
pub(crate) async fn read_until(response: Response, kind: &str) -> Vec<Told> {
    let mut told = Vec::new();
    let mut text = String::new();
    let mut bytes = response.bytes_stream();
    while let Ok(Some(Ok(part))) = tokio::time::timeout(Duration::from_secs(30), bytes.next()).await {
        text.push_str(&String::from_utf8_lossy(&part));
        while let Some((event, rest)) = text.split_once("\n\n") {
            let event = parse(event);
            text = rest.to_owned();
            if let Some(event) = event {
                let last = event.kind == kind;
                told.push(event);
                if last {
                    return told;
                }
            }
        }
    }
    told
}

fn parse(text: &str) -> Option<Told> {
    let mut told = Told::default();
    for line in text.lines() {
        match line.split_once(':') {
            Some(("id", value)) => told.id = value.trim().parse().ok(),
            Some(("event", value)) => value.trim().clone_into(&mut told.kind),
            Some(("data", value)) => value.trim().clone_into(&mut told.data),
            _ => {}
        }
    }
    (!told.kind.is_empty()).then_some(told)
}

fn kinds(told: &[Told]) -> Vec<&str> {
    told.iter().map(|event| event.kind.as_str()).collect()
}

#[tokio::test]
async fn what_happened_is_told_from_the_beginning_and_the_story_ends() {
    let house = House::open().await;
    house.interview(1).await;
    let stream = house.get(EVENTS, SERVICE).send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert_eq!(stream.headers()["cache-control"], "no-store");
    assert_eq!(stream.headers()["x-accel-buffering"], "no");
    let (told, ()) = tokio::join!(read_until(stream, "end"), async {
        house.post("/v1/interviews/1/report", SERVICE).send().await.unwrap();
        house.evaluate(1).await;
        house.conclude(1).await;
    });
    assert_eq!(kinds(&told), ["report.requested", "answer.evaluated", "report.ready", "end"]);
    assert_eq!(told.iter().filter_map(|event| event.id).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(!told.iter().any(|event| event.data.contains("답변")), "no candidate's text: {told:?}");
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_missed_and_nothing_twice() {
    let house = House::open().await;
    house.interview(1).await;
    for _ in 0..250 {
        house.evaluate_anew(1).await;
    }
    house.conclude(1).await;
    for (seen, first) in [(0, 1), (7, 8), (249, 250)] {
        let stream = house.get(EVENTS, SERVICE).header("last-event-id", seen).send().await.unwrap();
        let told = read_until(stream, "end").await;
        let ids: Vec<i64> = told.iter().filter_map(|event| event.id).collect();
        assert_eq!(ids, (first..=251).collect::<Vec<i64>>(), "after {seen}");
    }
    let all = house.get(&format!("{EVENTS}?last_event_id=251"), SERVICE).send().await.unwrap();
    assert_eq!(all.status(), 204, "the story is over, and all of it was told");
}

#[tokio::test]
async fn a_client_whose_place_is_not_known_any_more_is_told_to_read_again() {
    let house = House::open().await;
    house.interview(1).await;
    house.evaluate(1).await;
    house.conclude(1).await;
    let stream = house.get(EVENTS, SERVICE).header("last-event-id", 99).send().await.unwrap();
    let told = read_until(stream, "end").await;
    assert_eq!(kinds(&told), ["reset", "answer.evaluated", "report.ready", "end"]);
}

#[tokio::test]
async fn a_token_in_the_address_works_for_news_alone_and_only_if_it_ends() {
    let house = House::open().await;
    house.interview(1).await;
    house.conclude(1).await;
    let body = serde_json::json!({ "role": "candidate", "interview_id": 1, "ttl_s": 60 });
    let minted = json(house.post("/v1/tokens", SERVICE).json(&body).send().await.unwrap()).await;
    let token = minted["token"].as_str().unwrap();
    let bare = |path: String| house.http.get(format!("{}{path}", house.url)).send();
    assert_eq!(bare(format!("{EVENTS}?access_token={token}")).await.unwrap().status(), 200);
    assert_eq!(bare(format!("/v1/interviews/2/events?access_token={token}")).await.unwrap().status(), 404);
    assert_eq!(bare(format!("/v1/interviews/1/report?access_token={token}")).await.unwrap().status(), 401);
    assert_eq!(bare(format!("{EVENTS}?access_token={SERVICE}")).await.unwrap().status(), 401);
    assert_eq!(house.get("/v1/interviews/1/report", token).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_gateway_that_leaves_ends_its_streams_and_another_goes_on_without_a_gap() {
    let mut house = House::open().await;
    house.interview(1).await;
    house.evaluate(1).await;
    let stream = house.get(EVENTS, SERVICE).send().await.unwrap();
    let reading = tokio::spawn(read_until(stream, "never"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    house.leave().await;
    let first = reading.await.unwrap();
    assert_eq!(kinds(&first), ["answer.evaluated"], "it ends, and does not say that the story does");
    house.conclude(1).await;
    let folder = tempfile::tempdir().unwrap();
    let other = House::over(house.store.clone(), folder, crate::house::options()).await;
    let stream = other.get(EVENTS, SERVICE).header("last-event-id", first[0].id.unwrap()).send().await.unwrap();
    assert_eq!(kinds(&read_until(stream, "end").await), ["report.ready", "end"]);
}

impl House {
    /// An evaluation of the same answer by another computation.
    async fn evaluate_anew(&self, id: i32) {
        let unit = self.store.write().await.unwrap();
        let news = serde_json::json!({ "transcript_id": id });
        unit.tell(viva_core::store::Topic::Interview(id), "answer.evaluated", news);
        unit.commit().await.unwrap();
    }
}
