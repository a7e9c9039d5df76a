//! A resume, cut into passages.
//!
//! Promises that every passage is a stretch of the resume as it stands, that none spans two sections, that together they leave
//! out nothing but blank space, that each fits into what the model reads (with its section's title in front), and that the same
//! resume and measure give the same passages. Neighbours overlap by whole sentences or lines: what is said across a cut is found
//! from both sides.

use std::ops::Range;

use crate::Error;
use crate::sections::sections;

/// Version of everything here that can change where a resume is cut.
pub const VERSION: &str = "chunks/1";

/// Most tokens of a passage, if the model reads as many: enough for a paragraph, few enough to be about one thing.
const MOST: usize = 256;
/// This part of a passage, at most, is its neighbour's too.
const OVERLAP: usize = 6;

/// A passage of a resume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The title of its section; empty in front of the first one.
    pub section: String,
    /// Where it stands in the resume, in bytes.
    pub range: Range<usize>,
}

impl Chunk {
    /// The passage as it stands in `resume`.
    pub fn text<'r>(&self, resume: &'r str) -> &'r str {
        &resume[self.range.clone()]
    }

    /// What the model reads: the passage under the title of its section.
    pub fn with_section(&self, resume: &str) -> String {
        let text = self.text(resume);
        if self.section.is_empty() { text.to_owned() } else { format!("{}\n{text}", self.section) }
    }
}

/// How many tokens a text has.
pub type Count<'c> = dyn Fn(&str) -> Result<usize, Error> + 'c;

/// Cuts a resume into passages of at most `limit` tokens, in its order.
pub fn chunks(resume: &str, limit: usize, count: &Count<'_>) -> Result<Vec<Chunk>, Error> {
    let mut all = Vec::new();
    for section in sections(resume) {
        let title = if section.title.is_empty() { 0 } else { count(&section.title)? + 1 };
        let most = limit.min(MOST).saturating_sub(title).max(1);
        for range in (Knife { resume, most, count }).cut(&section.range)? {
            all.push(Chunk { section: section.title.clone(), range });
        }
    }
    Ok(all)
}

/// Cuts stretches of a resume into parts of at most so many tokens.
struct Knife<'r> {
    resume: &'r str,
    most: usize,
    count: &'r Count<'r>,
}

impl Knife<'_> {
    /// Fills passages with units until the next one does not fit; the last units of each begin the next.
    fn cut(&self, section: &Range<usize>) -> Result<Vec<Range<usize>>, Error> {
        let mut units = Vec::new();
        for line in pieces(self.resume, section, Piece::Line) {
            for sentence in pieces(self.resume, &line, Piece::Sentence) {
                self.divide(sentence, Piece::Word, &mut units)?;
            }
        }
        let span = |from: usize, to: usize| units[from].start..units[to].end;
        let mut passages = Vec::new();
        let mut first = 0;
        while first < units.len() {
            let mut last = first;
            while last + 1 < units.len() && self.fits(span(first, last + 1), self.most)? {
                last += 1;
            }
            passages.push(span(first, last));
            if last + 1 == units.len() {
                break;
            }
            let mut next = last + 1;
            while next > first + 1
                && self.fits(span(next - 1, last), self.most / OVERLAP)?
                && self.fits(span(next - 1, last + 1), self.most)?
            {
                next -= 1;
            }
            first = next;
        }
        Ok(passages)
    }

    /// Divides a sentence until each part fits: into words, then into halves of words.
    fn divide(&self, piece: Range<usize>, into: Piece, units: &mut Vec<Range<usize>>) -> Result<(), Error> {
        let single = self.resume[piece.clone()].chars().nth(1).is_none();
        if single || self.fits(piece.clone(), self.most)? {
            units.push(piece);
            return Ok(());
        }
        for part in pieces(self.resume, &piece, into) {
            self.divide(part, Piece::Half, units)?;
        }
        Ok(())
    }

    fn fits(&self, range: Range<usize>, most: usize) -> Result<bool, Error> {
        Ok((self.count)(&self.resume[range])? <= most)
    }
}

/// How a text may be divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Line,
    Sentence,
    Word,
    Half,
}

/// The parts of a range without the blank space around them.
fn pieces(resume: &str, range: &Range<usize>, piece: Piece) -> Vec<Range<usize>> {
    let text = &resume[range.clone()];
    let parts: Vec<&str> = match piece {
        Piece::Line => text.split_inclusive('\n').collect(),
        Piece::Sentence => sentences(text),
        Piece::Word => text.split_inclusive(char::is_whitespace).collect(),
        Piece::Half => {
            let middle = text.chars().count() / 2;
            let at = text.char_indices().nth(middle).map_or(text.len(), |(at, _)| at);
            let (left, right) = text.split_at(at);
            vec![left, right]
        }
    };
    let mut end = range.start;
    let trimmed = parts.into_iter().filter_map(|part| {
        let start = end + (part.len() - part.trim_start().len());
        end += part.len();
        let length = part.trim().len();
        (length > 0).then_some(start..start + length)
    });
    trimmed.collect()
}

/// Cut behind a mark that ends a sentence, where blank space follows it.
fn sentences(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut ended = false;
    for (at, character) in text.char_indices() {
        if ended && character.is_whitespace() {
            parts.push(&text[start..at]);
            start = at;
        }
        ended = matches!(character, '.' | '!' | '?' | '。' | '…');
    }
    parts.push(&text[start..]);
    parts
}
