//! The languages that rubric, prompt and report exist in.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Language of an interview: of the prompt, of the feedback and of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Korean.
    Ko,
    /// English.
    En,
}

impl Language {
    /// `ko` or `en`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }

    /// The language that a text is written in: Korean as soon as it has Hangul.
    pub fn detect(text: &str) -> Self {
        let hangul = |character| matches!(character, '\u{ac00}'..='\u{d7a3}' | '\u{1100}'..='\u{11ff}');
        if text.contains(hangul) { Self::Ko } else { Self::En }
    }

    /// The text of this language.
    pub fn pick<T>(self, ko: T, en: T) -> T {
        match self {
            Self::Ko => ko,
            Self::En => en,
        }
    }
}

impl std::str::FromStr for Language {
    type Err = Error;

    fn from_str(code: &str) -> Result<Self, Error> {
        match code {
            "ko" => Ok(Self::Ko),
            "en" => Ok(Self::En),
            other => Err(Error::UnknownLanguage(other.to_owned())),
        }
    }
}

/// A text in every language. A file may give one text for both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Localised {
    ko: String,
    en: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Both(String),
    Each(Each),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Each {
    ko: String,
    en: String,
}

impl From<Written> for Localised {
    fn from(written: Written) -> Self {
        match written {
            Written::Both(text) => Self { ko: text.clone(), en: text },
            Written::Each(Each { ko, en }) => Self { ko, en },
        }
    }
}

impl Localised {
    /// The text in `language`.
    pub fn get(&self, language: Language) -> &str {
        language.pick(&self.ko, &self.en)
    }

    /// Whether a language is missing.
    pub fn is_blank(&self) -> bool {
        self.ko.trim().is_empty() || self.en.trim().is_empty()
    }
}
