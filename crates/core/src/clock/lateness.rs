use std::fmt;
use std::time::Duration;

/// From here on people are told.
const NOTABLE_MS: i64 = 5_000;
/// A clock that is off by less is right, for people.
const RIGHT_MS: i64 = 1_000;

/// Why a message looks old: it was read late, or a clock is off. Two things that the age of a message alone cannot tell apart;
/// measured apart, each by one clock, they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lateness {
    /// How long after it could have read its mail the worker read it, by its own monotonic clock.
    pub lag: Duration,
    /// How far its wall clock is ahead of the reference, in milliseconds; none where there is no other clock to ask.
    pub ahead_ms: Option<i64>,
}

impl Lateness {
    /// Takes the age of a message apart: what the reader's clock showed less what the sender's had shown, with each clock's
    /// distance from one reference. What the clocks do not explain is lag.
    pub fn of_message(age_ms: i64, sender_ahead_ms: i64, reader_ahead_ms: i64) -> Self {
        let lag_ms = age_ms - (reader_ahead_ms - sender_ahead_ms);
        Self { lag: Duration::from_millis(lag_ms.max(0) as u64), ahead_ms: Some(reader_ahead_ms) }
    }

    /// Whether people should hear of it.
    pub fn is_notable(&self) -> bool {
        self.lag_ms() >= NOTABLE_MS || self.ahead_ms.is_some_and(|ahead| ahead.abs() >= NOTABLE_MS)
    }

    fn lag_ms(&self) -> i64 {
        self.lag.as_millis() as i64
    }
}

impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lag_ms() {
            late if late >= RIGHT_MS => write!(f, "this worker read its mail {} s late; ", seconds(late))?,
            _ => f.write_str("this worker reads its mail in time; ")?,
        }
        match self.ahead_ms {
            None => f.write_str("there is no other clock to compare its clock with"),
            Some(ahead) if ahead.abs() < RIGHT_MS => f.write_str("its clock is right"),
            Some(ahead) if ahead > 0 => write!(f, "its clock is {} s ahead of the database's, on which nothing depends", seconds(ahead)),
            Some(ahead) => write!(f, "its clock is {} s behind the database's, on which nothing depends", seconds(ahead)),
        }
    }
}

fn seconds(ms: i64) -> i64 {
    (ms.abs() + 500) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_reader_is_not_told_that_its_clock_is_wrong() {
        // The log's last failure: "drift of 33 seconds", and the clocks were fine.
        let busy = Lateness::of_message(33_000, 0, 4);
        assert_eq!(busy.to_string(), "this worker read its mail 33 s late; its clock is right");
        assert!(busy.is_notable());
    }

    #[test]
    fn a_clock_that_is_off_is_not_taken_for_lag() {
        let skewed = Lateness::of_message(33_010, 0, 33_000);
        assert_eq!(
            skewed.to_string(),
            "this worker reads its mail in time; its clock is 33 s ahead of the database's, on which nothing depends"
        );
        let behind = Lateness::of_message(-33_000 + 7_000, 0, -33_000);
        assert_eq!(
            behind.to_string(),
            "this worker read its mail 7 s late; its clock is 33 s behind the database's, on which nothing depends"
        );
        // The sender's clock is off, not ours.
        assert!(!Lateness::of_message(-33_000, 33_000, 0).is_notable());
    }

    #[test]
    fn without_another_clock_only_the_lag_is_told() {
        let alone = Lateness { lag: Duration::from_secs(6), ahead_ms: None };
        assert_eq!(alone.to_string(), "this worker read its mail 6 s late; there is no other clock to compare its clock with");
    }
}
