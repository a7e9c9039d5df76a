//! A server of a hundred lines: hands every request to the test, and writes what the test says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::{Value, json};

/// A request as it came.
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: Value,
}

pub(crate) struct Stub {
    port: u16,
}

/// The way back to whoever asked.
pub(crate) struct Back(TcpStream);

impl Stub {
    /// Serves chat completions by `chat`, each on a thread of its own; the list of models by itself.
    pub(crate) fn start(chat: impl Fn(Asked, &mut Back) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let chat = Arc::new(chat);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, chat) = (stream.unwrap(), Arc::clone(&chat));
                std::thread::spawn(move || serve(stream, chat.as_ref()));
            }
        });
        Self { port }
    }

    pub(crate) fn address(&self, settings: &str) -> String {
        format!("openai+http://:a-key@127.0.0.1:{}{settings}", self.port)
    }
}

fn serve(stream: TcpStream, chat: &(dyn Fn(Asked, &mut Back) + Send + Sync)) {
    let Some(asked) = read(&stream) else { return };
    let mut back = Back(stream);
    if asked.path.ends_with("/models") {
        let models = json!({ "data": [{ "id": "first", "max_model_len": 4096 }, { "id": "second" }] });
        return back.whole(200, "", &models.to_string());
    }
    chat(asked, &mut back);
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let path = head.split(' ').nth(1)?.to_owned();
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { path, head, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
}

impl Back {
    /// A whole answer of any kind, and the connection's end.
    pub(crate) fn whole(&mut self, status: u16, headers: &str, body: &str) {
        let length = body.len();
        self.raw(format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}").as_bytes());
    }

    /// The beginning of a stream.
    pub(crate) fn open(&mut self) {
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
    }

    /// One event; false if nobody listens any more.
    pub(crate) fn event(&mut self, data: &Value) -> bool {
        self.raw(format!("data: {data}\n\n").as_bytes())
    }

    pub(crate) fn text(&mut self, text: &str) -> bool {
        self.event(&json!({ "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }], "usage": null }))
    }

    /// Why the answer ended, what it cost, and the end of the stream.
    pub(crate) fn end(&mut self, reason: &str) {
        self.event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] }));
        let usage = json!({ "prompt_tokens": 11, "completion_tokens": 7, "prompt_tokens_details": { "cached_tokens": 5 } });
        self.event(&json!({ "choices": [], "usage": usage }));
        self.raw(b"data: [DONE]\n\n");
    }

    pub(crate) fn answer(&mut self, text: &str) {
        self.open();
        self.text(text);
        self.end("stop");
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).and_then(|()| self.0.flush()).is_ok()
    }

    /// Waits until the other side is gone.
    pub(crate) fn wait_for_goodbye(&mut self) -> bool {
        matches!(self.0.read(&mut [0; 16]), Ok(0) | Err(_))
    }
}
