//! Plays a transcript against a session.
//!
//! ```text
//! # a comment
//! set KEY [VALUE]     options, before the first C:
//! say WHERE REPLY     what the daemon answers, once, at greet, mail, begin, finish, vrfy,
//!                     or for a recipient's local part; else it accepts
//! C: text             the client's line, CRLF behind it; {x*9} is nine x
//! c: text             the same without CRLF; \r \n \0 \\ \xHH are octets
//! S: text             the next line heard; … stands for anything
//! S: <nothing>        nothing more was heard by now
//! S: [TLS], [closed]  the handshake, the end
//! D: text             what the daemon got next: a line of content, or an event in brackets
//! ```
//! At the end nothing may be left of either. Then all of it is played again with the octets in other
//! pieces, and must sound the same.

use std::collections::VecDeque;

use smtp::server::{Action, AuthAnswer, Options, Question, Session};
use smtp::{Protocol, Reply};

/// What stands in a transcript.
struct Script<'a> {
    options: Options,
    answers: Vec<(&'a str, Reply)>,
    lines: Vec<(usize, Line<'a>)>,
    pieces: bool,
}

enum Line<'a> {
    Client(Vec<u8>),
    Server(&'a str),
    Daemon(&'a str),
}

/// Plays it, and panics at the first line that isn't as written.
pub(crate) fn play(text: &str) {
    let script = Script::read(text);
    let mut stage = Stage::new(&script);
    for (number, line) in &script.lines {
        let (queue, wanted) = match line {
            Line::Client(octets) => {
                stage.hear(octets);
                continue;
            }
            Line::Server("<nothing>") => {
                let left: Vec<&String> = stage.heard.iter().collect();
                assert!(left.is_empty(), "{}heard {left:?}", marked(text, *number));
                continue;
            }
            Line::Server(wanted) => (&mut stage.heard, wanted),
            Line::Daemon(wanted) => (&mut stage.told, wanted),
        };
        let got = queue.pop_front().unwrap_or_else(|| "<nothing>".to_owned());
        assert!(matches(wanted, &got), "{}got {got}", marked(text, *number));
    }
    stage.flush_content();
    assert!(stage.heard.is_empty(), "heard at the end: {:?}", stage.heard);
    assert!(stage.told.is_empty(), "the daemon got at the end: {:?}", stage.told);
    if script.pieces {
        same_in_pieces(&script);
    }
}

fn same_in_pieces(script: &Script<'_>) {
    let octets: Vec<u8> = script
        .lines
        .iter()
        .filter_map(|(_, line)| if let Line::Client(octets) = line { Some(octets) } else { None })
        .flatten()
        .copied()
        .collect();
    let in_pieces = |size: usize| {
        let mut stage = Stage::new(script);
        octets.chunks(size).for_each(|piece| stage.hear(piece));
        stage.flush_content();
        (stage.heard, stage.told)
    };
    let whole = in_pieces(octets.len().max(1));
    for size in [1, 2, 3, 5, 17, 100] {
        assert_eq!(in_pieces(size), whole, "in pieces of {size}");
    }
}

fn marked(text: &str, number: usize) -> String {
    let mut out = String::from("\n");
    for (at, line) in text.lines().enumerate().take(number + 1) {
        let mark = if at == number { ">>> " } else { "    " };
        out.push_str(&format!("{mark}{}\n", line.chars().take(120).collect::<String>()));
    }
    out
}

fn matches(wanted: &str, got: &str) -> bool {
    let mut parts = wanted.split('…');
    let Some(mut rest) = got.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut open = false;
    for part in parts {
        open = true;
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty() || (open && wanted.ends_with('…'))
}

impl<'a> Script<'a> {
    fn read(text: &'a str) -> Self {
        let mut script = Self {
            options: Options::new(Protocol::Smtp, "mx.test"),
            answers: Vec::new(),
            lines: Vec::new(),
            pieces: false,
        };
        for (number, line) in text.lines().enumerate() {
            let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
            let spoken = match head {
                "C:" => Line::Client(repeated(&format!("{rest}\r\n")).into_bytes()),
                "c:" => Line::Client(octets(&repeated(rest))),
                "S:" => Line::Server(rest),
                "D:" => Line::Daemon(rest),
                "set" => {
                    script.set(rest);
                    continue;
                }
                "say" => {
                    let (place, reply) = rest.split_once(' ').unwrap();
                    script.answers.push((place, read_reply(reply)));
                    continue;
                }
                "" | "#" => continue,
                _ => panic!("{}not a transcript's line", marked(text, number)),
            };
            script.lines.push((number, spoken));
        }
        script
    }

    fn set(&mut self, rest: &str) {
        let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
        let options = &mut self.options;
        let number = || value.parse::<u32>().unwrap();
        match key {
            "lmtp" => {
                *options = Options::new(Protocol::Lmtp, "mx.test");
                self.pieces = true;
            }
            // What is pipelined past a synchronisation point is let through, so that the dialogue may
            // be played in any pieces.
            "loose" => {
                options.strict_pipelining = false;
                self.pieces = true;
            }
            "starttls" => options.starttls = true,
            "tls" => options.tls = true,
            "require_tls" => options.require_tls = true,
            "auth" => options.auth = value.split(' ').map(str::to_owned).collect(),
            "auth_without_tls" => options.auth_without_tls = true,
            "require_auth" => options.require_auth = true,
            "xforward" => options.xforward = true,
            "no_hello" => options.require_hello = false,
            "size" => options.limits.size = u64::from(number()),
            "recipients" => options.limits.recipients = number() as usize,
            "overshoot" => options.limits.overshoot = number() as usize,
            "errors" => options.limits.errors = number(),
            "junk" => options.limits.junk = number(),
            _ => panic!("no option {key}"),
        }
    }
}

fn read_reply(text: &str) -> Reply {
    smtp::ReplyReader::default().line(text.as_bytes()).unwrap().unwrap()
}

/// `{x*9}` is nine x.
fn repeated(text: &str) -> String {
    let Some((before, rest)) = text.split_once('{') else { return text.to_owned() };
    let (inside, after) = rest.split_once('}').unwrap();
    let (what, count) = inside.split_once('*').unwrap();
    format!("{before}{}{}", what.repeat(count.parse().unwrap()), repeated(after))
}

fn octets(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let octet = match byte {
            b'\\' => match rest.next().unwrap() {
                b'r' => b'\r',
                b'n' => b'\n',
                b'0' => 0,
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            },
            other => other,
        };
        out.push(octet);
    }
    out
}

/// A session, its daemon, and what either said that wasn't looked at yet.
struct Stage {
    session: Session,
    answers: VecDeque<(String, Reply)>,
    heard: VecDeque<String>,
    told: VecDeque<String>,
    content: Vec<u8>,
    closed: bool,
}

impl Stage {
    fn new(script: &Script<'_>) -> Self {
        let answers = script.answers.iter().map(|(at, reply)| ((*at).to_owned(), reply.clone()));
        Self {
            session: Session::new(script.options.clone()),
            answers: answers.collect(),
            heard: VecDeque::new(),
            told: VecDeque::new(),
            content: Vec::new(),
            closed: false,
        }
    }

    /// Gives the octets to the session, once it wants some, and lets it work until it wants more. What
    /// waits behind the end of TLS or of the session is lost, as on a socket.
    fn hear(&mut self, octets: &[u8]) {
        self.work();
        self.session.receive(octets);
        self.work();
    }

    fn work(&mut self) {
        while !self.closed {
            if self.session.take_xforward_void() {
                self.tell("[xforward is void]");
            }
            let action = self.session.next_action();
            match action {
                Action::Read => {
                    self.take_output();
                    break;
                }
                Action::Ask(question) => self.answer(question),
                Action::Content(piece) => self.content.extend_from_slice(&piece),
                Action::Abort => {
                    // What came of it depends on the pieces; that it is gone doesn't.
                    self.content.clear();
                    self.tell("[abort]");
                }
                Action::AuthCancelled => self.tell("[auth cancelled]"),
                Action::StartTls(drained) => {
                    self.take_output();
                    self.heard.push_back("[TLS]".to_owned());
                    self.session.tls_started(drained);
                }
                Action::Close => {
                    self.take_output();
                    self.heard.push_back("[closed]".to_owned());
                    self.closed = true;
                }
            }
        }
    }

    fn take_output(&mut self) {
        let output = self.session.take_output();
        let output = String::from_utf8(output).unwrap();
        let lines = output.split_terminator("\r\n");
        self.heard.extend(lines.map(|line| line.trim_end_matches(' ').to_owned()));
    }

    fn tell(&mut self, event: &str) {
        self.flush_content();
        self.told.push_back(event.to_owned());
    }

    fn flush_content(&mut self) {
        let content = String::from_utf8(std::mem::take(&mut self.content)).unwrap();
        self.told.extend(content.split_terminator("\r\n").map(|line| line.trim_end().to_owned()));
    }

    fn said(&mut self, place: &str) -> Option<Reply> {
        let at = self.answers.iter().position(|(asked, _)| asked == place)?;
        self.answers.remove(at).map(|(_, reply)| reply)
    }

    fn answer(&mut self, question: Question) {
        match question {
            Question::Greet => {
                let answer = self.said("greet").map_or(Ok(()), Err);
                self.session.answer_greet(answer);
            }
            Question::Hello(hello) => {
                let answer = self.said(&hello.name).map_or(Ok(()), Err);
                self.session.answer_hello(answer);
            }
            Question::XForward(client) => {
                let known = [client.ident, client.addr, client.login];
                self.tell(&format!(
                    "[xforward {}]",
                    known.map(Option::unwrap_or_default).join(" ")
                ));
                self.session.answer_xforward();
            }
            Question::Mail(mail) => {
                let reply = self.said("mail").unwrap_or_else(|| Reply::new(250, 1, 0, "Ok"));
                if reply.is_positive() {
                    self.tell(&format!("[{mail}]"));
                }
                self.session.answer_mail(&reply);
            }
            Question::Rcpt(rcpt) => {
                let said = self.said(rcpt.to.address().local().as_str());
                let reply = said.unwrap_or_else(|| Reply::new(250, 1, 5, "Ok"));
                if reply.is_positive() {
                    self.tell(&format!("[{rcpt}]"));
                }
                self.session.answer_rcpt(&reply);
            }
            Question::Begin => {
                let answer = self.said("begin").map_or(Ok(()), Err);
                self.session.answer_begin(answer);
            }
            Question::Finish => {
                self.tell("[end]");
                let mut replies = Vec::new();
                while let Some(reply) = self.said("finish") {
                    let last = reply.text() == "queued";
                    replies.push(reply);
                    if last {
                        break;
                    }
                }
                if replies.is_empty() {
                    replies.push(Reply::new(250, 0, 0, "Ok: queued"));
                }
                self.session.answer_finish(&replies);
            }
            Question::Auth { mechanism, initial } => {
                self.tell(&format!("[auth {mechanism}]"));
                self.session.answer_auth(match initial {
                    None => AuthAnswer::Challenge(Vec::new()),
                    Some(octets) => judge(&octets),
                });
            }
            Question::AuthResponse(octets) => self.session.answer_auth(judge(&octets)),
            Question::Vrfy(_) => {
                let reply = self.said("vrfy").unwrap_or_else(|| Reply::new(252, 0, 0, "Try RCPT"));
                self.session.answer_vrfy(&reply);
            }
        }
    }
}

/// PLAIN's one right answer.
fn judge(octets: &[u8]) -> AuthAnswer {
    match octets {
        b"\0alice\0secret" => AuthAnswer::Accepted,
        b"" => AuthAnswer::Challenge(b"more".to_vec()),
        _ => AuthAnswer::Refused(Reply::new(
            535,
            7,
            8,
            "Error: authentication failed: (reason unavailable)",
        )),
    }
}
