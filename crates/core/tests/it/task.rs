use serde_json::{Value, json};
use viva_core::task::{AnalyzeAnswer, Synthesize};
use viva_core::{Classified as _, ErrorClass, Task, TaskMessage};

fn bind(task: &str, args: Value, kwargs: Value) -> Result<Task, viva_core::task::Error> {
    let message = json!({"id": "1", "task": task, "args": args, "kwargs": kwargs});
    Task::bind(&serde_json::from_value::<TaskMessage>(message).unwrap())
}

#[test]
fn a_producers_call_binds() {
    // As an unchanged producer sends it: reference table of the platform's tasks.
    let task = bind("tasks.tts.synthesize", json!(["안녕하세요"]), json!({"language": "ko", "speed": 1.0, "question_id": 14221}));
    let expected = Synthesize {
        text: "안녕하세요".to_owned(),
        language: "ko".to_owned(),
        speed: 1.0,
        question_id: Some(14221),
        voice: None,
        format: None,
    };
    assert_eq!(task.unwrap(), Task::Synthesize(expected));
    let report = bind("tasks.evaluator.generate_final_report", json!([153]), json!({}));
    assert_eq!(report.unwrap(), Task::GenerateFinalReport { interview_id: 153 });
    let embed = bind("tasks.resume_pipeline.generate_embeddings", json!([]), json!({"resume_id": 7}));
    assert_eq!(embed.unwrap(), Task::GenerateEmbeddings { resume_id: 7 });
    let next = bind("tasks.question_generation.generate_next_question", json!([153]), json!({}));
    assert_eq!(next.unwrap(), Task::GenerateNextQuestion { interview_id: 153 });
    assert_eq!(bind("tasks.question_generation.preload_model", json!([]), json!({})).unwrap(), Task::PreloadModel);
    assert!(bind("tasks.question_generation.preload_model", json!([1]), json!({})).is_err());
}

#[test]
fn position_and_keyword_mean_the_same() {
    let by_position = bind("tasks.evaluator.analyze_answer", json!([7, "Q", "A", {"k": 1}, 3, "skill"]), json!({})).unwrap();
    let by_keyword = bind(
        "tasks.evaluator.analyze_answer",
        json!([7]),
        json!({"question_type": "skill", "rubric": {"k": 1}, "answer_text": "A", "question_text": "Q", "question_id": 3}),
    );
    assert_eq!(by_position, by_keyword.unwrap());
    let Task::AnalyzeAnswer(AnalyzeAnswer { rubric, question_id, question_type, .. }) =
        bind("tasks.evaluator.analyze_answer", json!([7, "Q", "A", null]), json!({})).unwrap()
    else {
        panic!("another task");
    };
    assert_eq!((rubric, question_id, question_type), (None, None, None));
}

#[test]
fn defaults_fill_what_is_left_out() {
    let Task::Synthesize(task) = bind("tasks.tts.synthesize", json!([]), json!({"text": "hi", "speed": 2})).unwrap() else {
        panic!("another task");
    };
    assert_eq!((&task.language[..], task.question_id), ("ko", None));
    assert!((task.speed - 2.0).abs() < f64::EPSILON, "an integer is a number");
}

#[test]
fn what_is_wrong_is_named() {
    let tts = "tasks.tts.synthesize";
    let score = "tasks.evaluator.analyze_answer";
    let cases = [
        (bind("tasks.stt.recognize", json!([]), json!({})), "no task is called \"tasks.stt.recognize\""),
        (bind(tts, json!([]), json!({})), "tasks.tts.synthesize: the argument \"text\" is missing"),
        (bind(score, json!([1]), json!({})), "the argument \"question_text\" is missing"),
        (bind(tts, json!([1, 2, 3, 4, 5, 6, 7]), json!({})), "takes at most 6 positional arguments, 7 were given"),
        (bind(tts, json!(["a"]), json!({"text": "b"})), "the argument \"text\" was given twice"),
        (bind(tts, json!(["a"]), json!({"pitch": 2})), "there is no argument \"pitch\"; it takes text, language, speed"),
        (bind(tts, json!([null]), json!({})), "\"text\" must be a string, not null"),
        (bind(tts, json!([3]), json!({})), "\"text\" must be a string, not 3"),
        (bind(tts, json!(["a"]), json!({"speed": "1"})), "\"speed\" must be a number, not a string of 1 characters"),
        (bind(tts, json!(["a"]), json!({"question_id": 1.5})), "\"question_id\" must be an integer of 32 bits, not 1.5"),
        (bind(tts, json!(["a"]), json!({"question_id": 3_000_000_000_u64})), "an integer of 32 bits, not 3000000000"),
        (bind(score, json!([1, "Q", "A", [1, 2]]), json!({})), "\"rubric\" must be an object, not a list of 2"),
        (bind("viva.evaluate_part", json!(["f00", 7]), json!({})), "\"plan\" must be a SHA-256 digest, not a string of 3 characters"),
        (bind(score, json!([true, "Q", "A"]), json!({})), "\"transcript_id\" must be an integer of 32 bits, not true"),
    ];
    for (result, expected) in cases {
        let error = result.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}\nlacks: {expected}");
        assert_eq!(error.class(), ErrorClass::Permanent);
    }
}

#[test]
fn errors_do_not_repeat_what_a_candidate_said() {
    let error = bind("tasks.evaluator.analyze_answer", json!(["제 이름은 홍길동입니다", "Q", "A"]), json!({})).unwrap_err();
    assert!(!error.to_string().contains("홍길동"), "{error}");
}

#[test]
fn every_task_survives_its_own_message() {
    let tasks = [
        bind("tasks.tts.synthesize", json!(["a"]), json!({"voice": "v", "question_id": 1})).unwrap(),
        bind("tasks.tts.synthesize", json!(["a", "en", 0.5]), json!({})).unwrap(),
        bind("tasks.evaluator.generate_final_report", json!([1]), json!({})).unwrap(),
        bind("tasks.evaluator.analyze_answer", json!([1, "Q", "A", {"r": 1}, 2, "s"]), json!({})).unwrap(),
        bind("tasks.evaluator.analyze_answer", json!([1, "Q", "A"]), json!({})).unwrap(),
        bind("tasks.resume_pipeline.generate_embeddings", json!([1]), json!({})).unwrap(),
        bind("tasks.question_generation.generate_next_question", json!([1]), json!({})).unwrap(),
        bind("tasks.question_generation.preload_model", json!([]), json!({})).unwrap(),
        bind("viva.evaluate_part", json!(["0123456789abcdef".repeat(4), 7]), json!({})).unwrap(),
        bind("viva.conclude_report", json!([1]), json!({})).unwrap(),
    ];
    for task in tasks {
        let message = serde_json::to_string(&task.to_message()).unwrap();
        assert_eq!(Task::bind(&serde_json::from_str(&message).unwrap()).unwrap(), task);
    }
}

#[test]
fn a_task_that_goes_on_with_another_answers_whoever_asked() {
    let asked = TaskMessage {
        id: "theirs".to_owned(),
        envelope: Some(json!({"reply_to": "queue"})),
        ..bind("tasks.evaluator.generate_final_report", json!([153]), json!({})).unwrap().to_message()
    };
    let message = asked.continued_as(&Task::ConcludeReport { interview_id: 153 });
    assert_eq!((message.id.as_str(), &message.envelope), ("theirs", &asked.envelope));
    assert!(message.is_own() && !asked.is_own());
    assert_eq!(Task::bind(&message).unwrap(), Task::ConcludeReport { interview_id: 153 });
}
