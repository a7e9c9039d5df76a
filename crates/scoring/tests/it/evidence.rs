use viva_scoring::evidence::{Checked, SEGMENT_MAX, check, segments};

use crate::samples;

/// Small, seeded, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

const PIECES: &[&str] = &[
    "저는 ",
    "프록시를 ",
    "만들고요 ",
    "했습니다 ",
    "그리고",
    "\n",
    "\u{1}",
    "🙂",
    "👩‍👩‍👧 ",
    "and ",
    "so I did. ",
    "\"quoted\" ",
    "\\",
    "e\u{301}",
    "가\u{0301}",
    "100점 ",
    ", ",
    "…",
    "아주길게이어지는말인데띄어쓰기가전혀없어서어디서잘라야할지알수없는그런문장이계속해서끝없이이어집니다",
    "\t",
    "한글",
    " ",
    "x",
];

#[test]
fn segments_of_any_answer_are_verbatim_in_order_and_lose_no_letter() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..2_000 {
        let answer: String = (0..random.below(60)).map(|_| PIECES[random.below(PIECES.len())]).collect();
        let segments = segments(&answer);
        let mut from = 0;
        for segment in &segments {
            let at = answer[from..].find(segment).unwrap_or_else(|| panic!("{segment:?} out of order in {answer:?}"));
            from += at + segment.len();
            assert!(segment.chars().count() <= SEGMENT_MAX, "{segment:?}");
            assert!(!segment.chars().any(char::is_control), "{segment:?}");
            assert_eq!(segment.trim(), *segment);
        }
        let letters = |text: &str| text.chars().filter(|character| character.is_alphanumeric()).collect::<String>();
        assert_eq!(letters(&segments.concat()), letters(&answer), "{answer:?}");
    }
}

#[test]
fn a_quote_is_found_at_the_characters_where_it_stands() {
    let mut random = Random(7);
    for _ in 0..2_000 {
        let answer: String = (0..=random.below(60)).map(|_| PIECES[random.below(PIECES.len())]).collect();
        let characters: Vec<char> = answer.chars().collect();
        for segment in segments(&answer) {
            match check(&answer, segment) {
                Checked::Found(found) => {
                    let there: String = characters[found.start..found.end].iter().collect();
                    assert_eq!((there.as_str(), found.verified), (segment, true));
                    assert_eq!(found.quote, segment);
                }
                Checked::Dropped => assert!(segment.chars().filter(|character| character.is_alphanumeric()).count() < 4, "{segment:?}"),
                Checked::None => panic!("{segment:?} is a quote"),
            }
        }
    }
}

#[test]
fn offsets_count_characters_not_bytes() {
    let Checked::Found(found) = check("👍 네, 프록시가 트랜잭션을 엽니다", "트랜잭션을 엽니다") else {
        panic!("not found")
    };
    assert_eq!((found.start, found.end), (10, 19));
}

#[test]
fn nothing_is_forgiven_in_a_quote() {
    let answer = "프록시가 트랜잭션을 열고 커밋합니다";
    for quote in ["프록시가  트랜잭션", "프락시가 트랜잭션", "커밋합니다.", "Proxy", "트랜잭션을 열고 롤백"] {
        assert_eq!(check(answer, quote), Checked::Dropped, "{quote}");
    }
    // Composed and decomposed Hangul look alike and are different characters.
    assert_eq!(check("한글날입니다", "\u{1112}\u{1161}\u{11ab}글날입니다"), Checked::Dropped);
    assert_eq!(check(answer, " \n"), Checked::None);
    // A syllable stands almost anywhere, and shows nothing.
    assert_eq!(check(answer, "가"), Checked::Dropped);
}

#[test]
fn spoken_korean_is_cut_at_its_sentence_endings() {
    let answer = "밖에서 호출이 들어올 때 프락시가 트랜잭션을 열고요 메서드가 끝나면 커밋을 합니다 그래서 안에서 부르면 적용이 안 됩니다";
    assert_eq!(
        segments(answer),
        ["밖에서 호출이 들어올 때 프락시가 트랜잭션을 열고요", "메서드가 끝나면 커밋을 합니다", "그래서 안에서 부르면 적용이 안 됩니다"]
    );
}

#[test]
fn a_sample_answer_is_offered_in_pieces_worth_quoting() {
    for question in samples::both().iter().flat_map(|sample| &sample.questions) {
        let segments = segments(&question.answer);
        let short = segments.iter().filter(|segment| segment.chars().count() < 8).count();
        assert!(segments.len() <= 16 && short <= 1, "{segments:#?}");
    }
}
