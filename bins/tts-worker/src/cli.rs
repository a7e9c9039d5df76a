//! What can be said on the command line, and where things are by default.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use viva_speech::audio::Format;

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
  tts-worker say 'Ogg Opus, 32 kbit/s.' --out q.opus       the ending chooses: wav, flac, opus, pcm
  tts-worker say --manifest questions.tsv --out audio     one `name<TAB>text` a line; a JSON line for each file
  tts-worker voices
  tts-worker bench                       RAYON_NUM_THREADS=1 and VIVA_SIMD=avx2 or portable narrow it
  tts-worker serve --broker-url memory:// < tasks.jsonl

Settings are flags and environment variables of the same name. Results go to stdout, logs to stderr; RUST_LOG=debug shows more.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Says a text, or a list of them, into files: WAV, FLAC, Opus or bare samples, one channel.
    Say(SayArgs),
    /// Lists the voices.
    Voices(ModelArgs),
    /// Measures how fast this machine speaks, on texts of 13 to 900 characters.
    Bench(BenchArgs),
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
    /// What to say: a text, or SSML (break, sub, say-as, prosody rate) where it begins with `<speak>`.
    #[arg(required_unless_present = "manifest", conflicts_with = "manifest", allow_hyphen_values = true)]
    pub text: Option<String>,
    /// A file of texts: a name, a tab, a text on each line. Names without an ending get that of the format, .wav by default.
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// The file to write; with --manifest, the folder for all of them.
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// wav (16 bit), wav24, pcm (16 bit, little-endian, no header), flac or opus [default: what the file's ending says].
    #[arg(long, value_name = "NAME")]
    pub format: Option<Format>,
    /// Samples a second, 8000 to 48000; the voice's own are 24000.
    #[arg(long, value_name = "HZ", default_value_t = viva_speech::SAMPLE_RATE)]
    pub sample_rate: u32,
    /// A voice, or a blend such as jf_alpha:0.7,jm_kumo:0.3.
    #[arg(long, env = "VOICE", value_name = "NAME", default_value = viva_speech::DEFAULT_VOICE)]
    pub voice: String,
    /// Pace, from 0.5 (half as fast) to 2.0 (twice as fast).
    #[arg(long, env = "SPEED", value_name = "X", default_value = "1.0")]
    pub speed: f64,
    /// Readings that come before all rules: a file of `word<TAB>reading` lines, such as `Viva<TAB>비바`.
    #[arg(long, env = "DICTIONARY", value_name = "FILE")]
    pub dictionary: Option<PathBuf>,
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

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Times that each text is spoken, after once to warm up.
    #[arg(long, value_name = "N", default_value = "3")]
    pub repeats: NonZeroUsize,
    /// A voice, or a blend such as jf_alpha:0.7,jm_kumo:0.3.
    #[arg(long, env = "VOICE", value_name = "NAME", default_value = viva_speech::DEFAULT_VOICE)]
    pub voice: String,
    /// A JSON line for each text instead of a table.
    #[arg(long)]
    pub json: bool,
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
    /// Readings that come before all rules: a file of `word<TAB>reading` lines, such as `Viva<TAB>비바`.
    #[arg(long, env = "DICTIONARY", value_name = "FILE")]
    pub dictionary: Option<PathBuf>,
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
