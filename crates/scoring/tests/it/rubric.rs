use viva_core::{Classified, ErrorClass};
use viva_scoring::Rubric;

const YAML: &str = include_str!("../../rubrics/interview.v1.yaml");

fn refusal(from: &str, to: &str) -> String {
    assert!(YAML.contains(from), "{from}");
    Rubric::parse("test", &YAML.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn the_built_in_rubric_has_the_areas_weights_and_maxima_of_the_platform() {
    let rubric = Rubric::builtin();
    let facts: Vec<(f64, Vec<u32>)> =
        rubric.areas().iter().map(|area| (area.weight, area.items.iter().map(|item| item.max).collect())).collect();
    let expected = [(0.15, [40, 40, 20]), (0.15, [40, 30, 30]), (0.20, [50, 30, 20]), (0.30, [30, 40, 30]), (0.20, [40, 30, 30])];
    assert_eq!(facts, expected.map(|(weight, items)| (weight, items.to_vec())));
    assert_eq!(rubric.areas().iter().map(|area| area.stages.len()).sum::<usize>(), 15);
}

#[test]
fn bands_begin_where_the_rubric_says() {
    let rubric = Rubric::builtin();
    for (total, band) in [
        (100.0, "excellent"),
        (85.0, "excellent"),
        (84.9, "good"),
        (70.0, "good"),
        (69.0, "fair"),
        (50.0, "fair"),
        (49.9, "weak"),
        (0.0, "weak"),
    ] {
        assert_eq!(rubric.band(total).id, band, "{total}");
    }
    // 49 of 100 is the most that stays in the lowest band.
    assert_eq!((rubric.lowest_band_cap(100), rubric.lowest_band_cap(40), rubric.lowest_band_cap(30)), (49, 19, 14));
}

#[test]
fn a_rubric_that_breaks_a_rule_is_refused_with_the_rule() {
    for (from, to, said) in [
        ("weight: 0.30", "weight: 0.31", "add up to 1.01"),
        ("max: 50", "max: 51", "items of job_knowledge add up to 101"),
        ("stages: [motivation]", "stages: [motivation, intro]", "stage intro stands twice"),
        ("id: reasoning", "id: accuracy", "must be unique"),
        ("id: reasoning", "id: feedback", "not \"feedback\""),
        ("id: motivation", "id: job_knowledge", "two areas are called"),
        ("{ id: weak, from: 0,", "{ id: weak, from: 1,", "last band must start at 0"),
        ("from: 85", "from: 60", "from high to low"),
        ("{ ko: 논리성, en: Reasoning }", "{ ko: 논리성, en: '' }", "both languages"),
        ("max: 50", "points: 50", "points"),
        ("stages: [motivation]", "stages: []", "needs a weight above 0, a stage"),
    ] {
        let message = refusal(from, to);
        assert!(message.contains(said), "{to}: {message}");
    }
}

#[test]
fn another_text_is_another_rubric() {
    let changed = Rubric::parse("test", &YAML.replacen("결과가 드러나는가", "결과가 있는가", 1)).unwrap();
    assert_ne!(changed.reference().sha256, Rubric::builtin().reference().sha256);
    assert_eq!(changed.reference().version, Rubric::builtin().reference().version);
}

#[test]
fn an_unknown_stage_is_named_with_those_that_exist() {
    let error = Rubric::builtin().area_of("lunch").unwrap_err();
    let message = error.to_string();
    assert!(message.contains("\"lunch\"") && message.contains("growth_followup"), "{message}");
    assert_eq!(error.class(), ErrorClass::Permanent);
}

#[test]
fn a_missing_rubric_file_is_named() {
    let error = Rubric::load(std::path::Path::new("/nowhere/rubric.yaml")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/rubric.yaml"));
}
