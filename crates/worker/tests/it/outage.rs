//! Databases that restart, commits whose answer is lost, texts that kill, and workers that are told to stop.

use std::process::Command;

use serde_json::Value;
use viva_testkit::{Postgres, Relay, eventually};

use crate::fleet::{PATIENCE, Place, Start, answer, ask, finish, succeeded};

const RHYTHM: Option<(u64, u64)> = Some((200, 6000));

fn nothing_happened(measured: &[Value]) {
    for name in ["viva_workers_declared_gone_total", "viva_claims_rescued_total", "viva_claims_lost_total"] {
        let counted: u64 = measured.iter().map(|counters| counters[name].as_u64().unwrap_or_default()).sum();
        assert_eq!(counted, 0, "{name}");
    }
}

/// F3: every connection breaks at once, and everybody's lock with it.
#[test]
fn a_database_that_restarts_convicts_nobody() {
    let postgres = Postgres::start();
    let place = Place::at(&postgres.database());
    let workers = [0; 3].map(|_| place.start(&Start { rhythm: RHYTHM, ..Start::default() }));
    for (round, crash) in [(0, false), (1, true), (2, false), (3, true)] {
        for (at, worker) in workers.iter().enumerate() {
            ask(worker, &format!("r{round}w{at}"), &format!("sleep 700 {round} {at}"));
            worker.wait_for_nth_line("SPEAKING", round + 1, PATIENCE);
        }
        if crash {
            postgres.crash();
        } else {
            postgres.shut_down();
        }
        postgres.start_again();
        for (at, worker) in workers.iter().enumerate() {
            assert!(succeeded(&answer(worker, &format!("r{round}w{at}"))), "{round} {at}");
        }
    }
    nothing_happened(&workers.each_ref().map(finish));
}

/// F3: the connection breaks while the server commits. Whether it did is found out by looking again, not by computing again.
#[test]
fn a_commit_whose_answer_is_lost_is_found_out() {
    let place = Place::new("postgres");
    // A commit that takes its time.
    let slow = "
        CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER slowly AFTER INSERT ON speech_clips DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slowly()";
    Postgres::shared().sql(&place.url, slow);
    let (relay, url) = Relay::before(&place.url);
    let worker = place.start(&Start { url: Some(&url), ..Start::default() });
    ask(&worker, "a", "sleep 0 a");
    let commits = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    eventually("the server commits", PATIENCE, || place.number(commits) == 1);
    relay.cut_all();
    assert!(succeeded(&answer(&worker, "a")));
    assert_eq!(place.number("SELECT COUNT(*) FROM speech_clips"), 1);
    let lines = worker.lines();
    assert_eq!(lines.iter().filter(|line| line.contains("SPEAKING")).count(), 1, "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("the task will be tried again")), "the commit was answered: {lines:#?}");
    finish(&worker);
}

/// F6: attempts are counted when they begin, by the database: no process that dies of a text can forget it.
fn a_text_that_kills_every_worker_ends(kind: &str) {
    let place = Place::new(kind);
    let start = Start { rhythm: Some((100, 5000)), ..Start::default() };
    let survivor = place.start(&start);
    for attempt in 1..=5 {
        let victim = place.start(&start);
        ask(&victim, "a", "abort a");
        victim.wait_for_line("SPEAKING", PATIENCE);
        victim.wait(PATIENCE);
        assert_eq!(place.number("SELECT CAST(attempts AS BIGINT) FROM claims"), attempt);
        survivor.wait_for_nth_line("its lock is free", attempt as usize, PATIENCE);
    }
    ask(&survivor, "a", "abort a");
    let told = answer(&survivor, "a");
    assert!(!succeeded(&told));
    assert!(told["error"].as_str().unwrap().contains("it may kill its worker"), "{told}");
    finish(&survivor);
}

/// F21: told to stop, it goes on telling that it lives for as long as its work takes, which is longer than its time to live.
fn a_worker_that_drains_is_not_taken_for_gone(kind: &str) {
    let place = Place::new(kind);
    let start = Start { rhythm: Some((200, 4000)), ..Start::default() };
    let (drains, other) = (place.start(&start), place.start(&start));
    ask(&drains, "a", "sleep 7000 a");
    drains.wait_for_line("SPEAKING", PATIENCE);
    let told = Command::new("kill").args(["-INT", &drains.pid().to_string()]).status().unwrap();
    assert!(told.success());
    drains.wait_for_line("draining", PATIENCE);
    ask(&other, "b", "sleep 7000 a");
    assert!(succeeded(&answer(&other, "b")), "it waited for the one that drains");
    assert!(succeeded(&answer(&drains, "a")));
    assert!(drains.wait(PATIENCE).success());
    assert!(!other.lines().iter().any(|line| line.contains("SPEAKING")));
    nothing_happened(&[finish(&other)]);
}

/// Memory that runs out is no crash loop: the task is tried again, with fewer beside it.
fn memory_that_runs_out_may_pass(kind: &str) {
    let place = Place::new(kind);
    let worker = place.worker();
    ask(&worker, "a", "memory a");
    assert!(succeeded(&answer(&worker, "a")));
    worker.wait_for_line("memory ran out; fewer computations run at once", PATIENCE);
    assert_eq!(place.number("SELECT COUNT(*) FROM worker_sessions WHERE state = 'live' AND ready"), 1, "it goes on");
    assert_eq!(finish(&worker)["viva_out_of_memory_total"], 1);
}

macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite { $(#[test] fn $test() { super::$test("sqlite"); })+ }
        mod postgres { $(#[test] fn $test() { super::$test("postgres"); })+ }
    };
}

on_both! {
    a_text_that_kills_every_worker_ends,
    a_worker_that_drains_is_not_taken_for_gone,
    memory_that_runs_out_may_pass,
}
