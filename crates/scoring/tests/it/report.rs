use serde_json::json;
use viva_core::evaluation::{Decision, Evaluation, Review};
use viva_core::report::{NarrativeStatus, Report};
use viva_llm::Cancel;
use viva_scoring::{Error, Interview, Judge, Language, Rubric, html, markdown, platform};

use crate::fake::{Fake, answer, data, info, judge, trusted};

const SECRET: &str = "비밀스러운 답변의 낱말이 들어 있는 문장입니다";

/// Evaluations with exactly these totals, by stage; `None` for an answer that cannot be judged.
fn evaluations(totals: &[(&str, Option<u32>)]) -> Vec<Evaluation> {
    let judge = judge(Fake::obedient(0));
    totals
        .iter()
        .map(|&(stage, total)| {
            let text = if total.is_some() { SECRET } else { "없습니다" };
            let mut evaluation = judge.evaluate(&answer(stage, text), &Cancel::default()).unwrap();
            if let Some(mut left) = total {
                for item in &mut evaluation.items {
                    item.score = left.min(item.max);
                    left -= item.score;
                }
                evaluation.total = total;
            }
            assert_eq!(evaluation.inconsistency(), None);
            evaluation
        })
        .collect()
}

fn interview(evaluations: Vec<Evaluation>) -> Interview {
    Interview { id: Some(153), language: Language::Ko, position: "백엔드 개발자".to_owned(), evaluations }
}

fn report(totals: &[(&str, Option<u32>)]) -> Report {
    judge(Fake::replies(&[])).report(interview(evaluations(totals))).unwrap()
}

fn narrated(judge: &Judge, totals: &[(&str, Option<u32>)]) -> Report {
    let mut report = judge.report(interview(evaluations(totals))).unwrap();
    judge.narrate(&mut report, &Cancel::default()).unwrap();
    report
}

#[test]
fn the_overall_score_weighs_the_areas_as_the_rubric_says() {
    let report = report(&[
        ("intro", Some(80)),
        ("final_statement", Some(60)),
        ("motivation", Some(50)),
        ("skill", Some(90)),
        ("experience", Some(100)),
        ("problem_solving", Some(70)),
        ("growth", Some(40)),
    ]);
    // By hand: 0.15*70 + 0.15*50 + 0.20*90 + 0.30*85 + 0.20*40 = 69.5.
    assert_eq!((report.overall, report.band.as_deref()), (Some(69.5), Some("fair")));
    assert!(report.missing_areas.is_empty());
    assert!(report.missing_stages.contains(&"skill_followup".to_owned()) && report.missing_stages.len() == 8);
}

#[test]
fn follow_ups_add_and_take_what_the_rubric_says() {
    let area = |totals: &[(&str, Option<u32>)], index: usize| {
        let area = &report(totals).areas[index];
        (area.score, area.follow_up)
    };
    // job_knowledge: +10 in the highest band, -5 in the lowest.
    assert_eq!(area(&[("skill", Some(70)), ("skill_followup", Some(90))], 2), (Some(80.0), Some(10.0)));
    assert_eq!(area(&[("skill", Some(70)), ("skill_followup", Some(30))], 2), (Some(65.0), Some(-5.0)));
    assert_eq!(area(&[("skill", Some(70)), ("skill_followup", Some(60))], 2), (Some(70.0), Some(0.0)));
    assert_eq!(area(&[("skill", Some(95)), ("skill_followup", Some(85))], 2), (Some(100.0), Some(10.0)), "and no further");
    assert_eq!(area(&[("skill", Some(70)), ("skill_followup", None)], 2), (Some(70.0), None));
    assert_eq!(area(&[("skill_followup", Some(90))], 2), (Some(90.0), None), "alone it counts as any other");
    // experience and problem solving: +15 and -10, by the mean of both.
    let both = [("experience", Some(60)), ("experience_followup", Some(100)), ("problem_solving_followup", Some(10))];
    assert_eq!(area(&both, 3), (Some(62.5), Some(2.5)));
}

#[test]
fn a_persons_total_stands_and_the_models_is_kept() {
    let mut evaluations = evaluations(&[("skill", Some(40)), ("intro", None)]);
    for (evaluation, total) in evaluations.iter_mut().zip([80, 50]) {
        evaluation.human_review = Some(Review {
            review_id: "r".to_owned(),
            evaluation_id: evaluation.evaluation_id.clone(),
            reviewer: "박<면접관>".to_owned(),
            decision: Decision::Overridden,
            total: Some(total),
            reason: "답을 들어 보았습니다".to_owned(),
            at_ms: 0,
        });
    }
    let judge = judge(Fake::replies(&[]));
    let report = judge.report(interview(evaluations)).unwrap();
    // By hand: (0.15 * 50 + 0.20 * 80) / 0.35.
    assert_eq!((report.overall, report.counts.scored), (Some(67.1), 2));
    assert_eq!(report.evaluations[0].total, Some(40));
    for page in [markdown::render(&report, judge.rubric()).unwrap(), html::render(&report, judge.rubric()).unwrap()] {
        assert!(page.contains("모델 점수 40") && page.contains("모델 점수 점수 없음") && page.contains("박&lt;면접관&gt;"), "{page}");
    }
}

