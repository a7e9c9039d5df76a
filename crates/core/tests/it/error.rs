use std::io;

use viva_core::{Classified, ErrorClass, TaskError};

#[derive(Debug, thiserror::Error)]
#[error("the shelf is full")]
struct Full(#[source] io::Error);

impl Classified for Full {
    fn class(&self) -> ErrorClass {
        ErrorClass::Transient
    }
}

#[test]
fn an_error_keeps_its_class_and_all_its_causes() {
    let fails = || -> Result<(), TaskError> { Err(Full(io::Error::other("no room")))? };
    let error = fails().unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transient);
    assert_eq!(error.chain(), "the shelf is full: no room");
    assert_eq!(error.to_string(), "the shelf is full");
}

#[test]
fn a_message_alone_makes_an_error() {
    assert_eq!(TaskError::permanent("no such voice").class(), ErrorClass::Permanent);
    assert_eq!(TaskError::cancelled("stopped").chain(), "stopped");
}
