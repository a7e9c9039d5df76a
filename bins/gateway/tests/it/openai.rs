//! Speech as OpenAI's clients ask for it.

use base64::Engine as _;
use futures_util::future::join_all;
use serde_json::{Value, json};
use viva_testkit::python;

use crate::house::{House, SERVICE, Worker, json, sound};

fn speech(input: &str) -> Value {
    json!({ "model": "kokoro", "input": input, "voice": "alloy" })
}

#[tokio::test]
async fn a_text_is_spoken_once_for_however_many_ask() {
    let house = House::open().await;
    let worker = Worker::start(&house).await;
    let ask = || house.post("/v1/audio/speech", SERVICE).json(&speech("안녕하세요")).send();
    for answer in join_all((0..20).map(|_| ask())).await {
        let answer = answer.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["content-type"]), (200, &"audio/wav".parse().unwrap()));
        assert_eq!(answer.bytes().await.unwrap(), sound("안녕하세요"));
    }
    assert_eq!(worker.count(), 1);
    worker.leave().await;
}

#[tokio::test]
async fn what_cannot_be_spoken_is_refused_in_words_that_clients_read() {
    let house = House::open().await;
    let worker = Worker::start(&house).await;
    let with = |name: &str, value: Value| {
        let mut body = speech("x");
        body[name] = value;
        body
    };
    for (body, status, says) in [
        (with("response_format", json!("mp3")), 400, "wav, flac, opus, pcm"),
        (with("model", json!("whisper")), 404, "kokoro"),
        (with("input", json!("")), 400, "4096"),
        (with("input", json!("가".repeat(4097))), 400, "4096"),
        (with("speed", json!(9)), 400, "0.5 to 2.0"),
        (with("stream_format", json!("file")), 400, "sse"),
        (speech("refuse this"), 400, "this text is refused"),
        (json!({ "model": "kokoro" }), 422, "input"),
    ] {
        let answer = house.post("/v1/audio/speech", SERVICE).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{body}");
        let problem = json(answer).await;
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
    worker.leave().await;
}

#[tokio::test]
async fn a_stream_of_events_carries_the_whole_sound() {
    let house = House::open().await;
    let worker = Worker::start(&house).await;
    let mut body = speech("흐르는 소리");
    body["stream_format"] = json!("sse");
    let answer = house.post("/v1/audio/speech", SERVICE).json(&body).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let text = answer.text().await.unwrap();
    let events: Vec<Value> =
        text.lines().filter_map(|line| line.strip_prefix("data: ")).map(|data| serde_json::from_str(data).unwrap()).collect();
    let (done, deltas) = events.split_last().unwrap();
    assert_eq!(done["type"], "speech.audio.done");
    let decode = |event: &Value| base64::engine::general_purpose::STANDARD.decode(event["audio"].as_str().unwrap()).unwrap();
    assert_eq!(deltas.iter().flat_map(decode).collect::<Vec<u8>>(), sound("흐르는 소리"));
    worker.leave().await;
}

/// The official client, unchanged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openais_own_client_speaks_through_it() {
    let house = House::open().await;
    let worker = Worker::start(&house).await;
    let script = r#"
import sys
from openai import OpenAI, BadRequestError
client = OpenAI(base_url=sys.argv[1] + "/v1", api_key=sys.argv[2], max_retries=0)
assert [m.id for m in client.models.list()][0] == "kokoro"
assert client.models.retrieve("tts-1").id == "tts-1"
for name in ["wav", "flac", "opus", "pcm"]:
    sound = client.audio.speech.create(model="tts-1", voice="alloy", input="안녕하세요 " + name, response_format=name)
    assert sound.content[:4] == b"RIFF", name
with client.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="안녕", response_format="wav") as sound:
    assert b"".join(sound.iter_bytes())[:4] == b"RIFF"
try:
    client.audio.speech.create(model="tts-1", voice="alloy", input="안녕", response_format="mp3")
except BadRequestError as error:
    assert "flac" in error.message, error.message
else:
    raise SystemExit("mp3 was not refused")
print("spoken")
"#;
    let (url, key) = (house.url.clone(), SERVICE);
    let ran = tokio::task::spawn_blocking(move || python(include_str!("../openai.txt")).args(["-c", script, &url, key]).output().unwrap())
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(&ran.stdout).contains("spoken"), "{}", String::from_utf8_lossy(&ran.stderr));
    worker.leave().await;
}
