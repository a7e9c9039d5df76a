//! Test support: real models, small disks, the dependency arrows.
//!
//! Only ever a dev-dependency. What a test needs and cannot get makes it fail with a message that says what to do: nothing here
//! skips.

pub mod arrows;
mod disk;
mod model;

pub use disk::with_small_disk;
pub use model::model;
pub use viva_models::Files;
