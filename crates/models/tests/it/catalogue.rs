use viva_models::{Catalogue, Kind, Source, Terms};

use crate::fixture::{HUB, PIP, manifest};

#[test]
fn the_built_in_manifest_names_the_models_of_the_product() {
    let catalogue = Catalogue::builtin();
    let terms = |name: &str| catalogue.get(name).unwrap().licence.terms;
    assert_eq!(terms("kokoro"), Terms::Free);
    assert_eq!(terms("piper-joe"), Terms::Free);
    assert_eq!(terms("gemma-3-270m"), Terms::UseTerms);
    assert_eq!(terms("smollm2-135m"), Terms::Free);
    assert_eq!(terms("qwen3-0.6b"), Terms::Free);
    assert_eq!(terms("all-minilm-l6-v2"), Terms::Free);
    assert_eq!(catalogue.get("all-minilm-l6-v2").unwrap().kind, Kind::Embedding);
    assert_eq!(terms("exaone-3.5-7.8b"), Terms::NonCommercial);
    let kokoro = catalogue.get("kokoro").unwrap();
    assert_eq!(kokoro.kind, Kind::Speech);
    assert_eq!(kokoro.files.iter().map(|f| f.role.as_str()).collect::<Vec<_>>(), ["model", "voices", "vocab"]);
    assert_eq!(kokoro.size(), Some(94_974_904));
}

#[test]
fn what_the_default_demo_needs_comes_in_packages_and_asks_nothing() {
    let catalogue = Catalogue::builtin();
    for name in ["kokoro", "gemma-3-270m", "all-minilm-l6-v2"] {
        let model = catalogue.get(name).unwrap();
        assert!(matches!(model.sources[0], Source::Pip { .. }), "{name}");
        assert_ne!(model.licence.terms, Terms::NonCommercial, "{name}");
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let error = Catalogue::builtin().get("gemma").unwrap_err().to_string();
    assert!(error.contains("\"gemma\"") && error.contains("gemma-3-270m") && error.contains("kokoro"), "{error}");
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused() {
    let digest = "0".repeat(64);
    let file = |name: &str| format!("[[model.file]]\nrole = \"model\"\nname = {name:?}\nsize = 1\nsha256 = {digest:?}\n");
    let head = manifest("demo", "free");
    let both = file("weights.bin") + &file("words.txt");
    let unpinned = both.replace("size = 1\n", "");
    let cases = [
        (head.clone() + &both, "missing field `source`"),
        (format!("{head}{both}{PIP}").replace("name = \"demo\"", "name = \"../demo\""), "no plain file name"),
        (head.clone() + &file("a/b") + HUB, "no plain file name"),
        (head.clone() + &file("weights.bin") + HUB, "which is not one of its files"),
        (head.clone() + &both + &file("more.bin") + HUB, "a source lacks \"more.bin\""),
        (head.clone() + &unpinned + PIP, "pip vouches for neither"),
        (head.clone() + &both + &HUB.replace("repo =", "repository ="), "repository"),
        (format!("{head}{both}{HUB}").replace("\"free\"", "\"gratis\""), "gratis"),
    ];
    for (text, expected) in cases {
        let error = Catalogue::parse(&text).expect_err(expected).to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    Catalogue::parse(&(head + &both + PIP + HUB)).expect("the whole one parses");
}
