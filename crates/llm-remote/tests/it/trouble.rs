//! Servers that refuse, break off, or keep silent.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;

use serde_json::json;
use viva_llm::{Cancel, Engine as _, Error, Request};

use crate::stub::{Back, Stub};
use crate::{ask, connect};

/// A server that misbehaves in `tries` ways, one after the other, and then answers; and how often it was asked.
fn after(tries: Vec<fn(&mut Back)>) -> (Stub, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let stub = Stub::start(move |_, back| match tries.get(count.fetch_add(1, SeqCst)) {
        Some(misbehave) => misbehave(back),
        None => back.answer("at last"),
    });
    (stub, asked)
}

#[test]
fn what_may_succeed_later_is_tried_again() {
    let (stub, asked) = after(vec![
        |back: &mut Back| back.whole(503, "Retry-After: 0\r\n", "loading"),
        |back: &mut Back| back.whole(429, "Retry-After: 0\r\n", ""),
        // Gone without a word.
        |_: &mut Back| {},
    ]);
    let done = connect(&stub, "").complete(&ask("x"), &Cancel::default(), &mut |_| {}).unwrap();
    assert_eq!((done.text.as_str(), asked.load(SeqCst)), ("at last", 4));
}

#[test]
fn after_four_tries_the_failure_is_told_as_transient() {
    let busy: fn(&mut Back) = |back| back.whole(503, "Retry-After: 0\r\n", "no slot is free");
    let (stub, asked) = after(vec![busy; 10]);
    let error = connect(&stub, "").complete(&ask("x"), &Cancel::default(), &mut |_| {}).unwrap_err();
    assert!(matches!(&error, Error::Remote { transient: true, what, .. } if what.contains("no slot is free")), "{error}");
    assert_eq!(asked.load(SeqCst), 4);
}

#[test]
fn what_the_server_does_not_understand_is_not_tried_again() {
    for status in [400, 401, 404, 422] {
        let stub = Stub::start(move |_, back| back.whole(status, "", r#"{"error":{"message":"no such thing"}}"#));
        let error = connect(&stub, "").complete(&ask("x"), &Cancel::default(), &mut |_| {}).unwrap_err();
        assert!(matches!(&error, Error::Remote { transient: false, what, .. } if what.contains("no such thing")), "{error}");
        assert!(!error.to_string().contains("a-key"), "{error}");
    }
}

#[test]
fn an_answer_that_breaks_off_is_not_told_twice() {
    let (stub, asked) = after(vec![|back: &mut Back| {
        back.open();
        back.text("half an ");
    }]);
    let mut told = String::new();
    let error = connect(&stub, "").complete(&ask("x"), &Cancel::default(), &mut |text| told.push_str(text)).unwrap_err();
    assert!(matches!(&error, Error::Remote { transient: true, what, .. } if what.contains("broke off")), "{error}");
    assert_eq!((told.as_str(), asked.load(SeqCst)), ("half an ", 1));
}

#[test]
fn errors_within_a_stream_count_by_their_class() {
    let (stub, _) = after(vec![|back: &mut Back| {
        back.open();
        back.event(&json!({ "error": { "code": 400, "message": "the prompt is too long" } }));
    }]);
    let error = connect(&stub, "").complete(&ask("x"), &Cancel::default(), &mut |_| {}).unwrap_err();
    assert!(matches!(&error, Error::Remote { transient: false, what, .. } if what.contains("too long")), "{error}");
    let (stub, _) = after(vec![|back: &mut Back| {
        back.open();
        back.end("content_filter");
    }]);
    let error = connect(&stub, "").complete(&ask("x"), &Cancel::default(), &mut |_| {}).unwrap_err();
    assert!(matches!(&error, Error::Remote { transient: false, what, .. } if what.contains("content_filter")), "{error}");
    let (stub, _) = after(vec![|back: &mut Back| {
        back.open();
        back.raw(b"data: <html>\n\n");
    }]);
    assert!(connect(&stub, "").complete(&ask("x"), &Cancel::default(), &mut |_| {}).is_err());
}

/// The server knows that its words are of no use any more: the connection ends.
#[test]
fn whoever_cancels_or_is_late_takes_the_connection_along() {
    let (gone, goodbyes) = channel::<bool>();
    let gone = Mutex::new(gone);
    let stub = Stub::start(move |_, back| {
        back.open();
        back.text("one word, and no more");
        gone.lock().unwrap().send(back.wait_for_goodbye()).unwrap();
    });
    let remote = connect(&stub, "");
    let cancel = Cancel::default();
    let ended = remote.complete(&ask("x"), &cancel, &mut |_| cancel.cancel());
    assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
    assert!(goodbyes.recv().unwrap());
    let request = Request { deadline_ms: Some(100), ..ask("x") };
    let ended = remote.complete(&request, &Cancel::default(), &mut |_| {});
    assert!(matches!(ended, Err(Error::Deadline { ms: 100 })), "{ended:?}");
    assert!(goodbyes.recv().unwrap());
}

#[test]
fn a_server_that_is_not_there_is_named_without_the_key() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let address = format!("openai+http://:a-key@127.0.0.1:{port}");
    let error = viva_llm_remote::Remote::connect(address.parse().unwrap()).unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, Error::Remote { transient: true, .. }) && text.contains(&port.to_string()) && !text.contains("a-key"),
        "{text}"
    );
}
