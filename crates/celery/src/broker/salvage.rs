//! Messages that end lapin's connection: a name in their properties is not UTF-8, and the frame cannot be read at all.
//!
//! The broker would send such a message again in every session, and no session would live. So it is taken out on a plain
//! connection, byte by byte: the names are made readable, and the message goes to the dead queue like any other that nobody can
//! read. Frames and methods are those of the AMQP 0-9-1 specification; only what that takes is spoken here. Not over TLS.

mod props;

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use lapin::BasicProperties;
use lapin::uri::AMQPUri;

pub(crate) use props::readable;

const PATIENCE: Duration = Duration::from_secs(10);
/// How far into a queue it is looked: further than any prefetch reaches.
const MAX_LOOKED_AT: usize = 2000;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const END: u8 = 0xCE;

/// A message that was taken out, and not yet acknowledged.
#[derive(Debug)]
pub(crate) struct Salvaged {
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
    tag: u64,
}

/// A connection that does nothing but this.
#[derive(Debug)]
pub(crate) struct Salvage {
    stream: TcpStream,
}

impl Salvage {
    /// Connects; blocks.
    pub(crate) fn connect(uri: &AMQPUri) -> io::Result<Self> {
        let authority = &uri.authority;
        let address = (authority.host.as_str(), authority.port).to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut salvage = Self { stream };
        salvage.stream.write_all(b"AMQP\0\0\x09\x01")?;
        salvage.expect(10, 10)?;
        let login = format!("\0{}\0{}", authority.userinfo.username, authority.userinfo.password);
        let start_ok = Args::default().long(b"").short("PLAIN").long(login.as_bytes()).short("en_US");
        salvage.method(0, 10, 11, &start_ok)?;
        let tune = salvage.expect(10, 30)?;
        // Its own limits, and no heartbeats: this does not live long.
        let tune_ok = Args(tune.get(..6).ok_or(io::ErrorKind::InvalidData)?.to_vec()).bytes(&[0, 0]);
        salvage.method(0, 10, 31, &tune_ok)?;
        salvage.method(0, 10, 40, &Args::default().short(&uri.vhost).short("").bytes(&[0]))?;
        salvage.expect(10, 41)?;
        salvage.method(1, 20, 10, &Args::default().short(""))?;
        salvage.expect(20, 11)?;
        Ok(salvage)
    }

    /// The messages of a queue that lapin cannot read. All others go back to their places when this connection ends.
    pub(crate) fn unreadable(&mut self, queue: &str) -> io::Result<Vec<Salvaged>> {
        let mut found = Vec::new();
        for _ in 0..MAX_LOOKED_AT {
            self.method(1, 60, 70, &Args::default().bytes(&[0, 0]).short(queue).bytes(&[0]))?;
            let (method, args) = self.next_method()?;
            match method {
                (60, 71) => {
                    let tag = args.first_chunk().map(|tag| u64::from_be_bytes(*tag)).ok_or(io::ErrorKind::InvalidData)?;
                    let (properties, body) = self.content()?;
                    if let Some(properties) = readable(&properties) {
                        found.push(Salvaged { properties, body, tag });
                    }
                }
                (60, 72) => break,
                other => return Err(unexpected(other)),
            }
        }
        Ok(found)
    }

    /// Removes a message from its queue.
    pub(crate) fn ack(&mut self, message: &Salvaged) -> io::Result<()> {
        self.method(1, 60, 80, &Args::default().bytes(&message.tag.to_be_bytes()).bytes(&[0]))
    }

    /// Ends the connection once the broker has read all that was written.
    pub(crate) fn close(mut self) -> io::Result<()> {
        self.method(0, 10, 50, &Args::default().bytes(&[0, 200]).short("bye").bytes(&[0; 4]))?;
        self.expect(10, 51).map(drop)
    }

    fn content(&mut self) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let (_, header) = self.frame(HEADER)?;
        let (fixed, properties) = header.split_at_checked(12).ok_or(io::ErrorKind::InvalidData)?;
        let size = fixed.last_chunk().map(|size| u64::from_be_bytes(*size)).unwrap_or_default();
        let mut body = Vec::new();
        while (body.len() as u64) < size {
            body.extend(self.frame(BODY)?.1);
        }
        Ok((properties.to_vec(), body))
    }

    fn expect(&mut self, class: u16, method: u16) -> io::Result<Vec<u8>> {
        match self.next_method()? {
            (found, args) if found == (class, method) => Ok(args),
            (found, _) => Err(unexpected(found)),
        }
    }

    fn next_method(&mut self) -> io::Result<((u16, u16), Vec<u8>)> {
        let (_, payload) = self.frame(METHOD)?;
        match payload[..] {
            [c1, c2, m1, m2, ref args @ ..] => Ok(((u16::from_be_bytes([c1, c2]), u16::from_be_bytes([m1, m2])), args.to_vec())),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// The next frame of this kind.
    fn frame(&mut self, kind: u8) -> io::Result<(u16, Vec<u8>)> {
        loop {
            let mut head = [0; 7];
            self.stream.read_exact(&mut head)?;
            let [found, c1, c2, size @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes(size) as usize + 1];
            self.stream.read_exact(&mut payload)?;
            if payload.pop() != Some(END) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if found == kind {
                return Ok((u16::from_be_bytes([c1, c2]), payload));
            }
        }
    }

    fn method(&mut self, channel: u16, class: u16, method: u16, args: &Args) -> io::Result<()> {
        let mut frame = vec![METHOD];
        frame.extend(channel.to_be_bytes());
        frame.extend((args.0.len() as u32 + 4).to_be_bytes());
        frame.extend(class.to_be_bytes());
        frame.extend(method.to_be_bytes());
        frame.extend(&args.0);
        frame.push(END);
        self.stream.write_all(&frame)
    }
}

fn unexpected((class, method): (u16, u16)) -> io::Error {
    io::Error::other(format!("the broker answered with the method {class}.{method}"))
}

/// The arguments of a method.
#[derive(Debug, Default)]
struct Args(Vec<u8>);

impl Args {
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn short(self, text: &str) -> Self {
        let text = &text.as_bytes()[..text.len().min(255)];
        self.bytes(&[text.len() as u8]).bytes(text)
    }

    fn long(self, text: &[u8]) -> Self {
        self.bytes(&(text.len() as u32).to_be_bytes()).bytes(text)
    }
}
