//! Every route, every role: what is not allowed here is refused.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::house::{CANDIDATE_1, CANDIDATE_2, House, RECRUITER, SERVICE, json};

/// Who may, in the order nobody, service, recruiter, the interview's candidate, another candidate.
type May = [bool; 5];

const ANYBODY: May = [true; 5];
const SERVERS: May = [false, true, false, false, false];
const STAFF: May = [false, true, true, false, false];
const READERS: May = [false, true, true, true, false];
const HOLDERS: May = [false, true, true, true, true];

/// Method, route as the document has it, address, body, who may.
fn routes() -> Vec<(Method, &'static str, &'static str, Value, May)> {
    let (get, post) = (Method::GET, Method::POST);
    vec![
        (get.clone(), "/v1/interviews", "/v1/interviews", json!(null), STAFF),
        (post.clone(), "/v1/interviews/{interview_id}/report", "/v1/interviews/1/report", json!(null), STAFF),
        (get.clone(), "/v1/interviews/{interview_id}/report", "/v1/interviews/1/report", json!(null), READERS),
        (get.clone(), "/v1/interviews/{interview_id}/events", "/v1/interviews/1/events", json!(null), READERS),
        (post.clone(), "/v1/questions/{question_id}/speech", "/v1/questions/1/speech", json!(null), STAFF),
        (get.clone(), "/v1/questions/{question_id}/speech", "/v1/questions/1/speech", json!(null), READERS),
        (post.clone(), "/v1/answers/{transcript_id}/evaluation", "/v1/answers/1/evaluation", json!(null), STAFF),
        (get.clone(), "/v1/answers/{transcript_id}/evaluation", "/v1/answers/1/evaluation", json!(null), READERS),
        (post.clone(), "/v1/evaluations/{evaluation_id}/reviews", "/v1/evaluations/x/reviews", json!({ "total": 1, "reason": "r" }), STAFF),
        (Method::PUT, "/v1/resumes/{resume_id}", "/v1/resumes/1", json!({ "text": "경력" }), SERVERS),
        (get.clone(), "/v1/resumes/{resume_id}", "/v1/resumes/1", json!(null), STAFF),
        (post.clone(), "/v1/audio/speech", "/v1/audio/speech", json!({ "model": "no", "input": "x", "voice": "v" }), SERVERS),
        (get.clone(), "/v1/models", "/v1/models", json!(null), HOLDERS),
        (get.clone(), "/v1/models/{model}", "/v1/models/kokoro", json!(null), HOLDERS),
        (post.clone(), "/v1/tokens", "/v1/tokens", json!({ "role": "candidate", "interview_id": 1 }), READERS),
        (get.clone(), "/v1/fleet", "/v1/fleet", json!(null), STAFF),
        (get.clone(), "/v1/fleet/events", "/v1/fleet/events", json!(null), STAFF),
        (post.clone(), "/v1/dead-letters/{id}/replay", "/v1/dead-letters/x/replay", json!(null), SERVERS),
        (Method::DELETE, "/v1/dead-letters/{id}", "/v1/dead-letters/x", json!(null), SERVERS),
        (get.clone(), "/v1/audio/{sha256}", "/v1/audio/x", json!(null), ANYBODY),
        (get, "/uploads/tts/{name}", "/uploads/tts/q_1.wav", json!(null), ANYBODY),
    ]
}

#[tokio::test]
async fn every_route_is_open_to_whom_it_should_be_and_to_nobody_else() {
    let house = House::open().await;
    for id in [1, 2] {
        house.interview(id).await;
    }
    for (method, _, address, body, may) in routes() {
        let tokens = [None, Some(SERVICE), Some(RECRUITER), Some(CANDIDATE_1), Some(CANDIDATE_2)];
        for (token, may) in tokens.into_iter().zip(may) {
            let mut request = house.http.request(method.clone(), format!("{}{address}", house.url));
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            if !body.is_null() {
                request = request.json(&body);
            }
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let who = token.unwrap_or("nobody");
            if may {
                assert!(!matches!(status.as_u16(), 401 | 403), "{method} {address} as {who}: {status}");
                continue;
            }
            // Another candidate's things don't exist; the rest is refused.
            let refused = match (token, address) {
                (None, _) => StatusCode::UNAUTHORIZED,
                (Some(CANDIDATE_2), _) if status == StatusCode::NOT_FOUND => StatusCode::NOT_FOUND,
                _ => StatusCode::FORBIDDEN,
            };
            assert_eq!(status, refused, "{method} {address} as {who}");
            let told = answer.text().await.unwrap();
            assert!(!told.contains("답변"), "{told}");
        }
    }
}

