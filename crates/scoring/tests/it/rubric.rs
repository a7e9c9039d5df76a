use viva_core::{Classified, ErrorClass};
use viva_scoring::{Language, Rubric};

const YAML: &str = include_str!("../../rubrics/interview.v2.yaml");

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
        ("weight: 0.30", "weight: 0.31", "areas[].weight: the weights of the areas add up to 1.01"),
        ("weight: 0.30", "weight: 0", "areas[3].weight: must be above 0"),
        ("max: 50", "max: 51", "areas[2].items[].max: the items of job_knowledge add up to 101"),
        ("stages: [motivation]", "stages: [motivation, intro]", "areas[1].stages: stage intro stands twice"),
        ("id: reasoning", "id: accuracy", "areas[2].items[1].id: \"accuracy\" must be unique"),
        ("id: reasoning", "id: feedback", "not \"feedback\""),
        ("id: motivation", "id: Motivation", "areas[1].id: must be lower case"),
        ("id: motivation", "id: self_expression", "areas[1].id: two areas are called"),
        ("{ id: weak, from: 0,", "{ id: weak, from: 1,", "last band must start at 0"),
        ("from: 85", "from: 60", "bands[1].from: the bands must run from high to low"),
        ("{ ko: 논리성, en: Reasoning }", "{ ko: 논리성, en: '' }", "areas[2].items[1].title: must not be empty in either language"),
        ("max: 50", "points: 50", "points"),
        ("stages: [motivation]", "stages: []", "areas[1].stages: must name a stage"),
        ("stages: [skill_followup], bonus", "stages: [intro], bonus", "areas[2].follow_up.stages: stage intro is none of the area's"),
        ("bonus: 10, penalty: 5", "bonus: 101, penalty: 5", "areas[2].follow_up.bonus"),
        ("version: 2.0.0", "version: ''", "version: must not be empty"),
    ] {
        let message = refusal(from, to);
        assert!(message.contains(said), "{to}: {message}");
    }
}

#[test]
fn a_broken_rule_is_told_with_its_line() {
    for (from, to) in [("id: motivation", "id: Motivation"), ("max: 50", "max: none"), ("from: 70", "from: 99")] {
        let line = YAML[..YAML.find(from).unwrap()].lines().count();
        let message = refusal(from, to);
        assert!(message.contains(&format!("line {line}")), "{line}: {message}");
    }
}

#[test]
fn a_file_may_give_one_text_for_both_languages() {
    let plain = YAML.replacen("title: { ko: 논리성, en: Reasoning }", "title: 논리성", 1);
    let rubric = Rubric::parse("test", &plain).unwrap();
    let item = &rubric.areas()[2].items[1];
    assert_eq!([Language::Ko, Language::En].map(|language| item.title.get(language)), ["논리성"; 2]);
    let half = YAML.replacen("title: { ko: 논리성, en: Reasoning }", "title: { ko: 논리성 }", 1);
    assert!(Rubric::parse("test", &half).is_err());
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
