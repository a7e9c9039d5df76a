//! The judge as a program: scores answers, writes final reports, from the command line or from a queue; and the interviewer beside
//! it, who makes resumes searchable and asks the next question.
//!
//! Owns the settings, the wiring and the order of store and model: read, close the session, think, open another, write.
//! Promises that no session is open while the model runs, that the model never runs on the async runtime's threads, and
//! that a computation already stored is not done again. What a score is, is `viva-scoring`'s business.

mod answers;
mod batch;
pub mod cli;
pub mod evaluator;
mod gauges;
mod inference;
pub mod model;
mod question;
mod report;
pub mod resume;
mod score;
mod serve;

pub use answers::{AnalyzeAnswer, EvaluatePart};
pub use evaluator::{Evaluator, QUEUES, TASKS};
pub use question::{GenerateNextQuestion, INTERVIEW_TASKS, Interviewer, PreloadModel, Script};
pub use report::FinalReport;

/// Does what the command line says.
pub async fn run(cli: cli::Cli) -> anyhow::Result<()> {
    match cli.command {
        cli::Command::Batch(args) => batch::run(args).await,
        cli::Command::Score(args) => score::run(args).await,
        cli::Command::Serve(args) => serve::run(args).await,
    }
}
