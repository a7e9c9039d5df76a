use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use viva_testkit::{Direction, Mode, Relay, eventually};

const SOON: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

/// A server that sends everything back and remembers what it heard.
struct Echo {
    addr: String,
    heard: Arc<Mutex<Vec<u8>>>,
    greeted: Arc<Mutex<usize>>,
}

impl Echo {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let (heard, greeted) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let echo = Self { addr, heard: Arc::clone(&heard), greeted: Arc::clone(&greeted) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                *greeted.lock().unwrap() += 1;
                let heard = Arc::clone(&heard);
                thread::spawn(move || send_back(&mut stream.unwrap(), &heard));
            }
        });
        echo
    }

    fn heard(&self) -> String {
        String::from_utf8(self.heard.lock().unwrap().clone()).unwrap()
    }

    fn greeted(&self) -> usize {
        *self.greeted.lock().unwrap()
    }
}

fn send_back(stream: &mut TcpStream, heard: &Mutex<Vec<u8>>) {
    let mut piece = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut piece) {
        heard.lock().unwrap().extend(&piece[..n]);
        if stream.write_all(&piece[..n]).is_err() {
            return;
        }
    }
}

fn connect(relay: &Relay) -> TcpStream {
    let stream = TcpStream::connect(relay.addr()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn hear(stream: &mut TcpStream, words: &str) {
    let mut said = vec![0; words.len()];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(String::from_utf8_lossy(&said), words);
}

fn say_and_hear(stream: &mut TcpStream, words: &str) {
    stream.write_all(words.as_bytes()).unwrap();
    hear(stream, words);
}

fn hears_nothing(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(SHORT)).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(SOON)).unwrap();
}

/// An end or a reset, but no bytes and no silence.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 1]) {
        Ok(n) => n == 0,
        Err(e) => matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn timed(act: impl FnOnce()) -> Duration {
    let started = Instant::now();
    act();
    started.elapsed()
}

#[test]
fn bytes_and_the_end_of_the_stream_pass_both_ways() {
    let echo = Echo::start();
    let relay = Relay::to(&echo.addr);
    let mut client = connect(&relay);
    say_and_hear(&mut client, "moss");
    assert_eq!((relay.connections(), relay.accepted()), (1, 1));
    client.write_all(b"last words").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    hear(&mut client, "last words");
    assert!(is_closed(&mut client));
    eventually("the connection is forgotten", SOON, || relay.connections() == 0);
}

#[test]
fn a_blackhole_upwards_holds_bytes_before_the_server() {
    let echo = Echo::start();
    let relay = Relay::to(&echo.addr);
    let mut client = connect(&relay);
    say_and_hear(&mut client, "one ");
    relay.set(Direction::Up, Mode::Blackhole);
    client.write_all(b"two").unwrap();
    hears_nothing(&mut client);
    assert_eq!(echo.heard(), "one ");
    relay.heal();
    hear(&mut client, "two");
    assert_eq!(echo.heard(), "one two");
}

#[test]
fn a_blackhole_downwards_holds_the_answers() {
    let echo = Echo::start();
    let relay = Relay::to(&echo.addr);
    let mut client = connect(&relay);
    say_and_hear(&mut client, "one ");
    relay.set(Direction::Down, Mode::Blackhole);
    client.write_all(b"two").unwrap();
    eventually("the server hears it", SOON, || echo.heard() == "one two");
    hears_nothing(&mut client);
    assert_eq!(relay.connections(), 1);
    relay.heal();
    hear(&mut client, "two");
}

#[test]
fn a_new_connection_falls_into_the_blackhole_too() {
    let echo = Echo::start();
    let relay = Relay::to(&echo.addr);
    relay.set(Direction::Both, Mode::Blackhole);
    let mut client = connect(&relay);
    client.write_all(b"hello").unwrap();
    hears_nothing(&mut client);
    assert_eq!((echo.greeted(), relay.accepted()), (0, 1));
    relay.heal();
    hear(&mut client, "hello");
}

