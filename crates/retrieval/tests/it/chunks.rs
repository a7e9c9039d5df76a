use viva_retrieval::{Chunk, Error, chunks};

const RESUME: &str = "홍길동
백엔드 개발자, 경력 5년

[경력]
가나다 주식회사 (2019 ~ 2024)
정산 시스템을 설계하고 운영했습니다. 승인 지연을 800ms에서 120ms로 줄였습니다. 장애 대응 절차를 만들었습니다.
- 카프카 소비자를 다시 썼습니다
- 배포를 자동으로 만들었습니다

## Projects
Payment gateway. It served 10,000 requests a second. I wrote the ledger.

자기소개서
저는 측정하지 않은 것을 믿지 않습니다.
동료와 의견이 갈리면 먼저 실험을 제안합니다!
■ 자격증
";

/// Words stand for tokens.
#[expect(clippy::unnecessary_wraps, reason = "as encoders count")]
fn words(text: &str) -> Result<usize, Error> {
    Ok(text.split_whitespace().count())
}

fn cut(resume: &str, limit: usize) -> Vec<Chunk> {
    chunks(resume, limit, &words).unwrap()
}

#[test]
fn sections_are_kept_apart_and_named() {
    let chunks = cut(RESUME, 100);
    let sections: Vec<&str> = chunks.iter().map(|chunk| chunk.section.as_str()).collect();
    assert_eq!(sections, ["", "경력", "Projects", "자기소개서", ""]);
    assert_eq!(chunks[2].with_section(RESUME), "Projects\nPayment gateway. It served 10,000 requests a second. I wrote the ledger.");
    assert!(chunks[0].text(RESUME).starts_with("홍길동") && chunks[0].text(RESUME).ends_with("경력 5년"));
    // A heading with nothing under it is not lost.
    assert_eq!(chunks[4].text(RESUME), "■ 자격증");
}

#[test]
fn every_word_is_in_a_passage_and_no_passage_is_too_long() {
    let long = format!("{RESUME}{}", "한 문장이 끝없이 이어지고 ".repeat(40));
    for limit in [1, 2, 5, 9, 20, 100] {
        let chunks = cut(&long, limit);
        let mut end = 0;
        for chunk in &chunks {
            // Titles are short here; what they take is taken from the text.
            assert!(words(&chunk.with_section(&long)).unwrap() <= limit.max(2), "{limit}: {chunk:?}");
            assert!(!chunk.text(&long).is_empty() && chunk.text(&long).trim() == chunk.text(&long));
            assert!(chunk.range.end > end, "{limit}: passages go on: {chunk:?}");
            end = chunk.range.end;
        }
        let heading = |word: &str| ["[경력]", "##", "Projects", "자기소개서", "■", "자격증"].contains(&word);
        for (at, word) in long.split_whitespace().map(|word| (word.as_ptr() as usize - long.as_ptr() as usize, word)) {
            let inside = chunks.iter().any(|chunk| chunk.range.contains(&at));
            assert!(inside || heading(word), "{limit}: {word:?} is in no passage");
        }
    }
}

#[test]
fn neighbours_share_whole_sentences() {
    let sentences: Vec<String> = (0..40).map(|number| format!("문장 {number}번은 네 낱말이다.")).collect();
    let text = sentences.join(" ");
    let chunks = cut(&text, 30);
    assert!(chunks.len() > 4);
    for pair in chunks.windows(2) {
        let shared = &text[pair[1].range.start..pair[0].range.end];
        assert!(sentences.contains(&shared.trim().to_owned()), "{shared:?}");
    }
}

#[test]
fn a_word_longer_than_a_passage_is_cut_and_not_lost() {
    let count = |text: &str| Ok(text.chars().count());
    let word = "가".repeat(1000);
    let chunks = chunks(&word, 64, &count).unwrap();
    assert_eq!(chunks.iter().map(|chunk| chunk.text(&word)).collect::<String>(), word);
    assert!(chunks.iter().all(|chunk| chunk.text(&word).chars().count() <= 64));
}

#[test]
fn the_same_resume_is_cut_the_same_way() {
    assert_eq!(cut(RESUME, 12), cut(RESUME, 12));
    assert_eq!(cut("", 12), []);
    assert_eq!(cut(" \n\t\n", 12), []);
}

#[test]
fn a_sentence_that_begins_like_a_heading_is_text() {
    let text = "경력은 5년입니다\nprojects I am proud of: three\n[경력] 5년\n";
    let chunks = cut(text, 100);
    assert_eq!((chunks.len(), chunks[0].section.as_str()), (1, ""), "{chunks:?}");
}
