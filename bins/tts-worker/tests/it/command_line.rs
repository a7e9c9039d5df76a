//! The program as a newcomer meets it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn tts_worker(data: &Path, arguments: &[&str]) -> Output {
    // Makes sure that the model is there before the program would fetch it.
    viva_testkit::model("kokoro");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tts-worker"));
    for name in ["DATABASE_URL", "CLAIMS_URL", "BROKER_URL", "AUDIO_URL", "VOICE", "SPEED"] {
        command.env_remove(name);
    }
    command.env("VIVA_DATA", data).current_dir(data).args(arguments).output().unwrap()
}

fn refused(data: &Path, arguments: &[&str]) -> String {
    let output = tts_worker(data, arguments);
    assert!(!output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_manifest_becomes_files_and_the_second_time_nothing_is_computed() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("q.tsv"), "first\t네.\nsecond.wav\t안녕하세요.\n").unwrap();
    let say = || lines(&tts_worker(data.path(), &["say", "--manifest", "q.tsv", "--out", "out"]));
    let first = say();
    assert_eq!(first.len(), 2);
    for (line, file) in first.iter().zip(["first.wav", "second.wav"]) {
        let bytes = std::fs::metadata(data.path().join("out").join(file)).unwrap().len();
        let audio_s = (bytes - 44) as f64 / 48_000.0;
        assert!((line["audio_s"].as_f64().unwrap() - audio_s).abs() < 1e-3, "{line}");
        assert!(line["wall_ms"].as_f64().unwrap() > 0.0, "{line}");
        assert_eq!(line["cached"], false);
    }
    assert!(say().iter().all(|line| line["cached"] == true));
}

/// The same words in every format, by the ending or by name; what they hold is the business of the speech crate's tests.
#[test]
fn the_ending_chooses_the_format() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("q.tsv"), "a.wav\t네.\nb.flac\t네.\nc.opus\t네.\nd.raw\t네.\n").unwrap();
    let said = lines(&tts_worker(data.path(), &["say", "--manifest", "q.tsv", "--out", "out"]));
    assert!(said.len() == 4 && said.iter().all(|line| line["audio_s"] == said[0]["audio_s"]), "{said:?}");
    let read = |name: &str| std::fs::read(data.path().join("out").join(name)).unwrap();
    for (name, magic) in [("a.wav", b"RIFF"), ("b.flac", b"fLaC"), ("c.opus", b"OggS")] {
        assert_eq!(&read(name)[..4], magic, "{name}");
    }
    assert_eq!(read("d.raw"), read("a.wav")[44..]);
    let named = ["say", "네.", "--format", "wav24", "--sample-rate", "16000", "--out", "e.bin"];
    assert_eq!(lines(&tts_worker(data.path(), &named)).len(), 1);
    let spec = hound::WavReader::open(data.path().join("e.bin")).unwrap().spec();
    assert_eq!((spec.bits_per_sample, spec.sample_rate), (24, 16_000));
}

#[test]
fn voices_are_listed() {
    let data = tempfile::tempdir().unwrap();
    let output = tts_worker(data.path(), &["voices"]);
    assert!(output.status.success(), "{output:?}");
    let names = String::from_utf8(output.stdout).unwrap();
    assert!(names.lines().any(|name| name == "jf_alpha"), "{names}");
}

#[test]
fn bad_texts_are_refused_before_anything_is_written() {
    let data = tempfile::tempdir().unwrap();
    let said = refused(data.path(), &["say", "😀", "--out", "a.wav"]);
    assert!(said.contains("nothing to say"), "{said}");
    let said = refused(data.path(), &["say", "네.", "--speed", "9", "--out", "a.wav"]);
    assert!(said.contains("from 0.5"), "{said}");
    let said = refused(data.path(), &["say", "네.", "--language", "xx", "--out", "a.wav"]);
    assert!(said.contains("\"ko\" or \"en\""), "{said}");
    let said = refused(data.path(), &["say", "네.", "--out", "a.mp3"]);
    assert!(said.contains("\"mp3\" cannot be written") && said.contains("wav24, pcm, flac, opus"), "{said}");
    let said = refused(data.path(), &["say", "네.", "--sample-rate", "44100", "--out", "a.opus"]);
    assert!(said.contains("44100 Hz") && said.contains("24000 or 48000"), "{said}");
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
}

#[test]
fn a_read_only_folder_is_named() {
    let data = tempfile::tempdir().unwrap();
    // Nobody may create files in /sys, root included, whom permission bits don't stop elsewhere.
    let said = refused(data.path(), &["say", "네.", "--out", "/sys/a.wav"]);
    assert!(said.contains("/sys/a.wav") && said.contains("choose another"), "{said}");
    let said = refused(data.path(), &["say", "네.", "--viva-data", "/sys/viva", "--out", "a.wav"]);
    assert!(said.contains("/sys/viva") && said.contains("--viva-data"), "{said}");
}

#[test]
fn where_no_broker_answers_serve_says_what_to_do_and_goes_on_trying() {
    let data = tempfile::tempdir().unwrap();
    let mut serve = Command::new(env!("CARGO_BIN_EXE_tts-worker"));
    // Nobody listens on port 1.
    serve.args(["serve", "--broker-url", "amqp://guest:geheim@127.0.0.1:1/%2f", "--viva-data"]).arg(data.path());
    let worker = viva_testkit::Proc::spawn(serve);
    let said = worker.wait_for_line("no broker answers yet", std::time::Duration::from_secs(30));
    assert!(said.contains("BROKER_URL") && said.contains("memory://"), "{said}");
    assert!(!worker.lines().concat().contains("geheim"));
    worker.terminate();
    assert!(worker.wait(std::time::Duration::from_secs(30)).success());
}
