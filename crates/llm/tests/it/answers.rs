//! Answers: under a schema, streamed, cancelled, bounded, repeated.

use serde_json::{Value, json};
use viva_llm::{Cancel, Chance, Completion, Engine, Error, Finish, Local, Number, Part, Request, Sampling};

use crate::{GEMMA, SMOLLM2, ask, user};

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "relevance": { "type": "integer", "minimum": 0, "maximum": 10 },
            "quote": { "enum": ["정산 배치를 다시 짰습니다", "인덱스를 \"두 번\" 읽었습니다", "none"] },
            "feedback": { "type": "string", "maxLength": 60 },
        },
        "required": ["relevance", "quote", "feedback"],
        "additionalProperties": false,
    })
}

fn run(model: &Local, request: &Request) -> Completion {
    model.complete(request, &Cancel::default(), &mut |_| {}).unwrap()
}

#[test]
fn an_answer_under_a_schema_is_valid_json_whatever_the_seed() {
    for model in [&SMOLLM2, &GEMMA] {
        for seed in 0..5 {
            let sampling = Sampling { temperature: 1.5, top_p: 1.0, seed };
            let request = Request { schema: Some(schema()), sampling, ..ask("Score this answer: I rewrote the batch.") };
            let answer = run(model, &request);
            let value: Value = serde_json::from_str(&answer.text).unwrap();
            assert!((0..=10).contains(&value["relevance"].as_i64().unwrap()), "{}", answer.text);
            assert!(schema()["properties"]["quote"]["enum"].as_array().unwrap().contains(&value["quote"]), "{}", answer.text);
            assert!(value["feedback"].as_str().unwrap().chars().count() <= 60, "{}", answer.text);
            assert!(answer.tokens_forced > 0 && answer.tokens_forced < answer.tokens_out);
            assert_eq!(serde_json::to_string(&value).unwrap(), answer.text, "compact JSON");
        }
    }
}

#[test]
fn an_answer_that_meets_its_bound_is_closed_into_valid_json() {
    let one = json!({ "type": "object", "properties": { "t": { "type": "string" } }, "required": ["t"], "additionalProperties": false });
    let request = Request { schema: Some(one), max_tokens: 3, ..ask("Tell a very long story.") };
    let answer = run(&SMOLLM2, &request);
    assert_eq!(answer.finish, Finish::Length);
    let value: Value = serde_json::from_str(&answer.text).unwrap();
    assert!(value["t"].is_string() && answer.tokens_out <= 12, "{answer:?}");
}

/// What a bound cut off and the schema demands is still the model's choice: it stands among its probabilities.
#[test]
fn closing_an_answer_invents_no_number() {
    let score = json!({ "type": "integer", "minimum": 0, "maximum": 100 });
    let two = json!({ "type": "object", "properties": { "t": { "type": "string" }, "score": score }, "required": ["t", "score"], "additionalProperties": false });
    let answer = run(&SMOLLM2, &Request { schema: Some(two), max_tokens: 3, ..ask("Tell a very long story.") });
    assert_eq!(answer.finish, Finish::Length);
    let value: Value = serde_json::from_str(&answer.text).unwrap();
    let [number] = answer.numbers.as_slice() else { panic!("{:?}", answer.numbers) };
    assert_eq!(written(&answer, number), value["score"].to_string());
}

/// The number that begins at `number.at`.
fn written(answer: &Completion, number: &Number) -> String {
    answer.text[number.at..].chars().take_while(char::is_ascii_digit).collect()
}

#[test]
fn what_a_number_might_have_been_comes_with_the_answer() {
    let score = || json!({ "type": "integer", "minimum": 0, "maximum": 10 });
    let two =
        json!({ "type": "object", "properties": { "a": score(), "b": score() }, "required": ["a", "b"], "additionalProperties": false });
    for model in [&SMOLLM2, &GEMMA] {
        let answer = run(model, &Request { schema: Some(two.clone()), ..ask("Score this answer: I measured it.") });
        let value: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(answer.numbers.len(), 2, "{answer:?}");
        for (number, name) in answer.numbers.iter().zip(["a", "b"]) {
            let text = written(&answer, number);
            assert_eq!(text, value[name].to_string());
            let mut probability = 1.0;
            for (step, chances) in number.steps.iter().enumerate() {
                let sum: f32 = chances.iter().map(|chance| chance.probability).sum();
                assert!((sum - 1.0).abs() < 1e-4, "{chances:?}");
                let chosen = |chance: &&Chance| match text.get(step..=step) {
                    Some(digit) => chance.text == digit,
                    None => !chance.text.starts_with(|c: char| c.is_ascii_digit()),
                };
                let likeliest = chances.iter().max_by(|a, b| a.probability.total_cmp(&b.probability)).unwrap();
                assert!(chosen(&likeliest), "greedy, but {likeliest:?} was not written in {text:?}");
                probability *= likeliest.probability;
            }
            assert_eq!(number.steps[0].len(), 10, "any digit may begin a number up to 10: {number:?}");
            assert!((probability - number.probability).abs() < 1e-6 && probability > 0.0, "{number:?}");
        }
    }
}

