use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use viva_testkit::{Postgres, Proc, role};

const SOON: Duration = Duration::from_mins(1);

#[test]
fn databases_are_empty_and_see_nothing_of_each_other() {
    let server = Postgres::shared();
    let (one, other) = (server.database(), server.database());
    assert_ne!(one, other);
    server.sql(&one, "CREATE TABLE moss (id int)");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(server.sql(&one, tables), "1");
    assert_eq!(server.sql(&other, tables), "0");
}

#[test]
fn a_database_is_made_from_a_template() {
    let server = Postgres::shared();
    let template = server.database();
    server.sql(&template, "CREATE TABLE moss (id int); INSERT INTO moss VALUES (7)");
    let copy = server.database_from(&template);
    server.sql(&copy, "INSERT INTO moss VALUES (8)");
    assert_eq!(server.sql(&copy, "SELECT string_agg(id::text, ' ') FROM moss"), "7 8");
    assert_eq!(server.sql(&template, "SELECT id FROM moss"), "7");
}

#[test]
fn data_survives_a_restart_a_crash_and_a_kill() {
    let server = Postgres::start();
    let url = server.database();
    server.sql(&url, "CREATE TABLE moss (id int); INSERT INTO moss VALUES (1)");
    server.restart();
    server.sql(&url, "INSERT INTO moss VALUES (2)");
    server.crash();
    server.start_again();
    server.sql(&url, "INSERT INTO moss VALUES (3)");
    server.kill();
    server.start_again();
    assert_eq!(server.sql(&url, "SELECT count(*) FROM moss"), "3");
    assert_eq!(server.log().matches("database system was not properly shut down").count(), 2);
}

#[test]
fn a_warning_is_in_the_log_when_the_client_has_its_answer() {
    let server = Postgres::start();
    let url = server.database();
    for n in 1..=3 {
        server.sql(&url, "ROLLBACK");
        assert_eq!(server.log().matches("there is no transaction in progress").count(), n);
    }
}

#[test]
fn a_stopped_server_answers_nobody_until_it_goes_on() {
    let url = std::env::var("URL").unwrap_or_default();
    if role().is_some() {
        println!("the answer is {}", Postgres::shared().sql(&url, "SELECT 42"));
        return;
    }
    let server = Postgres::start();
    server.stop();
    let this = "postgres::a_stopped_server_answers_nobody_until_it_goes_on";
    let client = Proc::rerun(this, "client", &[("URL", server.admin_url()), ("VIVA_TEST_POSTGRES_URL", server.admin_url())]);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(client.exited(), None);
    server.cont();
    client.wait_for_line("the answer is 42", SOON);
}

#[test]
fn the_server_that_the_environment_names_is_shared_and_not_touched() {
    let this = "postgres::the_server_that_the_environment_names_is_shared_and_not_touched";
    if role().is_some() {
        let shared = Postgres::shared();
        println!("made {}", shared.sql(&shared.database(), "SELECT current_database()"));
        shared.crash();
        return;
    }
    let server = Postgres::start();
    let child = Proc::rerun(this, "user", &[("VIVA_TEST_POSTGRES_URL", server.admin_url())]);
    assert!(!child.wait(SOON).success());
    child.wait_for_line("VIVA_TEST_POSTGRES_URL names a server that is not the test's own", SOON);
    let name = child.wait_for_line("made viva_test_", SOON);
    let name = name.split_whitespace().next_back().unwrap();
    let found = server.sql(server.admin_url(), &format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'"));
    assert_eq!(found, "1");
}

#[test]
fn nothing_is_left_of_a_dropped_server() {
    let server = Postgres::start();
    let folder = server.sql(server.admin_url(), "SHOW data_directory");
    // The process id is the fifth column, and of the process that made the segment.
    let segments = |pid: u32| {
        let all = fs::read_to_string("/proc/sysvipc/shm").unwrap();
        all.lines().filter(|line| line.split_whitespace().nth(4) == Some(&pid.to_string())).count()
    };
    let pid = server.pid();
    assert!(Path::new(&folder).exists());
    assert_eq!(segments(pid), 1);
    server.stop();
    drop(server);
    assert!(!Path::new(&folder).exists());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(segments(pid), 0, "shared memory of the kernel is scarce");
}
