//! Resumes are stored, and made searchable once.

use serde_json::json;

use crate::house::{House, RECRUITER, SERVICE, Worker, json};

#[tokio::test]
async fn a_resume_is_stored_and_each_of_its_texts_is_read() {
    let house = House::open().await;
    let put = |text: &str| house.http.put(format!("{}/v1/resumes/5", house.url)).bearer_auth(SERVICE).json(&json!({ "text": text })).send();
    let first = put("백엔드 5년").await.unwrap();
    assert_eq!((first.status().as_u16(), &first.headers()["location"]), (202, &"/v1/resumes/5".parse().unwrap()));
    assert_eq!(put("백엔드 6년").await.unwrap().status(), 202);
    let again: Vec<_> = futures_util::future::join_all((0..5).map(|_| put("백엔드 6년"))).await;
    assert!(again.into_iter().all(|answer| answer.unwrap().status() == 202));
    let state = json(house.get("/v1/resumes/5", RECRUITER).send().await.unwrap()).await;
    assert_eq!(state, json!({ "resume_id": 5, "state": "pending", "passages": 0 }));
    let unit = house.store.read().await.unwrap();
    assert_eq!(unit.resumes().get(5).await.unwrap().extracted_text.as_deref(), Some("백엔드 6년"));
    unit.rollback().await.unwrap();
    let worker = Worker::start(&house).await;
    for _ in 0..200 {
        if worker.count() >= 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(worker.count(), 3, "one for each text, since the first may have read the old one; one for all who ask for the same");
    worker.leave().await;
    for (body, status) in [(json!({ "text": " " }), 422), (json!({}), 422), (json!({ "text": "a\u{0}b" }), 422), (json!([]), 422)] {
        let answer = house.http.put(format!("{}/v1/resumes/5", house.url)).bearer_auth(SERVICE).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{body}");
    }
}
