//! From a text to samples, and what is refused.

use viva_speech::{DEFAULT_VOICE, Error, Language, Speech, Utterance, text};

use crate::engine::engine;

fn say(text: &str) -> Utterance<'_> {
    Utterance { text, language: Language::Ko, voice: DEFAULT_VOICE, speed: 1.0 }
}

fn refused(utterance: &Utterance<'_>) -> Error {
    engine().speak(utterance).unwrap_err()
}

fn loudness(speech: &Speech) -> f32 {
    (speech.samples.iter().map(|x| x * x).sum::<f32>() / speech.samples.len() as f32).sqrt()
}

#[test]
fn a_sentence_becomes_audible_speech_of_plausible_length() {
    let speech = engine().speak(&say("자기소개를 해주세요.")).unwrap();
    assert_eq!(speech.sample_rate, 24_000);
    assert!((1.0..4.0).contains(&speech.seconds()), "{} s", speech.seconds());
    assert!(loudness(&speech) > 0.01, "{}", loudness(&speech));
    assert!(speech.samples.iter().all(|x| x.is_finite()));
}

#[test]
fn the_same_text_gives_the_same_samples_on_any_number_of_threads() {
    let once = engine().speak(&say("네, 좋습니다.")).unwrap();
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = single.install(|| engine().speak(&say("네, 좋습니다."))).unwrap();
    assert_eq!(once, again);
}

#[test]
fn speed_shortens_speech() {
    let at = |speed| engine().speak(&Utterance { speed, ..say("안녕하세요, 반갑습니다.") }).unwrap().seconds();
    let (slow, normal, fast) = (at(0.5), at(1.0), at(2.0));
    assert!(slow > 1.4 * normal && normal > 1.4 * fast, "{slow} {normal} {fast}");
}

#[test]
fn speeds_out_of_range_are_refused() {
    for speed in [0.0, 0.49, 2.01, -1.0, f32::NAN, f32::INFINITY] {
        let message = refused(&Utterance { speed, ..say("안녕하세요.") }).to_string();
        assert!(message.contains("0.5") && message.contains("2.0"), "{message}");
    }
}

#[test]
fn an_unknown_voice_lists_the_voices() {
    let message = refused(&Utterance { voice: "nobody", ..say("안녕하세요.") }).to_string();
    assert!(message.contains("\"nobody\"") && message.contains("jf_alpha, jf_gongitsune"), "{message}");
}

#[test]
fn a_blend_lies_between_its_voices() {
    let style = |voice| engine().style(voice, 40).unwrap();
    assert_eq!(style("jf_alpha:1"), style("jf_alpha"));
    assert_ne!(style("jf_alpha:0.7,jm_kumo:0.3"), style("jf_alpha"));
    // Only the ratio of the weights counts; these are exact in binary.
    assert_eq!(style("jf_alpha:2,jm_kumo:2"), style("jf_alpha,jm_kumo"));
    let message = refused(&Utterance { voice: "jf_alpha:x", ..say("안녕하세요.") }).to_string();
    assert!(message.contains("jf_alpha:x") && message.contains("NAME:WEIGHT"), "{message}");
}

#[test]
fn a_text_over_the_models_limit_is_spoken_to_its_end() {
    let sentence = "저는 여러 프로젝트에서 데이터베이스 성능을 개선했습니다, ";
    let text = format!("{}감사합니다.", sentence.repeat(14));
    let pieces = engine().pieces(&text, Language::Ko).unwrap();
    assert!(pieces.len() >= 2, "{} pieces", pieces.len());
    assert!(pieces.iter().all(|piece| (1..=510).contains(&piece.len())));
    let ids = pieces.iter().map(Vec::len).sum::<usize>();
    let symbols = text::phonemes(&text, Language::Ko).unwrap().chars().count();
    // A cut drops the one space it stands at, nothing else.
    assert!(ids + pieces.len() > symbols - 1, "{ids} of {symbols}");
}

#[test]
fn what_cannot_be_spoken_says_why() {
    let said = |text: &str| refused(&say(text)).to_string();
    assert!(said("").contains("empty"), "{}", said(""));
    assert!(said(" \n\t ").contains("empty"), "{}", said(" \n\t "));
    assert!(said("😀🎉👍").contains("nothing to say"), "{}", said("😀🎉👍"));
    assert!(said("안녕\u{0}하세요\u{1b}").contains("control character U+0000"), "{}", said("안녕\u{0}하세요"));
    let long = "가".repeat(50_000);
    assert!(said(&long).contains("50000 characters"), "{}", said(&long));
}
