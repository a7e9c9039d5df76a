use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use viva_testkit::{Rabbit, RabbitOptions, Relay};

/// `host:port` of a broker's URL.
fn address(url: &str) -> &str {
    url.split('@').nth(1).unwrap().split('/').next().unwrap()
}

/// Sends the protocol's header and reads the frame that comes back: its type, its class and its method.
fn greet(address: &str) -> (u8, u16, u16) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"AMQP\0\0\x09\x01").unwrap();
    let mut frame = [0; 11];
    stream.read_exact(&mut frame).unwrap();
    (frame[0], u16::from_be_bytes([frame[7], frame[8]]), u16::from_be_bytes([frame[9], frame[10]]))
}

const CONNECTION_START: (u8, u16, u16) = (1, 10, 10);

#[test]
fn a_broker_greets_and_obeys_its_tools() {
    let rabbit = Rabbit::shared();
    assert_eq!(greet(address(&rabbit.url())), CONNECTION_START);
    assert_eq!(rabbit.ctl(&["list_users"]), "guest\t[administrator]");
    assert_eq!(rabbit.eval("1 + 2."), "3");
    let (relay, url) = Relay::before(&rabbit.url());
    assert_eq!(greet(address(&url)), CONNECTION_START);
    assert_eq!(relay.accepted(), 1);
}

#[test]
fn virtual_hosts_are_fresh() {
    let rabbit = Rabbit::shared();
    let (one, other) = (rabbit.vhost(), rabbit.vhost());
    assert_ne!(one, other);
    let names = rabbit.ctl(&["list_vhosts"]);
    for url in [one, other] {
        let name = url.rsplit('/').next().unwrap();
        assert!(names.lines().any(|line| line == name), "{name}: {names}");
        assert_eq!(rabbit.ctl(&["list_permissions", "-p", name]), "guest\t.*\t.*\t.*");
    }
}

#[test]
fn a_broker_survives_a_restart_and_a_kill() {
    let advanced = "[{rabbit, [{consumer_timeout, 3000}]}].".to_owned();
    let rabbit = Rabbit::start_with(&RabbitOptions { advanced, ..RabbitOptions::default() });
    assert_eq!(rabbit.eval("application:get_env(rabbit, consumer_timeout)."), "{ok, 3000}");
    let kept = rabbit.vhost();
    let name = kept.rsplit('/').next().unwrap();
    let first = rabbit.pid();

    rabbit.restart();
    assert_ne!(rabbit.pid(), first);
    assert_eq!(greet(address(&rabbit.url())), CONNECTION_START);

    rabbit.kill();
    assert_eq!(TcpStream::connect(address(&rabbit.url())).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    rabbit.start_again();
    assert_eq!(greet(address(&rabbit.url())), CONNECTION_START);
    assert_eq!(rabbit.eval(&format!("rabbit_vhost:exists(<<\"{name}\">>).")), "true");
    assert_eq!(rabbit.log().matches("Server startup complete").count(), 3);
}

#[test]
fn nothing_is_left_of_a_dropped_broker_with_management() {
    let rabbit = Rabbit::start_with(&RabbitOptions { management: true, ..RabbitOptions::default() });
    let url = rabbit.management_url();
    let http = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(http).unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1."));
    let folder = rabbit.eval("list_to_atom(os:getenv(\"HOME\")).").trim_matches('\'').to_owned();
    assert!(Path::new(&folder).is_dir(), "{folder}");
    drop(rabbit);
    assert!(!Path::new(&folder).exists());
    assert_eq!(TcpStream::connect(http).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
