//! What can be said on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use viva_core::audio::Audio;
use viva_core::store::Store;
use viva_models::Home;

use crate::audit::AuditArgs;
use crate::dead::DeadArgs;
use crate::models::ModelsArgs;
use crate::records::{EraseArgs, ReportArgs, ReviewArgs};
use crate::replay::ReplayArgs;

/// Voices interview questions, scores the answers and writes the report.
///
/// Without a command, `viva` runs the demo: it fetches a voice and a small language model (about 350 MB, once), speaks the
/// 17 questions of a sample interview, scores the 17 answers, and leaves sound and report in a folder. It asks nothing and
/// needs no server. A second run takes what is stored and computes nothing.
#[derive(Debug, Parser)]
#[command(name = "viva", version, args_conflicts_with_subcommands = true, after_help = AFTER)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(flatten)]
    pub(crate) demo: DemoArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const AFTER: &str = "\
Examples:
  viva                                   the demo, in Korean
  viva demo --language en --data out     the English interview, into ./out
  viva up                                the HTTP interface and the page, over what the demo left
  viva models list                       what there is to download, and under which licence
  viva models pull qwen3-8b              a judge whose scores are worth reading
  viva demo --llm qwen3-8b               ... and the demo with it
  viva report 153                        the report of an interview, as a page, Markdown and JSON
  viva replay --interview 153            computes its scores again, and says whether they are the same
  viva audit verify                      whether every stored score is as it was written
  viva dead list                         what was set aside, and why
  viva doctor                            what this machine has and what it lacks

Settings are flags and environment variables of the same name. Logs go to stderr; RUST_LOG=debug shows more.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Voices and scores a sample interview, from nothing, in one process; on a terminal, then shows it in a browser.
    Demo(DemoArgs),
    /// Everything in one process, for browsers and programs: both workers, the HTTP interface, the page.
    Up(UpArgs),
    /// Lists, fetches and checks models.
    Models(ModelsArgs),
    /// Brings the database up to date, or shows where it stands.
    Migrate(MigrateArgs),
    /// Looks through the messages that no worker could deal with; sends them again or drops them.
    Dead(DeadArgs),
    /// Writes the report of an interview from what is stored: report.html, report.md, report.json.
    Report(ReportArgs),
    /// Stores a person's word about a score: another total, or that it stands. Both are kept.
    Review(ReviewArgs),
    /// Computes stored scores again, and says whether they come out the same.
    Replay(ReplayArgs),
    /// Checks the log of records; exports scores by group; swaps names in answers and compares.
    Audit(AuditArgs),
    /// Erases what was said in an interview, or by a candidate, and what was thought and written about it. For good.
    Erase(EraseArgs),
    /// Looks at this machine: models, folders, database, processor; says what to do about what is wrong.
    Doctor,
}

/// Where things are. The same names everywhere.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// Folder of the models [default: the user's data folder, viva/models].
    #[arg(long, env = "VIVA_MODELS", value_name = "DIR", global = true)]
    pub(crate) viva_models: Option<PathBuf>,
    /// Folder for everything that Viva writes: database, audio, reports.
    #[arg(long, env = "VIVA_DATA", value_name = "DIR", default_value = "viva-data", global = true)]
    pub(crate) viva_data: PathBuf,
    /// Database [default: SQLite in the data folder].
    #[arg(long, env = "DATABASE_URL", value_name = "URL", global = true, hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// Where the clips are: file:///absolute/path, or s3://bucket/prefix, as the workers have it [default: audio in the data folder].
    #[arg(long, env = "AUDIO_URL", value_name = "URL", global = true)]
    pub(crate) audio_url: Option<String>,
    /// Language model: a name from `viva models list`, gguf:PATH, or a server that speaks OpenAI's chat completions,
    /// `openai+http://[:KEY@]HOST[:PORT][/v1][?model=NAME&concurrency=N]`.
    #[arg(long, env = "LLM", value_name = "MODEL", default_value = "gemma-3-270m", global = true, hide_env_values = true)]
    pub(crate) llm: String,
    /// A rubric of your own (YAML) instead of the built-in one.
    #[arg(long, env = "RUBRIC", value_name = "FILE", global = true)]
    pub(crate) rubric: Option<PathBuf>,
    /// How often the model is asked about an answer; beyond one, the replies' agreement is the score's confidence.
    #[arg(long, env = "SAMPLES", value_name = "K", default_value = "1", global = true, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(crate) samples: u32,
    /// Voice, from `tts-worker voices`.
    #[arg(long, env = "VOICE", value_name = "NAME", default_value = tts_worker::DEFAULT_VOICE, global = true)]
    pub(crate) voice: String,
}

impl Settings {
    /// The folder of models, as set or as usual.
    pub(crate) fn home(&self) -> anyhow::Result<Home> {
        let home = self.viva_models.as_ref().map_or_else(Home::from_env, |dir| Ok(Home::new(dir)));
        home.context("there is no folder for models")
    }

    /// Which model judges, by which rubric.
    pub(crate) fn judge(&self) -> anyhow::Result<eval_worker::cli::ModelArgs> {
        let viva_models = Some(self.home()?.dir().to_owned());
        Ok(eval_worker::cli::ModelArgs { llm: self.llm.clone(), viva_models, rubric: self.rubric.clone(), samples: self.samples })
    }

    /// The database, which must be there.
    pub(crate) async fn store(&self) -> anyhow::Result<Store> {
        Ok(Store::connect(&self.database_url(&self.viva_data)).await?)
    }

    /// The clips, with the data folder `data`.
    pub(crate) async fn audio(&self, data: &std::path::Path) -> Result<Audio, viva_core::audio::Error> {
        match &self.audio_url {
            Some(url) => Audio::connect(url).await,
            None => Audio::at(data.join("audio")).await,
        }
    }

    /// The database to use with the data folder `data`.
    pub(crate) fn database_url(&self, data: &std::path::Path) -> String {
        self.database_url.clone().unwrap_or_else(|| format!("sqlite://{}", data.join("viva.db").display()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Korean.
    Ko,
    /// English.
    En,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder for the demo's files: report.html, report.md, report.json, audio/q_ID.wav [default: the data folder].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Which of the two sample interviews.
    #[arg(long, value_enum, default_value = "ko", conflicts_with = "interview")]
    pub(crate) language: Language,
    /// An interview of your own, in the form of the project's samples/*.yaml.
    #[arg(long, value_name = "FILE")]
    pub(crate) interview: Option<PathBuf>,
    /// Ends when the report is written, also on a terminal.
    #[arg(long)]
    pub(crate) no_page: bool,
    /// Address and port of the page.
    #[arg(long, env = "LISTEN", value_name = "ADDRESS", default_value = LISTEN)]
    pub(crate) listen: SocketAddr,
}

/// This machine only, and a port that is free.
const LISTEN: &str = "127.0.0.1:0";

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Address and port; the tokens of a page on another address than this machine's own travel in the clear.
    #[arg(long, env = "LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Who may ask, as `gateway --help` says, beside the one token that is made and printed.
    #[arg(long, env = "TOKENS", value_name = "FILE")]
    pub(crate) tokens: Option<PathBuf>,
    /// Opens no browser.
    #[arg(long)]
    pub(crate) no_browser: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Shows what is applied and what is pending, and changes nothing.
    #[arg(long)]
    pub(crate) status: bool,
    /// Undoes the last N steps. Viva's own tables in them are dropped with their rows.
    #[arg(long, value_name = "N", conflicts_with = "status")]
    pub(crate) down: Option<u32>,
}
