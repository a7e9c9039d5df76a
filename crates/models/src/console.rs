//! Progress for people: a bar on a terminal, plain lines elsewhere (a log gets one line for each tenth).

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{Event, Licence, Model, Progress, Terms};

/// What the bar shows while the total is not known.
const UNKNOWN: &str = "{spinner} {bytes} {bytes_per_sec}";

/// Writes to stderr what a pull does.
#[derive(Debug)]
pub struct Console {
    bar: ProgressBar,
    plain: bool,
    /// Tenths of the whole that a plain line was written for.
    tenths: AtomicU64,
}

impl Console {
    /// A bar if stderr is a terminal, lines if not.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style(UNKNOWN));
        Self { bar, plain: !std::io::stderr().is_terminal(), tenths: AtomicU64::new(0) }
    }

    fn say(&self, line: &str) {
        if self.plain {
            eprintln!("{line}");
        } else {
            self.bar.suspend(|| eprintln!("{line}"));
        }
    }

    fn bytes(&self, done: u64, total: Option<u64>) {
        if let Some(total) = total {
            if self.bar.length() != Some(total) {
                self.bar.set_length(total);
                self.bar.set_style(style("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}"));
            }
            let tenths = 10 * done / total.max(1);
            if self.plain && self.tenths.fetch_max(tenths, Relaxed) < tenths {
                self.say(&format!("  {} of {} MB", megabytes(done), megabytes(total)));
            }
        }
        self.bar.set_position(done);
    }
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress for Console {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Start { model } => {
                self.tenths.store(0, Relaxed);
                self.bar.reset();
                self.bar.set_style(style(UNKNOWN));
                self.say(&headline(model));
                self.say(&terms(&model.licence));
            }
            Event::Waiting { model } => self.say(&format!("  another process is fetching {}: waiting for it", model.name)),
            Event::Broken { problem } => {
                let problem = problem.to_string();
                self.say(&format!("  {}: fetching it again", problem.split("; run `viva").next().unwrap_or(&problem)));
            }
            Event::Asking { source } => self.say(&format!("  from {source}")),
            Event::Bytes { done, total } => self.bytes(*done, *total),
            Event::Failed { error, .. } => self.say(&format!("  that did not work: {}", shortened(&error.to_string()))),
            Event::Done { files, .. } => {
                self.bar.finish_and_clear();
                self.say(&format!("  in place: {}", files.dir().display()));
            }
        }
    }
}

fn headline(model: &Model) -> String {
    let size = model.size().map(megabytes).or(model.approx_mb.map(|mb| format!("about {mb}")));
    format!("{} ({}, {} MB)", model.name, model.title, size.unwrap_or_else(|| "?".to_owned()))
}

fn terms(licence: &Licence) -> String {
    let note = licence.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    let plainly = match licence.terms {
        Terms::Free => "",
        Terms::UseTerms => "  NOTE: this model is not free for every use; by using it you agree to these terms\n",
        Terms::NonCommercial => "  NOTE: no commercial use of this model\n",
    };
    format!("{plainly}  licence: {}{note} ({})", licence.name, licence.url)
}

/// The whole story is in the error that a pull ends with, if it does.
fn shortened(text: &str) -> String {
    const MAX: usize = 200;
    let short: String = text.chars().take(MAX).collect();
    if short.len() < text.len() { short + "..." } else { short }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant that parses; this is a bug")
}

/// Asks at the terminal whether a model's licence is accepted; no where there is no terminal to ask at.
///
/// To be given as [`PullOptions::ask`](crate::PullOptions::ask).
pub fn ask(model: &Model) -> bool {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return false;
    }
    eprint!("accept {} for {} on this machine, from now on? [yes/no] ", model.licence.name, model.name);
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok_and(|_| answer.trim().eq_ignore_ascii_case("yes"))
}
