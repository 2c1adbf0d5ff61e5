//! Sessions over a socket pair, with a handler that keeps what it is given.

use std::time::Duration;

use daemon::tls::TlsInfo;
use daemon::{CancellationToken, Peer, Seat, SessionLimits, Sessions, Stream, Who};
use smtp::{Mail, Protocol, Rcpt, Reply};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::{Ended, Handler, Options, serve};

mod tls;

#[derive(Default)]
struct Keeper {
    content: Vec<u8>,
    senders: Vec<String>,
    aborted: usize,
    finished: usize,
    tls: bool,
    refuse_content: bool,
}

impl Handler for Keeper {
    async fn mail(&mut self, mail: &Mail) -> Reply {
        self.senders.push(mail.from.to_string());
        Reply::new(250, 1, 0, "Ok")
    }

    async fn rcpt(&mut self, _rcpt: &Rcpt) -> Reply {
        Reply::new(250, 1, 5, "Ok")
    }

    fn tls_started(&mut self, info: &TlsInfo) {
        self.tls = !info.version.is_empty();
    }

    async fn begin_data(&mut self) -> Result<(), Reply> {
        if self.refuse_content { Err(Reply::new(451, 3, 0, "later")) } else { Ok(()) }
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

fn seat() -> Seat {
    Sessions::default().enter("smtp", &Peer::default()).expect("a seat")
}

fn options() -> Options {
    let mut session = smtp::server::Options::new(Protocol::Smtp, "mx.test");
    session.limits.size = 1000;
    session.strict_pipelining = false;
    Options { idle: Duration::from_secs(60), ..Options::new(session) }
}

/// Sends all of `input`, closes that half, and returns what was heard and what the handler kept.
async fn converse(input: &[u8]) -> (String, Keeper, Ended) {
    converse_with(Keeper::default(), options(), input).await
}

async fn converse_with(
    mut keeper: Keeper,
    options: Options,
    input: &[u8],
) -> (String, Keeper, Ended) {
    let (client, server) = UnixStream::pair().expect("a pair");
    let serving = tokio::spawn(async move {
        let ended = serve(Stream::from(server), &options, &mut keeper, &seat()).await;
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
    let ended = serve(Stream::from(server), &options(), &mut keeper, &seat()).await;
    let mut heard = String::new();
    let _ = client.read_to_string(&mut heard).await;
    assert!(heard.ends_with("421 4.4.2 mx.test Error: timeout exceeded\r\n"), "{heard}");
    assert_eq!((keeper.aborted, keeper.finished), (1, 0));
    assert!(matches!(ended, Ended::TimedOut | Ended::Closed), "{ended:?}");
}

#[tokio::test]
async fn a_daemon_that_stops_says_so_between_messages() {
    let (mut client, server) = UnixStream::pair().expect("a pair");
    let stop = CancellationToken::new();
    let seat = Sessions::new(stop.clone()).enter("smtp", &Peer::default()).expect("a seat");
    let serving = tokio::spawn(async move {
        let mut keeper = Keeper::default();
        serve(Stream::from(server), &options(), &mut keeper, &seat).await
    });
    let mut greeting = [0; 28];
    client.read_exact(&mut greeting).await.expect("a greeting");
    stop.cancel();
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.expect("the end");
    assert_eq!(heard, "421 4.3.2 Service shutting down\r\n");
    assert_eq!(serving.await.expect("served"), Ended::Shutdown);
}

#[tokio::test]
async fn content_that_is_refused_is_commands_in_data_and_skipped_in_bdat() {
    let keeper = || Keeper { refuse_content: true, ..Keeper::default() };
    let input = format!("{UP_TO_DATA}NOOP\r\nQUIT\r\n");
    let (heard, keeper_after, _) = converse_with(keeper(), options(), input.as_bytes()).await;
    let end = "451 4.3.0 later\r\n250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n";
    assert!(heard.ends_with(end), "{heard}");
    assert_eq!((keeper_after.aborted, keeper_after.finished), (1, 0));

    let input = UP_TO_DATA.replace("DATA", "BDAT 6 LAST") + "FOO1\r\nNOOP\r\nQUIT\r\n";
    let (heard, keeper_after, _) = converse_with(keeper(), options(), input.as_bytes()).await;
    assert!(heard.ends_with(end), "{heard}");
    assert_eq!((keeper_after.aborted, keeper_after.finished), (1, 0));
}

#[tokio::test]
async fn who_talks_before_the_greeting_is_sent_away() {
    let (mut client, server) = UnixStream::pair().expect("a pair");
    client.write_all(b"EHLO c.test\r\n").await.expect("sent");
    let mut strict = options();
    strict.session.strict_pipelining = true;
    let mut keeper = Keeper::default();
    let serving = async { serve(Stream::from(server), &strict, &mut keeper, &seat()).await };
    let hearing = async {
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.expect("the end");
        drop(client);
        heard
    };
    let (ended, heard) = tokio::join!(serving, hearing);
    assert_eq!(heard, "554 5.5.0 Error: SMTP protocol synchronization\r\n");
    assert_eq!(ended, Ended::Closed);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_given_up() {
    let (client, server) = UnixStream::pair().expect("a pair");
    let serving = tokio::spawn(async move {
        let mut roomy = options();
        roomy.session.limits.junk = u32::MAX;
        roomy.write = Duration::from_secs(10);
        let mut keeper = Keeper::default();
        serve(Stream::from(server), &roomy, &mut keeper, &seat()).await
    });
    let (_reading, mut writing) = client.into_split();
    let sending = tokio::spawn(async move {
        let _ = writing.write_all(b"HELO c.test\r\n").await;
        while writing.write_all(&b"NOOP\r\n".repeat(1000)).await.is_ok() {}
    });
    assert_eq!(serving.await.expect("served"), Ended::TimedOut);
    sending.await.expect("stopped by the close");
}

#[tokio::test]
async fn a_message_in_several_thousand_packets() {
    let (mut client, server) = UnixStream::pair().expect("a pair");
    let serving = tokio::spawn(async move {
        let mut keeper = Keeper::default();
        let ended = serve(Stream::from(server), &options(), &mut keeper, &seat()).await;
        (keeper, ended)
    });
    let input = format!("{UP_TO_DATA}Subject: x\r\n\r\n{}\r\n.\r\nQUIT\r\n", "y".repeat(800));
    for octet in input.as_bytes() {
        client.write_all(&[*octet]).await.expect("sent");
        tokio::task::yield_now().await;
    }
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.expect("the end");
    drop(client);
    let (keeper, ended) = serving.await.expect("served");
    assert_eq!((keeper.finished, keeper.aborted, ended), (1, 0, Ended::Closed));
    assert_eq!(keeper.content.len(), 816, "{heard}");
}

/// A session that is kicked when the client has said so much: what it hears then, and what the handler
/// kept.
async fn kicked_after(input: &[u8], wait_for: &str) -> (String, Keeper, Ended) {
    let (mut client, server) = UnixStream::pair().expect("a pair");
    let sessions = Sessions::default();
    let seat = sessions.enter("smtp", &Peer::default()).expect("a seat");
    let serving = tokio::spawn(async move {
        let mut keeper = Keeper::default();
        let ended = serve(Stream::from(server), &options(), &mut keeper, &seat).await;
        (keeper, ended)
    });
    client.write_all(input).await.expect("sent");
    let state = || sessions.list(0, 1).first().map(|session| session.state);
    let heard_all = tokio::time::timeout(Duration::from_secs(20), async {
        while state() != Some(wait_for) {
            tokio::task::yield_now().await;
        }
    });
    heard_all.await.expect("the state");
    assert_eq!(sessions.kick(Who::Id(1)).len(), 1);
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.expect("the end");
    drop(client);
    let (keeper, ended) = serving.await.expect("served");
    (heard, keeper, ended)
}

#[tokio::test]
async fn a_kick_between_messages_says_goodbye() {
    let (heard, _, ended) = kicked_after(b"EHLO c.test\r\n", "idle").await;
    assert!(heard.ends_with("\r\n421 4.3.2 Connection ended by the operator\r\n"), "{heard}");
    assert_eq!(ended, Ended::Kicked);
}

#[tokio::test]
async fn a_kick_within_a_message_ends_it() {
    let input = format!("{UP_TO_DATA}Subject: half");
    let (heard, keeper, _) = kicked_after(input.as_bytes(), "receiving a message").await;
    assert!(heard.ends_with("421 4.3.2 Connection ended by the operator\r\n"), "{heard}");
    assert_eq!((keeper.finished, keeper.aborted), (0, 1));
}

/// Says yes to a message when it is told to, and meanwhile shows that it works on it.
struct Slow(std::sync::Arc<tokio::sync::Notify>);

impl Handler for Slow {
    async fn mail(&mut self, _mail: &Mail) -> Reply {
        Reply::new(250, 1, 0, "Ok")
    }
    async fn rcpt(&mut self, _rcpt: &Rcpt) -> Reply {
        Reply::new(250, 1, 5, "Ok")
    }
    async fn chunk(&mut self, _octets: &[u8]) {}
    async fn finish(&mut self) -> Vec<Reply> {
        self.0.notified().await;
        vec![Reply::new(250, 0, 0, "Ok: queued")]
    }
    async fn abort(&mut self) {}
}

#[tokio::test]
async fn a_kick_behind_the_final_dot_waits_for_its_reply() {
    let (mut client, server) = UnixStream::pair().expect("a pair");
    let sessions = Sessions::default();
    let seat = sessions.enter("smtp", &Peer::default()).expect("a seat");
    let done = std::sync::Arc::new(tokio::sync::Notify::new());
    let mut handler = Slow(std::sync::Arc::clone(&done));
    let serving =
        tokio::spawn(
            async move { serve(Stream::from(server), &options(), &mut handler, &seat).await },
        );
    let input = format!("{UP_TO_DATA}Subject: x\r\n\r\n.\r\n");
    client.write_all(input.as_bytes()).await.expect("sent");
    let working = async {
        while sessions.list(0, 1).first().is_none_or(|session| session.state != "end of data") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), working).await.expect("the final dot's work");
    assert_eq!(sessions.kick(Who::Id(1)).len(), 1);
    done.notify_one();
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.expect("the end");
    let end = "250 2.0.0 Ok: queued\r\n421 4.3.2 Connection ended by the operator\r\n";
    assert!(heard.ends_with(end), "{heard}");
    assert_eq!(serving.await.expect("served"), Ended::Kicked);
}

#[tokio::test]
async fn one_too_many_is_told_before_the_greeting() {
    let peer = Peer { remote: Some("192.0.2.1:9".parse().expect("good")), ..Peer::default() };
    let sessions = Sessions::default();
    sessions.limit(SessionLimits { per_address: 1, ..SessionLimits::default() });
    let _first = sessions.enter("smtp", &peer).expect("a seat");
    for (implicit_tls, want) in
        [(false, "421 4.7.0 mx.test Error: too many connections from 192.0.2.1\r\n"), (true, "")]
    {
        let (mut client, server) = UnixStream::pair().expect("a pair");
        let stream = (Stream::from(server), &peer);
        let admitted = crate::admit(&sessions, "smtp", stream, ("mx.test", implicit_tls)).await;
        assert!(admitted.is_none());
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.expect("the end");
        assert_eq!(heard, want);
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_comes_in_drops_is_not_waited_for() {
    let (mut client, server) = UnixStream::pair().expect("a pair");
    let serving = tokio::spawn(async move {
        let mut keeper = Keeper::default();
        serve(Stream::from(server), &options(), &mut keeper, &seat()).await
    });
    let mut sent = 0;
    while client.write_all(b"N").await.is_ok() && sent < 100 {
        sent += 1;
        tokio::time::sleep(Duration::from_secs(7)).await;
    }
    let ended = serving.await.expect("served");
    assert!(matches!(ended, Ended::TimedOut | Ended::Closed) && sent < 15, "{ended:?} {sent}");
}
