//! A stand-in of the hub on a local port: what is asked of it, answered as the hub answers for files in Git LFS.
//!
//! `/{repo}/resolve/{revision}/{path}` redirects to another path (the hub: to its CDN) and says in the headers of the redirect
//! what the file is: commit, size and, as ETag, its SHA-256.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use crate::fixture::sha256;

pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// How a hub misbehaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Ends the body after half of it.
    Truncate,
    /// Changes one bit of the body.
    Flip,
    /// Sends half of the body, then nothing more.
    Stall,
    /// Takes the connection and never answers.
    Silent,
    /// Answers with this status.
    Status(u16),
}

pub(crate) struct Hub {
    pub(crate) address: String,
    shared: Arc<Shared>,
    /// Gets a word when half of a stalled body is out.
    pub(crate) half_sent: Receiver<()>,
}

struct Shared {
    files: BTreeMap<String, Vec<u8>>,
    fault: Mutex<Fault>,
    bodies: AtomicUsize,
    half_sent: Sender<()>,
    /// For each request, whether it was for the bytes, and whether it had a token.
    tokens: Mutex<Vec<(bool, bool)>>,
    /// Connections that a stalled answer keeps open.
    open: Mutex<Vec<TcpStream>>,
}

impl Hub {
    /// Serves these files of the repository `maker/demo`.
    pub(crate) fn start(files: &[(&str, &[u8])], fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (sender, half_sent) = channel();
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        let (bodies, open) = (AtomicUsize::new(0), Mutex::default());
        let shared = Arc::new(Shared { files, fault: Mutex::new(fault), bodies, half_sent: sender, tokens: Mutex::default(), open });
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&served);
                // A client that goes away is its own affair.
                std::thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        Self { address, shared, half_sent }
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap() = fault;
    }

    /// For each request so far, whether it was for the bytes, and whether it had a token.
    pub(crate) fn tokens(&self) -> Vec<(bool, bool)> {
        self.shared.tokens.lock().unwrap().clone()
    }

    /// How many bodies have been asked for.
    pub(crate) fn bodies(&self) -> usize {
        self.shared.bodies.load(SeqCst)
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut request = String::new();
        reader.read_line(&mut request)?;
        let mut header = String::new();
        let mut token = false;
        while reader.read_line(&mut header)? > 2 {
            token |= header.to_ascii_lowercase().starts_with("authorization: bearer ");
            header.clear();
        }
        let mut words = request.split_whitespace();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        self.tokens.lock().unwrap().push((path.starts_with("/cdn/"), token));
        match *self.fault.lock().unwrap() {
            Fault::Silent => {
                self.open.lock().unwrap().push(stream);
                return Ok(());
            }
            Fault::Status(code) => return answer(&stream, &format!("{code} Unhappy"), "", b""),
            _ => {}
        }
        match path.strip_prefix("/cdn/") {
            Some(name) if method == "GET" => self.body(stream, name),
            Some(_) => answer(&stream, "405 No", "", b""),
            None => self.resolve(&stream, path),
        }
    }

    fn resolve(&self, stream: &TcpStream, path: &str) -> std::io::Result<()> {
        let name = path.strip_prefix("/maker/demo/resolve/").and_then(|rest| rest.split_once('/')).map(|(_, name)| name);
        let Some((name, bytes)) = name.and_then(|name| self.files.get_key_value(name)) else {
            return answer(stream, "404 Not Found", "X-Error-Code: EntryNotFound\r\n", b"no such entry");
        };
        let (size, etag) = (bytes.len(), sha256(bytes));
        let about = format!("X-Repo-Commit: {COMMIT}\r\nX-Linked-Size: {size}\r\nX-Linked-ETag: \"{etag}\"\r\nETag: \"pointer\"\r\n");
        // Another server, as the hub's: the same one by another name.
        let port = stream.local_addr()?.port();
        answer(stream, "302 Found", &format!("Location: http://localhost:{port}/cdn/{name}\r\n{about}"), b"")
    }

    fn body(&self, mut stream: TcpStream, name: &str) -> std::io::Result<()> {
        self.bodies.fetch_add(1, SeqCst);
        let mut bytes = self.files[name].clone();
        let (size, half) = (bytes.len(), bytes.len() / 2);
        let fault = *self.fault.lock().unwrap();
        if fault == Fault::Flip {
            bytes[half] ^= 4;
        }
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n")?;
        if !matches!(fault, Fault::Truncate | Fault::Stall) {
            return stream.write_all(&bytes);
        }
        stream.write_all(&bytes[..half])?;
        if fault == Fault::Stall {
            self.half_sent.send(()).unwrap();
            self.open.lock().unwrap().push(stream);
        }
        Ok(())
    }
}

fn answer(mut stream: &TcpStream, status: &str, headers: &str, body: &[u8]) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(body)
}
