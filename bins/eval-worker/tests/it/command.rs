//! The program itself, as people run it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use viva_core::store::{Store, migrate};

use crate::fixture::database;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eval-worker"));
    for name in ["LLM", "DATABASE_URL", "CLAIMS_URL", "BROKER_URL", "VIVA_DATA", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn refused(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!output.status.success(), "{said}");
    assert!(output.stdout.is_empty());
    said
}

fn score(llm: &Path, stage: &str) -> Output {
    let llm = format!("gguf:{}", llm.display());
    let args = ["score", "--question", "Why?", "--answer", "because it is quick to read", "--stage", stage, "--model", &llm, "--json"];
    program().args(args).output().unwrap()
}

#[test]
fn a_broken_model_file_is_named_with_what_is_wrong() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("broken.gguf");
    for bytes in
        [&b""[..], b"GGUF", b"not a model at all, not even nearly", b"GGUF\x03\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f\0\0\0\0\0\0\0\0"]
    {
        std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
        let said = refused(&score(&path, "skill"));
        assert!(said.contains("broken.gguf"), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    let said = refused(&score(&folder.path().join("missing.gguf"), "skill"));
    assert!(said.contains("missing.gguf"), "{said}");
}

#[test]
fn a_real_model_that_was_cut_short_is_refused() {
    let whole = viva_testkit::model("smollm2-135m");
    let bytes = std::fs::read(whole.model()).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("short.gguf");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let said = refused(&score(&path, "skill"));
    assert!(said.contains("short.gguf") && said.contains("viva models pull"), "{said}");
}

#[test]
fn a_real_model_scores_an_answer_from_the_command_line() {
    let model = viva_testkit::model("smollm2-135m");
    let output = score(model.model(), "skill");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let evaluation: viva_core::evaluation::Evaluation = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(evaluation.inconsistency(), None);
    assert_eq!(evaluation.status, viva_core::evaluation::Status::Scored, "{evaluation:#?}");
    assert_eq!(evaluation.provenance.model.architecture, "llama");
}

#[test]
fn an_unknown_stage_is_named_with_those_that_exist() {
    let model = viva_testkit::model("smollm2-135m");
    let said = refused(&score(model.model(), "lunch"));
    assert!(said.contains("\"lunch\"") && said.contains("final_statement"), "{said}");
}

#[test]
fn a_broker_of_another_kind_is_refused_without_its_password() {
    let folder = TempDir::new().unwrap();
    let serve = ["serve", "--broker-url", "sqs://user:geheim@queue", "--viva-data"];
    let said = refused(&program().args(serve).arg(folder.path()).output().unwrap());
    assert!(said.contains("amqp") && said.contains("sqs"), "{said}");
    assert!(!said.contains("geheim"), "{said}");
}

#[test]
fn a_missing_database_is_named_with_the_command_that_makes_it() {
    let folder = TempDir::new().unwrap();
    let (_, url) = database(&folder);
    let said = refused(&program().args(["serve", "--broker-url", "memory://", "--database-url", &url]).output().unwrap());
    assert!(said.contains("viva.db") && said.contains("viva migrate"), "{said}");
}

#[tokio::test]
async fn a_database_newer_than_the_program_is_refused() {
    let folder = TempDir::new().unwrap();
    let (path, url) = database(&folder);
    migrate(&url).await.unwrap();
    Store::connect(&url).await.unwrap().close().await.unwrap();
    // A later version of Viva leaves a step here that this program has never heard of.
    let sql = "INSERT INTO viva_migrations (version, applied_at) VALUES ('m99990101_000001_future', 0)";
    let script = format!("import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute({sql:?}); c.commit()");
    assert!(Command::new("python3").args(["-c", &script]).arg(&path).status().unwrap().success());
    let said = refused(&program().args(["serve", "--broker-url", "memory://", "--database-url", &url]).output().unwrap());
    assert!(said.contains("newer than this program") && said.contains("m99990101_000001_future"), "{said}");
}

#[tokio::test]
async fn tasks_come_from_standard_input_and_outcomes_go_to_standard_output() {
    let folder = TempDir::new().unwrap();
    let (_, url) = database(&folder);
    migrate(&url).await.unwrap();
    let model = viva_testkit::model("smollm2-135m");
    let llm = format!("gguf:{}", model.model().display());
    let mut child = program()
        .args(["serve", "--broker-url", "memory://", "--database-url", &url, "--llm", &llm])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let task = r#"{"id":"r1","task":"tasks.evaluator.generate_final_report","args":[4711]}"#;
    writeln!(child.stdin.take().unwrap(), "{task}\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&line["id"], &line["status"]), (&"r1".into(), &"FAILURE".into()));
    assert!(line["error"].as_str().unwrap().contains("4711"));
}
