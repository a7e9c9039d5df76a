use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use super::error::{At as _, Error};

/// Writes a whole file or nothing: temporary name in the same folder, sync, rename, sync of the folder.
///
/// A file of that name is replaced; whoever reads it sees the old one or the new one.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // A name of its own for each writer: two that store the same clip must not write into one file.
    let temporary = folder.join(format!(".{}.tmp", uuid::Uuid::new_v4()));
    let written = fill(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    if let Err(error) = written {
        // Nothing refers to the rest that is left; the first error is the one to tell.
        drop(std::fs::remove_file(&temporary));
        return Err(error).at("cannot write", path);
    }
    // Without this, a power cut may forget the rename although the bytes are safe.
    File::open(folder).and_then(|folder| folder.sync_all()).at("cannot sync the folder", folder)
}

fn fill(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
