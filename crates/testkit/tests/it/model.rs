use std::fs;

use viva_testkit::model;

#[test]
fn the_models_that_tests_ask_for_are_fetched_and_whole() {
    let kokoro = model("kokoro");
    assert_eq!(fs::metadata(kokoro.model()).unwrap().len(), 92_361_271);
    assert_eq!(fs::metadata(kokoro.file("voices").unwrap()).unwrap().len(), 2_612_478);
    for name in ["smollm2-135m", "gemma-3-270m"] {
        assert_eq!(&fs::read(model(name).model()).unwrap()[..4], b"GGUF", "{name}");
    }
}

#[test]
#[should_panic(expected = "this test needs the model no-such-model: no model is called")]
fn a_model_that_cannot_be_had_fails_the_test_in_words() {
    model("no-such-model");
}
