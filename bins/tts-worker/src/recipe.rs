//! All that determines how a clip sounds, and the name that follows from it.

use viva_core::Digest;
use viva_speech::audio::Output;
use viva_speech::text::{Dictionary, Script};
use viva_speech::{ENGINE_VERSION, Language, MODEL_SHA256, kokoro};

use crate::Error;

/// A text and how to say it, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    pub(crate) text: String,
    pub(crate) script: Script,
    pub(crate) voice: String,
    pub(crate) speed: f32,
    pub(crate) output: Output,
}

impl Recipe {
    /// Checks a text and how to say it. A stage in brackets before the text, `[자기소개] ...`, is not spoken. `language` is
    /// `ko`, `en` or `auto`. Whether the voice exists, only the voice model knows.
    pub fn new(text: &str, language: &str, voice: &str, speed: f64, dictionary: &Dictionary) -> Result<Self, Error> {
        let text = without_stage(text);
        let language = match language {
            "auto" => detect(text),
            tag => tag.parse()?,
        };
        let speed = speed as f32;
        kokoro::check_speed(speed)?;
        let script = Script::read(text, language, dictionary)?;
        Ok(Self { text: text.to_owned(), script, voice: voice.trim().to_owned(), speed, output: Output::default() })
    }

    /// The same, written down in another way.
    #[must_use]
    pub fn written_as(self, output: Output) -> Self {
        Self { output, ..self }
    }

    /// What is to be said, as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of this computation: equal exactly when the bytes would be.
    pub fn computation(&self) -> Digest {
        let inputs = [
            ("text", &self.script.to_string()[..]),
            ("language", &self.script.language().to_string()),
            ("voice", &self.voice),
            ("speed", &self.speed.to_string()),
            ("format", &self.output.to_string()),
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
        Recipe::new(text, language, voice, speed, &Dictionary::default()).expect("a sound recipe")
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
        let flac = Output::new(viva_speech::audio::Format::Flac, 24_000).expect("a sound output");
        assert_ne!(recipe("안녕하세요.", "ko", "v", 1.0).written_as(flac).computation(), name);
    }
}
