use std::fs;
use std::path::{Path, PathBuf};

use viva_testkit::arrows::{Named, Package, violations, workspace};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn dependency_arrows_point_down_only() {
    let packages = workspace(&root());
    assert!(packages.len() > 10, "the whole workspace is read: {packages:?}");
    assert_eq!(violations(&packages), Vec::<String>::new());
}

#[test]
fn only_the_store_names_sea_orm() {
    let core = root().join("crates/core/src");
    let sources = rust_files(&core);
    assert!(!sources.is_empty());
    let named = |path: &&PathBuf| fs::read_to_string(path).unwrap().contains("sea_orm");
    let strays: Vec<_> =
        sources.iter().filter(|p| !p.starts_with(core.join("store")) && **p != core.join("store.rs")).filter(named).collect();
    assert!(strays.is_empty(), "sea_orm is named outside core::store: {strays:?}");
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let (dirs, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    let rust = files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs"));
    rust.chain(dirs.iter().flat_map(|dir| rust_files(dir))).collect()
}

/// A made-up workspace with every one of our crates, and one arrow in it.
fn house_with(from: &str, to: &str, dev: bool, feature: Option<&str>) -> Vec<Package> {
    let names = ["viva-core", "viva-worker", "viva-speech", "viva-llm", "viva-scoring", "viva-models", "viva-testkit"];
    let all = names.into_iter().chain(["viva-migrations", "tts-worker", "eval-worker", "viva", "viva-benches"]);
    let arrow = Named { name: to.to_owned(), features: feature.into_iter().map(str::to_owned).collect(), dev };
    all.map(|name| Package { name: name.to_owned(), names: if name == from { vec![arrow.clone()] } else { vec![] } }).collect()
}

#[test]
fn a_wrong_arrow_is_found() {
    let wrong = [
        ("viva-core", "viva-worker"),
        ("viva-speech", "viva-core"),
        ("viva-llm", "viva-models"),
        ("viva-models", "viva-core"),
        ("viva-migrations", "viva-core"),
        ("viva-worker", "viva-speech"),
        ("viva-worker", "viva-testkit"),
        ("viva-scoring", "viva-worker"),
        ("tts-worker", "eval-worker"),
        ("eval-worker", "viva"),
        ("tts-worker", "viva-migrations"),
        ("viva-worker", "sea-orm"),
        ("viva", "sea-orm-migration"),
        ("viva-worker", "lapin"),
        ("viva-scoring", "candle-core"),
        ("tts-worker", "reqwest"),
        ("viva-speech", "tokio"),
        ("viva-llm", "tokio-util"),
    ];
    for (from, to) in wrong {
        let found = violations(&house_with(from, to, false, None));
        assert!(found.len() == 1 && found[0].starts_with(&format!("{from} -> {to}")), "{from} -> {to}: {found:?}");
    }
    assert_eq!(violations(&house_with("viva-scoring", "viva-core", false, Some("store"))).len(), 1);
    assert_eq!(violations(&house_with("viva", "sea-orm", true, None)).len(), 1, "a test may not go round the store either");
}

#[test]
fn the_arrows_of_the_design_are_allowed() {
    let right = [
        ("viva", "tts-worker"),
        ("viva", "viva-migrations"),
        ("tts-worker", "viva-speech"),
        ("eval-worker", "viva-models"),
        ("viva-worker", "viva-core"),
        ("viva-scoring", "viva-llm"),
        ("viva-core", "viva-migrations"),
        ("viva-core", "sea-orm"),
        ("viva-llm", "candle-core"),
        ("viva-worker", "tokio"),
        ("viva-models", "reqwest"),
    ];
    for (from, to) in right {
        assert_eq!(violations(&house_with(from, to, false, None)), Vec::<String>::new());
    }
    assert_eq!(violations(&house_with("viva-speech", "viva-testkit", true, None)), Vec::<String>::new());
    assert_eq!(violations(&house_with("viva-scoring", "viva-core", false, None)), Vec::<String>::new());
}
