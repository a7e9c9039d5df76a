use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use viva_testkit::{Proc, Redis, role};

fn connect(redis: &Redis) -> std::io::Result<TcpStream> {
    let url = redis.url();
    TcpStream::connect(url.strip_prefix("redis://").unwrap().strip_suffix("/0").unwrap())
}

fn ask(stream: &mut TcpStream, command: &str, answer: &str) {
    stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
    let mut said = vec![0; answer.len() + 2];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(String::from_utf8_lossy(&said), format!("{answer}\r\n"));
}

#[test]
fn a_redis_answers_and_is_empty_after_a_restart() {
    let redis = Redis::start();
    let mut stream = connect(&redis).unwrap();
    ask(&mut stream, "PING", "+PONG");
    ask(&mut stream, "INCR moss", ":1");
    let first = redis.pid();
    redis.restart();
    assert_ne!(redis.pid(), first);
    ask(&mut connect(&redis).unwrap(), "INCR moss", ":1");
}

#[test]
fn a_stopped_redis_keeps_its_connections_and_answers_nobody() {
    let redis = Redis::start();
    let mut stream = connect(&redis).unwrap();
    ask(&mut stream, "PING", "+PONG");
    redis.stop();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    assert_eq!(stream.read(&mut [0; 9]).unwrap_err().kind(), ErrorKind::WouldBlock);
    redis.cont();
    stream.set_read_timeout(None).unwrap();
    let mut said = [0; 7];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"+PONG\r\n");
}

#[test]
fn a_killed_redis_refuses_connections_until_it_is_started_again() {
    let redis = Redis::start();
    redis.kill();
    assert_eq!(connect(&redis).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    redis.start_again();
    ask(&mut connect(&redis).unwrap(), "PING", "+PONG");
}

#[test]
fn the_shared_redis_is_one() {
    assert_eq!(Redis::shared().pid(), Redis::shared().pid());
    ask(&mut connect(Redis::shared()).unwrap(), "PING", "+PONG");
}

#[test]
fn a_program_that_is_not_there_is_named_with_its_package() {
    if role().is_some() {
        Redis::start();
        return;
    }
    let child = Proc::rerun("redis::a_program_that_is_not_there_is_named_with_its_package", "user", &[("PATH", "/nowhere")]);
    assert!(!child.wait(Duration::from_secs(20)).success());
    child.wait_for_line("this test needs the program redis-server: apt-get install redis-server", Duration::from_secs(20));
}
