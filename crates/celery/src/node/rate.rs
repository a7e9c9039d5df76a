//! Rate limits of task types: `10/s`, `30/m`, `100/h`, or a number of tasks each second.

use std::time::Duration;

use crate::clock::Instant;

/// Lets tasks of one type begin no closer together than its rate allows.
#[derive(Debug)]
pub(crate) struct Rate {
    text: String,
    interval: Duration,
    next: Instant,
}

impl Rate {
    /// Reads a rate. `Ok(None)` is no limit; an error says what is wrong, as Python would.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, String> {
        let wrong = || format!("ValueError(\"could not convert string to float: '{text}'\")");
        let (number, unit) = text.trim().split_once('/').unwrap_or((text.trim(), "s"));
        if number.is_empty() {
            return Ok(None);
        }
        let number: f64 = number.trim().parse().map_err(|_| wrong())?;
        let seconds = match unit.trim() {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            other => return Err(format!("KeyError('{other}')")),
        };
        if !number.is_finite() || number < 0.0 {
            return Err(wrong());
        }
        if number == 0.0 {
            return Ok(None);
        }
        // Slower than once a year is a mistake, and would overflow.
        let interval = Duration::from_secs_f64((seconds / number).min(31_536_000.0));
        Ok(Some(Self { text: text.trim().to_owned(), interval, next: Instant::now() }))
    }

    /// The time from which the next task may begin; it is then taken.
    pub(crate) fn take(&mut self) -> Instant {
        let at = self.next.max(Instant::now());
        self.next = at + self.interval;
        at
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}
