//! What can be said on the command line, and where things are by default.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Speaks interview questions, on the processor, without a network.
///
/// The voice is Kokoro-82M; it is fetched once (95 MB, Apache-2.0) when it isn't there yet. Everything said is kept under the
/// data folder by what determines its sound, so the same text costs nothing the second time.
#[derive(Debug, Parser)]
#[command(name = "tts-worker", version, after_help = AFTER)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
Examples:
  tts-worker say '자기소개를 해주세요.' --out hello.wav
  tts-worker say 'Tell me about a project.' --language en --speed 0.9 --out q.wav
  tts-worker say --manifest questions.tsv --out audio     one `name<TAB>text` a line; a JSON line for each file
  tts-worker voices
  tts-worker serve --broker-url memory:// < tasks.jsonl

Settings are flags and environment variables of the same name. Results go to stdout, logs to stderr; RUST_LOG=debug shows more.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Says a text, or a list of them, into WAV files (16 bit, 24 kHz, one channel).
    Say(SayArgs),
    /// Lists the voices.
    Voices(ModelArgs),
    /// Takes tasks from a queue until it is told to stop.
    Serve(ServeArgs),
}

/// Where the models are.
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// Folder of the models [default: the user's data folder, viva/models].
    #[arg(long, env = "VIVA_MODELS", value_name = "DIR")]
    pub viva_models: Option<PathBuf>,
}

/// Where what is made is kept.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// Folder for everything that Viva writes.
    #[arg(long, env = "VIVA_DATA", value_name = "DIR", default_value = "viva-data")]
    pub viva_data: PathBuf,
    /// Database [default: viva.db in the data folder, SQLite; made where it is missing].
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Where the audio goes: file:///absolute/path, or s3://bucket/prefix with endpoint and keys in the usual AWS_ENDPOINT_URL,
    /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION [default: audio in the data folder].
    #[arg(long, env = "AUDIO_URL", value_name = "URL")]
    pub audio_url: Option<String>,
}

/// Arguments of `say`.
#[derive(Debug, Args)]
pub struct SayArgs {
    /// What to say.
    #[arg(required_unless_present = "manifest", conflicts_with = "manifest", allow_hyphen_values = true)]
    pub text: Option<String>,
    /// A file of texts: a name, a tab, a text on each line. Names without an extension get .wav.
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// The WAV file to write; with --manifest, the folder for all of them.
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// A voice, or a blend such as jf_alpha:0.7,jm_kumo:0.3.
    #[arg(long, env = "VOICE", value_name = "NAME", default_value = viva_speech::DEFAULT_VOICE)]
    pub voice: String,
    /// Pace, from 0.5 (half as fast) to 2.0 (twice as fast).
    #[arg(long, env = "SPEED", value_name = "X", default_value = "1.0")]
    pub speed: f64,
    /// Language of the text: ko, en, or auto (Korean where there is any Hangul).
    #[arg(long, value_name = "TAG", default_value = "ko")]
    pub language: String,
    /// Where what is made is kept.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Where the models are.
    #[command(flatten)]
    pub models: ModelArgs,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where tasks come from and results go.
    #[command(flatten)]
    pub broker: viva_worker::serve::BrokerArgs,
    /// The voice of tasks that name none.
    #[arg(long, env = "VOICE", value_name = "NAME", default_value = viva_speech::DEFAULT_VOICE)]
    pub voice: String,
    /// How the worker tells that it lives.
    #[command(flatten)]
    pub liveness: viva_worker::serve::LivenessArgs,
    /// Tasks that run at once. One text is spoken at a time, on all cores; more than one task keeps the voice busy while
    /// others wait for disk and database.
    #[arg(long, value_name = "N", default_value = "2")]
    pub concurrency: NonZeroUsize,
    /// Where what is made is kept.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Where the models are.
    #[command(flatten)]
    pub models: ModelArgs,
}