#[test]
fn an_area_without_scores_is_named_and_its_weight_shared_out() {
    let report = report(&[("motivation", Some(80)), ("skill", Some(45)), ("experience", None)]);
    // By hand: (0.15*80 + 0.20*45) / 0.35 = 60.
    assert_eq!(report.overall, Some(60.0));
    assert_eq!(report.missing_areas, ["self_expression", "experience_problem_solving", "character_growth"]);
    let applied: f64 = report.areas.iter().filter_map(|area| area.applied_weight).sum();
    assert!((applied - 1.0).abs() < 1e-12);
    let experience = &report.areas[3];
    assert_eq!((experience.score, experience.applied_weight, experience.scored, experience.answers), (None, None, 0, 1));
    assert_eq!((report.counts.answers, report.counts.scored, report.counts.insufficient_evidence), (3, 2, 1));
}

#[test]
fn without_any_score_there_is_no_overall_and_nobody_writes_a_summary() {
    let engine = Fake::replies(&[]);
    let report = narrated(&judge(engine.clone()), &[("skill", None), ("intro", None)]);
    assert_eq!((report.overall, report.band.as_ref(), report.summary.as_ref()), (None, None, None));
    assert_eq!(report.narrative.status, NarrativeStatus::NothingScored);
    assert_eq!(engine.calls(), 0);
    assert!(markdown::render(&report, &Rubric::builtin()).unwrap().contains("점수를 받은 답변이 없어"));
}

#[test]
fn an_interview_without_answers_has_no_report() {
    let error = judge(Fake::replies(&[])).report(interview(Vec::new())).unwrap_err();
    assert!(matches!(error, Error::NoAnswers));
    assert!(error.to_string().contains("no answers"));
}

#[test]
fn the_summary_is_written_from_evaluations_and_never_sees_an_answer() {
    let engine = Fake::obedient(0);
    let report = narrated(&judge(engine.clone()), &[("skill", Some(77)), ("intro", None)]);
    assert_eq!(report.narrative.status, NarrativeStatus::Written);
    assert_eq!((report.strengths.len(), report.improvements.len(), report.summary.is_some()), (1, 1, true));
    let asked = engine.asked.lock().unwrap();
    let everything = serde_json::to_string(&*asked).unwrap();
    assert!(everything.contains("77/100") && !everything.contains("비밀스러운"));
    // The model's own feedback may repeat what a candidate told it to say.
    assert_eq!(data(&asked[0]), ["말이 분명합니다"]);
    assert!(!trusted(&asked[0]).contains("말이 분명합니다"));
}

#[test]
fn a_summary_that_fails_is_missing_and_says_so() {
    let long = json!({ "strengths": ["가".repeat(61)], "improvements": ["나"], "summary": "다" }).to_string();
    let four = json!({ "strengths": ["가", "나", "다", "라"], "improvements": ["나"], "summary": "다" }).to_string();
    for reply in ["훌륭한 지원자", "{}", r#"{"strengths":[],"improvements":["가"],"summary":"나"}"#, &long, &four] {
        let report = narrated(&judge(Fake::replies(&[reply])), &[("skill", Some(77))]);
        assert_eq!(report.narrative.status, NarrativeStatus::Failed, "{reply}");
        assert!(report.summary.is_none() && report.strengths.is_empty() && report.improvements.is_empty());
        assert_eq!(report.overall, Some(77.0));
        assert!(markdown::render(&report, &Rubric::builtin()).unwrap().contains("모델이 총평을 쓰지 못했습니다"));
    }
}

#[test]
fn numbers_without_words_are_no_finished_report() {
    let report = report(&[("skill", Some(77))]);
    assert_eq!(report.narrative.status, NarrativeStatus::NotWritten);
    assert!(markdown::render(&report, &Rubric::builtin()).unwrap().contains("아직 총평을 쓰지 않았습니다"));
}

#[test]
fn a_small_model_is_said_to_be_one() {
    let small = judge(Fake::replies(&[]).with_info(info(268_000_000))).report(interview(evaluations(&[("skill", Some(77))]))).unwrap();
    assert_eq!(small.notices[0].code, "model_too_small");
    assert!(small.notices[0].detail.contains("268백만"));
    let large = judge(Fake::replies(&[]).with_info(info(3_000_000_000))).report(interview(evaluations(&[("skill", Some(77))]))).unwrap();
    assert!(large.notices.is_empty());
}

