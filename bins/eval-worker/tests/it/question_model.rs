//! The whole way with real models: a resume read by MiniLM, questions by Gemma 270M. Too small to ask well; what it says must still
//! be a question or not be asked.

use std::sync::Arc;
use std::time::Duration;

use eval_worker::resume::{self, GenerateEmbeddings, Resumes};
use eval_worker::{GenerateNextQuestion, Interviewer};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use viva_core::Task;
use viva_llm::{Local, Options};
use viva_models::Home;
use viva_worker::{Answer, Handler};

use crate::fixture::context;
use crate::interviewer::{INTERVIEW, RESUME, Stage, Talker, Words};

const RESUME_TEXT: &str = "# Experience
Cut the latency of card approvals from 800 ms to 120 ms by caching merchant limits.
When two teammates argued about the schema I brought them together and we tried both designs for a week.

# Education
B.Sc. in Computer Science.
";

/// A busy machine may take its time; what is asked is looked at here, not when.
const PATIENCE: Duration = Duration::from_mins(5);

async fn run(handler: &dyn Handler, task: Task) -> Value {
    match handler.handle(task.clone(), context(&task, &CancellationToken::new())).await.unwrap() {
        Answer::Now(value) => value,
        Answer::Later => panic!("nobody else computes it"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_models_find_the_passage_and_ask_or_say_why_not() {
    let stage = Stage::new(Talker::asking(""), Words::new()).await;
    stage.resume(RESUME_TEXT).await;
    let retriever = tokio::task::spawn_blocking(|| {
        viva_testkit::model("all-minilm-l6-v2");
        resume::open("all-minilm-l6-v2", &Home::from_env().unwrap()).unwrap().unwrap()
    });
    let resumes = Resumes::new(stage.store.clone(), Arc::new(retriever.await.unwrap()));
    let engine = tokio::task::spawn_blocking(|| Local::open(Options::new(viva_testkit::model("gemma-3-270m").model())).unwrap());
    let interviewer = Interviewer::new(stage.store.clone(), Arc::new(engine.await.unwrap()), Some(resumes.clone())).patience(PATIENCE);

    let embed = GenerateEmbeddings { resumes: resumes.clone(), flight: stage.flight.clone() };
    assert_eq!(run(&embed, Task::GenerateEmbeddings { resume_id: RESUME }).await, Value::Null);
    let found = resumes.passages(RESUME, "settling a disagreement in the team", 1).await.unwrap();
    assert!(found[0].text.contains("teammates argued"), "{found:?}");

    stage.said("problem_solving_followup", "프록시 로그를 모두 모아 시간순으로 맞춰 보고 원인을 찾았습니다").await;
    let next = GenerateNextQuestion { interviewer, flight: stage.flight.clone() };
    let mut said = Vec::new();
    for expected in ["communication", "communication_followup"] {
        let asked = run(&next, Task::GenerateNextQuestion { interview_id: INTERVIEW }).await;
        assert_eq!((&asked["status"], asked["stage"].as_str()), (&Value::from("success"), Some(expected)));
        let (made_by, reason) = stage.made(&asked).await;
        println!("{expected}: {made_by} {reason:?}: {}", asked["question"]);
        // By the model, or canned with the reason why it is not.
        assert!(made_by == "model" && reason.is_none() || made_by == "canned" && reason.is_some_and(|why| why.starts_with("unusable")));
        let id = i32::try_from(asked["question_id"].as_i64().unwrap()).unwrap();
        stage.answers(id, "동료와 기준을 먼저 정하고 두 설계를 일주일씩 시험한 뒤 수치로 골랐습니다").await;
        said.push(asked);
    }
    assert_ne!(said[0]["question"], said[1]["question"]);
}
