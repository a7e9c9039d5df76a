//! Whether a longer answer scores higher for being longer: the same answers, padded with words that say nothing.

use viva_scoring::Settings;

use crate::sample::{engine, evaluate, judge, sample};

const PADDING: [(&str, &str); 2] = [
    ("ko", " 음 그러니까 뭐라고 해야 할까요 제가 말씀드린 것처럼 그런 것 같습니다 네 그렇게 생각하고 있습니다"),
    ("en", " um so how should I put it as I was saying that is what I think yes that is how I see it"),
];

#[test]
#[ignore = "a measurement: about 100 evaluations a model"]
fn answers_padded_with_nothing() {
    for model in ["gemma-3-270m", "smollm2-135m"] {
        let judge = judge(engine(model), Settings::default());
        for (language, padding) in PADDING {
            let plain = evaluate(&judge, &sample(language));
            for times in [2, 6] {
                let mut padded = sample(language);
                for question in &mut padded.questions {
                    question.answer.push_str(&padding.repeat(times));
                }
                let padded = evaluate(&judge, &padded);
                let pairs: Vec<_> = plain.iter().zip(&padded).filter(|(one, other)| one.total.is_some() && other.total.is_some()).collect();
                let mean = |difference: &dyn Fn(&(&_, &_)) -> f64| pairs.iter().map(difference).sum::<f64>() / pairs.len() as f64;
                let total = mean(&|(one, other): &(&viva_core::evaluation::Evaluation, &viva_core::evaluation::Evaluation)| {
                    f64::from(other.total.unwrap()) - f64::from(one.total.unwrap())
                });
                let expected = mean(&|(one, other): &(&viva_core::evaluation::Evaluation, &viva_core::evaluation::Evaluation)| {
                    other.expected_total.unwrap() - one.expected_total.unwrap()
                });
                let longer = times * padding.chars().count();
                println!(
                    "{model}, {language}: {longer} characters more: total {total:+.2}, expected {expected:+.2} ({} answers)",
                    pairs.len()
                );
            }
        }
    }
}