#[test]
fn the_page_shows_scores_quotes_gaps_and_origin_and_no_markup_of_others() {
    let mut evaluations = evaluations(&[("skill", Some(77)), ("intro", None)]);
    evaluations[0].feedback = Some("<script>alert(1)</script> | **굵게** [링크](x)\n# 제목".to_owned());
    let judge = judge(Fake::obedient(0));
    let mut report = judge.report(interview(evaluations)).unwrap();
    judge.narrate(&mut report, &Cancel::default()).unwrap();
    let page = markdown::render(&report, judge.rubric()).unwrap();
    let place = format!("[0-{}]", SECRET.chars().count());
    for wanted in [
        "**종합 점수: 77.0 / 100 (양호)**",
        "| 직무 지식 | 77.0 | 양호 | 20 % | 100.0 % |",
        "| 인성과 성장 | 점수 없음 |",
        SECRET,
        &place,
        "`one_word`",
    ] {
        assert!(page.contains(wanted), "{wanted} is not in\n{page}");
    }
    assert!(page.contains(&report.model.sha256) && page.contains(&report.rubric.sha256));
    for forbidden in ["<script", "**굵게**", "[링크]", "\n# 제목"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn every_table_row_has_the_columns_of_its_head() {
    let mut evaluations = evaluations(&[("skill", Some(77)), ("intro", None)]);
    evaluations[0].question = "A | B 중에\n무엇을 고르시겠습니까?".to_owned();
    for language in [Language::Ko, Language::En] {
        let mut interview = interview(evaluations.clone());
        interview.language = language;
        let page = markdown::render(&judge(Fake::replies(&[])).report(interview).unwrap(), &Rubric::builtin()).unwrap();
        let mut columns = 0;
        for line in page.lines() {
            let bars = line.replace("\\|", "").matches('|').count();
            if line.starts_with('|') && columns > 0 {
                assert_eq!(bars, columns, "{line}");
            }
            columns = if line.starts_with('|') { bars } else { 0 };
        }
    }
}

#[test]
fn the_platform_reads_its_own_columns_and_nulls_where_nothing_is_known() {
    let report = report(&[
        ("skill", Some(90)),
        ("skill_followup", Some(70)),
        ("responsibility", Some(60)),
        ("growth", Some(80)),
        ("communication", None),
    ]);
    let columns = platform::report_columns(&report);
    assert_eq!((columns.technical_score, columns.communication_score, columns.cultural_fit_score), (Some(80.0), None, Some(70.0)));
    assert_eq!(columns.details_json["experience_score"], json!(null));
    assert_eq!(columns.details_json["growth_score"], json!(80.0));
    assert_eq!(columns.evaluator_model, "fake@abababababab");

    let rubric_score = platform::rubric_score(&report.evaluations[0], "직무 지식").unwrap();
    assert_eq!(rubric_score["항목별배점"], json!({ "개념의 정확성": 50, "논리성": 30, "용어 활용력": 20 }));
    assert_eq!(rubric_score["평가영역"], json!("직무 지식"));
    assert_eq!(platform::rubric_score(&report.evaluations[4], "인성과 성장"), None);

    let result = platform::answer_result(&report.evaluations[4]);
    assert_eq!((&result["total_score"], &result["status"]), (&json!(null), &json!("insufficient_evidence")));
    assert_eq!(platform::answer_result(&report.evaluations[0])["total_score"], json!(90));
}

#[test]
fn a_report_survives_its_journey_through_json() {
    let report = report(&[("skill", Some(77)), ("intro", None)]);
    let json = serde_json::to_value(&report).unwrap();
    let first = &json["evaluations"][0];
    assert_eq!((&first["status"], &first["total"], first["items"].as_array().unwrap().len()), (&json!("scored"), &json!(77), 3));
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
}

#[test]
fn a_stored_summary_is_taken_over_only_for_the_same_evaluations() {
    let judge = judge(Fake::obedient(0));
    let written = narrated(&judge, &[("skill", Some(77))]);
    let columns = platform::report_columns(&written);
    let adopted = |totals: &[(&str, Option<u32>)]| {
        let mut report = report(totals);
        let computation = judge.narrative_computation(&report).unwrap();
        platform::adopt_narrative(&mut report, &columns.details_json, columns.summary_text.as_deref(), &computation).then_some(report)
    };
    let again = adopted(&[("skill", Some(77))]).unwrap();
    assert_eq!((again.summary, again.strengths, again.narrative), (written.summary, written.strengths, written.narrative));
    assert_eq!(adopted(&[("skill", Some(78))]), None);
}
