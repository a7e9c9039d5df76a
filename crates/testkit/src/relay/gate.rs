//! What a relay lets through at this moment, and waiting for it.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Direction, Mode};

/// At a throttled rate, bytes go out in this many pieces a second.
const PIECES_A_SECOND: u64 = 20;

/// The state that the relay's threads share. A change wakes whoever waits for the old state to end.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    up: Mode,
    down: Mode,
    refuses: bool,
    closed: bool,
    accepted: usize,
    /// The sockets of every connection, by its number; a connection that is not here has been cut.
    links: BTreeMap<usize, Vec<TcpStream>>,
}

impl State {
    fn mode(&self, direction: Direction) -> Mode {
        match direction {
            Direction::Down => self.down,
            Direction::Up | Direction::Both => self.up,
        }
    }

    fn cut_all(&mut self) {
        for socket in std::mem::take(&mut self.links).into_values().flatten() {
            // The peer may have closed it before us.
            socket.shutdown(Shutdown::Both).ok();
        }
    }
}

impl Gate {
    pub(super) fn set(&self, direction: Direction, mode: Mode) {
        self.change(|state| {
            if direction != Direction::Down {
                state.up = mode;
            }
            if direction != Direction::Up {
                state.down = mode;
            }
            if mode == Mode::Cut {
                state.cut_all();
            }
        });
    }

    pub(super) fn cut_all(&self) {
        self.change(State::cut_all);
    }

    pub(super) fn refuse(&self, refuses: bool) {
        self.change(|state| state.refuses = refuses);
    }

    /// Ends everything for good.
    pub(super) fn close(&self) {
        self.change(|state| {
            state.closed = true;
            state.cut_all();
        });
    }

    pub(super) fn closed(&self) -> bool {
        self.state().closed
    }

    pub(super) fn connections(&self) -> usize {
        self.state().links.len()
    }

    pub(super) fn accepted(&self) -> usize {
        self.state().accepted
    }

    /// Takes a new connection in and gives it a number; none where it is to be closed at once.
    pub(super) fn admit(&self, client: TcpStream) -> Option<usize> {
        let mut state = self.state();
        let cut = [state.up, state.down].contains(&Mode::Cut);
        if cut || state.refuses || state.closed {
            return None;
        }
        state.accepted += 1;
        let link = state.accepted;
        state.links.insert(link, vec![client]);
        Some(link)
    }

    /// Adds the connection's socket on the server's side; false where it has been cut meanwhile.
    pub(super) fn complete(&self, link: usize, server: TcpStream) -> bool {
        self.state().links.get_mut(&link).map(|sockets| sockets.push(server)).is_some()
    }

    pub(super) fn forget(&self, link: usize) {
        self.state().links.remove(&link);
    }

    /// Waits until something may pass, and says how many of `wanted` bytes; none where the connection has been cut.
    pub(super) fn pass(&self, link: usize, direction: Direction, wanted: usize) -> Option<usize> {
        let mut state = self.state();
        loop {
            if !state.links.contains_key(&link) {
                return None;
            }
            let mode = state.mode(direction);
            let (after, bytes) = match mode {
                Mode::Pass => return Some(wanted),
                Mode::Cut => return None,
                Mode::Blackhole => (None, 0),
                Mode::Delay(by) => (Some(by), wanted),
                Mode::Throttle(bytes_a_second) => {
                    let piece = wanted.min((bytes_a_second / PIECES_A_SECOND).max(1) as usize);
                    (Some(Duration::from_secs_f64(piece as f64 / bytes_a_second.max(1) as f64)), piece)
                }
            };
            let same = |state: &mut State| state.mode(direction) == mode && state.links.contains_key(&link);
            let Some(after) = after else {
                state = self.changed.wait_while(state, same).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let (now, waited) = self.changed.wait_timeout_while(state, after, same).unwrap_or_else(PoisonError::into_inner);
            state = now;
            if waited.timed_out() {
                return Some(bytes);
            }
        }
    }

    fn change(&self, how: impl FnOnce(&mut State)) {
        how(&mut self.state());
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
