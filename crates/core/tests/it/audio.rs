use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use viva_core::audio::{Folder, write_whole};
use viva_core::{Classified as _, Digest, ErrorClass};

use crate::disk::{self, Disk};

fn folder() -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::at(place.path().join("tts")).unwrap();
    (place, folder)
}

fn files_in(path: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = std::fs::read_dir(path).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn a_clip_comes_back_by_its_digest() {
    let (_place, folder) = folder();
    let digest = folder.put(b"sound").unwrap();
    assert_eq!(digest, Digest::of(b"sound"));
    assert_eq!(folder.open(&digest).unwrap().unwrap(), b"sound");
    assert_eq!(folder.open(&Digest::of(b"another")).unwrap(), None);
}

#[test]
fn storing_again_writes_nothing() {
    let (_place, folder) = folder();
    let path = folder.clip_path(&folder.put(b"sound").unwrap());
    let before = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::File::open(&path).unwrap().set_modified(before - std::time::Duration::from_mins(1)).unwrap();
    folder.put(b"sound").unwrap();
    let after = std::fs::metadata(&path).unwrap().modified().unwrap();
    assert_eq!(after, before - std::time::Duration::from_mins(1));
}

#[test]
fn a_damaged_clip_counts_as_missing_and_can_be_stored_again() {
    let (_place, folder) = folder();
    let digest = folder.put(b"sound").unwrap();
    for damaged in [&b"soun"[..], b"sounD", b""] {
        std::fs::write(folder.clip_path(&digest), damaged).unwrap();
        assert_eq!(folder.open(&digest).unwrap(), None);
        let error = folder.alias("q_1.wav", &digest).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Transient);
        assert!(error.to_string().contains("has to be computed again"), "{error}");
    }
    assert_eq!(folder.put(b"sound").unwrap(), digest);
    assert_eq!(folder.open(&digest).unwrap().unwrap(), b"sound");
}

#[test]
fn an_alias_follows_the_clip_that_it_is_given() {
    let (_place, folder) = folder();
    let (old, new) = (folder.put(b"old").unwrap(), folder.put(b"new").unwrap());
    let path = folder.alias("q_14221.wav", &old).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(folder.alias("q_14221.wav", &new).unwrap(), path);
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    assert_eq!(files_in(path.parent().unwrap()), ["clips", "q_14221.wav"]);
}

#[test]
fn an_alias_that_is_right_already_keeps_its_date() {
    let (_place, folder) = folder();
    let digest = folder.put(b"sound").unwrap();
    let path = folder.alias("q_1.wav", &digest).unwrap();
    let old = std::fs::metadata(&path).unwrap().modified().unwrap() - std::time::Duration::from_mins(1);
    std::fs::File::open(&path).unwrap().set_modified(old).unwrap();
    folder.alias("q_1.wav", &digest).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), old);
}

#[test]
fn whoever_overwrites_an_alias_in_place_does_not_reach_the_clip() {
    let (_place, folder) = folder();
    let digest = folder.put(b"sound").unwrap();
    let path = folder.alias("q_1.wav", &digest).unwrap();
    std::fs::write(&path, b"another worker was here").unwrap();
    assert_eq!(folder.open(&digest).unwrap().unwrap(), b"sound");
}

#[test]
fn any_file_can_be_written_whole_even_by_a_bare_name() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("report.json");
    for text in ["{}", "{\"evaluations\":[]}"] {
        write_whole(&path, text.as_bytes()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(files_in(place.path()), ["report.json"]);
    let bare = format!("viva-test-{}.tmp", std::process::id());
    write_whole(Path::new(&bare), b"here").unwrap();
    assert_eq!(std::fs::read(&bare).unwrap(), b"here");
    std::fs::remove_file(bare).unwrap();
    let error = write_whole(&place.path().join("missing/report.json"), b"{}").unwrap_err();
    assert!(error.to_string().contains("missing/report.json: cannot write"), "{error}");
}

#[test]
fn a_reader_never_sees_half_an_alias() {
    let (_place, folder) = folder();
    let (low, high) = (vec![1; 300_000], vec![2; 200_000]);
    let digests = [folder.put(&low).unwrap(), folder.put(&high).unwrap()];
    let path = folder.alias("q_1.wav", &digests[0]).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = 0;
            while !done.load(Ordering::Relaxed) {
                let bytes = std::fs::read(&path).unwrap();
                assert!(bytes == low || bytes == high, "half a file of {} bytes", bytes.len());
                seen += 1;
            }
            seen
        });
        for digest in digests.iter().cycle().take(200) {
            folder.alias("q_1.wav", digest).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}