#[test]
fn a_cut_closes_what_is_open_and_what_comes_until_it_heals() {
    let echo = Echo::start();
    let relay = Relay::to(&echo.addr);
    let mut client = connect(&relay);
    say_and_hear(&mut client, "moss");
    relay.set(Direction::Both, Mode::Cut);
    assert!(is_closed(&mut client));
    assert!(is_closed(&mut connect(&relay)));
    assert_eq!((relay.connections(), echo.greeted()), (0, 1));
    relay.heal();
    say_and_hear(&mut connect(&relay), "fern");
}

#[test]
fn a_cut_frees_a_connection_from_the_blackhole() {
    let echo = Echo::start();
    let relay = Relay::to(&echo.addr);
    let mut client = connect(&relay);
    say_and_hear(&mut client, "moss");
    relay.set(Direction::Both, Mode::Blackhole);
    client.write_all(b"lost").unwrap();
    hears_nothing(&mut client);
    relay.cut_all();
    assert!(is_closed(&mut client));
    relay.heal();
    say_and_hear(&mut connect(&relay), "fern");
    assert_eq!(echo.heard(), "mossfern");
}

#[test]
fn refused_are_only_new_connections() {
    let echo = Echo::start();
    let relay = Relay::to(&echo.addr);
    let mut client = connect(&relay);
    say_and_hear(&mut client, "moss");
    relay.refuse(true);
    assert!(is_closed(&mut connect(&relay)));
    say_and_hear(&mut client, "fern");
    relay.refuse(false);
    say_and_hear(&mut connect(&relay), "rush");
    assert_eq!(relay.accepted(), 2);
}

#[test]
fn a_delay_counts_in_each_direction() {
    let echo = Echo::start();
    let relay = Relay::to(&echo.addr);
    let mut client = connect(&relay);
    say_and_hear(&mut client, "moss");
    relay.set(Direction::Up, Mode::Delay(SHORT));
    assert!(timed(|| say_and_hear(&mut client, "one way")) >= SHORT);
    relay.set(Direction::Both, Mode::Delay(SHORT));
    assert!(timed(|| say_and_hear(&mut client, "both ways")) >= SHORT * 2);
    relay.heal();
    say_and_hear(&mut client, "fern");
}

#[test]
fn a_throttle_lets_so_many_bytes_through_a_second() {
    let echo = Echo::start();
    let relay = Relay::to(&echo.addr);
    let mut client = connect(&relay);
    relay.set(Direction::Down, Mode::Throttle(10_000));
    let taken = timed(|| say_and_hear(&mut client, &"x".repeat(5000)));
    assert!(taken >= Duration::from_millis(450), "5000 bytes at 10000 a second: {taken:?}");
    relay.heal();
    let taken = timed(|| say_and_hear(&mut client, &"x".repeat(50_000)));
    assert!(taken < Duration::from_secs(4), "not throttled any more: {taken:?}");
}

#[test]
fn an_unreachable_server_closes_the_client() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let relay = Relay::to(&gone.to_string());
    assert!(is_closed(&mut connect(&relay)));
}

#[test]
fn a_url_leads_through_the_relay() {
    let (relay, url) = Relay::before("postgres://user:word@localhost:5432/base?a=b");
    assert_eq!(url, format!("postgres://user:word@{}/base?a=b", relay.addr()));
    let (relay, url) = Relay::before("redis://127.0.0.1:6379/0");
    assert_eq!(url, format!("redis://{}/0", relay.addr()));
}

#[test]
fn a_dropped_relay_closes_everything() {
    let echo = Echo::start();
    let relay = Relay::to(&echo.addr);
    let addr = relay.addr();
    let mut client = connect(&relay);
    say_and_hear(&mut client, "moss");
    relay.set(Direction::Both, Mode::Blackhole);
    drop(relay);
    assert!(is_closed(&mut client));
    assert_eq!(TcpStream::connect(addr).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
