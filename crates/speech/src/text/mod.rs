//! From written text to the symbols the voice model reads.
//!
//! Owns: the checks on the input, the normalisers, the rules of pronunciation and the mapping to Kokoro's alphabet.
//! Promises: any string gives symbols of the vocabulary or an [`Error`] that says what to change; it never panics and never cuts text.
//! Does not: split text by the model's length limit (see [`sentences`] for the pieces) or know about voices and audio.

mod clean;
mod dictionary;
mod english;
mod error;
mod hangul;
mod korean;
mod normalise;
mod script;
mod sentences;
mod ssml;

pub use dictionary::Dictionary;
pub use error::Error;
pub use script::{Cue, Script};
pub use sentences::sentences;

/// The language a text is read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// Korean; Latin words inside it are read the Korean way.
    #[default]
    Ko,
    /// American English.
    En,
}

impl std::str::FromStr for Language {
    type Err = Error;

    /// Reads a language tag: `ko`, `ko-KR`, `en`, `en_US`, in any case.
    fn from_str(tag: &str) -> Result<Self, Error> {
        match tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "ko" => Ok(Self::Ko),
            "en" => Ok(Self::En),
            _ => Err(Error::UnknownLanguage { tag: tag.to_owned() }),
        }
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ko => "ko",
            Self::En => "en",
        })
    }
}

/// The longest text that is accepted, in characters.
pub const MAX_CHARS: usize = 5_000;

/// Korean text as it is said: numbers, dates, units, Latin words and signs written out in Hangul, punctuation kept for pauses.
///
/// Normalising twice changes nothing: the result is a good key for what is computed from it.
pub fn normalise(text: &str) -> Result<String, Error> {
    normalise_in(text, Language::Ko)
}

/// Text as it is said in a language. See [`normalise`].
pub fn normalise_in(text: &str, language: Language) -> Result<String, Error> {
    let cleaned = clean::clean(text)?;
    let said = match language {
        Language::Ko => normalise::korean(&cleaned),
        Language::En => english::normalise(&cleaned),
    };
    if said.chars().any(char::is_alphanumeric) { Ok(said) } else { Err(clean::nothing_to_say(text)) }
}

/// The symbols of Kokoro's vocabulary for a text, which is normalised first. Words are kept apart by spaces, pauses by `.,!?…;:—`.
pub fn phonemes(text: &str, language: Language) -> Result<String, Error> {
    let said = normalise_in(text, language)?;
    Ok(match language {
        Language::Ko => korean::write(&korean::sounds(&said)),
        Language::En => english::phonemes(&said),
    })
}

/// How Korean text is pronounced, in Hangul: `국물` gives `궁물`. The text is normalised first.
pub fn pronunciation(text: &str) -> Result<String, Error> {
    normalise(text).map(|said| korean::pronunciation(&said))
}
