//! The README's examples are run as they stand there.

use std::process::Command;

use crate::house::{House, SERVICE, Worker};

const README: &str = include_str!("../../../../README.md");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readmes_requests_work_as_written() {
    let house = House::open().await;
    house.interview(1).await;
    house.evaluate(1).await;
    house.conclude(1).await;
    let worker = Worker::start(&house).await;
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<&str> = README.lines().map(str::trim).filter(|line| line.starts_with("curl ")).collect();
    assert!(lines.len() >= 5, "{lines:?}");
    for line in lines {
        let mut curl = Command::new("sh");
        curl.args(["-c", line]).env("TOKEN", SERVICE).env("VIVA", &house.url).current_dir(folder.path());
        let ran = tokio::task::spawn_blocking(move || curl.output().unwrap()).await.unwrap();
        assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
    }
    assert_eq!(std::fs::read(folder.path().join("hello.wav")).unwrap(), crate::house::sound("안녕하세요"));
    worker.leave().await;
}
