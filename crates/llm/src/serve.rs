//! The engine's thread: takes requests in between steps, loads the model when the first one comes.

use std::sync::mpsc::{Receiver, TryRecvError};

use crate::Error;
use crate::scheduler::{Scheduler, Sequence};
use crate::time;

/// Serves until the queue is closed. A failed load fails the request that needed it and is tried again by the next; a panic
/// fails what is in flight, and the model is loaded anew.
pub(crate) fn serve(queue: &Receiver<Sequence>, load: impl Fn() -> Result<Scheduler, Error>) {
    let mut scheduler: Option<Scheduler> = None;
    loop {
        let idle = scheduler.as_ref().is_none_or(Scheduler::is_idle);
        let next = if idle { queue.recv().map_err(|_| TryRecvError::Disconnected) } else { queue.try_recv() };
        match next {
            Ok(sequence) => take(&mut scheduler, sequence, &load),
            Err(TryRecvError::Disconnected) => return,
            Err(TryRecvError::Empty) => {
                let Some(running) = &mut scheduler else { continue };
                let step = std::panic::AssertUnwindSafe(|| running.step());
                if let Err(payload) = std::panic::catch_unwind(step) {
                    // Half a step may have been written: start over from the file.
                    running.abandon(&format!("inference panicked: {}", message(payload.as_ref())));
                    scheduler = None;
                }
            }
        }
    }
}

fn take(scheduler: &mut Option<Scheduler>, mut sequence: Sequence, load: impl Fn() -> Result<Scheduler, Error>) {
    if let Some(reason) = sequence.gone(time::now()) {
        return sequence.finish(Err(reason));
    }
    if scheduler.is_none() {
        let loaded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(load));
        match loaded.unwrap_or_else(|payload| Err(Error::Stopped(format!("loading panicked: {}", message(payload.as_ref()))))) {
            Ok(loaded) => *scheduler = Some(loaded),
            Err(error) => return sequence.finish(Err(error)),
        }
    }
    if let Some(scheduler) = scheduler {
        scheduler.submit(sequence);
    }
}

fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
