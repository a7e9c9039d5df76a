//! Certificates of the test's own: an authority that no system knows, and a server's by it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::server::program;

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

/// Files as PEM, gone with the value.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// Made now, for `localhost` and `127.0.0.1`, good for two days.
    ///
    /// # Panics
    ///
    /// Where `openssl` is not installed; the message says what to do.
    pub fn new() -> Self {
        let certificates = Self { folder: tempfile::tempdir().expect("a folder for certificates") };
        let names = "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n";
        fs::write(certificates.file("names"), names).expect("a file in it");
        certificates.openssl(&format!("req -x509 {KEY} -days 2 -subj /CN=authority -keyout ca.key -out ca.pem"));
        certificates.openssl(&format!("req {KEY} -subj /CN=localhost -keyout key.pem -out server.csr"));
        certificates.openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem");
        certificates
    }

    /// The authority.
    pub fn authority(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// What it says of the server, or of a client.
    pub fn certificate(&self) -> PathBuf {
        self.file("cert.pem")
    }

    /// The key to it.
    pub fn key(&self) -> PathBuf {
        self.file("key.pem")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, args: &str) {
        let mut openssl = Command::new(program("openssl", Vec::<PathBuf>::new, "openssl"));
        let done = openssl.args(args.split(' ')).current_dir(self.folder.path()).output().expect("openssl starts");
        assert!(done.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}
