//! Log lines go to stderr, in the form that was asked for. Each case runs in a process of its own: logging starts once.

use std::process::Command;

use serde_json::Value;

/// Starts logging and writes one line, when this process was started by [`lines`].
#[test]
fn speak() {
    if std::env::var_os("VIVA_TEST_SPEAK").is_some() {
        viva_worker::logging::init(viva_worker::logging::WORKER);
        viva_worker::logging::init(viva_worker::logging::WORKER);
        tracing::info!(task.id = "t1", duration_ms = 12, "done");
        tracing::debug!("a detail");
    }
}

fn lines(settings: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "logging::speak", "--nocapture"])
        .env_remove("RUST_LOG")
        .env_remove("VIVA_LOG")
        .env("VIVA_TEST_SPEAK", "1")
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !stdout.contains("done"), "{stdout}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn people_get_a_line_with_message_and_fields() {
    let said = lines(&[]);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("INFO done task.id=\"t1\" duration_ms=12") && !said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn machines_get_one_json_object_a_line() {
    let said = lines(&[("VIVA_LOG", "json")]);
    let line: Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!((&line["message"], &line["task.id"], &line["duration_ms"]), (&"done".into(), &"t1".into(), &12.into()));
}

#[test]
fn the_filter_lets_through_what_it_is_told() {
    assert!(lines(&[("RUST_LOG", "debug")]).contains("a detail"));
    assert_eq!(lines(&[("RUST_LOG", "error")]), "");
}
