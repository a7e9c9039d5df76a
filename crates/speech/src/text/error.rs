/// Why a text cannot be spoken, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing, or nothing but space.
    #[error("the text is empty: give at least one word to say")]
    Empty,
    /// Characters, but none that has a reading.
    #[error("the text has nothing to say, only symbols such as {sample:?}: add words or numbers")]
    NothingToSay {
        /// The first characters of the text.
        sample: String,
    },
    /// A character that no text editor writes; usually binary data or a wrong encoding.
    #[error("the text has the control character U+{code:04X} at character {position}: send plain UTF-8 text (newline and tab are allowed)")]
    ControlCharacters {
        /// Its code point.
        code: u32,
        /// Its place in the text, in characters, from 0.
        position: usize,
    },
    /// More than [`MAX_CHARS`](super::MAX_CHARS) characters.
    #[error("the text has {chars} characters, more than {max}: split it into several requests")]
    TooLong {
        /// Characters in the text.
        chars: usize,
        /// The limit, [`MAX_CHARS`](super::MAX_CHARS).
        max: usize,
    },
    /// Markup that cannot be read, or asks for what there is not.
    #[error("the text begins with <speak> and is no SSML that can be spoken: {reason}")]
    Ssml {
        /// What is wrong, and where.
        reason: String,
    },
    /// A line of a dictionary that says no reading.
    #[error("line {line} of the dictionary {reason}")]
    Dictionary {
        /// The line's number, from 1.
        line: usize,
        /// What is wrong with it, and what to do.
        reason: &'static str,
    },
    /// A language tag that names neither Korean nor English.
    #[error("cannot speak the language {tag:?}: use \"ko\" or \"en\"")]
    UnknownLanguage {
        /// The tag as given.
        tag: String,
    },
}
