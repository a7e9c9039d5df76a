//! Order: of a strong, a middling and a weak answer to one question, does the better one score higher?

use serde::Deserialize;
use viva_core::evaluation::Evaluation;
use viva_llm::Cancel;
use viva_scoring::{Answer, Judge, Language, Settings};

use crate::sample::{engine, judge};

const TRIPLES: &str = include_str!("../../../../crates/scoring/tests/data/triples.yaml");

#[derive(Deserialize)]
struct Triple {
    language: Language,
    stage: String,
    question: String,
    strong: String,
    middling: String,
    weak: String,
}

fn triples() -> Vec<Triple> {
    serde_saphyr::from_str(TRIPLES).unwrap()
}

#[test]
fn there_are_thirty_and_each_belongs_to_an_area() {
    let triples = triples();
    assert_eq!(triples.len(), 30);
    let rubric = viva_scoring::Rubric::builtin();
    for triple in &triples {
        rubric.area_of(&triple.stage).unwrap();
        assert_eq!(Language::detect(&triple.question), triple.language);
    }
}

fn evaluations(judge: &Judge, triples: &[Triple]) -> Vec<[Evaluation; 3]> {
    let one = |triple: &Triple, text: &str| {
        let answer = Answer {
            interview_id: None,
            transcript_id: None,
            question_id: None,
            stage: triple.stage.clone(),
            question: triple.question.clone(),
            text: text.to_owned(),
            language: triple.language,
            seconds: None,
        };
        judge.evaluate(&answer, &Cancel::default()).unwrap()
    };
    std::thread::scope(|scope| {
        let one = &one;
        let mut asked = Vec::with_capacity(triples.len());
        for triple in triples {
            asked.push([&triple.strong, &triple.middling, &triple.weak].map(|text| scope.spawn(move || one(triple, text))));
        }
        asked.into_iter().map(|three| three.map(|one| one.join().unwrap())).collect()
    })
}

type Score<'a> = &'a dyn Fn(&Evaluation) -> Option<f64>;

#[test]
#[ignore = "a measurement: 90 evaluations a model"]
fn how_often_the_order_comes_out_right() {
    let triples = triples();
    for model in ["gemma-3-270m", "smollm2-135m"] {
        let scored = evaluations(&judge(engine(model), Settings::default()), &triples);
        let total = |evaluation: &Evaluation| evaluation.total.map(f64::from);
        let kinds: [(&str, Score<'_>); 2] =
            [("sampled", &total), ("probability-weighted", &|evaluation: &Evaluation| evaluation.expected_total)];
        for (kind, score) in kinds {
            let (mut right, mut tied, mut wrong, mut whole) = (0, 0, 0, 0);
            for three in &scored {
                // An answer with too little to judge is the weakest.
                let [strong, middling, weak] = three.each_ref().map(|evaluation| score(evaluation).unwrap_or(-1.0));
                for (better, worse) in [(strong, middling), (middling, weak), (strong, weak)] {
                    match better.total_cmp(&worse) {
                        std::cmp::Ordering::Greater => right += 1,
                        std::cmp::Ordering::Equal => tied += 1,
                        std::cmp::Ordering::Less => wrong += 1,
                    }
                }
                whole += usize::from(strong > middling && middling > weak);
            }
            println!("{model}, {kind}: of 90 pairs {right} right, {tied} tied, {wrong} wrong; {whole} of 30 triples in order");
        }
    }
}
