//! On the populated database of an existing platform. Its own program (`tests/platform`) makes the tables, fills them and reads them.

mod catalogue;
mod interview;
mod moments;

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::{Value, json};
use viva_core::store::{Error, ReportRow, Store, migrate, migrate_down, versions};
use viva_testkit::{Postgres, Proc, role};

use super::fixture::report;
use catalogue::{FOREIGN, definitions, rows};

/// Where a process that migrates finds the database.
const URL: &str = "VIVA_TEST_DATABASE";

/// Runs the platform's program; what it prints.
fn platform(does: &str, url: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/platform");
    let mut python = viva_testkit::python(include_str!("../../platform/requirements.txt"));
    let done = python.arg(folder.join("backend.py")).args([does, &url.replacen("postgres:", "postgresql:", 1)]).output().unwrap();
    assert!(done.status.success(), "{does}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// A populated database of the test's own.
fn populated() -> String {
    static FILLED: LazyLock<String> = LazyLock::new(|| {
        let url = Postgres::shared().database();
        let filled = platform("fill", &url);
        if filled["vector"] == false {
            eprintln!("this server has no extension vector: the platform's tables are without their embeddings");
        }
        url
    });
    Postgres::shared().database_from(&FILLED)
}

/// What the scorer writes for an answer, in the platform's form.
fn parts() -> Value {
    json!({
        "평가영역": "직무 지식",
        "세부항목점수": {"개념의 정확성": 40, "논리성": 20},
        "항목별배점": {"개념의 정확성": 50, "논리성": 50},
    })
}

fn written_report() -> ReportRow {
    let details = json!({"overall_score": 60.0, "strengths": ["구체적"], "improvements": [], "technical_feedback": null});
    let all = Some(61.5);
    ReportRow { communication_score: all, details_json: Some(details), evaluator_model: Some("m".to_owned()), ..report(153, 60.0) }
}

/// Scores every answer of the interview and stores its report; the ids of the answers.
async fn score(url: &str) -> Vec<i32> {
    let store = Store::connect(url).await.unwrap();
    let session = store.write().await.unwrap();
    let answers = session.transcripts().answers(153).await.unwrap();
    for answer in &answers {
        session.transcripts().set_score(answer.transcript.id, Some(60.0), Some(parts())).await.unwrap();
    }
    session.evaluation_reports().put(&written_report()).await.unwrap();
    session.interviews().set_overall_score(153, Some(60.5)).await.unwrap();
    session.commit().await.unwrap();
    store.close().await.unwrap();
    answers.into_iter().map(|answer| answer.transcript.id).collect()
}

#[tokio::test]
async fn its_rows_are_read_as_it_wrote_them() {
    let url = populated();
    migrate(&url).await.unwrap();
    let store = Store::connect(&url).await.unwrap();
    let session = store.read().await.unwrap();
    let interview = session.interviews().get(153).await.unwrap();
    assert_eq!((&interview.position[..], &interview.status[..], interview.overall_score), ("Backend 개발자", "COMPLETED", None));

    let answers = session.transcripts().answers(153).await.unwrap();
    assert_eq!(answers.len(), 17);
    assert!(answers.iter().enumerate().all(|(place, answer)| answer.transcript.text == format!("답 {place}\n둘째 줄")), "{answers:?}");
    let questions: Vec<_> = answers.iter().filter_map(|answer| answer.question.as_ref()).collect();
    assert_eq!(questions.len(), 15);
    assert_eq!((&questions[2].content[..], questions[2].question_type.as_deref()), ("[skill] 질문 3?", Some("skill")));
    let forms = questions[..4].iter().map(|question| question.rubric_json.as_ref());
    let form = |rubric: Option<&Value>| match rubric {
        Some(Value::Object(_)) => "object",
        Some(Value::String(_)) => "encoded twice",
        Some(_) => "null of JSON",
        None => "null of SQL",
    };
    assert_eq!(forms.map(form).collect::<Vec<_>>(), ["encoded twice", "null of JSON", "null of SQL", "object"]);

    let stored = session.evaluation_reports().find(152).await.unwrap().unwrap();
    assert_eq!((stored.cultural_fit_score, stored.details_json.unwrap()["overall_score"].as_f64()), (Some(75.5), Some(72.5)));
}

#[tokio::test]
async fn its_own_reads_return_the_shapes_that_its_own_writes_gave() {
    let url = populated();
    migrate(&url).await.unwrap();
    let before = platform("read", &url);
    score(&url).await;
    let after = platform("read", &url);
    assert_eq!(
        without(&after["152"], &["report_age_s"]),
        without(&before["152"], &["report_age_s"]),
        "an interview that Viva was not asked about"
    );

    let (its, ours) = (&after["152"], &after["153"]);
    assert_eq!(types(&ours["report"]), types(&its["report"]));
    assert_eq!(ours["report"]["details_json"]["value"], written_report().details_json.unwrap());
    assert_eq!(ours["interview"]["overall_score"], json!({"type": "float", "value": 60.5}));
    let answers = ours["answers"].as_array().unwrap();
    assert_eq!(answers.len(), 17);
    for (answer, unscored) in answers.iter().zip(before["153"]["answers"].as_array().unwrap()) {
        for field in ["total_score", "rubric_score"] {
            assert_eq!(answer[field]["type"], its["answers"][0][field]["type"]);
            assert_eq!(unscored[field]["type"], "NoneType");
        }
        assert_eq!(answer["rubric_score"]["value"], parts());
        assert_eq!(keys(&answer["rubric_score"]["value"]), keys(&its["answers"][0]["rubric_score"]["value"]));
        assert_eq!(without(answer, &["total_score", "rubric_score"]), without(unscored, &["total_score", "rubric_score"]));
    }
    assert_eq!(ours["questions"], before["153"]["questions"]);
}

fn without(map: &Value, fields: &[&str]) -> Value {
    let mut map = map.clone();
    map.as_object_mut().unwrap().retain(|field, _| !fields.contains(&&field[..]));
    map
}

fn types(thing: &Value) -> Vec<(&String, &Value)> {
    thing.as_object().unwrap().iter().map(|(field, shown)| (field, &shown["type"])).collect()
}

fn keys(map: &Value) -> Vec<&String> {
    let mut keys: Vec<_> = map.as_object().unwrap().keys().collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn nothing_of_its_is_altered_on_the_way_up_at_work_or_on_the_way_down() {
    let url = populated();
    let (defined, filled) = (definitions(&url), rows(&url));
    assert_eq!((filled.len(), defined.iter().filter(|line| line.starts_with("enum|")).count()), (64, 16));
    let applied = migrate(&url).await.unwrap();
    assert_eq!(rows(&url), filled);
    let theirs = |line: &String| FOREIGN.iter().any(|table| line.contains(&format!("|{table}|"))) || line.starts_with("enum|");
    assert_eq!(definitions(&url).into_iter().filter(theirs).collect::<Vec<_>>(), defined);

    let scored = score(&url).await;
    let worked = rows(&url);
    let touched: Vec<_> = worked.iter().filter(|(place, row)| filled.get(*place) != Some(row)).map(|(place, _)| place.clone()).collect();
    let mut expected: Vec<_> = scored.iter().map(|id| ("transcripts".to_owned(), id.to_string())).collect();
    expected.extend([("interviews".to_owned(), "153".to_owned()), ("evaluation_reports".to_owned(), "2".to_owned())]);
    expected.sort();
    assert_eq!(touched, expected);
    for place in touched.iter().filter(|place| place.0 != "evaluation_reports") {
        let (mut now, then) = (worked[place].columns.clone(), &filled[place].columns);
        for written in ["total_score", "rubric_score", "overall_score"] {
            if let Some(value) = now.get_mut(written) {
                assert_ne!(value.take(), Value::Null);
            }
        }
        assert_eq!(&now, then, "{place:?}");
    }

    migrate_down(&url, applied.len() as u32).await.unwrap();
    assert_eq!(rows(&url), worked);
    let left: Vec<_> = definitions(&url).into_iter().filter(|line| !line.contains("viva_migrations")).collect();
    assert_eq!(left, defined);
}

#[tokio::test]
async fn it_goes_on_writing_and_deleting_beside_vivas_rows() {
    let url = populated();
    migrate(&url).await.unwrap();
    score(&url).await;
    platform("go_on", &url);
    let store = Store::connect(&url).await.unwrap();
    let session = store.read().await.unwrap();
    assert_eq!(session.transcripts().answers(153).await.unwrap().len(), 18);
    let changed = session.evaluation_reports().find(153).await.unwrap().unwrap();
    assert_eq!(changed.details_json.unwrap()["major_emotion"], "neutral");
    session.rollback().await.unwrap();
    assert_eq!(platform("forget", &url), 1);
}

#[tokio::test]
async fn two_processes_may_migrate_it_at_once_and_none_works_before() {
    if role().is_some() {
        let url = std::env::var(URL).unwrap();
        println!("applied {}", migrate(&url).await.unwrap().len());
        return;
    }
    let url = populated();
    let defined = definitions(&url);
    let refused = Store::connect(&url).await.unwrap_err();
    assert!(refused.to_string().contains("run `viva migrate`"), "{refused}");
    assert!(matches!(refused, Error::Pending { .. }), "{refused:?}");
    assert_eq!(definitions(&url), defined, "the one that refused wrote something");

    let test = "store::platform::two_processes_may_migrate_it_at_once_and_none_works_before";
    let processes = [(); 2].map(|()| Proc::rerun(test, "migrates", &[(URL, &url)]));
    let said = processes.each_ref().map(|process| process.wait_for_line("applied ", Duration::from_secs(30)));
    let mut applied = said.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap());
    applied.sort_unstable();
    let now = versions(&url).await.unwrap();
    assert_eq!((applied, now.pending.len()), ([0, now.applied.len()], 0));
    assert_eq!(score(&url).await.len(), 17);
}
