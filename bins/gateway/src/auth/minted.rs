//! Short-lived tokens: what they allow, signed.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Caller, Role};

/// Bytes that a key must have at least (RFC 2104: no shorter than the hash's output).
const KEY_BYTES: usize = 32;
const PREFIX: &str = "viva1";

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("{}: the key cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// It can be guessed.
    #[error("{}: a key has {KEY_BYTES} bytes or more, this one has {bytes}; `head -c 32 /dev/urandom | base64 > FILE` makes one", path.display())]
    Short {
        /// The file.
        path: PathBuf,
        /// What it holds.
        bytes: usize,
    },
}

/// Signs and checks short-lived tokens.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    role: Role,
    interview_id: Option<i32>,
    subject: String,
    /// Seconds since 1970, by the clock of whoever signed. Replicas' clocks may differ by what that matters for some minutes.
    expires_s: i64,
}

impl Key {
    /// A key of random bytes: its tokens end with this process.
    pub fn random() -> Self {
        let bytes = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
        Self::new(&bytes)
    }

    /// The key of a file, which all replicas share.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = std::fs::read(path).map_err(|source| KeyError::Io { path: path.to_owned(), source })?;
        let key = text.trim_ascii();
        if key.len() < KEY_BYTES {
            return Err(KeyError::Short { path: path.to_owned(), bytes: key.len() });
        }
        Ok(Self::new(key))
    }

    fn new(bytes: &[u8]) -> Self {
        Self(Hmac::new_from_slice(bytes).expect("HMAC takes keys of any length; this is a bug"))
    }

    /// A token for this caller until then.
    pub(crate) fn mint(&self, caller: &Caller, until: DateTime<Utc>) -> String {
        let claims =
            Claims { role: caller.role, interview_id: caller.interview_id, subject: caller.subject.clone(), expires_s: until.timestamp() };
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_string(&claims).expect("claims are plain JSON; this is a bug"));
        let signature = URL_SAFE_NO_PAD.encode(self.signed(&claims).finalize().into_bytes());
        format!("{PREFIX}.{claims}.{signature}")
    }

    /// Whose token it is, if it was signed with this key and has not ended.
    pub(crate) fn check(&self, token: &str, now: DateTime<Utc>) -> Option<Caller> {
        let (claims, signature) = token.strip_prefix(PREFIX)?.strip_prefix('.')?.split_once('.')?;
        self.signed(claims).verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let Claims { role, interview_id, subject, expires_s } = claims;
        (now.timestamp() < expires_s).then_some(Caller { role, interview_id, subject, short_lived: true })
    }

    fn signed(&self, claims: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update(PREFIX).chain_update(claims)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller() -> Caller {
        Caller { role: Role::Candidate, interview_id: Some(7), subject: "someone".to_owned(), short_lived: true }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).expect("a moment")
    }

    #[test]
    fn a_token_says_who_it_is_for_until_it_ends() {
        let key = Key::random();
        let token = key.mint(&caller(), at(1000));
        assert_eq!(key.check(&token, at(999)), Some(caller()));
        assert_eq!(key.check(&token, at(1000)), None);
    }

    #[test]
    fn a_token_that_was_changed_or_signed_elsewhere_is_nobodys() {
        let key = Key::random();
        let token = key.mint(&caller(), at(1000));
        assert_eq!(Key::random().check(&token, at(0)), None);
        for at_byte in PREFIX.len()..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at_byte] = if bytes[at_byte] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(key.check(&changed, at(0)), None, "byte {at_byte}");
        }
        for nothing in ["", "viva1", "viva1.", "viva1..", "viva1.00", "viva1.zz.zz", "viva1.é.é"] {
            assert_eq!(key.check(nothing, at(0)), None);
        }
    }
}
