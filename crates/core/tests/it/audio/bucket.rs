use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use viva_core::audio::{Audio, Error};
use viva_core::{Classified as _, Digest, ErrorClass};
use viva_testkit::S3;

const NONE: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
const OVERTAKEN: &str = "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n";
const THEIRS: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"theirs\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\nother";

fn told(error: &Error, class: ErrorClass, words: &[&str]) {
    let said = error.to_string();
    assert_eq!(error.class(), class, "{said}: {:?}", std::error::Error::source(error).map(ToString::to_string));
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
}

async fn refused(url: &str, environment: Vec<(OsString, OsString)>) -> Error {
    Audio::connect_with(url, environment).await.unwrap_err()
}

#[tokio::test]
async fn a_missing_bucket_is_named_at_once() {
    let error = refused("s3://no-such-bucket/tts", S3::shared().environment()).await;
    told(&error, ErrorClass::Permanent, &["s3://no-such-bucket/tts", "no such bucket", "AUDIO_URL"]);
}

#[tokio::test]
async fn wrong_credentials_are_named_at_once() {
    for (key, secret) in [("viva", "wrong"), ("nobody", "viva-secret")] {
        let error = refused(&S3::shared().url("denied"), S3::shared().environment_of(key, secret)).await;
        told(&error, ErrorClass::Permanent, &["s3://viva-test/denied", "refuses", "AWS_ACCESS_KEY_ID", "s3:PutObject"]);
    }
}

#[tokio::test]
async fn who_may_only_read_is_told_when_it_writes() {
    let audio = Audio::connect_with(&S3::shared().url("reader"), S3::shared().environment_of_a_reader()).await.unwrap();
    assert_eq!(audio.open(&Digest::of(b"sound")).await.unwrap(), None);
    let error = audio.put("sound").await.unwrap_err();
    told(&error, ErrorClass::Permanent, &["s3://viva-test/reader/clips/", "cannot write", "refuses", "s3:PutObject"]);
}

#[tokio::test]
async fn settings_that_lack_something_are_named() {
    let error = refused("s3://bucket", vec![("AWS_ACCESS_KEY_ID".into(), "key".into())]).await;
    told(&error, ErrorClass::Permanent, &["AWS_"]);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.to_lowercase().contains("secret"), "{cause}");
}

#[tokio::test]
async fn what_is_printed_of_a_bucket_holds_no_credentials() {
    let audio = Audio::connect_with(&S3::shared().url("debug"), S3::shared().environment()).await.unwrap();
    assert_eq!(format!("{audio:?}"), "Audio(Bucket(Bucket(s3://viva-test/debug)))");
}

#[tokio::test]
async fn a_server_that_is_not_there_may_be_tried_again() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    told(&refused("s3://bucket/tts", at(port)).await, ErrorClass::Transient, &["s3://bucket/tts", "AWS_ENDPOINT_URL"]);
}

#[tokio::test]
async fn a_server_in_trouble_may_be_tried_again() {
    let port = serve(|_| "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n");
    told(&refused("s3://bucket/tts", at(port)).await, ErrorClass::Transient, &["s3://bucket/tts", "AWS_ENDPOINT_URL"]);
}

#[tokio::test]
async fn a_server_that_never_answers_is_not_waited_for_for_ever() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut environment = at(silent.local_addr().unwrap().port());
    environment.push(("AWS_TIMEOUT".into(), "200 ms".into()));
    told(&refused("s3://bucket/tts", environment).await, ErrorClass::Transient, &["s3://bucket/tts"]);
}

#[tokio::test]
async fn a_server_without_conditional_writes_is_named() {
    let port = serve(|request| if request.starts_with("get") { NONE } else { "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n" });
    let audio = Audio::connect_with("s3://bucket/tts", at(port)).await.unwrap();
    told(&audio.put("sound").await.unwrap_err(), ErrorClass::Permanent, &["no conditional writes", "a folder in AUDIO_URL"]);
}

#[tokio::test]
async fn a_writer_that_was_overtaken_looks_again_and_replaces_only_what_it_saw() {
    let told = |request: &str, condition: &str| request.starts_with("put") && request.contains(condition);
    let mut asked = 0;
    let port = serve(move |request| {
        asked += 1;
        match asked {
            1 | 2 if request.starts_with("get") => NONE,
            3 if told(request, "if-none-match: *") => OVERTAKEN,
            5 if told(request, "if-match: \"theirs\"") => OVERTAKEN,
            4 | 6 if request.starts_with("get") => THEIRS,
            7 if told(request, "if-match: \"theirs\"") => "HTTP/1.1 200 OK\r\nETag: \"ours\"\r\nContent-Length: 0\r\n\r\n",
            _ => "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        }
    });
    let audio = Audio::connect_with("s3://bucket/tts", at(port)).await.unwrap();
    audio.put("sound").await.unwrap();
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_clip() {
    let port = serve(|_| "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nETag: \"e\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\nhalf");
    told(&refused("s3://bucket/tts", at(port)).await, ErrorClass::Transient, &["cannot read"]);
}

fn at(port: u16) -> Vec<(OsString, OsString)> {
    let endpoint = format!("http://127.0.0.1:{port}");
    [("AWS_ENDPOINT_URL", endpoint.as_str()), ("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")]
        .map(|(n, v)| (n.into(), v.into()))
        .into()
}

/// A server that answers each request (its first line and headers, in lower case) with these bytes and hangs up.
fn serve(mut answer: impl FnMut(&str) -> &'static str + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") && stream.read_line(&mut request).unwrap() > 0 {}
            let request = request.to_lowercase();
            let length = request.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            stream.read_exact(&mut vec![0; length.unwrap_or(0)]).unwrap();
            stream.get_mut().write_all(answer(&request).as_bytes()).unwrap();
        }
    });
    port
}
