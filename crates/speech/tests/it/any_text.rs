//! Texts that nobody would write: the front end answers each with phonemes or with a reason.

use viva_speech::{Language, text};

/// A small generator with a fixed seed (xorshift64): the same texts on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as u32 % limit
    }

    /// A character of some kind: Hangul, ASCII with its control characters, digits and signs, or any of Unicode.
    fn character(&mut self) -> char {
        let code = match self.below(8) {
            0..=2 => 0xac00 + self.below(11_172),
            3 => self.below(128),
            4 => 0x30 + self.below(10),
            5 => [0x2e, 0x2c, 0x3a, 0x2d, 0x25, 0x24, 0x20, 0x0a, 0x28, 0x29][self.below(10) as usize],
            6 => 0x1100 + self.below(0x2100),
            _ => self.below(0x11_0000),
        };
        char::from_u32(code).unwrap_or('\u{fffd}')
    }

    fn text(&mut self) -> String {
        let longest = [8, 40, 200, 20_000][self.below(40).checked_sub(36).unwrap_or(self.below(3)) as usize];
        let count = self.below(longest) + 1;
        (0..count).map(|_| self.character()).collect()
    }
}

#[test]
fn a_thousand_random_texts_are_spoken_or_refused_with_a_reason() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut spoken = 0;
    for number in 0..1_000 {
        let said = random.text();
        let language = if number % 5 == 4 { Language::En } else { Language::Ko };
        match text::phonemes(&said, language) {
            Ok(phonemes) => {
                spoken += 1;
                assert!(phonemes.chars().any(char::is_alphabetic), "silence for text {number}: {said:?}");
            }
            Err(error) => assert!(!error.to_string().is_empty(), "no reason for text {number}"),
        }
    }
    // Control characters are refused; without any, these texts hold something to say.
    assert!((100..1_000).contains(&spoken), "{spoken} of 1,000 were spoken");
}
