//! The task `tasks.tts.synthesize`.

use std::fs;

use serde_json::json;
use tts_worker::Voice;
use viva_core::ErrorClass;
use viva_core::audio::Audio;
use viva_speech::{Kokoro, KokoroFiles};

use crate::workplace::{Workplace, ask, files, mute, voice};

#[tokio::test]
async fn the_result_is_the_platforms_and_the_file_has_the_questions_name() {
    let place = Workplace::new().await;
    let handler = place.handler(place.audio().await, voice()).await;
    let result = ask(&handler, "[자기소개] 안녕하세요.", json!({ "language": "ko", "speed": 1.0, "question_id": 14221 })).await.unwrap();
    let bytes = fs::read(place.file("q_14221.wav")).unwrap();
    assert_eq!(result["status"], "success");
    assert_eq!(result["audio_size_bytes"], bytes.len());
    // 44 bytes of header, then 48 for each millisecond.
    let duration_ms = (bytes.len() - 44) as f64 / 48.0;
    assert!((result["duration_ms"].as_f64().unwrap() - duration_ms).abs() < 0.1, "{result}");
    assert_eq!(result["cached"], false);
}

#[tokio::test]
async fn the_same_text_again_needs_no_inference() {
    let place = Workplace::new().await;
    let first = ask(&place.handler(place.audio().await, voice()).await, "네.", json!({ "question_id": 1 })).await.unwrap();
    let mute = place.handler(place.audio().await, mute()).await;
    let again = ask(&mute, "[단계] 네.", json!({ "question_id": 2 })).await.unwrap();
    assert_eq!((&again["cached"], &again["audio_size_bytes"]), (&json!(true), &first["audio_size_bytes"]));
    let file = |name| fs::read(place.file(name)).unwrap();
    assert_eq!(file("q_1.wav"), file("q_2.wav"));
    ask(&mute, "네.", json!({ "speed": 1.5 })).await.expect_err("another speed is another clip");
}

#[tokio::test]
async fn a_clip_whose_file_was_damaged_is_spoken_again() {
    let place = Workplace::new().await;
    let handler = place.handler(place.audio().await, voice()).await;
    let first = ask(&handler, "네.", json!({})).await.unwrap();
    let clips = place.file("clips");
    let clip = fs::read_dir(clips).unwrap().next().unwrap().unwrap().path();
    fs::write(&clip, "half a fi").unwrap();
    let second = ask(&handler, "네.", json!({})).await.unwrap();
    assert_eq!((&second["cached"], &second["audio_size_bytes"]), (&json!(false), &first["audio_size_bytes"]));
    assert_eq!(ask(&handler, "네.", json!({})).await.unwrap()["cached"], true);
}

#[tokio::test]
async fn what_cannot_be_spoken_is_refused_for_good_with_its_reason() {
    let place = Workplace::new().await;
    let handler = place.handler(place.audio().await, mute()).await;
    let long = "가".repeat(50_000);
    let cases = [("", "empty"), (long.as_str(), "50000 characters"), ("😀🎉", "nothing to say"), ("안\u{7}녕", "control character U+0007")];
    for (text, reason) in cases {
        let error = ask(&handler, text, json!({})).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Permanent, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    let error = ask(&handler, "네.", json!({ "speed": 3.0 })).await.unwrap_err();
    assert!(error.class() == ErrorClass::Permanent && error.to_string().contains("from 0.5"), "{error}");
    let handler = place.handler(place.audio().await, voice()).await;
    let error = ask(&handler, "네.", json!({ "voice": "nobody" })).await.unwrap_err();
    assert!(error.class() == ErrorClass::Permanent && error.to_string().contains("jf_alpha, jf_gongitsune"), "{error}");
}

#[tokio::test]
async fn a_truncated_model_is_named_and_may_be_tried_again() {
    let place = Workplace::new().await;
    let broken = tempfile::tempdir().unwrap();
    let model = broken.path().join("kokoro-82m-int8.onnx");
    fs::write(&model, &fs::read(files().model).unwrap()[..1_000_000]).unwrap();
    let voice = Voice::new(move || Ok(Kokoro::open(&KokoroFiles { model: model.clone(), ..files() })?));
    let error = ask(&place.handler(place.audio().await, voice).await, "네.", json!({})).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transient);
    let message = error.to_string();
    assert!(
        message.contains("kokoro-82m-int8.onnx") && message.contains("cut short") && message.contains("viva models verify kokoro"),
        "{message}"
    );
}

#[test]
fn a_full_disk_is_said_and_may_be_tried_again() {
    viva_testkit::with_small_disk("synthesize::a_full_disk_is_said_and_may_be_tried_again", 32 << 10, |disk| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let place = Workplace::new().await;
            let handler = place.handler(Audio::at(disk).await.unwrap(), voice()).await;
            let error = ask(&handler, "안녕하세요.", json!({ "question_id": 1 })).await.unwrap_err();
            assert_eq!(error.class(), ErrorClass::Transient, "{error}");
            assert!(error.to_string().contains("no room is left"), "{error}");
            assert!(!disk.join("q_1.wav").exists());
        });
    });
}
