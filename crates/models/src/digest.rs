//! SHA-256 of files, read once, in pieces.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

const PIECE: usize = 1 << 20;

/// SHA-256 of a file, in lower-case hex.
pub(crate) fn of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut running = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex(running)),
            n => running.update(&piece[..n]),
        }
    }
}

/// Ends a running SHA-256, in lower-case hex.
pub(crate) fn hex(running: Sha256) -> String {
    use std::fmt::Write;
    running.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail; else this is a bug");
        text
    })
}