#[test]
fn an_answer_that_would_come_too_late_ends_with_its_deadline() {
    let request = Request { max_tokens: 4000, deadline_ms: Some(30), ..ask("Count from one to one thousand.") };
    let ended = SMOLLM2.complete(&request, &Cancel::default(), &mut |_| {});
    assert!(matches!(ended, Err(Error::Deadline { ms: 30 })), "{ended:?}");
}

#[test]
fn the_pieces_streamed_are_the_answer() {
    let mut pieces = Vec::new();
    let request = Request { max_tokens: 40, ..ask("안녕하세요. 자기소개를 해 주세요.") };
    let answer = GEMMA.complete(&request, &Cancel::default(), &mut |text| pieces.push(text.to_owned())).unwrap();
    assert!(pieces.len() > 1 && answer.text.starts_with(&pieces.concat()), "{pieces:?} {answer:?}");
    assert_eq!((answer.tokens_out, answer.finish), (40, Finish::Length));
}

#[test]
fn a_cancelled_request_ends_within_one_step() {
    let cancel = Cancel::default();
    let mut pieces = 0;
    let request = Request { max_tokens: 2000, ..ask("Count from one to one thousand.") };
    let ended = SMOLLM2.complete(&request, &cancel, &mut |_| {
        pieces += 1;
        cancel.cancel();
    });
    assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
    // Its thread may be a step or two ahead of the one who cancels.
    assert!(pieces < 20, "{pieces} pieces after the cancel");
    assert_eq!(run(&SMOLLM2, &Request { max_tokens: 3, ..ask("Hi") }).tokens_out, 3);
}

#[test]
fn the_same_request_gives_the_same_bytes_with_or_without_a_cached_prefix() {
    let rubric = "You score interview answers. Give points for facts, numbers and what the candidate did. ".repeat(8);
    let request = |answer: &str, seed| {
        let sampling = Sampling { temperature: 0.8, top_p: 0.95, seed };
        Request { schema: Some(schema()), sampling, ..user(vec![Part::Trusted(rubric.clone()), Part::Data(answer.to_owned())]) }
    };
    let fresh = crate::open("gemma-3-270m");
    let first = run(&fresh, &request("정산 배치를 다시 짰습니다", 3));
    let other = run(&fresh, &request("모르겠습니다", 4));
    let again = run(&fresh, &request("정산 배치를 다시 짰습니다", 3));
    assert_eq!((first.tokens_cached, first.tokens_in), (0, again.tokens_in));
    assert!(other.tokens_cached > 100, "the rubric was computed again: {other:?}");
    assert_eq!((first.text, first.prompt_sha256), (again.text, again.prompt_sha256));
}

#[test]
fn a_prompt_that_leaves_no_room_is_refused_with_its_length() {
    let error = SMOLLM2.complete(&ask(&"word ".repeat(9000)), &Cancel::default(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::TooLong { tokens, context: 8192 } if tokens >= 9000), "{error}");
}

#[test]
fn a_schema_that_cannot_be_enforced_is_refused() {
    let request = Request { schema: Some(json!({ "type": "nonsense" })), ..ask("Hi") };
    let error = SMOLLM2.complete(&request, &Cancel::default(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::Grammar(_)), "{error}");
}

#[test]
fn what_is_loaded_is_described() {
    let (smol, gemma) = (SMOLLM2.info(), GEMMA.info());
    assert_eq!((smol.architecture.as_str(), smol.quantisation.as_str(), smol.context_length), ("llama", "Q4_1", 8192));
    assert_eq!((gemma.architecture.as_str(), gemma.quantisation.as_str()), ("gemma3", "Q4_K_M"));
    assert!((130_000_000..140_000_000).contains(&smol.parameters), "{}", smol.parameters);
    assert!((260_000_000..280_000_000).contains(&gemma.parameters), "{}", gemma.parameters);
    assert!(smol.template_sha256.is_some() && gemma.template_sha256.is_none());
    assert_eq!(gemma.sha256, "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818");
}
