//! One clip and one file, whatever happens to the processes that make it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::crew::{PATIENCE, Place, answer, ask, finish, sound};

const TEXT: &str = "왜 우리 회사에 지원하셨나요?";

/// The file of a question holds the whole clip of a text.
fn holds(place: &Place, question: i32, text: &str) {
    let path = place.audio(&format!("q_{question}.wav"));
    let samples = hound::WavReader::open(&path).unwrap().duration();
    assert_eq!(samples as usize, sound(text).samples.len());
    let bytes = std::fs::read(path).unwrap();
    let digest = viva_core::Digest::of(&bytes);
    assert_eq!(place.number(&format!("SELECT COUNT(*) FROM speech_clips WHERE digest = '{digest}'")), 1);
    assert_eq!(std::fs::read(place.audio(&format!("clips/{digest}"))).unwrap(), bytes);
}

fn succeeded(answer: &Value) -> bool {
    answer["status"] == "SUCCESS"
}

/// A worker is killed at a step of a job; another one was asked for the same before, or is asked after.
fn killed_at(kind: &str, step: &str, begun: usize, attempts: i64) {
    let place = Place::new(kind);
    let (victim, other) = (place.worker(300, step), place.worker(10, "none"));
    ask(&victim, "a", TEXT, 7);
    victim.wait_for_line("HALTED", PATIENCE);
    // Where the victim holds a claim and no lock, the other one comes to wait for it.
    let waits = matches!(step, "claimed" | "computed");
    if waits {
        ask(&other, "b", TEXT, 7);
        other.wait_for_line("STEP waiting", PATIENCE);
    }
    victim.kill();
    if !waits {
        ask(&other, "b", TEXT, 7);
    }
    assert!(succeeded(&answer(&other, "b")), "{step}");
    // The broker delivers the dead one's task again.
    ask(&other, "a", TEXT, 7);
    assert!(succeeded(&answer(&other, "a")), "{step}");
    holds(&place, 7, TEXT);
    assert_eq!(place.spoken().len(), begun, "{step}");
    assert_eq!(place.number("SELECT CAST(attempts AS BIGINT) FROM claims"), attempts, "{step}");
    assert_eq!(place.number("SELECT COUNT(*) FROM speech_clips"), 1, "{step}");
    assert_eq!(place.number("SELECT COUNT(*) FROM waiters") + place.number("SELECT COUNT(*) FROM outbox"), 0, "{step}");
    finish(&other);
}

/// A worker that stood still while its claim was taken over commits nothing when it wakes.
fn stopped_and_woken(kind: &str) {
    let place = Place::new(kind);
    // Long enough to be frozen in, however many times it is woken again since it writes.
    let (sleeper, other) = (place.worker(3000, "none"), place.worker(10, "none"));
    ask(&sleeper, "a", TEXT, 7);
    sleeper.wait_for_line("STEP speaking", PATIENCE);
    place.freeze(&sleeper);
    ask(&other, "b", TEXT, 7);
    assert!(succeeded(&answer(&other, "b")));
    let committed = place.number("SELECT CAST(epoch AS BIGINT) FROM claims");
    sleeper.cont();
    sleeper.wait_for_line("this worker was declared gone", PATIENCE);
    assert!(!sleeper.wait(PATIENCE).success(), "its process is to be started again");
    // Unless it has found the other's result by itself, its task comes again.
    ask(&other, "a", TEXT, 7);
    assert!(succeeded(&answer(&other, "a")));
    assert_eq!(place.number("SELECT CAST(epoch AS BIGINT) FROM claims"), committed);
    assert_eq!(place.spoken().len(), 2);
    holds(&place, 7, TEXT);
}

fn a_thousand_callers_over_four_processes(kind: &str) {
    let place = Place::new(kind);
    let workers = [0; 4].map(|_| place.worker(500, "none"));
    for number in 0..1000 {
        ask(&workers[number % 4], &format!("t{number}"), TEXT, 14221);
    }
    for number in 0..1000 {
        assert!(succeeded(&answer(&workers[number % 4], &format!("t{number}"))), "t{number}");
    }
    assert_eq!(place.spoken(), [TEXT]);
    let counted: Vec<Value> = workers.iter().map(finish).collect();
    let sum = |name: &str| counted.iter().map(|counters| counters[name].as_u64().unwrap_or_default()).sum::<u64>();
    assert_eq!((sum("viva_computations_total"), sum("viva_audio_renames_total")), (1, 1));
    holds(&place, 14221, TEXT);
}

