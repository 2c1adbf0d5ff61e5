//! The end of DATA, as whole sessions see it: 400 ways to write what looks like one, each cut at every
//! packet boundary, and each again in BDAT's chunks. None ends a message early, none joins two, and what
//! the daemon gets holds no line end that another server could read otherwise (RFC 5321 §4.1.1.4, and
//! "SMTP smuggling").

use smtp::server::{Action, Options, Question, Session};
use smtp::{Protocol, Reply};

/// What may stand before and behind a dot.
const ENDS: [&str; 10] =
    ["\r\n", "\n", "\r", "\0", "\r\r\n", "\n\r", "\r\0\n", " \r\n", "\r\n ", "\r\n\r"];
/// And the dot itself.
const DOTS: [&str; 4] = [".", "..", ".\0", "\0."];

/// What came of the octets behind 354: messages, senders, and how it sounded.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    messages: Vec<String>,
    senders: Vec<String>,
    heard: String,
}

fn play(pieces: &[&[u8]]) -> Came {
    let options = Options { strict_pipelining: false, ..Options::new(Protocol::Smtp, "mx.test") };
    let mut session = Session::new(options);
    let mut came = Came { messages: Vec::new(), senders: Vec::new(), heard: String::new() };
    let mut content = Vec::new();
    let head = b"HELO c.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\n";
    let mut pieces = [&head[..]].into_iter().chain(pieces.iter().copied());
    loop {
        match session.next_action() {
            Action::Read => {
                came.heard.push_str(&String::from_utf8_lossy(&session.take_output()));
                match pieces.next() {
                    Some(piece) => session.receive(piece),
                    None => return came,
                }
            }
            Action::Content(octets) => content.extend_from_slice(&octets),
            Action::Ask(Question::Greet) => session.answer_greet(Ok(())),
            Action::Ask(Question::Hello(_)) => session.answer_hello(Ok(())),
            Action::Ask(Question::Mail(mail)) => {
                came.senders.push(mail.from.to_string());
                session.answer_mail(&Reply::new(250, 1, 0, "Ok"));
            }
            Action::Ask(Question::Rcpt(_)) => session.answer_rcpt(&Reply::new(250, 1, 5, "Ok")),
            Action::Ask(Question::Begin) => session.answer_begin(Ok(())),
            Action::Ask(Question::Finish) => {
                came.messages.push(String::from_utf8(std::mem::take(&mut content)).unwrap());
                session.answer_finish(&[Reply::new(250, 0, 0, "Ok: queued")]);
            }
            Action::Close => {
                came.heard.push_str(&String::from_utf8_lossy(&session.take_output()));
                return came;
            }
            other => panic!("{other:?}"),
        }
    }
}

fn variants() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    ENDS.into_iter().flat_map(|before| {
        DOTS.into_iter()
            .flat_map(move |dot| ENDS.into_iter().map(move |behind| (before, dot, behind)))
    })
}

/// No CR and LF but together, no NUL.
fn is_unambiguous(message: &str) -> bool {
    !message.replace("\r\n", "").contains(['\r', '\n', '\0'])
}

#[test]
fn data() {
    let evil = "MAIL FROM:<evil@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\nevil\r\n.\r\n";
    for (before, dot, behind) in variants() {
        let input = format!("DATA\r\nstart{before}{dot}{behind}{evil}NOOP\r\n");
        // The one and only way to end it.
        let ends = before.ends_with("\r\n") && dot == "." && behind.starts_with("\r\n");
        let whole = play(&[input.as_bytes()]);
        let shown = format!("{:?} {whole:?}", (before, dot, behind));
        // Either the evil lines are content, or they are a message of their own.
        // (A MAIL behind a bare CR is none.)
        let two = ends && behind != "\r\n\r";
        assert_eq!(whole.messages.len(), if two { 2 } else { 1 }, "{shown}");
        assert_eq!(whole.senders.len(), whole.messages.len(), "{shown}");
        assert_eq!(whole.messages[0].contains("evil"), !ends, "{shown}");
        assert!(whole.messages.iter().all(|message| is_unambiguous(message)), "{shown}");
        // Whatever could pass for an end at the next hop is doubled there: see smtp::data.
        for at in 1..input.len() {
            let (first, second) = input.as_bytes().split_at(at);
            assert_eq!(play(&[first, second]), whole, "split at {at}: {shown}");
        }
        let single: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
        assert_eq!(play(&single), whole, "octet by octet: {shown}");
    }
}

#[test]
fn chunks() {
    for (before, dot, behind) in variants() {
        let content = format!("start{before}{dot}{behind}QUIT\r\n{dot}\r\n");
        let mut whole: Option<String> = None;
        for at in 0..=content.len() {
            let (first, second) = content.split_at(at);
            let input = format!(
                "BDAT {}\r\n{first}BDAT {} LAST\r\n{second}NOOP\r\n",
                first.len(),
                second.len()
            );
            let packets: Vec<&[u8]> = input.as_bytes().chunks(7).collect();
            let came = play(&packets);
            let shown = format!("{:?} {came:?}", (before, dot, behind));
            assert_eq!((came.messages.len(), came.senders.len()), (1, 1), "{shown}");
            assert!(came.heard.ends_with("Ok: queued\r\n250 2.0.0 Ok\r\n"), "{shown}");
            assert!(is_unambiguous(&came.messages[0]), "{shown}");
            assert_eq!(whole.get_or_insert(came.messages[0].clone()), &came.messages[0], "{shown}");
        }
    }
}
