//! Test support: processes under control, servers of the test's own, bad networks, small disks, faults to be repeated, real models, and
//! the dependency arrows.
//!
//! Only ever a dev-dependency. What a test needs and cannot get makes it fail with a message that says what to do: nothing here
//! skips. Everything blocks and nothing needs a runtime; an asynchronous test calls it as it is, between its awaits.

pub mod arrows;
mod disk;
mod eventually;
mod fake_clock;
mod faults;
mod model;
mod orphans;
mod postgres;
mod proc;
mod python;
mod rabbit;
mod redis;
mod relay;
mod s3;
mod server;
mod sql;
mod tls;

pub use disk::with_small_disk;
pub use eventually::{eventually, poll, promised};
pub use fake_clock::FakeClock;
pub use faults::FaultPlan;
pub use model::model;
pub use postgres::Postgres;
pub use proc::{Proc, role};
pub use python::python;
pub use rabbit::{Rabbit, RabbitOptions};
pub use redis::Redis;
pub use relay::{Direction, Mode, Relay};
pub use s3::S3;
pub use server::Daemon;
pub use sql::{sql_change, sql_number, sql_unlocked};
pub use tls::Certificates;
pub use viva_models::Files;
