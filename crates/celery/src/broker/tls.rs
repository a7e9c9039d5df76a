//! Certificates of our own, as a broker's URL names them: an authority that no system knows, and who we are.

use std::path::PathBuf;
use std::{fs, io};

use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};

/// The files of a URL, under RabbitMQ's names for them and under Python's. The system's authorities are believed beside them.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsFiles {
    /// Authorities, as PEM.
    authorities: Option<PathBuf>,
    /// Our certificate with those above it, and its key (PKCS#8), as PEM.
    identity: Option<(PathBuf, PathBuf)>,
}

impl TlsFiles {
    /// Those that a URL's query names; they must be there.
    pub(super) fn named(query: &str) -> Result<Self, String> {
        let file = |names: [&str; 2]| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(name, _)| names.contains(name)).map(|(_, path)| PathBuf::from(plain(path))).next_back()
        };
        let identity = match (file(["certfile", "ssl_certfile"]), file(["keyfile", "ssl_keyfile"])) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("a certificate needs its key: name both, as certfile= and keyfile=".to_owned()),
        };
        let files = Self { authorities: file(["cacertfile", "ssl_ca_certs"]), identity };
        files.read().map(|_| files).map_err(|error| error.to_string())
    }

    /// What is in them now: a certificate that was renewed is used for the next connection.
    pub(crate) fn read(&self) -> io::Result<OwnedTLSConfig> {
        let told = |path: &PathBuf, error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let authorities = self.authorities.as_ref();
        let cert_chain = authorities.map(|path| fs::read_to_string(path).map_err(|error| told(path, error))).transpose()?;
        let read = |path: &PathBuf| fs::read(path).map_err(|error| told(path, error));
        let identity = match &self.identity {
            Some((certificate, key)) => Some(OwnedIdentity::PKCS8 { pem: read(certificate)?, key: read(key)? }),
            None => None,
        };
        Ok(OwnedTLSConfig { identity, cert_chain })
    }
}

/// Without percent signs.
fn plain(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = (*first == b'%').then(|| behind.get(..2)).flatten().and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = &behind[2..];
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
