use std::fs;
use std::time::Duration;

use viva_models::{Catalogue, Error, PullOptions};

use crate::fixture::{Demo, HUB, Heard, files_in, home, manifest, sha256};
use crate::hub_stand_in::{COMMIT, Fault, Hub};

fn options(hub: &Hub) -> PullOptions {
    PullOptions { hub: Some(hub.address.clone()), ..PullOptions::default() }
}

fn serving(demo: &Demo, fault: Fault) -> Hub {
    Hub::start(&[("gguf/weights.bin", &demo.weights), ("words.txt", &demo.words)], fault)
}

/// The model as the manifest has Qwen and EXAONE: a name, no size, no digest.
fn by_name_only() -> Catalogue {
    let source = HUB.split("[[model.source.part]]\nfile = \"words.txt\"").next().unwrap();
    Catalogue::parse(&(manifest("demo", "free") + "[[model.file]]\nrole = \"model\"\nname = \"weights.bin\"\n" + source)).unwrap()
}

#[test]
fn a_model_comes_from_the_hub_byte_for_byte() {
    let demo = Demo::new();
    let hub = serving(&demo, Fault::None);
    let (_dir, home) = home(demo.catalogue(&[HUB]));
    let heard = Heard::default();
    let files = home.pull_blocking("demo", &options(&hub), &heard).unwrap();
    assert_eq!(fs::read(files.model()).unwrap(), demo.weights);
    assert_eq!(fs::read(files.file("words").unwrap()).unwrap(), demo.words);
    assert_eq!(files_in(home.dir()), ["demo/weights.bin", "demo/words.txt"].map(std::path::PathBuf::from));
    assert_eq!(heard.bytes.lock().unwrap().last(), Some(&(305_000, Some(305_000))));
    home.pull_blocking("demo", &options(&hub), &heard).unwrap();
    assert_eq!(hub.bodies(), 2, "what is in place is not fetched again");
}

#[test]
fn a_file_known_by_name_only_is_held_to_the_digest_that_the_hub_states() {
    let demo = Demo::new();
    let hub = serving(&demo, Fault::None);
    let (_dir, home) = home(by_name_only());
    let files = home.pull_blocking("demo", &options(&hub), &()).unwrap();
    let record = fs::read_to_string(files.dir().join("record.toml")).unwrap();
    assert!(record.contains(&sha256(&demo.weights)) && record.contains(&format!("maker/demo@{COMMIT} gguf/weights.bin")), "{record}");
    let mut bytes = demo.weights.clone();
    bytes[0] ^= 1;
    fs::write(files.model(), bytes).unwrap();
    assert!(matches!(home.path("demo"), Err(Error::WrongDigest { .. })));
    home.pull_blocking("demo", &options(&hub), &()).unwrap();
    assert_eq!(fs::read(files.model()).unwrap(), demo.weights);
}

#[test]
fn a_flipped_bit_on_the_way_is_found_even_if_only_the_hub_knows_the_digest() {
    let demo = Demo::new();
    for catalogue in [by_name_only(), demo.catalogue(&[HUB])] {
        let hub = serving(&demo, Fault::Flip);
        let (_dir, home) = home(catalogue);
        let error = home.pull_blocking("demo", &options(&hub), &()).unwrap_err().to_string();
        assert!(error.contains("weights.bin did not arrive whole: its SHA-256 is"), "{error}");
        assert_eq!(files_in(home.dir()), Vec::<std::path::PathBuf>::new());
    }
}

#[test]
fn a_hub_that_fails_is_reported_with_its_reason() {
    let demo = Demo::new();
    let cases = [
        (Fault::Truncate, "body"),
        (Fault::Status(503), "503"),
        (Fault::Status(401), "set HF_TOKEN"),
        (Fault::Stall, "nothing came for 1 s"),
        (Fault::Silent, "nothing came for 1 s"),
    ];
    for (fault, expected) in cases {
        let hub = serving(&demo, fault);
        let (_dir, home) = home(demo.catalogue(&[HUB]));
        let patient = PullOptions { patience: Duration::from_secs(1), ..options(&hub) };
        let error = home.pull_blocking("demo", &patient, &()).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(&hub.address) && error.contains("maker/demo"), "{expected}: {error}");
        assert_eq!(files_in(home.dir()), Vec::<std::path::PathBuf>::new(), "{expected}");
    }
}

#[test]
fn a_file_that_the_repository_lacks_is_named() {
    let demo = Demo::new();
    let hub = Hub::start(&[("words.txt", &demo.words)], Fault::None);
    let (_dir, home) = home(demo.catalogue(&[HUB]));
    let error = home.pull_blocking("demo", &options(&hub), &()).unwrap_err().to_string();
    assert!(error.contains("gguf/weights.bin"), "{error}");
}

#[test]
fn the_token_is_for_the_hub_and_not_for_whoever_keeps_its_files() {
    let demo = Demo::new();
    let hub = serving(&demo, Fault::None);
    let (_dir, home) = home(demo.catalogue(&[HUB]));
    let known = PullOptions { hub_token: Some("secret".to_owned()), ..options(&hub) };
    home.pull_blocking("demo", &known, &()).unwrap();
    assert_eq!(hub.tokens(), [(false, true), (true, false), (false, true), (true, false)]);
}
