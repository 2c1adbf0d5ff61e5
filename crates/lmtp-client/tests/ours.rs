//! Client against server, both ours, in memory: everything that is sent comes out as it was.

use lmtp_client::{Connection, Outcome, Patience};
use smtp::server::{Action, Options, Question, Session};
use smtp::{Envelope, Mail, Protocol, Rcpt, Reply, XForward};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// What a server was given, as lines and content.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) lines: Vec<String>,
    pub(crate) content: Vec<u8>,
    pub(crate) finished: usize,
}

/// A server that takes everything but recipients whose local part begins with `bad`; at the end of a
/// message to `later` it says 451 for that one. Serves until the client is gone.
pub(crate) async fn serve<S>(mut stream: S, protocol: Protocol) -> Given
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut session =
        Session::new(Options { xforward: true, ..Options::new(protocol, "server.test") });
    let mut given = Given::default();
    let mut taken = Vec::new();
    let mut piece = vec![0; 4096];
    loop {
        match session.next_action() {
            Action::Read => {
                if stream.write_all(&session.take_output()).await.is_err() {
                    return given;
                }
                match stream.read(&mut piece).await {
                    Ok(count) if count > 0 => session.receive(&piece[..count]),
                    _ => return given,
                }
            }
            Action::Content(octets) => given.content.extend_from_slice(&octets),
            Action::Ask(question) => answer(&mut session, question, &mut given, &mut taken),
            Action::Close => {
                let _ = stream.write_all(&session.take_output()).await;
                return given;
            }
            _ => {}
        }
    }
}

fn answer(session: &mut Session, question: Question, given: &mut Given, taken: &mut Vec<String>) {
    match question {
        Question::Greet => session.answer_greet(Ok(())),
        Question::Hello(hello) => {
            given.lines.push(format!("hello {}", hello.name));
            session.answer_hello(Ok(()));
        }
        Question::XForward(client) => {
            given.lines.push(format!("xforward {}", client.ident.unwrap_or_default()));
            session.answer_xforward();
        }
        Question::Mail(mail) => {
            taken.clear();
            given.lines.push(mail.to_string());
            session.answer_mail(&Reply::new(250, 1, 0, "Ok"));
        }
        Question::Rcpt(rcpt) => {
            let name = rcpt.to.address().local().as_str().to_owned();
            given.lines.push(rcpt.to_string());
            if name.starts_with("bad") {
                session.answer_rcpt(&Reply::new(550, 1, 1, "no"));
            } else {
                taken.push(name);
                session.answer_rcpt(&Reply::new(250, 1, 5, "Ok"));
            }
        }
        Question::Begin => session.answer_begin(Ok(())),
        Question::Finish => {
            given.finished += 1;
            let replies: Vec<Reply> = taken
                .iter()
                .map(|name| match name.as_str() {
                    "later" => Reply::new(451, 3, 0, "later"),
                    name => Reply::new(250, 0, 0, format!("<{name}> saved")),
                })
                .collect();
            session.answer_finish(&replies);
        }
        Question::Vrfy(_) => session.answer_vrfy(&Reply::new(252, 0, 0, "Ok")),
        Question::Auth { .. } | Question::AuthResponse(_) => {
            panic!("AUTH was never offered");
        }
    }
}

pub(crate) fn envelope(rcpts: &[&str]) -> Envelope {
    let rcpt = |name: &&str| Rcpt::parse(&format!("RCPT TO:<{name}@d.test>")).unwrap();
    Envelope {
        mail: Mail::parse("MAIL FROM:<a@b.test> SIZE=10 RET=HDRS ENVID=x").unwrap(),
        rcpts: rcpts.iter().map(rcpt).collect(),
    }
}

pub(crate) fn shown(outcomes: &[Outcome]) -> Vec<String> {
    outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Reply(reply) => reply.to_string(),
            Outcome::Unknown(_) => "unknown".to_owned(),
            Outcome::Lost(_) => "lost".to_owned(),
        })
        .collect()
}

#[tokio::test]
async fn what_goes_in_comes_out() {
    let content = format!("Subject: x\r\n\r\n.\r\n..\r\n.x\r\n{}\r\n.\r\n", "y".repeat(100_000));
    for protocol in [Protocol::Lmtp, Protocol::Smtp] {
        for size in [1, 3, 1000, usize::MAX] {
            let (near, far) = tokio::io::duplex(512);
            let server = tokio::spawn(serve(far, protocol));
            let patience = Patience::rfc5321();
            let connection =
                Connection::greet(near, protocol, "client.test", patience, "peer").await.unwrap();
            assert_eq!(connection.host(), "server.test");
            let client = XForward { ident: Some("id".into()), ..XForward::default() };
            let all = envelope(&["one", "bad", "later", "two"]);
            let mut transaction = connection.open(&client, &all).await.map_err(|e| e.0).unwrap();
            assert_eq!(transaction.recipients()[1].to_string(), "550 5.1.1 no");
            transaction.start_data().await.unwrap();
            for piece in content.as_bytes().chunks(size) {
                transaction.write(piece).await.unwrap();
            }
            let (outcomes, connection) = transaction.finish().await;
            let wanted = match protocol {
                Protocol::Lmtp => [
                    "250 2.0.0 <one> saved",
                    "550 5.1.1 no",
                    "451 4.3.0 later",
                    "250 2.0.0 <two> saved",
                ],
                Protocol::Smtp => [
                    "250 2.0.0 <one> saved",
                    "550 5.1.1 no",
                    "250 2.0.0 <one> saved",
                    "250 2.0.0 <one> saved",
                ],
            };
            assert_eq!(shown(&outcomes), wanted);
            connection.unwrap().quit().await;
            let given = server.await.unwrap();
            assert!(given.content == content.as_bytes(), "changed in pieces of {size}");
            assert_eq!(
                given.lines,
                [
                    "hello client.test",
                    "xforward id",
                    "MAIL FROM:<a@b.test> SIZE=10 RET=HDRS ENVID=x",
                    "RCPT TO:<one@d.test>",
                    "RCPT TO:<bad@d.test>",
                    "RCPT TO:<later@d.test>",
                    "RCPT TO:<two@d.test>"
                ]
            );
        }
    }
}

#[tokio::test]
async fn a_thousand_recipients_do_not_jam() {
    // Neither side's buffer holds a tenth of it.
    let (near, far) = tokio::io::duplex(1024);
    let server = tokio::spawn(serve(far, Protocol::Lmtp));
    let patience = Patience::rfc5321();
    let connection =
        Connection::greet(near, Protocol::Lmtp, "client.test", patience, "peer").await.unwrap();
    let names: Vec<String> = (0..1000).map(|number| format!("user{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let opened = connection.open(&XForward::default(), &envelope(&names)).await;
    let mut transaction = opened.map_err(|error| error.0).unwrap();
    transaction.start_data().await.unwrap();
    transaction.write(b"x\r\n").await.unwrap();
    let (outcomes, _) = transaction.finish().await;
    assert_eq!(outcomes.len(), 1000);
    assert_eq!(shown(&outcomes)[999], "250 2.0.0 <user999> saved");
    assert_eq!(server.await.unwrap().finished, 1);
}
