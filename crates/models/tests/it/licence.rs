use viva_models::{Catalogue, Error, Home, Model, PullOptions};

use crate::fixture::{HUB, Heard, home, manifest};
use crate::hub_stand_in::{Fault, Hub};

fn restricted() -> (tempfile::TempDir, Home, Hub) {
    let source = HUB.split("[[model.source.part]]\nfile = \"words.txt\"").next().unwrap();
    let file = "[[model.file]]\nrole = \"model\"\nname = \"weights.bin\"\n";
    let (dir, home) = home(Catalogue::parse(&(manifest("demo", "non-commercial") + file + source)).unwrap());
    (dir, home, Hub::start(&[("gguf/weights.bin", b"weights")], Fault::None))
}

fn options(hub: &Hub) -> PullOptions {
    PullOptions { hub: Some(hub.address.clone()), ..PullOptions::default() }
}

#[test]
fn a_non_commercial_licence_stops_the_pull_until_it_is_accepted() {
    let (_dir, home, hub) = restricted();
    let refused = home.pull_blocking("demo", &options(&hub), &()).unwrap_err();
    assert!(matches!(refused, Error::NotAccepted { .. }));
    let text = refused.to_string();
    assert!(text.contains("--accept-licence Licence-non-commercial") && text.contains("https://example.org/licence"), "{text}");
    assert_eq!(hub.bodies(), 0, "nothing is fetched before");
    let other = PullOptions { accept_licences: vec!["Licence-other".to_owned()], ..options(&hub) };
    assert!(home.pull_blocking("demo", &other, &()).is_err(), "another licence's name opens nothing");
}

#[test]
fn accepted_once_is_accepted_for_good() {
    let (_dir, home, hub) = restricted();
    let accepting = PullOptions { accept_licences: vec!["licence-NON-commercial".to_owned()], ..options(&hub) };
    let files = home.pull_blocking("demo", &accepting, &()).unwrap();
    std::fs::remove_dir_all(files.dir()).unwrap();
    home.pull_blocking("demo", &options(&hub), &()).expect("no need to name it again");
}

#[test]
fn the_answer_at_the_prompt_counts() {
    fn no(_: &Model) -> bool {
        false
    }
    fn yes(model: &Model) -> bool {
        model.name == "demo"
    }
    let (_dir, home, hub) = restricted();
    let asking = |ask| PullOptions { ask: Some(ask), ..options(&hub) };
    assert!(matches!(home.pull_blocking("demo", &asking(no), &()), Err(Error::NotAccepted { .. })));
    home.pull_blocking("demo", &asking(yes), &()).unwrap();
}

#[test]
fn the_licence_is_shown_when_a_download_starts_and_only_then() {
    let (_dir, home, hub) = restricted();
    let accepting = PullOptions { accept_licences: vec!["Licence-non-commercial".to_owned()], ..options(&hub) };
    let (first, second) = (Heard::default(), Heard::default());
    home.pull_blocking("demo", &accepting, &first).unwrap();
    home.pull_blocking("demo", &accepting, &second).unwrap();
    assert!(first.text().contains("start demo Licence-non-commercial"));
    assert_eq!(second.text(), "");
}
