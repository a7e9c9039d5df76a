//! Quotes: which pieces of an answer a model may point at, and whether what it pointed at stands there.
//!
//! Promises verbatim pieces only: every segment is a slice of the answer, and a verified quote has the character
//! offsets at which it stands. Does not judge whether a quote supports a score.

use viva_core::evaluation::Evidence;

/// What a model writes where it has no quote. Not the empty string: closing the quotes at once is what small models do first.
pub const NO_QUOTE: &str = "(none)";
/// Longest segment, in characters.
pub const SEGMENT_MAX: usize = 80;
/// A sentence shorter than this is joined with the next one, in characters.
const SEGMENT_MIN: usize = 12;
/// Letters and digits that a quote needs to say anything.
const QUOTE_MIN: usize = 4;

/// Korean endings after which a speaker has finished a sentence; recognisers rarely write the full stop.
const SENTENCE_ENDINGS: &[&str] =
    &["니다", "니까", "어요", "아요", "에요", "예요", "해요", "네요", "거든요", "고요", "구요", "데요", "죠", "지요", "까요"];
/// Endings after which a clause may be cut.
const CLAUSE_ENDINGS: &[&str] = &["고", "는데", "은데", "지만", "면서", "아서", "어서", "해서", "니까", "면", "라서", "으로"];
/// English words before which a clause may be cut.
const CLAUSE_WORDS: &[&str] = &["and", "but", "so", "because", "then", "which", "when", "if", "or"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Boundary {
    Word,
    Clause,
    Sentence,
    Line,
}

/// A word of the answer as byte range, and what kind of boundary follows it.
struct Word {
    start: usize,
    end: usize,
    after: Boundary,
}

/// The answer in verbatim pieces of at most [`SEGMENT_MAX`] characters, cut at the ends of sentences, then clauses, then
/// words. Every letter and digit of the answer lies in one piece. Control characters never do: they cannot be quoted.
pub fn segments(answer: &str) -> Vec<&str> {
    let words = words(answer);
    let mut pieces = Vec::new();
    let mut first = 0;
    while first < words.len() {
        let last = cut(answer, &words, first);
        pieces.push(&answer[words[first].start..words[last].end]);
        first = last + 1;
    }
    pieces.retain(|piece| piece.chars().any(char::is_alphanumeric));
    pieces
}

/// The last word of the segment that starts with word `first`.
fn cut(answer: &str, words: &[Word], first: usize) -> usize {
    let mut best = first;
    for (index, word) in words.iter().enumerate().skip(first) {
        let length = answer[words[first].start..word.end].chars().count();
        if length > SEGMENT_MAX && index > first {
            return best;
        }
        if word.after == Boundary::Line || (word.after == Boundary::Sentence && length >= SEGMENT_MIN) {
            return index;
        }
        // The longest piece that ends at the best kind of boundary seen; short pieces say too little.
        if word.after >= words[best].after || answer[words[first].start..words[best].end].chars().count() < SEGMENT_MIN {
            best = index;
        }
    }
    words.len() - 1
}

fn words(answer: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for line in answer.split(char::is_control) {
        for word in line.split_whitespace() {
            let start = word.as_ptr() as usize - answer.as_ptr() as usize;
            if let Some(previous) = words.last_mut()
                && previous.after == Boundary::Word
                && CLAUSE_WORDS.contains(&word.to_lowercase().as_str())
            {
                previous.after = Boundary::Clause;
            }
            push_pieces(&mut words, word, start);
        }
        if let Some(last) = words.last_mut() {
            last.after = Boundary::Line;
        }
    }
    words
}

/// A word without spaces can be longer than a segment: it is cut where the segment is full.
fn push_pieces(words: &mut Vec<Word>, word: &str, start: usize) {
    let mut begin = 0;
    for (count, (at, _)) in word.char_indices().enumerate() {
        if count > 0 && count % SEGMENT_MAX == 0 {
            words.push(Word { start: start + begin, end: start + at, after: Boundary::Clause });
            begin = at;
        }
    }
    words.push(Word { start: start + begin, end: start + word.len(), after: boundary_after(word) });
}

fn boundary_after(word: &str) -> Boundary {
    let bare = word.trim_end_matches(['.', ',', '?', '!', '…', '。', ';', ':']);
    let mark = &word[bare.len()..];
    if mark.contains(['.', '?', '!', '…', '。']) || SENTENCE_ENDINGS.iter().any(|ending| bare.ends_with(ending)) {
        Boundary::Sentence
    } else if !mark.is_empty() || CLAUSE_ENDINGS.iter().any(|ending| bare.ends_with(ending) && bare.len() > ending.len()) {
        Boundary::Clause
    } else {
        Boundary::Word
    }
}

/// What became of a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It stands in the answer.
    Found(Evidence),
    /// The model offered none.
    None,
    /// It does not stand there, or says nothing.
    Dropped,
}

/// Looks a quote up in the answer, character by character: no spelling, spacing or form is forgiven.
pub fn check(answer: &str, quote: &str) -> Checked {
    let quote = quote.trim();
    if quote.is_empty() || quote == NO_QUOTE {
        return Checked::None;
    }
    let telling = quote.chars().filter(|character| character.is_alphanumeric()).count() >= QUOTE_MIN;
    match answer.find(quote).filter(|_| telling || quote == answer.trim()) {
        Some(at) => {
            let start = answer[..at].chars().count();
            let end = start + quote.chars().count();
            Checked::Found(Evidence { quote: quote.to_owned(), start, end, verified: true })
        }
        None => Checked::Dropped,
    }
}
