//! News sent to a server, signed, until it takes them: the twin of the event streams.
//!
//! By the Standard Webhooks specification (standardwebhooks.com, 1.0.0): `webhook-id`, the same for every attempt; `webhook-timestamp`;
//! `webhook-signature`, `v1,` and the base64 of the HMAC-SHA-256 over `id.timestamp.body`. At least once: a receiver knows by the id
//! what it has had.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio_util::sync::CancellationToken;
use viva_core::store::{self, HookDue, Store};
use viva_core::{Clock as _, SystemClock};

use crate::api::news::shown;

/// Deliveries at once.
const ROUND: u32 = 16;
const PERIOD: Duration = Duration::from_millis(500);
/// A receiver takes it within that time, or is tried again; shorter than the claim on a delivery lasts.
const PATIENCE: Duration = Duration::from_secs(15);
/// Attempts, over about an hour.
const ATTEMPTS: i32 = 10;

/// Where news are sent.
#[derive(Debug)]
pub struct Webhook {
    url: reqwest::Url,
    secret: Vec<u8>,
    client: reqwest::Client,
}

/// Why it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No address.
    #[error("WEBHOOK_URL={0:?} is no address of http or https")]
    Address(String),
    /// No secret.
    #[error("the webhook's secret has {0} bytes; it needs 24 or more")]
    Secret(usize),
    /// No client.
    #[error("webhooks cannot be sent from here")]
    Client(#[from] reqwest::Error),
}

impl Webhook {
    /// To `url`, signed with `secret`: as it is, or `whsec_` and base64, as the specification writes it.
    pub fn new(url: &str, secret: &str) -> Result<Self, Error> {
        let address = || Error::Address(url.to_owned());
        let url: reqwest::Url = url.parse().map_err(|_| address())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(address());
        }
        let secret = secret.trim();
        let encoded = secret.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
        let secret = encoded.unwrap_or_else(|| secret.as_bytes().to_vec());
        if secret.len() < 24 {
            return Err(Error::Secret(secret.len()));
        }
        // One process may have chosen before; the choice is the same everywhere.
        drop(rustls::crypto::ring::default_provider().install_default());
        // A receiver that sends us elsewhere would have it that we sign for somebody else.
        let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { url, secret, client })
    }

    /// Sends what is due until told to stop. Any number of replicas may: each delivery is one's.
    pub async fn run(&self, store: Store, stop: CancellationToken) {
        let bell = store.bell();
        loop {
            let rung = bell.notified();
            match self.round(&store).await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => tracing::warn!(%error, "webhooks wait, since the database does not answer"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = rung => {}
                () = tokio::time::sleep(PERIOD) => {}
            }
        }
    }

    async fn round(&self, store: &Store) -> Result<usize, store::Error> {
        let unit = store.write().await?;
        let due = unit.events().take_hooks(ROUND).await?;
        unit.commit().await?;
        let sent = join_all(due.iter().map(|hook| self.send(hook))).await;
        let unit = store.write().await?;
        for (hook, sent) in due.iter().zip(sent) {
            let outcome = match (&sent, hook.attempt >= ATTEMPTS) {
                (Ok(()), _) => "delivered",
                (Err(_), true) => "given_up",
                (Err(_), false) => "failed",
            };
            metrics::counter!("viva_webhook_deliveries_total", "outcome" => outcome).increment(1);
            match sent {
                Ok(()) => unit.events().hook_over(hook.id).await?,
                Err(reason) if hook.attempt >= ATTEMPTS => {
                    tracing::error!(reason, event.id = hook.id, "a webhook is given up after {ATTEMPTS} attempts");
                    unit.events().hook_over(hook.id).await?;
                }
                Err(reason) => {
                    tracing::warn!(reason, event.id = hook.id, attempt = hook.attempt, "a webhook was not taken, and is tried again");
                    unit.events().hook_again(hook.id, pause(hook.attempt)).await?;
                }
            }
        }
        unit.commit().await?;
        Ok(due.len())
    }

    async fn send(&self, hook: &HookDue) -> Result<(), String> {
        let id = format!("evt_{}", hook.id);
        let at = chrono::DateTime::from_timestamp_millis(hook.event.at_ms).unwrap_or_default();
        let interview_id: Option<i32> = hook.topic.strip_prefix("interview/").and_then(|id| id.parse().ok());
        let body = serde_json::json!({
            "type": hook.event.kind,
            "timestamp": at.to_rfc3339(),
            "data": { "interview_id": interview_id, "seq": hook.event.seq, "event": shown(&hook.event) },
        });
        let body = body.to_string();
        let timestamp = SystemClock.wall().timestamp();
        let request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature(&self.secret, &id, timestamp, &body))
            .body(body);
        match request.send().await {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(format!("the receiver answers {}", response.status())),
            Err(error) => Err(error.without_url().to_string()),
        }
    }
}

/// 2 s, then twice as long each time, at most 20 minutes, with jitter, so that a receiver that comes back is not overrun.
fn pause(attempt: i32) -> Duration {
    let longest = Duration::from_secs(2 << attempt.clamp(0, 9)).min(Duration::from_mins(20));
    let jitter = f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 255.0;
    longest.mul_f64(0.5 + 0.5 * jitter)
}

fn signature(secret: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length; this is a bug");
    let signed = mac.chain_update(format!("{id}.{timestamp}.{body}")).finalize().into_bytes();
    format!("v1,{}", STANDARD.encode(signed))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the specification's own libraries.
    #[test]
    fn the_signature_is_the_one_of_the_specification() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_refused() {
        assert!(matches!(Webhook::new("https://example.org/hook", "short"), Err(Error::Secret(5))));
        assert!(matches!(Webhook::new("ftp://example.org/hook", "x"), Err(Error::Address(_))));
        assert!(Webhook::new("https://example.org/hook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_ok());
    }
}
