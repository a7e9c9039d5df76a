//! `eval-worker batch`, as people run it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

fn batch(llm: &str, folder: &Path, requests: &[u8], flags: &[&str]) -> Output {
    std::fs::write(folder.join("in.jsonl"), requests).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_eval-worker"));
    command.env_remove("LLM").args(["batch", "--json", "--model", llm, "--in"]).arg(folder.join("in.jsonl"));
    command.arg("--out").arg(folder.join("out.jsonl")).args(flags).output().unwrap()
}

fn results(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("out.jsonl")).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.sort_by_key(|line| line["index"].as_u64());
    lines
}

/// Two answers by one schema that begin alike.
fn requests() -> Vec<u8> {
    let item = json!({ "type": "integer", "minimum": 0, "maximum": 9 });
    // Between the two numbers stands what the schema decides.
    let properties = json!({ "score": item, "certainty": item });
    let schema = json!({ "type": "object", "properties": properties, "required": ["score", "certainty"], "additionalProperties": false });
    let prompt = |end: &str| format!("{}{end}", "You score answers of a job interview by one number. ".repeat(20));
    let line = |end: &str| format!("{}\n", json!({ "prompt": prompt(end), "json_schema": schema, "max_tokens": 30 }));
    [line("I measured it."), line("I do not know.")].concat().into_bytes()
}

#[test]
fn what_sharing_and_jumping_are_worth_can_be_measured_and_changes_no_word() {
    let folder = TempDir::new().unwrap();
    let llm = format!("gguf:{}", viva_testkit::model("smollm2-135m").model().display());
    let run = |flags: &[&str]| {
        let output = batch(&llm, folder.path(), &requests(), flags);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        let texts: Vec<Value> = results(folder.path()).iter().map(|line| line["text"].clone()).collect();
        (summary, texts)
    };
    let (with, texts) = run(&["--lanes", "1"]);
    let (without, same) = run(&["--lanes", "1", "--no-reuse", "--no-jump"]);
    assert_eq!(texts, same);
    let count = |summary: &Value, name: &str| summary[name].as_u64().unwrap();
    assert!(count(&with, "cached") > 100 && count(&without, "cached") == 0);
    assert!(count(&without, "prompt_rows") >= count(&without, "prompt") && count(&with, "prompt_rows") < count(&with, "prompt"));
    assert!(count(&without, "steps") > count(&with, "steps"));
    assert!(with["mask_share"].as_f64().unwrap() > 0.0 && with["step_s"].as_f64().unwrap() > 0.0, "{with}");
}

#[test]
fn a_file_that_is_no_text_is_refused_with_its_line() {
    let folder = TempDir::new().unwrap();
    let broken = [&requests()[..], b"{\"prompt\": \"\xff\xfe\"}\n"].concat();
    let output = batch("gguf:/nowhere.gguf", folder.path(), &broken, &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("line 3") && said.to_lowercase().contains("utf-8"), "{said}");
}

#[test]
fn a_server_answers_a_batch_where_the_model_is_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let llm = format!("openai+http://:a-key@{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().for_each(|stream| serve(&stream.unwrap())));
    let folder = TempDir::new().unwrap();
    let chat = json!({ "custom_id": "x", "body": { "messages": [{ "role": "user", "content": "Hi" }], "max_tokens": 5 } });
    let output = batch(&llm, folder.path(), format!("{chat}\n").as_bytes(), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&summary["class"], &summary["failed"]), (&json!("remote"), &json!(0)));
    let line = &results(folder.path())[0];
    assert_eq!((&line["text"], &line["custom_id"], &line["finish"]), (&json!("Hello"), &json!("x"), &json!("stop")));
}

/// Lists one model, and says hello to whatever else is asked.
fn serve(mut stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {
        length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    let body = if head.starts_with("GET") {
        json!({ "data": [{ "id": "one" }] }).to_string()
    } else {
        format!("data: {}\n\ndata: [DONE]\n\n", json!({ "choices": [{ "delta": { "content": "Hello" }, "finish_reason": "stop" }] }))
    };
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).unwrap();
}
