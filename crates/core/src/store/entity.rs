//! The tables, one a file, no logic. Of the contract's tables only the columns that Viva reads or writes.

#![allow(unreachable_pub, reason = "the derive writes public items")]

pub mod evaluation_reports;
pub mod evaluation_reviews;
pub mod evaluations;
pub mod interviews;
pub mod questions;
pub mod resumes;
pub mod speech_clips;
pub mod transcripts;