#[tokio::test]
async fn every_route_of_the_document_stands_in_the_table() {
    let house = House::open().await;
    let document = json(house.http.get(format!("{}/openapi.json", house.url)).send().await.unwrap()).await;
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone())))
        .collect();
    let table = routes().into_iter().map(|(method, route, ..)| (method.as_str().to_owned(), route.to_owned())).collect();
    assert_eq!(described, table);
}

#[tokio::test]
async fn a_token_that_is_not_one_opens_nothing() {
    let house = House::open().await;
    house.interview(1).await;
    let own =
        json(house.post("/v1/tokens", CANDIDATE_1).json(&json!({ "role": "candidate", "interview_id": 1 })).send().await.unwrap()).await;
    let own = own["token"].as_str().unwrap().to_owned();
    assert_eq!(house.get("/v1/interviews/1/report", &own).send().await.unwrap().status(), 200);
    let changed = own.replacen('3', "4", 1).replacen('2', "1", 1);
    for token in ["", "x", "viva1.x.y", &own[..own.len() - 1], &changed, &SERVICE[..SERVICE.len() - 1], "service-token2"] {
        let answer = house.get("/v1/interviews/1/report", token).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{token}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    }
    for header in ["Basic c2VydmljZQ==", "Bearer", "service-token"] {
        let bare = house.http.get(format!("{}/v1/interviews/1/report", house.url)).header("authorization", header);
        assert_eq!(bare.send().await.unwrap().status(), 401, "{header}");
    }
}

#[tokio::test]
async fn nobody_gets_a_token_that_reaches_further_than_their_own() {
    let house = House::open().await;
    let ask = |token: &str, body: Value| house.post("/v1/tokens", token).json(&body).send();
    let (service, recruiter) = (json!({ "role": "service" }), json!({ "role": "recruiter" }));
    let candidate = |id: i32| json!({ "role": "candidate", "interview_id": id });
    for (token, body, status) in [
        (SERVICE, service.clone(), 201),
        (SERVICE, recruiter.clone(), 201),
        (RECRUITER, service.clone(), 403),
        (RECRUITER, candidate(7), 201),
        (CANDIDATE_1, recruiter.clone(), 403),
        (CANDIDATE_1, candidate(2), 403),
        (CANDIDATE_1, candidate(1), 201),
        (SERVICE, json!({ "role": "candidate" }), 422),
        (SERVICE, json!({ "role": "service", "interview_id": 1 }), 422),
        (SERVICE, json!({ "role": "service", "ttl_s": 4000 }), 422),
        (SERVICE, json!({ "role": "boss" }), 422),
    ] {
        assert_eq!(ask(token, body.clone()).await.unwrap().status(), status, "{token} {body}");
    }
    let short = json(ask(SERVICE, service).await.unwrap()).await["token"].as_str().unwrap().to_owned();
    assert_eq!(ask(&short, recruiter).await.unwrap().status(), 403, "one that ends makes none of another kind");
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_when_to_come_again() {
    let options = gateway::Options { rate_per_s: std::num::NonZeroU32::new(2).unwrap(), ..crate::house::options() };
    let house = House::open_with(options).await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let answer = house.get("/v1/models", CANDIDATE_1).send().await.unwrap();
        if answer.status() == 429 {
            assert!(answer.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
        }
        statuses.push(answer.status().as_u16());
    }
    assert!(statuses[..4].iter().all(|status| *status == 200) && statuses[7] == 429, "{statuses:?}");
    assert_eq!(house.get("/v1/models", CANDIDATE_2).send().await.unwrap().status(), 200, "another token has its own measure");
}

#[tokio::test]
async fn answers_carry_the_headers_that_keep_browsers_safe() {
    let house = House::open().await;
    for address in ["/", "/v1/models", "/nowhere", "/livez"] {
        let answer = house.get(address, SERVICE).send().await.unwrap();
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{address}");
        assert!(answer.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'self'"));
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
    }
}
