//! What can be said on the command line, and where things are by default.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Scores interview answers with a language model, and writes final reports.
///
/// Every score is a sum of rubric items, each with a quote that stands in the answer; what cannot be judged gets a reason
/// instead of a number. The default model is small enough for any machine and too small to judge anybody: its scores show
/// that everything works, no more.
#[derive(Debug, Parser)]
#[command(name = "eval-worker", version, after_help = AFTER)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
Examples:
  eval-worker score --question 'What is an index?' --answer 'It is a sorted copy of ...' --stage skill --json
  eval-worker score --question '자기소개를 부탁드립니다.' --answer - < answer.txt
  eval-worker batch --model smollm2-135m --in requests.jsonl --out results.jsonl
  eval-worker serve --broker-url memory:// < tasks.jsonl

Settings are flags and environment variables of the same name. Results go to stdout, logs to stderr; RUST_LOG=debug shows more.";

/// The commands.
#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one")]
pub enum Command {
    /// Scores one answer, now, without a database.
    Score(ScoreArgs),
    /// Answers a file of requests, all at once, without a database.
    Batch(BatchArgs),
    /// Takes tasks from a queue until it is told to stop.
    Serve(ServeArgs),
}

/// Which model judges, by which rubric.
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// Language model: a name from `viva models list`, fetched if it isn't here; gguf:PATH; or a server that speaks OpenAI's chat
    /// completions, `openai+http://[:KEY@]HOST[:PORT][/v1][?model=NAME&concurrency=N]` (or openai+https).
    #[arg(long, visible_alias = "model", env = "LLM", hide_env_values = true, value_name = "MODEL", default_value = "gemma-3-270m")]
    pub llm: String,
    /// Folder of the models [default: the user's data folder, viva/models].
    #[arg(long, env = "VIVA_MODELS", value_name = "DIR")]
    pub viva_models: Option<PathBuf>,
    /// A rubric of your own (YAML) instead of the built-in one; see docs/scoring.md.
    #[arg(long, env = "RUBRIC", value_name = "FILE")]
    pub rubric: Option<PathBuf>,
    /// How often the model is asked about an answer. Beyond one, the replies' agreement is the score's confidence.
    #[arg(long, env = "SAMPLES", value_name = "K", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=16))]
    pub samples: u32,
}

impl ModelArgs {
    /// Where the models are.
    pub(crate) fn home(&self) -> anyhow::Result<viva_models::Home> {
        use anyhow::Context as _;
        self.viva_models
            .clone()
            .map_or_else(viva_models::Home::from_env, |dir| Ok(viva_models::Home::new(dir)))
            .context("there is no folder for models")
    }
}

/// Arguments of `score`.
#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// The question as asked.
    #[arg(long, value_name = "TEXT")]
    pub question: String,
    /// The answer as recognised; `-` reads it from standard input.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub answer: String,
    /// Stage of the interview; it decides which area of the rubric applies: intro, motivation, skill, experience,
    /// problem_solving, communication, responsibility, growth (each but the first two also with _followup), final_statement.
    #[arg(long, value_name = "STAGE", default_value = "intro")]
    pub stage: String,
    /// Language of prompt and feedback [default: that of the question].
    #[arg(long, value_enum)]
    pub language: Option<Language>,
    /// Prints the whole record as JSON instead of a summary.
    #[arg(long)]
    pub json: bool,
    /// Which model judges.
    #[command(flatten)]
    pub model: ModelArgs,
}

/// Arguments of `batch`.
#[derive(Debug, Args)]
pub struct BatchArgs {
    /// Language model: a name from `viva models list`, fetched if it isn't here; gguf:PATH; or a server that speaks OpenAI's chat
    /// completions, `openai+http://[:KEY@]HOST[:PORT][/v1][?model=NAME&concurrency=N]` (or openai+https).
    #[arg(long, visible_alias = "model", env = "LLM", hide_env_values = true, value_name = "MODEL", default_value = "gemma-3-270m")]
    pub llm: String,
    /// Folder of the models [default: the user's data folder, viva/models].
    #[arg(long, env = "VIVA_MODELS", value_name = "DIR")]
    pub viva_models: Option<PathBuf>,
    /// Requests, one a line: OpenAI's batch form, or {"prompt", "json_schema", "max_tokens"}.
    #[arg(long = "in", value_name = "FILE")]
    pub input: PathBuf,
    /// Where results go, one a line, as they land.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Threads that compute [default: one a core].
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Answers that are decoded together.
    #[arg(long, value_name = "N", default_value = "32")]
    pub lanes: NonZeroUsize,
    /// Instructions to compute with [default: the best that the processor has]; the results are the same.
    #[arg(long, value_enum)]
    pub instructions: Option<Instructions>,
    /// Computes every prompt from its beginning, whatever was computed before: shows what sharing is worth.
    #[arg(long)]
    pub no_reuse: bool,
    /// Takes a step for each token, those that a schema decides included: shows what jumping over them is worth.
    #[arg(long)]
    pub no_jump: bool,
    /// Prints the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Instructions of the engine's kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Instructions {
    /// AVX-512 with VNNI.
    Avx512,
    /// AVX2 with FMA.
    Avx2,
    /// What every processor has; slow.
    Portable,
}

impl From<Instructions> for viva_llm::Instructions {
    fn from(instructions: Instructions) -> Self {
        match instructions {
            Instructions::Avx512 => Self::Avx512,
            Instructions::Avx2 => Self::Avx2,
            Instructions::Portable => Self::Portable,
        }
    }
}

/// Languages of the rubric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Korean.
    Ko,
    /// English.
    En,
}

impl From<Language> for viva_scoring::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::Ko => Self::Ko,
            Language::En => Self::En,
        }
    }
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where tasks come from and results go.
    #[command(flatten)]
    pub broker: viva_worker::serve::BrokerArgs,
    /// Database [default: viva.db in the data folder, SQLite; made where it is missing].
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Folder for everything that Viva writes.
    #[arg(long, env = "VIVA_DATA", value_name = "DIR", default_value = "viva-data")]
    pub viva_data: PathBuf,
    /// How the worker tells that it lives.
    #[command(flatten)]
    pub liveness: viva_worker::serve::LivenessArgs,
    /// Tasks that run at once. The model decodes their answers together, so more of them cost little more time.
    #[arg(long, value_name = "N", default_value = "24")]
    pub concurrency: NonZeroUsize,
    /// Which model judges.
    #[command(flatten)]
    pub model: ModelArgs,
    /// How the next question is found.
    #[command(flatten)]
    pub interview: InterviewArgs,
}

/// Where the next question comes from, beside the language model.
#[derive(Debug, Clone, Args)]
pub struct InterviewArgs {
    /// Embedding model that finds passages of resumes: a name from `viva models list`, fetched if it isn't here; folder:PATH, a
    /// folder of config.json, tokenizer.json and model.safetensors (BERT or XLM-RoBERTa); e5:PATH, one that wants the prompts of
    /// E5; or none, and resumes are not searched.
    #[arg(long, env = "EMBEDDER", value_name = "MODEL", default_value = "all-minilm-l6-v2")]
    pub embedder: String,
    /// An interview script of your own (YAML) instead of the built-in one.
    #[arg(long, env = "INTERVIEW_SCRIPT", value_name = "FILE")]
    pub interview_script: Option<PathBuf>,
}
