use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::error::{At as _, Error};

// Workers in different containers share a volume by its group, whoever each of them runs as, and whatever its umask.
const FILE_MODE: u32 = 0o664;
/// The set-group-ID bit hands the folder's group on to what is made in it.
const FOLDER_MODE: u32 = 0o2775;

/// Writes a whole file or nothing: temporary name in the same folder, sync, rename, sync of the folder.
///
/// A file of that name is replaced, whoever owns it; whoever reads it sees the old one or the new one. Its group may write it.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = parent(path);
    // A name of its own for each writer: two that store the same clip must not write into one file.
    let temporary = folder.join(format!(".{}.tmp", uuid::Uuid::new_v4()));
    let written = fill(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    if let Err(error) = written {
        // Nothing refers to the rest that is left; the first error is the one to tell.
        drop(std::fs::remove_file(&temporary));
        return Err(error).at("cannot write", path);
    }
    // Without this, a power cut may forget the rename although the bytes are safe.
    sync(folder).at("cannot sync the folder", folder)
}

/// Makes a folder that its group may write, and the ones above it as usual. One that is there already stays as it is.
pub(super) fn make_shared(folder: &Path) -> io::Result<()> {
    let above = parent(folder);
    std::fs::create_dir_all(above)?;
    match std::fs::create_dir(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => return Ok(()),
        Err(error) => return Err(error),
    }
    share(&File::open(folder)?, FOLDER_MODE)?;
    sync(above)
}

fn fill(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    share(&file, FILE_MODE)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Sets the mode of something just made, which the umask may have narrowed.
fn share(made: &File, mode: u32) -> io::Result<()> {
    match made.set_permissions(Permissions::from_mode(mode)) {
        // We own it, so it is the file system that refuses (SMB, FAT): there the mount says who may do what.
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported) => Ok(()),
        result => result,
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
