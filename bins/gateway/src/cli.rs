//! What can be said on the command line.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Parser;

/// The HTTP side of Viva: reports and speech on request, news as they happen, one web page.
///
/// Stateless: run as many as you like behind a proxy, over the workers' database and audio. It needs no broker; the workers publish
/// what it asks for.
#[derive(Debug, Parser)]
#[command(name = "gateway", version, after_help = AFTER)]
pub struct Cli {
    /// Address and port.
    #[arg(long, env = "LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Folder for what Viva writes, where nothing else is named.
    #[arg(long, env = "VIVA_DATA", value_name = "DIR", default_value = "viva-data")]
    pub viva_data: PathBuf,
    /// Database [default: viva.db in the data folder, SQLite; made where it is missing].
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Where the audio is: file:///absolute/path, or s3://bucket/prefix [default: audio in the data folder].
    #[arg(long, env = "AUDIO_URL", value_name = "URL")]
    pub audio_url: Option<String>,
    /// The broker, for the view of dead letters alone: amqp://user:password@host:5672/vhost.
    #[arg(long, env = "BROKER_URL", value_name = "URL", hide_env_values = true)]
    pub broker_url: Option<String>,
    /// Who may ask: a TOML file of tables `[[token]]` with name, role (service, recruiter, candidate), sha256 of the token, and, for a
    /// candidate, interview_id. Without it nobody may, but for health and audio by digest.
    #[arg(long, env = "TOKENS", value_name = "FILE")]
    pub tokens: Option<PathBuf>,
    /// Key for short-lived tokens, 32 bytes or more, the same for all replicas [default: a random one of this process].
    #[arg(long, env = "TOKEN_KEY_FILE", value_name = "FILE")]
    pub token_key_file: Option<PathBuf>,
    /// Origins whose pages may ask, such as `https://interview.example.com`.
    #[arg(long, env = "CORS_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
    /// Requests a second for one person's token, twice as many at once; a server's may send 40 times as many.
    #[arg(long, env = "RATE_PER_S", value_name = "N", default_value = "50")]
    pub rate_per_s: NonZeroU32,
    /// Streams of news open at once.
    #[arg(long, env = "MAX_STREAMS", value_name = "N", default_value = "10000")]
    pub max_streams: usize,
    /// Format of /v1/audio/speech for clients that name none: wav, flac, opus or pcm.
    #[arg(long, env = "RESPONSE_FORMAT", value_name = "NAME", default_value = "wav", value_parser = ["wav", "flac", "opus", "pcm"])]
    pub response_format: String,
    /// Serve /uploads/tts/q_ID.wav to anybody, as an existing frontend expects it. Such names can be counted through.
    #[arg(long, env = "LEGACY_AUDIO")]
    pub legacy_audio: bool,
    /// Where news are sent, signed.
    #[arg(long, env = "WEBHOOK_URL", value_name = "URL", requires = "webhook_secret_file")]
    pub webhook_url: Option<String>,
    /// Secret that webhooks are signed with: 24 bytes or more, or whsec_ and base64.
    #[arg(long, env = "WEBHOOK_SECRET_FILE", value_name = "FILE")]
    pub webhook_secret_file: Option<PathBuf>,
    /// Seconds that requests may go on after SIGTERM or Ctrl-C. Streams end at once; their clients go on elsewhere.
    #[arg(long, env = "DRAIN_S", value_name = "SECONDS", default_value = "20")]
    pub drain_s: u64,
}

const AFTER: &str = "\
Examples:
  TOKEN=$(head -c 24 /dev/urandom | base64 | tr -d '/+=')
  printf '[[token]]\\nname = \"platform\"\\nrole = \"service\"\\nsha256 = \"%s\"\\n' $(printf %s $TOKEN | sha256sum | cut -d' ' -f1) > tokens.toml
  gateway --tokens tokens.toml
  curl -X POST -H \"Authorization: Bearer $TOKEN\" localhost:8080/v1/interviews/1/report
  curl -H \"Authorization: Bearer $TOKEN\" -H 'Prefer: wait=20' localhost:8080/v1/interviews/1/report
  curl -N -H \"Authorization: Bearer $TOKEN\" localhost:8080/v1/interviews/1/events

Settings are flags and environment variables of the same name. /openapi.json describes every route; RUST_LOG=debug shows more.";
