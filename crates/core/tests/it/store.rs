//! The store's suite. Every test takes an empty database by its address and knows nothing else about it; the list at the
//! end runs each on every kind of database.

mod cancel;
mod fixture;
mod once;
mod records;
mod refuse;
mod schema;

use std::path::PathBuf;

use viva_core::store::{Store, migrate};

/// An empty database for one test; gone when dropped.
pub struct Database {
    pub url: String,
    _place: tempfile::TempDir,
}

impl Database {
    pub fn sqlite() -> Self {
        let place = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite://{}/deep/viva.db", place.path().display()), _place: place }
    }

    /// The store over the migrated database.
    pub async fn store(&self) -> Store {
        migrate(&self.url).await.unwrap();
        Store::connect(&self.url).await.unwrap()
    }

    /// A connection around the store, to look at and to break what it keeps.
    pub async fn raw(&self) -> sea_orm::DatabaseConnection {
        sea_orm::Database::connect(&self.url).await.unwrap()
    }

    /// The file of a database that is one.
    pub fn file(&self) -> PathBuf {
        self.url.strip_prefix("sqlite://").unwrap().into()
    }
}

macro_rules! on_every_database {
    ($($module:ident: $($test:ident),+;)+) => {
        mod sqlite {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    crate::store::$module::$test(crate::store::Database::sqlite()).await;
                })+
            })+
        }
    };
}

on_every_database! {
    cancel:
        a_session_that_is_not_committed_leaves_nothing,
        a_rolled_back_session_is_over_when_it_says_so,
        a_unit_of_work_cancelled_at_any_step_leaves_nothing,
        a_unit_of_work_cancelled_at_any_poll_is_whole_or_absent,
        a_panic_inside_a_unit_of_work_leaves_nothing;
    once:
        of_fifty_evaluations_at_once_one_stands,
        of_fifty_clips_at_once_one_stands,
        of_fifty_reports_at_once_one_row_is_left,
        of_fifty_that_read_before_they_write_none_fails,
        a_failed_evaluation_blocks_nothing_and_is_kept,
        the_same_computation_for_another_answer_has_its_own_evaluation,
        a_lost_clip_is_replaced_once;
    records:
        what_is_stored_comes_back,
        answers_come_in_the_interviews_order_with_their_questions,
        a_score_lands_on_its_transcript_only,
        the_newest_evaluation_of_each_answer_counts,
        an_evaluation_comes_back_as_the_same_bytes,
        a_report_keeps_its_row_and_its_first_date,
        an_unknown_id_is_named,
        a_damaged_record_is_named,
        a_reading_session_sees_one_state;
    refuse:
        a_database_newer_than_the_program_is_refused_with_both_versions,
        a_database_that_lacks_steps_is_refused_with_the_command;
    schema:
        every_step_goes_up_and_down_again,
        what_somebody_else_made_stays_as_it_is,
        two_that_migrate_at_once_do_it_once,
        migrating_again_does_nothing;
}
