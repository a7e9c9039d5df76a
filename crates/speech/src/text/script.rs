//! What is to be said, in order: words at a pace, and pauses.
//!
//! Owns the form that a text takes before it is pronounced, and with it the name of what is spoken: two texts with one script sound
//! the same. A text that begins with `<speak` is SSML; any other is taken as it is written.

use std::fmt;

use super::{Dictionary, Error, Language, clean, normalise_in, ssml};

/// A text, checked and normalised.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    language: Language,
    cues: Vec<Cue>,
}

/// One step of a script.
#[derive(Debug, Clone, PartialEq)]
pub enum Cue {
    /// Words, normalised, at a multiple of the voice's pace.
    Say(String, f32),
    /// Silence, in ms.
    Pause(u32),
}

impl Script {
    /// Reads a text, plain or SSML, with the readings of a dictionary.
    ///
    /// # Errors
    /// Those of [`normalise_in`](super::normalise_in), and [`Error::Ssml`].
    pub fn read(text: &str, language: Language, dictionary: &Dictionary) -> Result<Self, Error> {
        let written = if ssml::is_ssml(text) { ssml::parse(text)? } else { vec![Cue::Say(text.to_owned(), 1.0)] };
        let mut cues = Vec::with_capacity(written.len());
        for cue in written {
            match cue {
                // Markup leaves bits without a word between its tags: they are not worth a sound, unless they are all there is.
                Cue::Say(words, rate) => match normalise_in(&dictionary.apply(&words), language) {
                    Err(Error::Empty | Error::NothingToSay { .. }) if ssml::is_ssml(text) => {}
                    said => cues.push(Cue::Say(said?, rate)),
                },
                pause @ Cue::Pause(_) => cues.push(pause),
            }
        }
        let script = Self { language, cues };
        if script.says_something() { Ok(script) } else { Err(clean::nothing_to_say(text)) }
    }

    /// The language it is spoken in.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Its steps.
    pub fn cues(&self) -> &[Cue] {
        &self.cues
    }

    fn says_something(&self) -> bool {
        self.cues.iter().any(|cue| matches!(cue, Cue::Say(..)))
    }
}

/// One line that says all that a script is: of a plain text, the text as it is said.
impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [Cue::Say(words, 1.0)] = &self.cues[..] {
            return f.write_str(words);
        }
        for cue in &self.cues {
            match cue {
                // Control characters stand in no normalised text: where one step ends and the next begins is never in doubt.
                Cue::Say(words, rate) => write!(f, "\u{1}{rate}\u{2}{words}")?,
                Cue::Pause(ms) => write!(f, "\u{3}{ms}\u{2}")?,
            }
        }
        Ok(())
    }
}
