use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use viva_testkit::S3;

fn ask(s3: &S3) -> std::io::Result<String> {
    let environment = s3.environment();
    let (_, endpoint) = environment.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").unwrap();
    let address = endpoint.to_str().unwrap().strip_prefix("http://").unwrap();
    let mut server = TcpStream::connect(address)?;
    write!(server, "GET /viva-test/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    server.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn an_s3_server_lets_no_stranger_in() {
    let answer = ask(S3::shared()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[test]
fn a_killed_s3_server_refuses_connections_until_it_is_started_again() {
    let s3 = S3::start();
    s3.kill();
    assert_eq!(ask(&s3).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    s3.start_again();
    assert!(ask(&s3).unwrap().starts_with("HTTP/1.1 403"));
}
