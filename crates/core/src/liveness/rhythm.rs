use std::time::Duration;

/// How a worker tells that it lives, and how long it is believed. Lengths of time, no points in time: they mean the same on every
/// machine, and are stored beside the worker's counter, so that workers with different settings read each other rightly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// Between two signs of life.
    pub beat: Duration,
    /// A counter that stands for this long belongs to a worker that is gone. Many beats: a slow database kills nobody.
    pub ttl: Duration,
}

/// What a worker may still do, given how long ago the last sign of life was begun that got through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Everything.
    Trusted,
    /// Go on with what it holds, and take nothing new: others may be about to give it up.
    Doubtful,
    /// Stop: by the time that it could commit, others may have its work.
    Untrusted,
}

impl Rhythm {
    /// The standing of a worker whose last sign of life that got through was begun this long ago. From the beginning of the
    /// attempt, not from its answer: a slow round trip must not stretch the trust. Nobody can have seen that sign before it
    /// was begun, so whoever counts the time to live has counted less than this.
    pub fn standing(self, since: Duration) -> Standing {
        match since {
            _ if since < self.ttl / 2 => Standing::Trusted,
            _ if since < self.ends() => Standing::Doubtful,
            _ => Standing::Untrusted,
        }
    }

    /// When trust ends: a sixth before the time to live, for clocks whose seconds differ and for the time that stopping takes.
    pub fn ends(self) -> Duration {
        self.ttl / 6 * 5
    }

    /// Between two looks at the others.
    pub fn look(self) -> Duration {
        self.beat / 2
    }

    /// For how long a lock that was freed may be a broken connection that is being made again: the beat that notices it, and
    /// half of one to connect.
    pub(super) fn reconnects_within(self) -> Duration {
        self.beat + self.beat / 2
    }

    /// The same for a lock that this observer has not seen held: it may have been freed with everybody's, by a database that was
    /// restarted, and everybody reconnects at once.
    pub(super) fn all_reconnect_within(self) -> Duration {
        self.reconnects_within().max(self.ttl / 4)
    }
}
