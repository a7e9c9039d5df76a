use std::fmt;

use lapin::uri::AMQPUri;

use super::tls::TlsFiles;
use crate::Error;

/// Seconds without a sign of the other side; RabbitMQ's own 60 would hide a dead broker for two minutes.
const HEARTBEAT_S: u16 = 15;

/// Where a broker is.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) uri: AMQPUri,
    /// Whom to believe, where it speaks TLS.
    pub(crate) tls: Option<TlsFiles>,
}

impl Address {
    /// Reads a URL as kombu does: no path, `/` and `//` are the virtual host `/`, and `pyamqp` is `amqp`.
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let refuse = |reason: String| Error::Setting { setting: "broker url", value: without_password(url), reason };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| refuse("write amqp://user:password@host:5672//".to_owned()))?;
        let tls = match scheme {
            "amqp" | "pyamqp" | "librabbitmq" => false,
            "amqps" | "pyamqps" => true,
            other => return Err(refuse(format!("the scheme {other} is none of amqp and amqps; other brokers are not supported"))),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let vhost = match path {
            "" | "/" => "%2f".to_owned(),
            path => path.replace('/', "%2f"),
        };
        let (scheme, refuse) = (if tls { "amqps" } else { "amqp" }, &refuse);
        let tls = tls.then(|| TlsFiles::named(query).map_err(refuse)).transpose()?;
        let query: Vec<&str> = query.split('&').filter(|pair| known(pair)).collect();
        let mut uri: AMQPUri = format!("{scheme}://{authority}/{vhost}?{}", query.join("&"))
            .trim_end_matches('?')
            .parse()
            .map_err(|reason: String| refuse(reason))?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
        Ok(Self { uri, tls })
    }

    pub(crate) fn host(&self) -> &str {
        &self.uri.authority.host
    }
}

/// What lapin reads; kombu's other parameters are not meant for it.
fn known(pair: &str) -> bool {
    ["frame_max=", "channel_max=", "heartbeat=", "connection_timeout=", "auth_mechanism="].iter().any(|name| pair.starts_with(name))
}

/// For logs: neither user nor password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { authority, vhost, .. } = &self.uri;
        write!(f, "{}:{}{}{}", authority.host, authority.port, if vhost.starts_with('/') { "" } else { "/" }, vhost)
    }
}

/// A URL as `inspect conf` shows it.
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let Some((userinfo, place)) = rest.rsplit_once('@') else { return url.to_owned() };
    match userinfo.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:********@{place}"),
        None => url.to_owned(),
    }
}
