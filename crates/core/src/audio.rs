//! Audio: clips named by digest, and the names the platform knows them by, in a folder or in an S3 bucket.
//!
//! Promises that nobody ever sees half a file, and that a clip counts only if what is read has the digest that it is asked for
//! by. An alias such as `q_12.wav` is a file of its own: a platform that still overwrites such files in place must not reach the
//! stored clip through it. It moves in one step; of two that move it at once, the later stands. Both places have the same layout,
//! `clips/<digest>` and the aliases beside `clips`, so that one can be copied to the other with any tool.
//! Does not delete, and does not know what a question is.

mod atomic;
mod bucket;
mod error;
mod folder;

use std::ffi::OsString;
use std::path::PathBuf;

use bytes::Bytes;

pub use atomic::write_whole;
pub use error::Error;

use crate::Digest;
use bucket::Bucket;
use folder::Folder;

/// Where audio is kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Audio(Place);

#[derive(Debug, Clone)]
enum Place {
    Folder(Folder),
    Bucket(Bucket),
}

impl Audio {
    /// Opens what `AUDIO_URL` names: `file:///absolute/folder`, made where it is missing, or `s3://bucket/prefix`.
    ///
    /// An S3 server is asked once, so that a wrong address, bucket or key shows now and not with the first clip. Its endpoint and
    /// credentials are the standard environment variables: `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_REGION`, and those of roles in a cluster.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_with(url, std::env::vars_os()).await
    }

    /// [`Audio::connect`] with these environment variables and no others.
    pub async fn connect_with(url: &str, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, Error> {
        if let Some(path) = url.strip_prefix("file://").filter(|path| path.starts_with('/')) {
            return Self::at(path).await;
        }
        match url.strip_prefix("s3://") {
            Some(path) => Ok(Self(Place::Bucket(Bucket::connect(path, environment).await?))),
            None => Err(Error::BadAddress(url.to_owned())),
        }
    }

    /// Opens the folder at `root`, and makes it where it is missing.
    pub async fn at(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = root.into();
        Ok(Self(Place::Folder(folder::off_the_runtime(move || Folder::at(root)).await?)))
    }

    /// Stores `bytes` under their digest. Storing what is there already, and sound, writes nothing.
    pub async fn put(&self, bytes: impl Into<Bytes>) -> Result<Digest, Error> {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        self.settle(clip(&digest), bytes).await?;
        Ok(digest)
    }

    /// Reads a clip. None when it is missing or is not what its name says: it has to be computed again.
    pub async fn open(&self, digest: &Digest) -> Result<Option<Bytes>, Error> {
        let Some(bytes) = self.read(clip(digest)).await? else { return Ok(None) };
        if Digest::of(&bytes) == *digest {
            return Ok(Some(bytes));
        }
        tracing::warn!(file.name = clip(digest), file.bytes = bytes.len(), "a stored clip is damaged and will be computed again");
        Ok(None)
    }

    /// Makes `name` the clip's public file, in one step for whoever reads it, and says whether it had to be moved.
    ///
    /// A file that holds the clip already is left alone, so that its date and whatever is cached by it stay.
    pub async fn alias(&self, name: &str, digest: &Digest) -> Result<bool, Error> {
        let name = plain(name)?;
        let bytes = self.open(digest).await?.ok_or_else(|| Error::Missing(digest.clone()))?;
        self.settle(name, bytes).await
    }

    /// Reads what an alias holds now. It may be another clip a moment later, but never part of one.
    pub async fn open_alias(&self, name: &str) -> Result<Option<Bytes>, Error> {
        self.read(plain(name)?).await
    }

    /// Removes an alias and the clip that it shows, and says whether there was one. Another alias of the same clip stays: the
    /// clip is stored again when somebody next asks for it.
    pub async fn forget(&self, name: &str) -> Result<bool, Error> {
        let name = plain(name)?;
        let Some(bytes) = self.read(name.clone()).await? else { return Ok(false) };
        for gone in [clip(&Digest::of(&bytes)), name] {
            match &self.0 {
                Place::Folder(folder) => folder.with(move |folder| folder.remove(&gone)).await?,
                Place::Bucket(bucket) => bucket.remove(&gone).await?,
            }
        }
        Ok(true)
    }

    async fn read(&self, name: String) -> Result<Option<Bytes>, Error> {
        match &self.0 {
            Place::Folder(folder) => folder.with(move |folder| folder.read(&name)).await,
            Place::Bucket(bucket) => bucket.read(&name).await,
        }
    }

    /// Writes the file, unless it holds these bytes already; says whether it wrote.
    async fn settle(&self, name: String, bytes: Bytes) -> Result<bool, Error> {
        match &self.0 {
            Place::Folder(folder) => folder.with(move |folder| folder.settle(&name, &bytes)).await,
            Place::Bucket(bucket) => bucket.settle(&name, bytes).await,
        }
    }
}

fn clip(digest: &Digest) -> String {
    format!("clips/{digest}")
}

/// The media type of a clip, which its first bytes tell: a digest doesn't.
pub fn media_type(bytes: &[u8]) -> &'static str {
    match bytes.get(..4) {
        Some(b"RIFF") => "audio/wav",
        Some(b"fLaC") => "audio/flac",
        Some(b"OggS") => "audio/ogg",
        _ => "application/octet-stream",
    }
}

fn plain(name: &str) -> Result<String, Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    // `clips` is the folder of the clips, which an object store would let an alias stand beside.
    if name.is_empty() || name == "clips" || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Error::BadName(name.to_owned()));
    }
    Ok(name.to_owned())
}
