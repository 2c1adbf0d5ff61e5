//! Plays a server from a transcript, and checks what the client said and what came of it.
//!
//! ```text
//! smtp | lmtp       the protocol
//! starttls          the client asks for TLS after its hello; the handshake is left out
//! mail: / rcpt:     the envelope's lines; a further mail: begins a second message
//! client: …         XFORWARD's attributes
//! send: …           a line of content
//! S: …              the server says
//! C: …              the client must have said
//! S: <closed>       the server closes; S: <silent> it says nothing more
//! S: <reset>        the server's end is gone, what was sent to it unread
//! = …               what came of it, a line a recipient; "= error: …" where no transaction came
//! ```

use std::time::Duration;

use lmtp_client::{Connection, HopError, Outcome, Patience, StartTls};
use smtp::{Envelope, Mail, Protocol, Rcpt, XForward};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

struct Script<'a> {
    protocol: Protocol,
    starttls: bool,
    messages: Vec<Message>,
    server: Vec<(usize, Step<'a>)>,
    wanted: Vec<&'a str>,
}

struct Message {
    client: XForward,
    envelope: Envelope,
    content: String,
}

enum Step<'a> {
    Says(&'a str),
    Hears(&'a str),
}

pub(crate) async fn play(text: &'static str) {
    let script = read(text);
    // Small, so that the content doesn't fit into it unread.
    let (near, far) = tokio::io::duplex(64 << 10);
    let server = tokio::spawn(serve(text, script.server, far));
    let mut came = Vec::new();
    if let Err(error) =
        converse(&script.messages, script.protocol, script.starttls, near, &mut came).await
    {
        came.push(format!("error: {error}"));
    }
    server.await.unwrap();
    assert_eq!(came, script.wanted, "{text}");
}

async fn converse(
    messages: &[Message],
    protocol: Protocol,
    starttls: bool,
    stream: DuplexStream,
    came: &mut Vec<String>,
) -> Result<(), HopError> {
    let helo = "client.test";
    let patience = Patience::rfc5321();
    let mut connection = Connection::greet(stream, protocol, helo, patience, "peer").await?;
    if starttls {
        connection = match connection.starttls().await? {
            StartTls::Ready(stream) => {
                came.push("ready for TLS".to_owned());
                Connection::after_tls(stream, protocol, helo, patience, "peer").await?
            }
            StartTls::Refused(connection, reply) => {
                came.push(format!("in clear: {reply}"));
                *connection
            }
        };
    }
    for message in messages {
        let mut transaction = match connection.open(&message.client, &message.envelope).await {
            Ok(transaction) => transaction,
            Err((error, None)) => return Err(error),
            Err((error, Some(kept))) => {
                came.push(format!("error: {error}"));
                connection = kept;
                continue;
            }
        };
        if let Err(error) = transaction.start_data().await {
            came.extend(transaction.recipients().iter().map(ToString::to_string));
            came.push(format!("error: {error}"));
            let Some(kept) = transaction.abandon() else { return Ok(()) };
            connection = kept;
            continue;
        }
        for octets in message.content.as_bytes().chunks(5000) {
            if transaction.write(octets).await.is_err() {
                break;
            }
        }
        let (outcomes, kept) = transaction.finish().await;
        came.extend(outcomes.into_iter().map(|outcome| match outcome {
            Outcome::Reply(reply) => reply.to_string(),
            Outcome::Unknown(why) => format!("unknown: {why}"),
            Outcome::Lost(why) => format!("lost: {why}"),
        }));
        let Some(kept) = kept else { return Ok(()) };
        connection = kept;
    }
    connection.quit().await;
    Ok(())
}

async fn serve(text: &str, steps: Vec<(usize, Step<'_>)>, stream: DuplexStream) {
    let mut stream = BufReader::new(stream);
    for (number, step) in steps {
        match step {
            Step::Says("<closed>") => {
                stream.shutdown().await.unwrap();
                // What still comes is read, as a socket would take it in.
                let mut rest = Vec::new();
                let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await;
                return;
            }
            Step::Says("<reset>") => return,
            Step::Says("<silent>") => tokio::time::sleep(Duration::from_secs(3600)).await,
            Step::Says(line) => {
                let octets = format!("{}\r\n", line.replace("\\r\\n", "\r\n"));
                stream.write_all(octets.as_bytes()).await.unwrap();
            }
            Step::Hears(wanted) => {
                let mut heard = String::new();
                stream.read_line(&mut heard).await.unwrap();
                let heard = heard.strip_suffix("\r\n").unwrap_or("<closed>");
                assert_eq!(heard, wanted, "line {} of\n{text}", number + 1);
            }
        }
    }
    let mut rest = String::new();
    let _ = stream.read_line(&mut rest).await;
    assert_eq!(rest, "", "said at the end of\n{text}");
}

fn read(text: &str) -> Script<'_> {
    let mut script = Script {
        protocol: Protocol::Lmtp,
        starttls: false,
        messages: Vec::new(),
        server: Vec::new(),
        wanted: Vec::new(),
    };
    let mut client = XForward::default();
    for (number, line) in text.lines().enumerate() {
        let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
        match head {
            "" | "#" => {}
            "smtp" => script.protocol = Protocol::Smtp,
            "lmtp" => script.protocol = Protocol::Lmtp,
            "starttls" => script.starttls = true,
            "client:" => client.merge(rest).unwrap(),
            "mail:" => script.messages.push(Message {
                client: client.clone(),
                envelope: Envelope { mail: Mail::parse(rest).unwrap(), rcpts: Vec::new() },
                content: String::new(),
            }),
            "rcpt:" => {
                let message = script.messages.last_mut().unwrap();
                message.envelope.rcpts.push(Rcpt::parse(rest).unwrap());
            }
            "send:" => {
                let message = script.messages.last_mut().unwrap();
                let rest = if rest == "{much}" { "x".repeat(300_000) } else { rest.to_owned() };
                message.content.push_str(&format!("{rest}\r\n"));
            }
            "S:" => script.server.push((number, Step::Says(rest))),
            "C:" => script.server.push((number, Step::Hears(rest))),
            "=" => script.wanted.push(rest),
            _ => panic!("line {} is none of a transcript: {line}", number + 1),
        }
    }
    script
}
