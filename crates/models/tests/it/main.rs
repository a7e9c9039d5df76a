//! Pulling models from a stand-in of the hub, and through the real pip client from a folder of wheels.
#![allow(clippy::unwrap_used, reason = "tests")]

mod catalogue;
mod fixture;
mod home;
mod hub;
mod hub_stand_in;
mod interrupted;
mod licence;
mod pip;
mod pull;
