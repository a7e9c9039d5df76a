//! SSML and dictionaries: what is understood, and what is refused by name and place.

use viva_speech::text::{Cue, Dictionary, Error, Language, Script};

fn read(text: &str) -> Result<Script, Error> {
    Script::read(text, Language::Ko, &Dictionary::default())
}

fn cues(text: &str) -> Vec<Cue> {
    read(text).unwrap().cues().to_vec()
}

fn say(words: &str) -> Cue {
    Cue::Say(words.to_owned(), 1.0)
}

fn refused(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn a_plain_text_is_one_step_and_its_own_name() {
    assert_eq!(cues("3개 주세요."), [say("세 개 주세요.")]);
    assert_eq!(read("3개 주세요.").unwrap().to_string(), "세 개 주세요.");
    // What only looks like markup is text.
    assert_eq!(cues("a < b"), cues("a < b "));
    assert!(read("<speaker> 태그를 설명해 주세요.").is_ok());
}

#[test]
fn pauses_have_lengths_or_names() {
    let text = "<speak>안녕하세요.<break time=\"1.5s\"/>반갑습니다.<break strength='weak'/><break/>네.</speak>";
    assert_eq!(cues(text), [say("안녕하세요."), Cue::Pause(1_500), say("반갑습니다."), Cue::Pause(200), Cue::Pause(400), say("네.")]);
    assert_eq!(cues("<speak>네.<break time='250ms'/></speak>"), [say("네."), Cue::Pause(250)]);
}

#[test]
fn another_reading_joins_the_words_around_it() {
    assert_eq!(cues("<speak><sub alias='케이 팝'>K-POP</sub>을 아세요?</speak>"), [say("케이 팝을 아세요?")]);
}

#[test]
fn spelling_says_each_character() {
    let spelt = cues("<speak>암호는 <say-as interpret-as=\"characters\">XY7</say-as></speak>");
    assert_eq!(spelt, cues("암호는 X Y 7"));
    assert_eq!(cues("<speak><say-as interpret-as='digits'>25</say-as></speak>"), cues("2 5"));
    assert_eq!(cues("<speak><say-as interpret-as='cardinal'>25</say-as></speak>"), cues("25"));
    assert_eq!(cues("<speak><say-as interpret-as='telephone'>010-1234-5678</say-as></speak>"), cues("010-1234-5678"));
}

#[test]
fn paces_multiply_and_end_with_their_element() {
    let text = "<speak>하나 <prosody rate='slow'>둘 <prosody rate=\"150%\">셋</prosody></prosody> 넷</speak>";
    assert_eq!(cues(text), [say("하나"), Cue::Say("둘".to_owned(), 0.8), Cue::Say("셋".to_owned(), 0.8 * 1.5), say("넷")]);
    let twice = "<speak><prosody rate='200%'><prosody rate='2'>빨리</prosody></prosody></speak>";
    assert_eq!(cues(twice), [Cue::Say("빨리".to_owned(), 2.0)], "no faster than the voice can speak");
}

#[test]
fn entities_and_declarations_are_xmls() {
    assert_eq!(cues("<?xml version='1.0'?>\n<speak version=\"1.1\">A &amp; B &#xac00;</speak>"), cues("A & B 가"));
}

#[test]
fn what_is_not_understood_is_named_with_its_place() {
    let said = refused("<speak>하나\n  <emphasis>둘</emphasis></speak>");
    assert!(said.contains("<emphasis> in line 2, column 3") && said.contains("break, sub, say-as, prosody"), "{said}");
    assert!(refused("<speak>네<break time='soon'/></speak>").contains("500ms or 1.5s"));
    assert!(refused("<speak>네<break time='60s'/></speak>").contains("up to 10s"));
    assert!(refused("<speak>네<break strength='huge'/></speak>").contains("x-strong"));
    assert!(refused("<speak><prosody rate='9'>네</prosody></speak>").contains("50% to 200%"));
    assert!(refused("<speak><prosody pitch='high'>네</prosody></speak>").contains("only rate"));
    assert!(refused("<speak><say-as interpret-as='song'>네</say-as></speak>").contains("telephone"));
    assert!(refused("<speak><sub>네</sub></speak>").contains("lacks the attribute alias"));
    assert!(refused("<speak>네").contains("no SSML that can be spoken"));
    assert!(refused("<speak>&nobody;</speak>").contains("nobody"));
}

#[test]
fn markup_without_a_word_says_nothing() {
    for text in ["<speak></speak>", "<speak/>", "<speak><break/></speak>", "<speak>…</speak>"] {
        assert!(matches!(read(text), Err(Error::NothingToSay { .. })), "{text}");
    }
}

#[test]
fn markup_cannot_exhaust_the_reader() {
    let deep = format!("<speak>{}네{}</speak>", "<p>".repeat(300), "</p>".repeat(300));
    assert!(refused(&deep).contains("nested too deeply"));
    let entities = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]><speak>&b;</speak>";
    // A document with a DTD does not begin with <speak: it is a text with signs in it, and nothing is expanded.
    assert!(!read(entities).unwrap().to_string().contains("aaaaaaaaaaaaaaaaaaaa"));
    assert!(matches!(read(&format!("<speak>{}</speak>", "가".repeat(20_000))), Err(Error::TooLong { .. })));
}

#[test]
fn two_scripts_have_one_name_only_if_they_sound_the_same() {
    let texts = [
        "가 나",
        "<speak>가<break/>나</speak>",
        "<speak>가<break time='1s'/>나</speak>",
        "<speak><prosody rate='fast'>가</prosody> 나</speak>",
    ];
    let names: std::collections::HashSet<String> = texts.iter().map(|text| read(text).unwrap().to_string()).collect();
    assert_eq!(names.len(), texts.len());
    assert_eq!(read("<speak>가 나</speak>").unwrap(), read("가 나").unwrap());
    let name = |text| read(text).unwrap().to_string();
    let ends_early = "<speak><prosody rate='slow'>가</prosody>나</speak>";
    assert_ne!(name(ends_early), name("<speak><prosody rate='slow'>가나</prosody></speak>"));
}

fn with(dictionary: &str, text: &str) -> String {
    Dictionary::parse(dictionary).unwrap().apply(text)
}

#[test]
fn a_dictionary_comes_before_the_rules() {
    let dictionary = Dictionary::parse("# names\n\nNginx\t엔진엑스\nViva\t비바\r\n").unwrap();
    let script = Script::read("Nginx와 Viva를 쓰셨네요.", Language::Ko, &dictionary).unwrap();
    assert_eq!(script.to_string(), "엔진엑스와 비바를 쓰셨네요.");
}

#[test]
fn a_word_is_replaced_where_it_stands_as_one() {
    assert_eq!(with("Go\t고", "Go는 Google의 언어, GoLang, Go2, (Go)"), "고는 Google의 언어, GoLang, Go2, (고)");
    assert_eq!(with("한빛\t한삗", "한빛은행과 새한빛"), "한삗은행과 새한빛");
    assert_eq!(with("C++\t씨쁠쁠\nC\t씨", "C++와 C를"), "씨쁠쁠와 씨를", "the longer word first");
    assert_eq!(with("가\t나\n나\t다", "가 나"), "나 다", "no reading is read again");
}

#[test]
fn a_bad_line_is_named_by_its_number() {
    for (text, expected) in
        [("a\tb\nc d", "line 2 of the dictionary has no tab"), ("\t가", "line 1"), ("a\t!", "no reading"), ("a\tb\na\tc", "line 2")]
    {
        let said = Dictionary::parse(text).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    }
}
