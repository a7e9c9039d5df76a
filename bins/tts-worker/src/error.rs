//! Why a clip could not be made.

use viva_core::error::{Classified, ErrorClass};
use viva_core::{audio, store};

/// What can go wrong between a text and a stored clip.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text, voice or speed is refused, or the model's files are unusable.
    #[error(transparent)]
    Speech(#[from] viva_speech::Error),
    /// The voice model is not there and cannot be had.
    #[error(transparent)]
    Models(#[from] viva_models::Error),
    /// The clip could not be stored.
    #[error(transparent)]
    Audio(#[from] audio::Error),
    /// The record of the clip could not be read or written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The engine's thread is gone, or it crashed on this text.
    #[error("the voice engine crashed while it spoke this text; the log has the details")]
    Crashed,
}

impl From<viva_speech::text::Error> for Error {
    fn from(error: viva_speech::text::Error) -> Self {
        Self::Speech(error.into())
    }
}

impl Classified for Error {
    fn class(&self) -> ErrorClass {
        match self {
            // A disk is freed, a model fetched again; a text stays what it is.
            Self::Speech(error) if error.is_about_the_machine() => ErrorClass::Transient,
            Self::Speech(_) => ErrorClass::Permanent,
            Self::Models(_) => ErrorClass::Transient,
            Self::Audio(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Crashed => ErrorClass::Poison,
        }
    }
}
