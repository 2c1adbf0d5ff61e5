//! Whether a connection is taken at all, before anything costly is done for it.

use std::time::Duration;

use daemon::{Peer, Seat, Sessions, Stream, TooMany};
use smtp::Reply;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

/// How long a client that isn't taken may take to hear so.
const REFUSAL: Duration = Duration::from_secs(1);

/// Gives the connection a seat. One that is too many is told in the greeting's place, in Postfix's words,
/// and closed; where TLS comes first it is closed at once, as a handshake is what costs.
pub async fn admit(
    sessions: &Sessions,
    protocol: &'static str,
    (stream, peer): (Stream, &Peer),
    (hostname, implicit_tls): (&str, bool),
) -> Option<(Stream, Seat)> {
    match sessions.enter(protocol, peer) {
        Ok(seat) => Some((stream, seat)),
        Err(_) if implicit_tls => None,
        Err(why) => {
            let _ = timeout(REFUSAL, refuse(stream, &reply(hostname, &why))).await;
            None
        }
    }
}

fn reply(hostname: &str, why: &TooMany) -> Reply {
    Reply::new(421, 7, 0, format!("{hostname} Error: {why}"))
}

async fn refuse(mut stream: Stream, reply: &Reply) -> std::io::Result<()> {
    stream.write_all(&reply.to_wire()).await?;
    stream.shutdown().await
}
