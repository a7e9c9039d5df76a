use std::fs;
use std::path::PathBuf;

use viva_models::{Error, Home, PullOptions};
use viva_testkit::with_small_disk;

use crate::fixture::{Demo, HUB, Heard, PIP, Wheels, files_in, home, nowhere};
use crate::hub_stand_in::{Fault, Hub};

fn serving(demo: &Demo) -> Hub {
    Hub::start(&[("gguf/weights.bin", &demo.weights), ("words.txt", &demo.words)], Fault::None)
}

#[test]
fn the_second_source_is_asked_when_the_first_fails() {
    let demo = Demo::new();
    let hub = serving(&demo);
    let (_dir, home) = home(demo.catalogue(&[PIP, HUB]));
    let heard = Heard::default();
    let options = PullOptions { hub: Some(hub.address.clone()), ..Wheels::empty().options() };
    let files = home.pull_blocking("demo", &options, &heard).unwrap();
    assert_eq!(fs::read(files.model()).unwrap(), demo.weights);
    let text = heard.text();
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(at("asking pip: demo-part-1==1.0") < at("failed: pip did not get demo-part-1==1.0"));
    assert!(at("failed: ") < at("asking hub: maker/demo"));
}

#[test]
fn a_file_that_the_first_source_gave_is_kept_when_the_second_is_asked() {
    let demo = Demo::new();
    let hub = serving(&demo);
    let wheels = demo.wheels();
    wheels.add("demo-words", &[("demo_words/data/words.txt", b"other words")]);
    let (_dir, home) = home(demo.catalogue(&[PIP, HUB]));
    let options = PullOptions { hub: Some(hub.address.clone()), ..wheels.options() };
    home.pull_blocking("demo", &options, &()).unwrap();
    assert_eq!(hub.bodies(), 1, "the word list alone");
    home.verify("demo").unwrap().into_iter().for_each(|checked| drop(checked.outcome.unwrap()));
}

#[test]
fn when_no_source_works_every_failure_is_reported_with_what_to_do() {
    let demo = Demo::new();
    let (_dir, home) = home(demo.catalogue(&[PIP, HUB]));
    let offline = PullOptions { hub: nowhere().hub, ..Wheels::empty().options() };
    let error = home.pull_blocking("demo", &offline, &()).unwrap_err();
    let Error::NoSource { attempts, .. } = &error else { panic!("{error}") };
    assert_eq!(attempts.len(), 2);
    let text = error.to_string();
    let folder = home.dir().join("demo");
    for expected in
        ["1. pip: demo-part-1==1.0", "2. hub: maker/demo", "127.0.0.1:9", "viva models pull demo", "VIVA_MODELS", folder.to_str().unwrap()]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn a_broken_file_is_named_and_it_alone_is_fetched_again() {
    let demo = Demo::new();
    let hub = serving(&demo);
    let (_dir, home) = home(demo.catalogue(&[HUB]));
    let options = PullOptions { hub: Some(hub.address.clone()), ..PullOptions::default() };
    let files = home.pull_blocking("demo", &options, &()).unwrap();
    let breakages: [(&[u8], &str); 2] =
        [(&demo.weights[..1234], "it has 1234 bytes and should have 300000"), (&vec![7; 300_000], "its SHA-256 is")];
    for (round, (bytes, expected)) in breakages.into_iter().enumerate() {
        fs::write(files.model(), bytes).unwrap();
        let heard = Heard::default();
        home.pull_blocking("demo", &options, &heard).unwrap();
        assert!(heard.text().contains("weights.bin is broken") && heard.text().contains(expected), "{}", heard.text());
        assert_eq!(fs::read(files.model()).unwrap(), demo.weights);
        assert_eq!(hub.bodies(), 3 + round);
    }
}

#[test]
fn two_pulls_at_once_fetch_once() {
    let demo = Demo::new();
    let hub = serving(&demo);
    let (_dir, home) = home(demo.catalogue(&[HUB]));
    let options = PullOptions { hub: Some(hub.address.clone()), ..PullOptions::default() };
    let pulls: Vec<_> = std::thread::scope(|scope| {
        let start = || scope.spawn(|| home.pull_blocking("demo", &options, &()));
        let running: Vec<_> = (0..4).map(|_| start()).collect();
        running.into_iter().map(|pull| pull.join().unwrap()).collect()
    });
    assert!(pulls.iter().all(Result::is_ok), "{pulls:?}");
    assert_eq!(hub.bodies(), 2, "each file once");
}

#[test]
fn a_full_disk_is_called_a_full_disk_and_leaves_nothing_behind() {
    with_small_disk("pull::a_full_disk_is_called_a_full_disk_and_leaves_nothing_behind", 200 << 10, |disk| {
        let demo = Demo::new();
        let (hub, wheels) = (serving(&demo), demo.wheels());
        for source in [PIP, HUB] {
            let home = Home::with_catalogue(disk.join("models"), demo.catalogue(&[source]));
            let options = PullOptions { hub: Some(hub.address.clone()), ..wheels.options() };
            let error = home.pull_blocking("demo", &options, &()).unwrap_err();
            assert!(matches!(error, Error::DiskFull { .. }), "{error}");
            assert!(error.to_string().contains("VIVA_MODELS"), "{error}");
            assert_eq!(files_in(home.dir()), Vec::<PathBuf>::new());
        }
    });
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let demo = Demo::new();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("models"), "a file where the folder should be").unwrap();
    let home = Home::with_catalogue(dir.path().join("models"), demo.catalogue(&[PIP]));
    let error = home.pull_blocking("demo", &demo.wheels().options(), &()).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(error.to_string().contains("models/.locks"), "{error}");
}
