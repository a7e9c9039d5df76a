//! Where a server is, as one setting.

use std::str::FromStr;

use reqwest::Url;
use viva_llm::Error;

/// Requests that a server is sent at once, where the address does not say.
const CONCURRENCY: usize = 16;

/// `openai+http://[:KEY@]HOST[:PORT][/v1][?model=NAME&concurrency=N]`, or `openai+https://...`.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Of the interface, up to and with its version; no secrets, no trailing slash.
    pub(crate) base: String,
    pub(crate) key: Option<String>,
    /// None for the first that the server lists.
    pub(crate) model: Option<String>,
    pub(crate) concurrency: usize,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("base", &self.base).field("model", &self.model).finish_non_exhaustive()
    }
}

/// Without its key.
impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "openai+{}", self.base)?;
        self.model.as_ref().map_or(Ok(()), |model| write!(f, "?model={model}"))
    }
}

impl Address {
    /// Whether `text` is meant as one.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with("openai+")
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // Not the text itself: it may hold a key.
        let bad = |what: String| Error::Remote { server: "the server's address".to_owned(), what, transient: false };
        let rest = text.strip_prefix("openai+").ok_or_else(|| bad("does not begin with openai+http:// or openai+https://".to_owned()))?;
        let mut url = Url::parse(rest).map_err(|e| bad(format!("cannot be read ({e})")))?;
        if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
            return Err(bad("is neither openai+http://HOST nor openai+https://HOST".to_owned()));
        }
        let (mut model, mut concurrency) = (None, CONCURRENCY);
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "model" => model = Some(value.into_owned()),
                "concurrency" => {
                    let number = value.parse().ok().filter(|n| (1..=4096).contains(n));
                    concurrency = number.ok_or_else(|| bad("has a concurrency that is no number from 1 to 4096".to_owned()))?;
                }
                other => return Err(bad(format!("has an unknown setting {other:?}; model and concurrency are known"))),
            }
        }
        let key = url.password().or(Some(url.username()).filter(|name| !name.is_empty())).map(decoded);
        url.set_query(None);
        url.set_fragment(None);
        // Both fail only for addresses that have no host.
        if url.set_password(None).and_then(|()| url.set_username("")).is_err() {
            return Err(bad("has no host".to_owned()));
        }
        let base = url.as_str().trim_end_matches('/');
        let base = if url.path() == "/" { format!("{base}/v1") } else { base.to_owned() };
        Ok(Self { base, key, model, concurrency })
    }
}

/// `%2B` is a plus.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_which_and_how_many() {
        let full: Address = "openai+https://:sk-a%2Bb@llm.example:8443/api/v1/?model=qwen3%3A8b&concurrency=4".parse().unwrap();
        assert_eq!((full.base.as_str(), full.key.as_deref()), ("https://llm.example:8443/api/v1", Some("sk-a+b")));
        assert_eq!((full.model.as_deref(), full.concurrency), (Some("qwen3:8b"), 4));
        assert!(!format!("{full:?}").contains("sk-a"), "{full:?}");
        assert_eq!(full.to_string(), "openai+https://llm.example:8443/api/v1?model=qwen3:8b");
        let short: Address = "openai+http://localhost:8080".parse().unwrap();
        assert_eq!((short.base.as_str(), short.key, short.model), ("http://localhost:8080/v1", None, None));
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_key() {
        for text in [
            "http://a",
            "openai+ftp://:secret@a",
            "openai+http://:secret@",
            "openai+http://:secret@a?modle=x",
            "openai+http://a?concurrency=0",
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
