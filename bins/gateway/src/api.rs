//! The routes, by what they are about.

pub(crate) mod answers;
pub(crate) mod audio;
pub(crate) mod fleet;
pub(crate) mod interviews;
pub(crate) mod models;
pub(crate) mod news;
pub(crate) mod page;
pub(crate) mod questions;
pub(crate) mod report;
pub(crate) mod resumes;
pub(crate) mod speech;
pub(crate) mod tokens;
