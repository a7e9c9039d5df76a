//! What a process has said: its lines in memory, and waiting for one of them.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The lines of all streams of one process, in the order in which they were read.
#[derive(Debug, Default)]
pub(super) struct Output {
    said: Mutex<Said>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Said {
    lines: Vec<String>,
    open: usize,
}

impl Output {
    /// Reads a stream to its end, on a thread of its own.
    pub(super) fn read(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        self.said().open += 1;
        let output = Arc::clone(self);
        thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
                line.clear();
                output.said().lines.push(text);
                output.more.notify_all();
            }
            output.said().open -= 1;
            output.more.notify_all();
        });
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.said().lines.clone()
    }

    pub(super) fn lines_from(&self, from: usize) -> Vec<String> {
        self.said().lines.get(from..).unwrap_or_default().to_vec()
    }

    /// The `n`th line (from 1) with `pattern` in it; none where the time is up or every stream has ended without it.
    pub(super) fn wait_for(&self, pattern: &str, n: usize, timeout: Duration) -> Option<String> {
        let find = |said: &Said| said.lines.iter().filter(|line| line.contains(pattern)).nth(n - 1).cloned();
        let waiting = |said: &mut Said| said.open > 0 && find(said).is_none();
        let (said, _) = self.more.wait_timeout_while(self.said(), timeout, waiting).unwrap_or_else(PoisonError::into_inner);
        find(&said)
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
