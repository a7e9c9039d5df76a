use std::fs::{metadata, read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use viva_core::audio::{Audio, Error, write_whole};
use viva_core::{Classified as _, Digest, ErrorClass};

use crate::disk::{self, Disk};

async fn folder() -> (tempfile::TempDir, Audio) {
    let place = tempfile::tempdir().unwrap();
    let audio = Audio::at(place.path()).await.unwrap();
    (place, audio)
}

fn files_in(path: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = std::fs::read_dir(path).unwrap().map(name).collect();
    names.sort();
    names
}

fn clip(root: &Path, digest: &Digest) -> std::path::PathBuf {
    root.join(format!("clips/{digest}"))
}

/// Dates a file back by a minute.
fn age(path: &Path) -> SystemTime {
    let old = metadata(path).unwrap().modified().unwrap() - Duration::from_mins(1);
    std::fs::File::open(path).unwrap().set_modified(old).unwrap();
    old
}

#[tokio::test]
async fn what_is_right_already_keeps_its_date() {
    let (place, audio) = folder().await;
    let digest = audio.put("sound").await.unwrap();
    audio.alias("q_1.wav", &digest).await.unwrap();
    let (clip, alias) = (clip(place.path(), &digest), place.path().join("q_1.wav"));
    let dates = (age(&clip), age(&alias));
    audio.put("sound").await.unwrap();
    assert!(!audio.alias("q_1.wav", &digest).await.unwrap());
    assert_eq!((metadata(clip).unwrap().modified().unwrap(), metadata(alias).unwrap().modified().unwrap()), dates);
}

#[tokio::test]
async fn a_platform_that_overwrites_an_alias_in_place_does_not_reach_the_clip() {
    let (place, audio) = folder().await;
    let digest = audio.put("sound").await.unwrap();
    audio.alias("q_1.wav", &digest).await.unwrap();
    std::fs::write(place.path().join("q_1.wav"), b"another worker was here").unwrap();
    assert_eq!(audio.open(&digest).await.unwrap().unwrap(), "sound");
    assert!(audio.alias("q_1.wav", &digest).await.unwrap(), "and is corrected");
    assert_eq!(files_in(place.path()), ["clips", "q_1.wav"]);
}

#[tokio::test]
async fn many_that_store_the_same_clip_leave_one_file() {
    let (place, audio) = folder().await;
    let writers: Vec<_> =
        (0..50).map(|_| audio.clone()).map(|audio| tokio::spawn(async move { audio.put(vec![7; 100_000]).await })).collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(files_in(&place.path().join("clips")), [Digest::of(&vec![7; 100_000]).to_string()]);
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
    assert_eq!(read(&bare).unwrap(), b"here");
    std::fs::remove_file(bare).unwrap();
    let error = write_whole(&place.path().join("missing/report.json"), b"{}").unwrap_err();
    assert!(error.to_string().contains("missing/report.json: cannot write"), "{error}");
}

#[tokio::test]
async fn an_address_names_an_absolute_folder_or_a_bucket() {
    let place = tempfile::tempdir().unwrap();
    Audio::connect(&format!("file://{}/a/b", place.path().display())).await.unwrap();
    assert!(place.path().join("a/b/clips").is_dir());
    for url in ["", "file://relative", "/absolute", "s3://", "s3:///prefix", "s3://bucket//x", "s3://key:secret@bucket", "https://bucket"] {
        let error = Audio::connect(url).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Permanent, "{url}");
        assert!(error.to_string().contains("write file:///absolute/path or s3://bucket/prefix"), "{error}");
    }
}

#[tokio::test]
async fn a_full_disk_is_named_and_leaves_nothing_half_written() {
    if let Some(disk) = Disk::mount("64k") {
        no_room_is_named_and_nothing_left(disk.path()).await;
    }
}

#[tokio::test]
async fn a_limit_on_file_sizes_is_named_and_leaves_nothing_half_written() {
    if let Some(folder) = disk::limited() {
        return no_room_is_named_and_nothing_left(&folder).await;
    }
    let place = tempfile::tempdir().unwrap();
    disk::rerun_with_small_files("audio::folder::a_limit_on_file_sizes_is_named_and_leaves_nothing_half_written", place.path());
}

async fn no_room_is_named_and_nothing_left(root: &Path) {
    let audio = Audio::at(root).await.unwrap();
    let small = audio.put(vec![1; 2000]).await.unwrap();
    audio.alias("q_1.wav", &small).await.unwrap();
    let big = vec![2; 256 * 1024];
    let error = audio.put(big.clone()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transient);
    let said = error.to_string();
    assert!(said.contains(root.to_str().unwrap()) && said.contains("no room is left; free some space"), "{said}");
    assert_eq!(files_in(&root.join("clips")), [small.to_string()]);
    assert_eq!(audio.open(&Digest::of(&big)).await.unwrap(), None);
    assert_eq!(read(root.join("q_1.wav")).unwrap(), [1; 2000]);
}

#[tokio::test]
async fn a_read_only_folder_is_named() {
    if let Some(disk) = Disk::mount("64k") {
        let audio = Audio::at(disk.path()).await.unwrap();
        disk.freeze();
        read_only_is_named(&audio.put("sound").await.unwrap_err(), disk.path());
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    // Nobody, root included, makes folders in sysfs.
    read_only_is_named(&Audio::at("/sys/viva").await.unwrap_err(), Path::new("/sys/viva"));
}

fn read_only_is_named(error: &Error, path: &Path) {
    assert_eq!(error.class(), ErrorClass::Transient);
    let said = error.to_string();
    assert!(said.contains(path.to_str().unwrap()) && said.contains("read-only for this process; make it writable"), "{said}");
}
