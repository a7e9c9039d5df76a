//! Audio by digest: whole, in part, or not again.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::json;
use viva_core::Digest;
use viva_core::digest::sha256_hex;

use crate::house::{CANDIDATE_1, House, SERVICE, Worker, json, sound, until};

const SPEECH: &str = "/v1/questions/1/speech";

async fn clip(house: &House) -> (String, Vec<u8>) {
    let bytes = sound("안녕하세요");
    let digest = house.audio.put(bytes.clone()).await.unwrap();
    house.audio.alias("q_1.wav", &digest).await.unwrap();
    (format!("{}/v1/audio/{digest}", house.url), bytes)
}

async fn ask(house: &House, method: Method, url: &str, fields: &[(&str, &str)]) -> Response {
    let request = fields.iter().fold(house.http.request(method, url), |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_clip_is_served_for_ever_under_its_digest() {
    let house = House::open().await;
    let (url, bytes) = clip(&house).await;
    let etag = format!("\"{}\"", Digest::of(&bytes));
    let whole = ask(&house, Method::GET, &url, &[]).await;
    let fields = whole.headers().clone();
    assert_eq!((whole.status().as_u16(), &fields["content-type"]), (200, &"audio/wav".parse().unwrap()));
    assert_eq!(fields["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!((&fields["etag"], &fields["accept-ranges"]), (&etag.parse().unwrap(), &"bytes".parse().unwrap()));
    assert_eq!(whole.bytes().await.unwrap(), bytes);
    let head = ask(&house, Method::HEAD, &url, &[]).await;
    assert_eq!(head.headers()["content-length"], bytes.len().to_string().as_str());
    assert_eq!(head.bytes().await.unwrap().len(), 0);
    assert_eq!(ask(&house, Method::GET, &url, &[("if-none-match", &etag)]).await.status(), 304);
    assert_eq!(ask(&house, Method::GET, &format!("{url}.wav"), &[]).await.status(), 200);
    for nothing in ["x", &"0".repeat(64), "..%2f..%2fetc%2fpasswd", &"A".repeat(64)] {
        assert_eq!(ask(&house, Method::GET, &format!("{}/v1/audio/{nothing}", house.url), &[]).await.status(), 404, "{nothing}");
    }
}

#[tokio::test]
async fn a_part_of_a_clip_is_that_part() {
    let house = House::open().await;
    let (url, bytes) = clip(&house).await;
    let etag = format!("\"{}\"", Digest::of(&bytes));
    let part = ask(&house, Method::GET, &url, &[("range", "bytes=10-19")]).await;
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], format!("bytes 10-19/{}", bytes.len()).as_str());
    assert_eq!(part.bytes().await.unwrap(), bytes[10..20]);
    let last = ask(&house, Method::GET, &url, &[("range", "bytes=-5"), ("if-range", &etag)]).await;
    assert_eq!(last.bytes().await.unwrap(), bytes[bytes.len() - 5..]);
    let other = ask(&house, Method::GET, &url, &[("range", "bytes=-5"), ("if-range", "\"another\"")]).await;
    assert_eq!((other.status().as_u16(), other.bytes().await.unwrap().len()), (200, bytes.len()));
    let outside = ask(&house, Method::GET, &url, &[("range", "bytes=999999-")]).await;
    assert_eq!(
        (outside.status().as_u16(), &outside.headers()["content-range"]),
        (416, &format!("bytes */{}", bytes.len()).parse().unwrap())
    );
}

#[tokio::test]
async fn an_existing_frontend_finds_a_question_by_its_number() {
    let house = House::open().await;
    let (_, bytes) = clip(&house).await;
    let alias = |name: &str| format!("{}/uploads/tts/{name}", house.url);
    let found = ask(&house, Method::GET, &alias("q_1.wav"), &[]).await;
    assert_eq!(found.headers()["cache-control"], "private, no-cache");
    assert_eq!(found.bytes().await.unwrap(), bytes);
    for nothing in ["q_2.wav", "q_.wav", "q_1.mp3", "clips", "q_1.wav.part"] {
        assert_eq!(ask(&house, Method::GET, &alias(nothing), &[]).await.status(), 404, "{nothing}");
    }
    let closed = House::open_with(gateway::Options { legacy_audio: false, ..crate::house::options() }).await;
    clip(&closed).await;
    let url = format!("{}/uploads/tts/q_1.wav", closed.url);
    assert_eq!(ask(&closed, Method::GET, &url, &[]).await.status(), 404, "off unless it is turned on");
}

#[tokio::test]
async fn a_question_is_voiced_once_and_again_when_its_text_has_changed() {
    let house = House::open().await;
    house.interview(1).await;
    let worker = Worker::start(&house).await;
    assert_eq!(json(house.get(SPEECH, CANDIDATE_1).send().await.unwrap()).await["state"], "none");
    assert_eq!(house.post(SPEECH, SERVICE).send().await.unwrap().status(), 202);
    let voiced = until(&house, SPEECH, |speech| speech["state"] == "ready").await;
    let url = voiced["audio"]["url"].as_str().unwrap().to_owned();
    assert_eq!(url, format!("/v1/audio/{}", sha256_hex(&sound("질문 1?"))));
    // For half a second whoever asks is told of the job that somebody asked for.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let again = house.post(SPEECH, SERVICE).send().await.unwrap();
    assert_eq!((again.status().as_u16(), again.headers()["location"].to_str().unwrap()), (303, url.as_str()));
    let straight = house.get(SPEECH, CANDIDATE_1).header("accept", "audio/wav").send().await.unwrap();
    assert_eq!(straight.status(), 303);
    assert_eq!(worker.count(), 1);
    let unit = house.store.write().await.unwrap();
    let question = viva_core::store::Question { content: "새 질문?".to_owned(), ..unit.questions().get(1).await.unwrap() };
    unit.questions().put(&question).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(house.post(SPEECH, SERVICE).send().await.unwrap().status(), 202, "the old sound is of another text");
    let voiced = until(&house, SPEECH, |speech| speech["state"] == "ready" && speech["audio"]["url"] != json!(url)).await;
    assert_eq!(voiced["audio"]["url"], format!("/v1/audio/{}", sha256_hex(&sound("새 질문?"))));
    worker.leave().await;
}
