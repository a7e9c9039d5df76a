//! Server-sent events, as far as chat completions use them: lines of `data:`, in pieces of any size.

/// Longest event that is waited for. A server that sends more in one is no chat server.
const LONGEST: usize = 8 << 20;

#[derive(Debug, Default)]
pub(crate) struct Events {
    buffer: Vec<u8>,
}

/// An event was too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Events {
    /// Takes a piece of the body and returns the data of the events that it completes.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Result<Vec<String>, TooLong> {
        self.buffer.extend_from_slice(piece);
        let mut events = Vec::new();
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            // A whole line is cut between characters; comments and other fields say nothing to us.
            let line = String::from_utf8_lossy(&line);
            if let Some(data) = line.trim_end().strip_prefix("data:") {
                events.push(data.trim_start().to_owned());
            }
        }
        if self.buffer.len() > LONGEST { Err(TooLong) } else { Ok(events) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_whole_however_they_are_cut() {
        let body = ": keep-alive\r\n\r\ndata: {\"a\":\"가\"}\n\nevent: x\ndata:[DONE]\n\n".as_bytes();
        for size in 1..body.len() {
            let mut events = Events::default();
            let seen: Vec<String> = body.chunks(size).flat_map(|piece| events.feed(piece).unwrap()).collect();
            assert_eq!(seen, ["{\"a\":\"가\"}", "[DONE]"], "pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_an_end_is_refused() {
        let mut events = Events::default();
        let piece = vec![b'x'; LONGEST];
        assert!(events.feed(&piece).is_ok());
        assert_eq!(events.feed(b"x"), Err(TooLong));
    }
}