/// The log's first failure: two producers publish the same question and the browser asks every few seconds, here every 50 ms.
fn question_14221(kind: &str) {
    let place = Place::new(kind);
    let (one, two) = (place.worker(900, "none"), place.worker(900, "none"));
    ask(&one, "backend", TEXT, 14221);
    ask(&two, "question generator", TEXT, 14221);
    for poll in 0..24 {
        std::thread::sleep(Duration::from_millis(50));
        ask(if poll % 2 == 0 { &one } else { &two }, &format!("poll {poll}"), TEXT, 14221);
    }
    assert!(succeeded(&answer(&one, "backend")) && succeeded(&answer(&two, "question generator")));
    for poll in 0..24 {
        assert!(succeeded(&answer(if poll % 2 == 0 { &one } else { &two }, &format!("poll {poll}"))), "{poll}");
    }
    assert_eq!(place.spoken(), [TEXT]);
    let counted = [finish(&one), finish(&two)];
    let sum = |name: &str| counted.iter().map(|counters| counters[name].as_u64().unwrap_or_default()).sum::<u64>();
    assert_eq!((sum("viva_computations_total"), sum("viva_audio_renames_total")), (1, 1));
}

/// A question is edited again and again by two processes while somebody opens its file without a pause.
fn a_reader_sees_whole_files_only(kind: &str) {
    let place = Place::new(kind);
    let workers = [0; 2].map(|_| place.worker(0, "none"));
    let texts = ["짧게.", "이 질문은 조금 더 길어서 파일도 더 깁니다."];
    ask(&workers[0], "first", texts[0], 7);
    answer(&workers[0], "first");
    let stop = AtomicBool::new(false);
    let read = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let lengths = texts.map(|text| sound(text).samples.len());
            let mut read = [0; 2];
            while !stop.load(Ordering::SeqCst) {
                let samples = hound::WavReader::open(place.audio("q_7.wav")).unwrap().into_samples::<i16>();
                let samples = samples.flatten().count();
                let which = lengths.iter().position(|&length| length == samples);
                read[which.unwrap_or_else(|| panic!("half a file: {samples} samples"))] += 1;
            }
            read
        });
        let edits = std::panic::catch_unwind(|| {
            for edit in 0..100 {
                let worker = &workers[edit % 2];
                ask(worker, &format!("e{edit}"), texts[(edit + 1) % 2], 7);
                assert!(succeeded(&answer(worker, &format!("e{edit}"))));
            }
        });
        // The reader is let go first: a scope waits for its threads.
        stop.store(true, Ordering::SeqCst);
        let read = reader.join().unwrap();
        edits.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        read
    });
    assert!(read.iter().all(|&read| read > 0), "the reader saw {read:?} of the two");
}

macro_rules! on_both {
    ($($test:ident: $call:expr),+ $(,)?) => {
        mod sqlite {
            use super::*;
            $(#[test] fn $test() { let call: fn(&str) = $call; call("sqlite"); })+
        }
        mod postgres {
            use super::*;
            $(#[test] fn $test() { let call: fn(&str) = $call; call("postgres"); })+
        }
    };
}

on_both! {
    killed_when_the_task_has_arrived: |kind| killed_at(kind, "arrived", 1, 1),
    killed_when_the_claim_is_taken: |kind| killed_at(kind, "claimed", 1, 2),
    killed_when_the_clip_is_made: |kind| killed_at(kind, "computed", 2, 2),
    killed_before_the_commit: |kind| killed_at(kind, "settling", 2, 2),
    killed_after_the_commit: |kind| killed_at(kind, "settled", 1, 1),
    stopped_and_woken_it_cannot_commit: stopped_and_woken,
    question_14221_is_spoken_once: question_14221,
    of_a_thousand_callers_one_computes: a_thousand_callers_over_four_processes,
    a_reader_sees_whole_files_only: super::a_reader_sees_whole_files_only,
}
