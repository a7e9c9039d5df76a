//! A network between a client and a server that fails on demand.
//!
//! It promises that bytes arrive in order and unharmed, or late, or not at all. It works on streams, not on packets: what a blackhole
//! holds back is delivered once the network heals, as TCP would send it again.

mod gate;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use gate::Gate;

/// As much as a socket's buffer gives at once.
const PIECE: usize = 64 << 10;

/// Which way bytes flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
    /// Both of them.
    Both,
}

/// What happens to bytes on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// They pass.
    #[default]
    Pass,
    /// Every connection is closed on both sides, and so is every new one.
    Cut,
    /// Nothing passes, not even the end of the stream; connections stay open and new ones are accepted. While nothing passes up, the
    /// server hears of no new connection either.
    Blackhole,
    /// Every piece that is read (64 KiB at most) passes after this time.
    Delay(Duration),
    /// They pass at this many bytes a second.
    Throttle(u64),
}

/// A TCP proxy in front of one address, gone with its connections when dropped.
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    gate: Arc<Gate>,
    listener: Option<JoinHandle<()>>,
}

impl Relay {
    /// Starts one in front of `server` (`host:port`), where everything passes.
    ///
    /// # Panics
    ///
    /// Where this machine has no port left.
    pub fn to(server: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port for a relay");
        let addr = listener.local_addr().expect("the relay's own address");
        let gate = Arc::new(Gate::default());
        let (server, shared) = (server.to_owned(), Arc::clone(&gate));
        let listener = thread::spawn(move || accept(&listener, &server, &shared));
        Self { addr, gate, listener: Some(listener) }
    }

    /// Starts one in front of the server that a URL names, and returns it with the same URL through the relay.
    ///
    /// # Panics
    ///
    /// Where the URL names no host and port.
    #[track_caller]
    pub fn before(url: &str) -> (Self, String) {
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = authority.split(['/', '?']).next().unwrap_or(authority);
        let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
        assert!(server.contains(':'), "a URL with a host and a port: {url}");
        let relay = Self::to(server);
        let url = url.replacen(server, &relay.addr.to_string(), 1);
        (relay, url)
    }

    /// Where clients connect to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes what happens to bytes from now on, those on their way included.
    pub fn set(&self, direction: Direction, mode: Mode) {
        self.gate.set(direction, mode);
    }

    /// Everything passes again.
    pub fn heal(&self) {
        self.gate.refuse(false);
        self.gate.set(Direction::Both, Mode::Pass);
    }

    /// Whether new connections are closed at once; those that are open stay.
    pub fn refuse(&self, refuses: bool) {
        self.gate.refuse(refuses);
    }

    /// Closes every open connection on both sides; new ones are taken.
    pub fn cut_all(&self) {
        self.gate.cut_all();
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.gate.connections()
    }

    /// How many connections were taken since the start: a storm of reconnects shows here.
    pub fn accepted(&self) -> usize {
        self.gate.accepted()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.gate.close();
        // Wakes the thread that waits for connections.
        TcpStream::connect(self.addr).ok();
        if let Some(listener) = self.listener.take() {
            listener.join().ok();
        }
    }
}

fn accept(listener: &TcpListener, server: &str, gate: &Arc<Gate>) {
    for client in listener.incoming() {
        if gate.closed() {
            return;
        }
        let Ok(client) = client else { continue };
        let (server, gate) = (server.to_owned(), Arc::clone(gate));
        let Some(link) = client.try_clone().ok().and_then(|client| gate.admit(client)) else { continue };
        thread::spawn(move || {
            join(link, &client, &server, &gate);
            gate.forget(link);
        });
    }
}

/// Carries bytes both ways until both are at their end.
fn join(link: usize, client: &TcpStream, server: &str, gate: &Gate) {
    if gate.pass(link, Direction::Up, 0).is_none() {
        return;
    }
    let Ok(server) = TcpStream::connect(server) else { return };
    for socket in [client, &server] {
        socket.set_nodelay(true).ok();
    }
    if !server.try_clone().is_ok_and(|server| gate.complete(link, server)) {
        return;
    }
    thread::scope(|both| {
        both.spawn(|| carry(link, client, &server, Direction::Up, gate));
        both.spawn(|| carry(link, &server, client, Direction::Down, gate));
    });
}

fn carry(link: usize, mut from: &TcpStream, mut to: &TcpStream, direction: Direction, gate: &Gate) {
    let mut piece = vec![0; PIECE];
    loop {
        // A broken connection ends as a closed one does: the other side is told of an end.
        let read = from.read(&mut piece).unwrap_or(0);
        let mut rest = &piece[..read];
        while !rest.is_empty() {
            let Some(bytes) = gate.pass(link, direction, rest.len()) else { return };
            if to.write_all(&rest[..bytes]).is_err() {
                // Nobody takes these bytes any more; let the sender know.
                from.shutdown(Shutdown::Both).ok();
                return;
            }
            rest = &rest[bytes..];
        }
        if read == 0 {
            if gate.pass(link, direction, 0).is_some() {
                to.shutdown(Shutdown::Write).ok();
            }
            return;
        }
    }
}
