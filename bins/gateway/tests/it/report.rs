//! A report is asked for once and shown as it grows.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use viva_core::Clock as _;
use viva_core::SystemClock;

use crate::house::{House, RECRUITER, SERVICE, Worker, json, until};

const REPORT: &str = "/v1/interviews/1/report";

#[tokio::test]
async fn a_report_that_is_not_there_says_so_and_invents_nothing() {
    let house = House::open().await;
    house.interview(1).await;
    let report = json(house.get(REPORT, SERVICE).send().await.unwrap()).await;
    assert_eq!((&report["state"], &report["complete"], &report["overall"]), (&json!("none"), &json!(false), &json!(null)));
    assert_eq!(report["progress"], json!({ "answers": 1, "evaluated": 0 }));
    assert_eq!(report["answers"][0]["text"], "답변 1");
    assert_eq!(report["answers"][0]["evaluation"], json!(null));
    let nobody = house.get("/v1/interviews/99/report", SERVICE).send().await.unwrap();
    assert_eq!(nobody.status(), 404);
    assert_eq!(nobody.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_report_grows_and_each_state_has_a_tag_of_its_own() {
    let house = House::open().await;
    house.interview(1).await;
    let mut tags = Vec::new();
    let first = house.get(REPORT, RECRUITER).send().await.unwrap();
    tags.push(first.headers()["etag"].clone());
    house.evaluate(1).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    let second = house.get(REPORT, RECRUITER).send().await.unwrap();
    tags.push(second.headers()["etag"].clone());
    let partial = json(second).await;
    assert_eq!((&partial["complete"], &partial["progress"]["evaluated"]), (&json!(false), &json!(1)));
    assert_eq!(partial["answers"][0]["evaluation"]["total"], 7);
    house.conclude(1).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    let third = house.get(REPORT, RECRUITER).send().await.unwrap();
    tags.push(third.headers()["etag"].clone());
    let whole = json(third).await;
    assert_eq!((&whole["state"], &whole["complete"], &whole["overall"]), (&json!("ready"), &json!(true), &json!(70.0)));
    assert!(tags[0] != tags[1] && tags[1] != tags[2], "{tags:?}");
    let known = house.get(REPORT, RECRUITER).header("if-none-match", &tags[2]).send().await.unwrap();
    assert_eq!((known.status().as_u16(), known.headers()["etag"].clone()), (304, tags[2].clone()));
}

#[tokio::test]
async fn a_long_poll_ends_with_the_news_and_not_before() {
    let house = House::open().await;
    house.interview(1).await;
    let tag = house.get(REPORT, SERVICE).send().await.unwrap().headers()["etag"].clone();
    let idle = SystemClock.monotonic();
    let waited = house.get(REPORT, SERVICE).header("if-none-match", &tag).header("prefer", "wait=1").send().await.unwrap();
    assert_eq!(waited.status(), 304);
    assert_eq!(waited.headers()["preference-applied"], "wait");
    assert!(SystemClock.monotonic().since(idle) >= Duration::from_millis(900));
    let held = house.get(REPORT, SERVICE).header("if-none-match", &tag).header("prefer", "wait=20").send();
    let (answer, ()) = tokio::join!(held, async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        house.evaluate(1).await;
    });
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(json(answer).await["progress"]["evaluated"], 1);
}

#[tokio::test]
async fn however_many_ask_for_a_report_one_job_is_sent() {
    let house = House::open().await;
    house.interview(1).await;
    let asked = join_all((0..100).map(|_| house.post(REPORT, SERVICE).send())).await;
    let mut jobs = std::collections::BTreeSet::new();
    for answer in asked {
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 202);
        assert_eq!(answer.headers()["location"], REPORT);
        let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=3600).contains(&wait));
        jobs.insert(json(answer).await["job"].as_str().unwrap().to_owned());
    }
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert_eq!(json(house.get(REPORT, SERVICE).send().await.unwrap()).await["state"], "pending");
    let worker = Worker::start(&house).await;
    // The hand answers at once and stores nothing: nothing was written, so nothing is claimed.
    for _ in 0..200 {
        if worker.count() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(worker.count(), 1);
    worker.leave().await;
}

#[tokio::test]
async fn a_complete_report_is_pointed_at_and_not_made_again() {
    let house = House::open().await;
    house.interview(1).await;
    house.evaluate(1).await;
    house.conclude(1).await;
    let answer = house.post(REPORT, SERVICE).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["location"]), (303, &REPORT.parse().unwrap()));
}

#[tokio::test]
async fn a_report_that_failed_says_why() {
    let house = House::open().await;
    house.interview(13).await;
    let worker = Worker::start(&house).await;
    assert_eq!(house.post("/v1/interviews/13/report", SERVICE).send().await.unwrap().status(), 202);
    let failed = until(&house, "/v1/interviews/13/report", |report| report["state"] == "failed").await;
    assert!(failed["problem"]["message"].as_str().unwrap().contains("no answers to report on"), "{failed}");
    worker.leave().await;
}

#[tokio::test]
async fn a_name_that_was_given_to_one_request_is_not_another_ones() {
    let house = House::open().await;
    for id in [1, 2] {
        house.interview(id).await;
    }
    let named = |path: &str, name: &str| house.post(path, SERVICE).header("idempotency-key", name).send();
    assert_eq!(named(REPORT, "\"a\"").await.unwrap().status(), 202);
    assert_eq!(named(REPORT, "\"a\"").await.unwrap().status(), 202);
    assert_eq!(named("/v1/interviews/2/report", "\"a\"").await.unwrap().status(), 422);
    assert_eq!(named("/v1/interviews/2/report", "\"b\"").await.unwrap().status(), 202);
    assert_eq!(named(REPORT, "").await.unwrap().status(), 400);
    assert_eq!(named(REPORT, &"x".repeat(256)).await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_persons_word_stands_beside_the_score() {
    let house = House::open().await;
    house.interview(1).await;
    let evaluation = house.evaluate(1).await;
    let path = format!("/v1/evaluations/{}/reviews", evaluation.evaluation_id);
    let said = |body| house.post(&path, RECRUITER).json(&body).send();
    assert_eq!(said(json!({ "total": 9, "reason": "better than it looks" })).await.unwrap().status(), 201);
    let report = until(&house, REPORT, |report| report["answers"][0]["evaluation"]["human_review"].is_object()).await;
    let found = &report["answers"][0]["evaluation"];
    assert_eq!(
        (&found["total"], &found["human_review"]["total"], &found["human_review"]["reviewer"]),
        (&json!(7), &json!(9), &json!("kim"))
    );
    assert_eq!(said(json!({ "total": 11, "reason": "more than there is" })).await.unwrap().status(), 422);
    assert_eq!(said(json!({ "total": 3, "reason": " " })).await.unwrap().status(), 422);
    assert_eq!(said(json!({ "total": 3 })).await.unwrap().status(), 422);
    assert_eq!(said(json!({ "total": null, "reason": "it stands" })).await.unwrap().status(), 201);
}
