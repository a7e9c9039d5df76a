use lapin::options::QueueDeclareOptions;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ErrorKind};

use super::within;
use crate::message::short;
use crate::{Error, QueueType};

/// Declares a queue exactly as its producers do. Where it is there with other arguments they are somebody's choice, and the
/// queue is used as it is. Returns a channel that can be used: the refusal closes the one it came on.
pub(crate) async fn declare_queue(connection: &Connection, channel: Channel, queue: &str, kind: QueueType) -> Result<Channel, Error> {
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let mut arguments = FieldTable::default();
    if kind == QueueType::Quorum {
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    }
    let doing = format!("declaring the queue {queue}");
    match within(&doing, channel.queue_declare(short(queue)?, durable, arguments)).await {
        Ok(_) => Ok(channel),
        Err(Error::Broker { source, .. }) if is_soft(&source, &AMQPSoftError::PRECONDITIONFAILED) => {
            tracing::info!(queue, reason = %source, "the queue has other arguments; it is used as it is");
            let channel = within("opening a channel", connection.create_channel()).await?;
            let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            within(&doing, channel.queue_declare(short(queue)?, passive, FieldTable::default())).await?;
            Ok(channel)
        }
        Err(error) => Err(error),
    }
}

/// Whether somebody else has the exclusive queue of this name.
pub(crate) fn is_locked(error: &Error) -> bool {
    matches!(error, Error::Broker { source, .. } if is_soft(source, &AMQPSoftError::RESOURCELOCKED))
}

fn is_soft(error: &lapin::Error, kind: &AMQPSoftError) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if matches!(error.kind(), AMQPErrorKind::Soft(soft) if soft == kind))
}
