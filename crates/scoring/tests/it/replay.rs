use viva_core::evaluation::Evaluation;
use viva_llm::{Cancel, ModelInfo};
use viva_scoring::replay::replay;
use viva_scoring::{Error, Rubric};

use crate::fake::{Fake, answer, clock, info, judge};

const ANSWER: &str = "프록시가 트랜잭션을 열고 메서드가 끝나면 커밋합니다";

fn stored() -> Evaluation {
    let evaluation = judge(Fake::obedient(0)).evaluate(&answer("skill", ANSWER), &Cancel::default()).unwrap();
    // As it comes back from where it was kept.
    serde_json::from_str(&serde_json::to_string(&evaluation).unwrap()).unwrap()
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let mut stored = stored();
    stored.provenance.worker_id = "somebody else".to_owned();
    stored.provenance.attempt = 3;
    let replayed = replay(Fake::obedient(0), Rubric::builtin(), clock(), &stored).unwrap();
    assert!(replayed.equal && replayed.same_class);
    assert_eq!(replayed.difference(&stored), Some(0));
}

#[test]
fn any_change_of_the_record_shows() {
    let change: [fn(&mut Evaluation); 4] = [
        |stored| stored.items[0].score -= 1,
        |stored| stored.feedback = Some("아주 좋습니다".to_owned()),
        |stored| stored.items[1].evidence[0].start += 1,
        |stored| stored.answer.push('.'),
    ];
    for (number, change) in change.iter().enumerate() {
        let mut stored = stored();
        change(&mut stored);
        let replayed = replay(Fake::obedient(0), Rubric::builtin(), clock(), &stored).unwrap();
        assert!(!replayed.equal && replayed.same_class, "change {number}");
    }
}

#[test]
fn another_numeric_class_is_said_to_be_one() {
    let portable = ModelInfo { numeric_class: "elsewhere".to_owned(), ..info(7_000_000_000) };
    let replayed = replay(Fake::obedient(0).with_info(portable.clone()), Rubric::builtin(), clock(), &stored()).unwrap();
    assert!(replayed.equal && !replayed.same_class, "the class itself is no part of what came out");
    // Another quote and other points come out there.
    let other = Fake::obedient(1).with_info(portable);
    let replayed = replay(other, Rubric::builtin(), clock(), &stored()).unwrap();
    assert!(!replayed.equal && !replayed.same_class);
    assert_eq!(replayed.difference(&stored()), Some(24 + 14 + 9 - 100));
}

#[test]
fn what_was_made_with_something_else_is_no_replay() {
    let refused = |engine, rubric, stored: &Evaluation| replay(engine, rubric, clock(), stored).unwrap_err();
    let other = ModelInfo { sha256: "ef".repeat(32), ..info(7_000_000_000) };
    let error = refused(Fake::replies(&[]).with_info(other), Rubric::builtin(), &stored());
    assert!(error.to_string().contains("another model file"), "{error}");

    let changed = Rubric::builtin().yaml().replacen("논리성", "논리", 1);
    let error = refused(Fake::replies(&[]), Rubric::parse("test", &changed).unwrap(), &stored());
    assert!(error.to_string().contains("another rubric"), "{error}");

    let mut older = stored();
    older.provenance.prompt_version = "evaluate/1".to_owned();
    assert!(matches!(refused(Fake::replies(&[]), Rubric::builtin(), &older), Error::OtherInputs { what: "prompt", .. }));

    let mut remote = stored();
    remote.provenance.model.numeric_class = "remote".to_owned();
    assert!(matches!(refused(Fake::replies(&[]), Rubric::builtin(), &remote), Error::Remote(_)));
}
