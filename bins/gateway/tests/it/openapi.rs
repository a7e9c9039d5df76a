//! The document says what the gateway does: schemathesis asks it everything that the document allows, and more.

use viva_testkit::python;

use crate::house::{House, SERVICE, Worker, json};

#[tokio::test]
async fn the_document_is_openapi_3_1_and_every_route_says_how_it_ends() {
    let house = House::open().await;
    let document = json(house.http.get(format!("{}/openapi.json", house.url)).send().await.unwrap()).await;
    assert_eq!(document["openapi"], "3.1.0");
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(operation["summary"].is_string() || operation["description"].is_string(), "{method} {path}");
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
            assert!(operation["security"].is_null() || answers.contains_key("401"), "{method} {path}");
        }
    }
}

/// Some cases of each operation here; as many as `VIVA_CASES` says on demand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_the_document_allows_breaks_the_gateway() {
    let house = House::open().await;
    for id in [1, 2] {
        house.interview(id).await;
    }
    let worker = Worker::start(&house).await;
    let cases = std::env::var("VIVA_CASES").unwrap_or_else(|_| "15".to_owned());
    let seed = std::env::var("VIVA_SEED").unwrap_or_else(|_| "3".to_owned());
    let url = format!("{}/openapi.json", house.url);
    // It keeps what it finds where it runs.
    let folder = tempfile::tempdir().unwrap();
    let ran = tokio::task::spawn_blocking(move || {
        let header = format!("Authorization: Bearer {SERVICE}");
        let checks =
            "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";
        // Streams end when their client does: they are tested by hand.
        let mut command = python(include_str!("../schemathesis.txt"));
        command.args(["-m", "schemathesis.cli", "run", &url, "--header", &header, "--checks", checks, "--max-examples", &cases]);
        command.args([
            "--seed",
            &seed,
            "--phases",
            "examples,coverage,fuzzing",
            "--exclude-path-regex",
            "events$",
            "--request-timeout",
            "20",
        ]);
        command.args(["--no-color", "--continue-on-failure"]).current_dir(folder.path()).output().unwrap()
    });
    let ran = ran.await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let tail: String = said.lines().rev().take(80).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
    assert!(ran.status.success(), "{tail}");
    println!("{tail}");
    worker.leave().await;
}
