//! The store's suite. Every test takes an empty database by its address and knows nothing else about it; the list at the
//! end runs each on every kind of database.

mod audit_log;
mod cancel;
mod claims;
mod erasure;
mod events;
mod fixture;
mod interleave;
mod lifeline;
mod once;
mod platform;
mod records;
mod redis_claims;
mod refuse;
mod report_plans;
mod resumes;
mod retention;
mod schema;
mod short_sessions;
mod waiters;

use std::path::PathBuf;
use std::time::Duration;

use viva_core::store::{Store, migrate};
use viva_testkit::{Postgres, Redis};

/// Longer than any test.
pub const CLAIMS_TTL: Duration = Duration::from_mins(10);

/// An empty database for one test; a file is gone when dropped, a server's with the server.
pub struct Database {
    pub url: String,
    /// Where claims are asked for first; the test's own.
    pub redis: Option<Redis>,
    _place: Option<tempfile::TempDir>,
}

impl Database {
    pub fn sqlite() -> Self {
        let place = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite://{}/deep/viva.db", place.path().display()), redis: None, _place: Some(place) }
    }

    pub fn postgres() -> Self {
        Self { url: Postgres::shared().database(), redis: None, _place: None }
    }

    pub fn redis_and_sqlite() -> Self {
        Self { redis: Some(Redis::start()), ..Self::sqlite() }
    }

    pub fn redis_and_postgres() -> Self {
        Self { redis: Some(Redis::start()), ..Self::postgres() }
    }

    /// The store over the migrated database.
    pub async fn store(&self) -> Store {
        migrate(&self.url).await.unwrap();
        let claims_url = self.redis.as_ref().map(Redis::url);
        Store::connect(&self.url).await.unwrap().with_claims(claims_url.as_deref(), CLAIMS_TTL).await.unwrap()
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

macro_rules! on_database {
    ($kind:ident: $($module:ident: $($test:ident),+;)+) => {
        mod $kind {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    crate::store::$module::$test(crate::store::Database::$kind()).await;
                })+
            })+
        }
    };
}

macro_rules! on_every_database {
    ($($list:tt)+) => {
        on_database! { sqlite: $($list)+ }
        on_database! { postgres: $($list)+ }
    };
}

/// With a Redis in front of the database, too.
macro_rules! wherever_claims_are_kept {
    ($($list:tt)+) => {
        mod claims_in {
            on_every_database! { $($list)+ }
            on_database! { redis_and_sqlite: $($list)+ }
            on_database! { redis_and_postgres: $($list)+ }
        }
    };
}

macro_rules! with_redis {
    ($($list:tt)+) => {
        on_database! { redis_and_sqlite: $($list)+ }
        on_database! { redis_and_postgres: $($list)+ }
    };
}

wherever_claims_are_kept! {
    claims:
        of_fifty_that_take_a_claim_at_once_one_holds_it,
        a_claim_that_was_taken_over_cannot_commit,
        a_worker_that_is_not_gone_keeps_its_claims,
        attempts_are_counted_when_they_begin_and_anew_after_the_end,
        what_was_handed_back_does_not_count,
        a_sign_of_life_wins_against_a_verdict,
        a_stale_commit_leaves_nothing_of_its_unit_of_work;
}

with_redis! {
    redis_claims:
        a_key_stands_while_its_claim_is_held_and_no_longer,
        a_key_outlives_its_time_only_if_it_is_renewed,
        a_key_that_nobody_holds_stops_nobody,
        a_claim_that_the_database_refuses_leaves_no_key,
        a_redis_that_dies_stops_nobody_and_is_used_again,
        a_redis_that_lost_everything_lowers_no_epoch,
        a_redis_that_hangs_holds_nobody_up;
}

on_every_database! {
    events:
        a_reader_that_follows_many_writers_sees_every_number_in_turn,
        what_is_not_committed_is_not_told,
        what_is_stored_about_an_interview_is_told,
        how_long_jobs_took_is_measured_by_one_clock,
        a_webhook_is_one_readers_until_it_is_delivered,
        a_request_keeps_its_name;
    audit_log:
        a_change_of_any_column_is_found,
        a_row_that_is_missing_added_or_put_back_is_found,
        an_end_that_was_cut_off_is_found_by_a_noted_head,
        fifty_that_append_at_once_make_one_chain,
        what_is_not_committed_is_not_in_the_log,
        rows_of_the_version_before_are_taken_in,
        a_rubric_is_kept_under_its_hash,
        what_people_said_is_kept_beside_the_score;
    cancel:
        a_session_that_is_not_committed_leaves_nothing,
        a_rolled_back_session_is_over_when_it_says_so,
        a_unit_of_work_cancelled_at_any_step_leaves_nothing,
        a_unit_of_work_cancelled_at_any_poll_is_whole_or_absent,
        a_panic_inside_a_unit_of_work_leaves_nothing;
    erasure:
        nothing_is_left_of_whoever_is_erased_and_the_chain_holds,
        others_keep_what_is_theirs,
        whoever_was_erased_is_known_to_be;
    interleave:
        the_rules_hold_in_every_history,
        a_broken_rule_is_caught;
    lifeline:
        a_lock_is_held_until_its_process_ends,
        a_worker_that_leaves_is_gone_at_once,
        a_sign_of_life_tells_people_how_it_is,
        a_worker_of_the_version_before_is_judged_by_its_counter;
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
    report_plans:
        a_plan_ends_with_its_last_part,
        parts_are_sent_again_after_a_while_and_by_one,
        everybody_who_waits_is_sent_on_once,
        in_500_races_each_plan_ends_once;
    resumes:
        passages_are_replaced_and_never_added_to,
        a_resume_says_how_far_it_is,
        a_question_is_added_and_asked_behind_what_was_said,
        an_answer_without_a_question_answers_the_last_one_before_it;
    retention:
        what_is_over_is_forgotten_after_its_time,
        what_somebody_needs_is_kept_however_old,
        whoever_is_known_no_more_is_rescued_from,
        thousands_are_forgotten_in_small_steps;
    schema:
        every_step_goes_up_and_down_again,
        what_somebody_else_made_stays_as_it_is,
        two_that_migrate_at_once_do_it_once,
        migrating_again_does_nothing;
    waiters:
        nobody_waits_for_what_nobody_computes,
        a_task_that_comes_again_waits_once,
        whoever_waits_is_taken_by_the_one_who_settles,
        a_task_keeps_its_place_and_an_older_one_never_replaces_a_newer,
        a_task_that_arrives_takes_what_nobody_has_or_had,
        of_fifty_that_arrive_at_once_one_has_the_claim,
        whoever_settles_alone_changes_its_target_at_once,
        letters_of_one_task_leave_in_order,
        letters_of_a_worker_that_is_gone_are_adopted,
        a_thousand_letters_fit;
}
