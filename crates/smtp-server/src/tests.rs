//! Sessions over a socket pair, with a handler that keeps what it is given.

use std::time::Duration;

use daemon::{CancellationToken, Stream};
use smtp::{Mail, Protocol, Rcpt, Reply};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::{Ended, Handler, Options, serve};

#[derive(Default)]
struct Keeper {
    content: Vec<u8>,
    aborted: usize,
    finished: usize,
}

impl Handler for Keeper {
    async fn mail(&mut self, _mail: &Mail) -> Reply {
        Reply::new(250, 1, 0, "Ok")
    }

    async fn rcpt(&mut self, _rcpt: &Rcpt) -> Reply {
        Reply::new(250, 1, 5, "Ok")
    }

    async fn chunk(&mut self, octets: &[u8]) {
        self.content.extend_from_slice(octets);
    }

    async fn finish(&mut self) -> Vec<Reply> {
        self.finished += 1;
        vec![Reply::new(250, 0, 0, "Ok: queued")]
    }

    async fn abort(&mut self) {
        self.aborted += 1;
    }
}

fn options() -> Options {
    let mut session = smtp::server::Options::new(Protocol::Smtp, "mx.test");
    session.limits.size = 1000;
    session.strict_pipelining = false;
    Options { idle: Duration::from_secs(60), ..Options::new(session) }
}

/// Sends all of `input`, closes that half, and returns what was heard and what the handler kept.
async fn converse(input: &[u8]) -> (String, Keeper, Ended) {
    let (client, server) = UnixStream::pair().expect("a pair");
    let serving = tokio::spawn(async move {
        let mut keeper = Keeper::default();
        let ended =
            serve(Stream::from(server), &options(), &mut keeper, &CancellationToken::new()).await;
        (keeper, ended)
    });
    let (mut reading, mut writing) = client.into_split();
    let sent = input.to_vec();
    let sending = tokio::spawn(async move {
        let _ = writing.write_all(&sent).await;
        let _ = writing.shutdown().await;
    });
    let mut heard = String::new();
    let _ = reading.read_to_string(&mut heard).await;
    sending.await.expect("sent");
    let (keeper, ended) = serving.await.expect("served");
    (heard, keeper, ended)
}

const UP_TO_DATA: &str = "EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n";

#[tokio::test]
async fn a_message_and_goodbye() {
    let input = format!("{UP_TO_DATA}Subject: x\r\n\r\n..y\r\n.\r\nQUIT\r\n");
    let (heard, keeper, ended) = converse(input.as_bytes()).await;
    assert!(heard.ends_with("250 2.0.0 Ok: queued\r\n221 2.0.0 Bye\r\n"), "{heard}");
    assert_eq!(keeper.content, b"Subject: x\r\n\r\n.y\r\n");
    assert_eq!((keeper.finished, keeper.aborted, ended), (1, 0, Ended::Closed));
}

#[tokio::test]
async fn a_client_that_leaves_within_a_message() {
    let (_, keeper, ended) = converse(format!("{UP_TO_DATA}half").as_bytes()).await;
    assert_eq!((keeper.finished, keeper.aborted), (0, 1));
    assert!(matches!(ended, Ended::Lost(_)), "{ended:?}");
}

#[tokio::test]
async fn too_large_is_read_to_its_end_and_forgotten() {
    let input = format!("{UP_TO_DATA}{}\r\n.\r\nQUIT\r\n", "x".repeat(100_000));
    let (heard, keeper, _) = converse(input.as_bytes()).await;
    assert!(heard.contains("552 5.3.4 Error: message file too big\r\n221"), "{heard}");
    assert_eq!((keeper.finished, keeper.aborted), (0, 1));
    assert!(keeper.content.len() <= 1000);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_with_421() {
    let (mut client, server) = UnixStream::pair().expect("a pair");
    let mut keeper = Keeper::default();
    client.write_all(UP_TO_DATA.as_bytes()).await.expect("sent");
    let ended =
        serve(Stream::from(server), &options(), &mut keeper, &CancellationToken::new()).await;
    let mut heard = String::new();
    let _ = client.read_to_string(&mut heard).await;
    assert!(heard.ends_with("421 4.4.2 mx.test Error: timeout exceeded\r\n"), "{heard}");
    assert_eq!((keeper.aborted, keeper.finished), (1, 0));
    assert!(matches!(ended, Ended::TimedOut | Ended::Closed), "{ended:?}");
}

#[tokio::test]
async fn a_daemon_that_stops_says_so_between_messages() {
    let (mut client, server) = UnixStream::pair().expect("a pair");
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let serving = tokio::spawn(async move {
        let mut keeper = Keeper::default();
        serve(Stream::from(server), &options(), &mut keeper, &shutdown).await
    });
    let mut greeting = [0; 28];
    client.read_exact(&mut greeting).await.expect("a greeting");
    stop.cancel();
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.expect("the end");
    assert_eq!(heard, "421 4.3.2 Service shutting down\r\n");
    assert_eq!(serving.await.expect("served"), Ended::Shutdown);
}