#[test]
fn many_that_store_the_same_clip_leave_one_file() {
    let (_place, folder) = folder();
    let sound = vec![7; 100_000];
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| folder.put(&sound).unwrap());
        }
    });
    let clips = folder.clip_path(&Digest::of(&sound));
    assert_eq!(files_in(clips.parent().unwrap()), [format!("{}.wav", Digest::of(&sound))]);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let (_place, folder) = folder();
    let digest = folder.put(b"sound").unwrap();
    for name in ["", ".", "..", "../q_1.wav", "a/b.wav", ".hidden", "q 1.wav", "q_1.wav\0"] {
        let error = folder.alias(name, &digest).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Permanent, "{name:?}");
        assert!(error.to_string().contains("is no name for an audio file"), "{error}");
    }
}

#[test]
fn an_address_names_an_absolute_folder() {
    let place = tempfile::tempdir().unwrap();
    Folder::from_url(&format!("file://{}/a/b", place.path().display())).unwrap();
    assert!(place.path().join("a/b/clips").is_dir());
    for url in ["", "s3://bucket", "file://relative", "/absolute"] {
        let error = Folder::from_url(url).unwrap_err().to_string();
        assert!(error.contains("file:///absolute/path"), "{error}");
    }
}

#[test]
fn a_full_disk_is_named_and_leaves_nothing_half_written() {
    if let Some(disk) = Disk::mount("64k") {
        no_room_is_named_and_nothing_left(disk.path());
    }
}

#[test]
fn a_limit_on_file_sizes_is_named_and_leaves_nothing_half_written() {
    if let Some(folder) = disk::limited() {
        return no_room_is_named_and_nothing_left(&folder);
    }
    let place = tempfile::tempdir().unwrap();
    disk::rerun_with_small_files("audio::a_limit_on_file_sizes_is_named_and_leaves_nothing_half_written", place.path());
}

fn no_room_is_named_and_nothing_left(root: &Path) {
    let folder = Folder::at(root).unwrap();
    let small = folder.put(&[1; 2000]).unwrap();
    folder.alias("q_1.wav", &small).unwrap();
    let big = vec![2; 256 * 1024];
    let error = folder.put(&big).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transient);
    let said = error.to_string();
    assert!(said.contains(root.to_str().unwrap()) && said.contains("no room is left; free some space"), "{said}");
    assert_eq!(files_in(&root.join("clips")), [format!("{small}.wav")]);
    assert_eq!(folder.open(&Digest::of(&big)).unwrap(), None);
    assert_eq!(std::fs::read(root.join("q_1.wav")).unwrap(), [1; 2000]);
}

#[test]
fn a_read_only_folder_is_named() {
    if let Some(disk) = Disk::mount("64k") {
        let folder = Folder::at(disk.path()).unwrap();
        disk.freeze();
        read_only_is_named(&folder.put(b"sound").unwrap_err(), disk.path());
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    // Nobody, root included, makes folders in sysfs.
    read_only_is_named(&Folder::at("/sys/viva").unwrap_err(), Path::new("/sys/viva"));
}

fn read_only_is_named(error: &viva_core::audio::Error, path: &Path) {
    assert_eq!(error.class(), ErrorClass::Transient);
    let said = error.to_string();
    assert!(said.contains(path.to_str().unwrap()) && said.contains("read-only for this process; make it writable"), "{said}");
}
