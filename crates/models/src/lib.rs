//! The model catalogue: what exists, where it comes from, its licence and digest; pull, verify, path.
//!
//! Owns the folder that models live in (`VIVA_MODELS`). Promises that a path it hands out leads to a whole file of the right
//! digest, that nothing half-fetched ever stands under a final name, and that two processes do not fetch the same model twice.
//! It does not load models, and shows nothing itself: what happens goes to a [`Progress`].

mod catalogue;
#[cfg(feature = "progress")]
mod console;
mod digest;
mod error;
mod files;
mod home;
mod licence;
mod progress;
mod pull;
mod record;
mod source;

pub use catalogue::{Catalogue, File, HubPart, Kind, Licence, Model, PipPart, Source, Terms};
#[cfg(feature = "progress")]
pub use console::{Console, ask};
pub use error::{Attempt, Error};
pub use files::Files;
pub use home::{Checked, Home};
pub use progress::{Event, Progress};
pub use pull::PullOptions;
