use serde_json::Value;
use viva_core::Digest;

#[test]
fn computations_are_named_as_python_names_them() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../data/computation.json")).unwrap();
    assert!(cases.len() >= 6);
    for case in cases {
        let inputs: Vec<(String, String)> = serde_json::from_value(case["inputs"].clone()).unwrap();
        let inputs: Vec<(&str, &str)> = inputs.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        let name = Digest::of_computation(case["kind"].as_str().unwrap(), &inputs);
        assert_eq!(name.as_str(), case["name"], "{case}");
    }
}

#[test]
fn the_order_of_inputs_does_not_matter_and_their_borders_do() {
    let name = |inputs: &[(&str, &str)]| Digest::of_computation("speech", inputs);
    assert_eq!(name(&[("a", "1"), ("b", "2")]), name(&[("b", "2"), ("a", "1")]));
    assert_ne!(name(&[("a", "12")]), name(&[("a1", "2")]));
    assert_ne!(name(&[("a", "1"), ("b", "2")]), name(&[("a", "1b2")]));
}

#[test]
fn bytes_have_the_digest_that_the_standard_gives() {
    // FIPS 180-2, appendix B.1.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(Digest::of(b"abc").as_str(), abc);
}

#[test]
fn what_is_no_digest_is_refused() {
    for text in ["", "abc", &"A".repeat(64), &"../".repeat(21), &"0".repeat(65)] {
        let error = text.parse::<Digest>().unwrap_err().to_string();
        assert!(error.contains("64 lower-case hexadecimal digits"), "{error}");
    }
    let digest = Digest::of(b"");
    assert_eq!(serde_json::from_value::<Digest>(serde_json::to_value(&digest).unwrap()).unwrap(), digest);
}
