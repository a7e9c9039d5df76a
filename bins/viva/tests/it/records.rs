//! The commands about records, as people run them.

use std::process::{Command, Output};
use std::sync::Arc;

use tempfile::TempDir;
use viva_core::SystemClock;
use viva_core::store::{Interview, Store, Transcript, migrate};
use viva_llm::{Cancel, Local, Options};
use viva_scoring::{Answer, Judge, Language, Rubric, Settings};

/// The smallest: what counts here is not what it says.
const MODEL: &str = "smollm2-135m";
const SAID: &str = "First I look at the query plan to see whether the index is used.";

struct House {
    folder: TempDir,
    url: String,
    evaluation: String,
}

impl House {
    /// Two interviews, each with an answer that a real model has scored.
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}/viva.db", folder.path().display());
        migrate(&url).await.unwrap();
        let store = Store::connect(&url).await.unwrap();
        let path = viva_testkit::model(MODEL).model().to_owned();
        let engine = Arc::new(Local::open(Options::new(path)).unwrap());
        let judge = Judge::new(engine, Rubric::builtin(), Arc::new(SystemClock), Settings::default());
        let answer = Answer {
            interview_id: None,
            transcript_id: None,
            question_id: None,
            stage: "skill".to_owned(),
            question: "When is an index of no use?".to_owned(),
            text: SAID.to_owned(),
            language: Language::En,
            seconds: None,
        };
        let mut scored = judge.evaluate(&answer, &Cancel::default()).unwrap();
        let mut evaluation = String::new();
        for interview_id in [1, 2] {
            scored.evaluation_id = viva_core::evaluation::new_id();
            (scored.interview_id, scored.transcript_id) = (Some(interview_id), Some(interview_id));
            let unit = store.write().await.unwrap();
            let overall_score = scored.total.map(f64::from);
            let position = "개발자".to_owned();
            unit.interviews().put(&Interview { id: interview_id, position, status: "COMPLETED".to_owned(), overall_score }).await.unwrap();
            let transcript = Transcript {
                id: interview_id,
                interview_id,
                speaker: "USER".to_owned(),
                text: SAID.to_owned(),
                question_id: None,
                order: None,
                total_score: overall_score,
                rubric_score: None,
            };
            unit.transcripts().put(&transcript).await.unwrap();
            unit.rubrics().keep(judge.rubric().yaml()).await.unwrap();
            evaluation = unit.evaluations().record(&scored).await.unwrap().evaluation_id;
            unit.commit().await.unwrap();
        }
        store.close().await.unwrap();
        Self { folder, url, evaluation }
    }

    fn viva(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_viva"));
        command.env("LLM", MODEL);
        for name in ["RUBRIC", "SAMPLES", "RUST_LOG"] {
            command.env_remove(name);
        }
        command.env("DATABASE_URL", &self.url).env("VIVA_DATA", self.folder.path()).args(args).output().unwrap()
    }

    fn says(&self, args: &[&str]) -> String {
        let output = self.viva(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn refuses(&self, args: &[&str]) -> String {
        let output = self.viva(args);
        assert!(!output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_checked_replayed_compared_corrected_and_erased() {
    let house = House::new().await;
    groups_and_counterfactuals_are_told(&house);
    let verified = house.says(&["audit", "verify"]);
    assert!(verified.contains("2 evaluations and 0 reviews as they were written"), "{verified}");
    let head = verified.lines().find_map(|line| line.strip_prefix("head ")).unwrap();

    let replayed = house.says(&["replay", "--all"]);
    assert!(replayed.contains("2 of 2 came out byte for byte"), "{replayed}");

    let review = ["review", &house.evaluation, "--reviewer", "김", "--reason", "다시 들었습니다", "--total", "61"];
    assert!(house.says(&review).contains("61 stands"));
    assert!(house.refuses(&["review", &house.evaluation, "--reviewer", "김", "--reason", "둘 다 없음"]).contains("--total"));
    house.says(&["report", "2"]);
    let page = std::fs::read_to_string(house.folder.path().join("report.html")).unwrap();
    assert!(page.contains("다시 들었습니다") && page.contains("<div class=\"score\">61"), "{page}");

    assert!(house.says(&["erase", "--interview", "1"]).contains("add --yes"));
    let erased = house.says(&["erase", "--interview", "1", "--yes"]);
    assert!(erased.contains("1 evaluations, 1 transcripts"), "{erased}");
    let verified = house.says(&["audit", "verify", "--head", head]);
    assert!(verified.contains("1 evaluations and 1 reviews as they were written; 1 erased"), "{verified}");

    let store = Store::connect(&house.url).await.unwrap();
    let unit = store.read().await.unwrap();
    assert_eq!(unit.transcripts().get(1).await.unwrap().text, "");
    drop(unit);
    store.close().await.unwrap();
    assert!(house.refuses(&["audit", "verify", "--head", "1:0000"]).contains("does not stand"));
}

fn groups_and_counterfactuals_are_told(house: &House) {
    let file = house.folder.path().join("groups.csv");
    std::fs::write(&file, "interview_id,group\n1,a\n2,b\n").unwrap();
    let file = file.to_string_lossy();
    let told: serde_json::Value =
        serde_json::from_str(&house.says(&["audit", "groups", "--groups", &file, "--at-least", "0", "--json"])).unwrap();
    assert_eq!((&told["groups"][0]["name"], &told["groups"][1]["impact_ratio"]), (&"a".into(), &1.0.into()));
    assert!(told["made_with"][0].as_str().unwrap().contains("rubric interview 2.0.0"), "{told}");
    assert!(house.says(&["audit", "groups", "--groups", &file]).contains("fewer than 30"));
    let swapped = house.says(&["audit", "counterfactual", "--interview", "1", "--swap", "query=search"]);
    assert!(swapped.contains("words swapped") && swapped.contains("1 pairs"), "{swapped}");
}
