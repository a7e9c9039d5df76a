use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientConfigKey, Error as S3Error, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions,
    RetryConfig, UpdateVersion,
};

use super::error::Error;
use crate::Digest;

/// Looks at a file again after somebody else was faster: each loss is another writer's success, so that as many as write one
/// file at once are enough.
const ROUNDS: usize = 100;

/// Tries again after connection errors and 5xx answers. Whoever waits for a clip waits for this, and the queue tries longer.
const RETRIES: usize = 3;
const RETRY_FOR_S: u64 = 15;

/// For requests; `AWS_TIMEOUT` and `AWS_CONNECT_TIMEOUT` change them. A clip is some 300 kB.
const TIMEOUTS: [(ClientConfigKey, &str); 2] = [(ClientConfigKey::ConnectTimeout, "3 seconds"), (ClientConfigKey::Timeout, "20 seconds")];

/// A prefix in a bucket of an S3 server.
///
/// Every write carries a condition, `If-None-Match: *` or `If-Match` with the `ETag` that was read: a writer that was overtaken
/// looks again instead of replacing what it hasn't seen.
#[derive(Clone)]
pub(super) struct Bucket {
    s3: AmazonS3,
    name: String,
    prefix: Path,
}

/// A file, and the version of it that was read.
struct Found {
    bytes: Bytes,
    version: UpdateVersion,
}

impl Bucket {
    /// Opens `bucket/prefix` and asks for a file that need not be there: bucket, endpoint and credentials are right if that works.
    pub(super) async fn connect(path: &str, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, Error> {
        let bad = || Error::BadAddress(format!("s3://{path}"));
        let (name, prefix) = path.split_once('/').unwrap_or((path, ""));
        let prefix = Path::parse(prefix).map_err(|_| bad())?;
        if name.is_empty() || path.contains("//") || path.contains(['?', '#', '@', '%', ' ']) {
            return Err(bad());
        }
        // One process may have chosen before; the choice is the same everywhere.
        drop(rustls::crypto::ring::default_provider().install_default());
        let s3 = settings(environment).with_bucket_name(name).build().map_err(Error::Settings)?;
        let bucket = Self { s3, name: name.to_owned(), prefix };
        bucket.read(&super::clip(&Digest::of(b""))).await?;
        Ok(bucket)
    }

    pub(super) async fn read(&self, name: &str) -> Result<Option<Bytes>, Error> {
        Ok(self.find(&self.key(name)).await?.map(|found| found.bytes))
    }

    pub(super) async fn settle(&self, name: &str, bytes: Bytes) -> Result<bool, Error> {
        let key = self.key(name);
        for _ in 0..ROUNDS {
            let mode = match self.find(&key).await? {
                Some(found) if found.bytes == bytes => return Ok(false),
                Some(found) => PutMode::Update(found.version),
                None => PutMode::Create,
            };
            let attributes = Attributes::from_iter([(Attribute::ContentType, super::media_type(&bytes))]);
            let options = PutOptions { mode, attributes, ..PutOptions::default() };
            match self.s3.put_opts(&key, bytes.clone().into(), options).await {
                Ok(_) => return Ok(true),
                // Somebody was faster, or our own first try arrived and its answer did not: look at what is there now.
                Err(S3Error::AlreadyExists { .. } | S3Error::Precondition { .. }) => {}
                Err(source) => return Err(s3_error("cannot write", self.address(&key), source)),
            }
        }
        Err(Error::Contended(self.address(&key)))
    }

    pub(super) async fn remove(&self, name: &str) -> Result<(), Error> {
        let key = self.key(name);
        match self.s3.delete(&key).await {
            Ok(()) => Ok(()),
            Err(S3Error::NotFound { source, .. }) if !says_no_bucket(&*source) => Ok(()),
            Err(source) => Err(s3_error("cannot remove", self.address(&key), source)),
        }
    }

    async fn find(&self, key: &Path) -> Result<Option<Found>, Error> {
        let failed = |source| s3_error("cannot read", self.address(key), source);
        let answer = match self.s3.get(key).await {
            Ok(answer) => answer,
            Err(S3Error::NotFound { source, .. }) if !says_no_bucket(&*source) => return Ok(None),
            Err(source) => return Err(failed(source)),
        };
        let version = UpdateVersion { e_tag: answer.meta.e_tag.clone(), version: answer.meta.version.clone() };
        Ok(Some(Found { bytes: answer.bytes().await.map_err(failed)?, version }))
    }

    fn key(&self, name: &str) -> Path {
        name.split('/').fold(self.prefix.clone(), Path::join)
    }

    fn address(&self, key: &Path) -> String {
        format!("s3://{}/{key}", self.name)
    }
}

impl fmt::Debug for Bucket {
    // The client's own form holds the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bucket(s3://{}/{})", self.name, self.prefix)
    }
}

/// The settings of the environment over ours. Variables that mean nothing here are passed over, as every S3 client does.
fn settings(environment: impl IntoIterator<Item = (OsString, OsString)>) -> AmazonS3Builder {
    let retry = RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES, retry_timeout: Duration::from_secs(RETRY_FOR_S) };
    let ours = AmazonS3Builder::new().with_retry(retry);
    let ours = TIMEOUTS.into_iter().fold(ours, |builder, (key, value)| builder.with_config(AmazonS3ConfigKey::Client(key), value));
    let builder = environment.into_iter().fold(ours, |builder, (name, value)| {
        let name = name.to_str().filter(|name| name.starts_with("AWS_")).and_then(|name| name.to_ascii_lowercase().parse().ok());
        match (name, value.into_string()) {
            (Some(key), Ok(value)) => builder.with_config(key, value),
            _ => builder,
        }
    });
    let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint].iter().find_map(|key| builder.get_config_value(key));
    // Whoever writes http:// has said that no TLS is wanted.
    match endpoint {
        Some(endpoint) if endpoint.starts_with("http://") => builder.with_allow_http(true),
        _ => builder,
    }
}

fn s3_error(action: &'static str, place: String, source: S3Error) -> Error {
    match source {
        S3Error::NotFound { .. } => Error::NoBucket { place, source },
        S3Error::PermissionDenied { .. } | S3Error::Unauthenticated { .. } => Error::Denied { action, place, source },
        // object_store 0.14 keeps the status in its text alone.
        _ if source.to_string().contains("status code: 501") => Error::NoConditions { place, source },
        _ => Error::Unanswered { action, place, source },
    }
}

/// A missing bucket and a missing file are both 404; the code is in the answer's body, which the error's text quotes.
fn says_no_bucket(source: &dyn std::error::Error) -> bool {
    source.to_string().contains("NoSuchBucket")
}
