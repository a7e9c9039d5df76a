//! All that determines how a clip sounds, and the name that follows from it.

use viva_core::Digest;
use viva_speech::{ENGINE_VERSION, Language, MODEL_SHA256, kokoro, text};

use crate::Error;

/// A text and how to say it, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    pub(crate) text: String,
    pub(crate) language: Language,
    pub(crate) voice: String,
    pub(crate) speed: f32,
    normalised: String,
}

impl Recipe {
    /// Checks a text and how to say it. A stage in brackets before the text, `[자기소개] ...`, is not spoken. `language` is
    /// `ko`, `en` or `auto`. Whether the voice exists, only the voice model knows.
    pub fn new(text: &str, language: &str, voice: &str, speed: f64) -> Result<Self, Error> {
        let text = without_stage(text);
        let language = match language {
            "auto" => detect(text),
            tag => tag.parse()?,
        };
        let speed = speed as f32;
        kokoro::check_speed(speed)?;
        let normalised = text::normalise_in(text, language)?;
        Ok(Self { text: text.to_owned(), language, voice: voice.trim().to_owned(), speed, normalised })
    }

    /// What is to be said, as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of this computation: equal exactly when the samples would be.
    pub fn computation(&self) -> Digest {
        let inputs = [
            ("text", self.normalised.as_str()),
            ("language", &self.language.to_string()),
            ("voice", &self.voice),
            ("speed", &self.speed.to_string()),
            ("format", "wav pcm16 24000"),
            ("model", MODEL_SHA256),
            ("engine", &ENGINE_VERSION.to_string()),
        ];
        Digest::of_computation("speech", &inputs)
    }
}

/// Korean where there is any Hangul.
fn detect(text: &str) -> Language {
    let hangul = |c: char| ('가'..='힣').contains(&c) || ('ㄱ'..='ㆎ').contains(&c);
    if text.contains(hangul) { Language::Ko } else { Language::En }
}

/// Longest stage tag, in bytes: some words. What is longer was meant to be spoken.
const STAGE_MAX: usize = 60;

fn without_stage(text: &str) -> &str {
    let rest = text.trim_start().strip_prefix('[').and_then(|inside| inside.split_once(']'));
    match rest {
        Some((stage, rest)) if stage.len() <= STAGE_MAX && !rest.trim().is_empty() => rest.trim_start(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(text: &str, language: &str, voice: &str, speed: f64) -> Recipe {
        Recipe::new(text, language, voice, speed).expect("a sound recipe")
    }

    #[test]
    fn a_stage_in_brackets_is_not_spoken() {
        assert_eq!(recipe("[자기소개] 안녕하세요.", "ko", "v", 1.0).text, "안녕하세요.");
        assert_eq!(recipe("안녕하세요 [웃음]", "ko", "v", 1.0).text, "안녕하세요 [웃음]");
    }

    #[test]
    fn everything_that_changes_the_sound_changes_the_name() {
        let name = recipe("안녕하세요.", "ko", "v", 1.0).computation();
        assert_eq!(recipe("[기술] 안녕하세요.", "auto", " v", 1.0).computation(), name);
        assert_ne!(recipe("안녕하세요!", "ko", "v", 1.0).computation(), name);
        assert_ne!(recipe("React", "en", "v", 1.0).computation(), recipe("React", "ko", "v", 1.0).computation());
        assert_ne!(recipe("안녕하세요.", "ko", "w", 1.0).computation(), name);
        assert_ne!(recipe("안녕하세요.", "ko", "v", 1.1).computation(), name);
    }
}
