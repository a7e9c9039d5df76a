//! How many at once, and who goes first.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use viva_llm::{Cancel, Engine as _, Error};

use crate::stub::Stub;
use crate::{ask, connect};

#[test]
fn the_first_of_those_that_begin_alike_goes_ahead_until_its_first_token() {
    let (arrived, arrivals) = channel::<String>();
    let (go, gate) = channel::<()>();
    let (arrived, gate) = (Mutex::new(arrived), Mutex::new(gate));
    let leading = AtomicUsize::new(0);
    let stub = Stub::start(move |asked, back| {
        arrived.lock().unwrap().send(asked.body["messages"][1]["content"].as_str().unwrap().to_owned()).unwrap();
        back.open();
        if leading.fetch_add(1, SeqCst) == 0 {
            gate.lock().unwrap().recv().unwrap();
        }
        back.text("word");
        back.end("stop");
    });
    let remote = connect(&stub, "");
    std::thread::scope(|scope| {
        for index in 0..6 {
            let remote = &remote;
            scope.spawn(move || remote.complete(&ask(&format!("answer {index}")), &Cancel::default(), &mut |_| {}).unwrap());
        }
        arrivals.recv().unwrap();
        // Nobody else is sent: the wait can only be too short to notice, never fail by itself.
        assert!(arrivals.recv_timeout(Duration::from_millis(300)).is_err(), "a second one was sent before the first token");
        go.send(()).unwrap();
        (1..6).for_each(|_| drop(arrivals.recv_timeout(Duration::from_mins(1)).unwrap()));
    });
}

#[test]
fn a_first_one_that_gives_up_hands_the_lead_on() {
    let (arrived, arrivals) = channel::<()>();
    let arrived = Mutex::new(arrived);
    let requests = AtomicUsize::new(0);
    let stub = Stub::start(move |_, back| {
        arrived.lock().unwrap().send(()).unwrap();
        if requests.fetch_add(1, SeqCst) == 0 {
            back.open();
            assert!(back.wait_for_goodbye());
        } else {
            back.answer("word");
        }
    });
    let remote = connect(&stub, "");
    let cancel = Cancel::default();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| remote.complete(&ask("one"), &cancel, &mut |_| {}));
        arrivals.recv().unwrap();
        let second = scope.spawn(|| remote.complete(&ask("two"), &Cancel::default(), &mut |_| {}));
        cancel.cancel();
        assert!(matches!(first.join().unwrap(), Err(Error::Cancelled)));
        assert_eq!(second.join().unwrap().unwrap().text, "word");
    });
}

#[test]
fn no_more_requests_run_at_once_than_the_address_says() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let stub = Stub::start(move |_, back| {
        seen.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
        back.open();
        back.text("word");
        // Long enough for the others to arrive, if they were sent.
        std::thread::sleep(Duration::from_millis(30));
        running.fetch_sub(1, SeqCst);
        back.end("stop");
    });
    let remote = connect(&stub, "?concurrency=3");
    std::thread::scope(|scope| {
        for index in 0..12 {
            let remote = &remote;
            scope.spawn(move || remote.complete(&ask(&index.to_string()), &Cancel::default(), &mut |_| {}).unwrap());
        }
    });
    let most = most.load(SeqCst);
    assert!((2..=3).contains(&most), "{most} at once");
}
