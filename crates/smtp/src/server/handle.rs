//! Command lines: framing, dispatch, and the answers to what they asked.

use memchr::memchr;

use crate::Protocol;
use crate::envelope::{Mail, Rcpt};
use crate::params::ParamError;
use crate::reply::Reply;
use crate::server::command::{self, Verb};
use crate::server::order::{self, Stage};
use crate::server::{Action, Drained, Mode, Question, Session};
use crate::xforward::XForwardError;

/// A line, without its end.
pub(super) enum Framed {
    /// Whole.
    Line(Vec<u8>),
    /// Longer than the limit; its end is still to come or was just skipped.
    TooLong,
    /// Not there yet.
    Wanting,
}

impl Session {
    /// Takes a line off the input, at most `limit` octets of it.
    pub(super) fn frame(&mut self, limit: usize) -> Framed {
        match memchr(b'\n', &self.input) {
            Some(end) => {
                let line: Vec<u8> = self.input.drain(..=end).collect();
                if line.len() > limit {
                    return Framed::TooLong;
                }
                let text = line.strip_suffix(b"\n").unwrap_or(&line);
                Framed::Line(text.strip_suffix(b"\r").unwrap_or(text).to_vec())
            }
            None if self.input.len() > limit => {
                self.input.clear();
                self.mode = Mode::SkipLine;
                Framed::TooLong
            }
            None => Framed::Wanting,
        }
    }

    pub(super) fn skip_line(&mut self) -> Option<Action> {
        match memchr(b'\n', &self.input) {
            Some(end) => {
                self.input.drain(..=end);
                self.resume();
                None
            }
            None => {
                self.input.clear();
                Some(Action::Read)
            }
        }
    }

    pub(super) fn command_line(&mut self) -> Option<Action> {
        let limits = self.options.limits;
        let is_auth = self.input.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "));
        let limit =
            if is_auth { limits.auth_line.max(limits.command_line) } else { limits.command_line };
        let line = match self.frame(limit) {
            Framed::Line(line) => line,
            Framed::TooLong => {
                self.say(&Reply::new(500, 5, 2, "Error: line too long"));
                return None;
            }
            Framed::Wanting => return Some(Action::Read),
        };
        if command::is_foreign(&line) {
            self.goodbye(&Reply::new(221, 7, 0, "Error: I can break rules, too. Goodbye."));
            return None;
        }
        let Ok(text) = String::from_utf8(line) else {
            self.say(&Reply::new(500, 5, 2, "Error: bad UTF-8 syntax"));
            return None;
        };
        // A tab is the only control character that a command has any use for.
        if text.trim().is_empty() || text.contains(|c: char| c.is_control() && c != '\t') {
            self.say(&Reply::new(500, 5, 2, "Error: bad syntax"));
            return None;
        }
        self.dispatch(text.trim_matches([' ', '\t']))
    }

    fn dispatch(&mut self, line: &str) -> Option<Action> {
        let (word, argument) = command::split(line);
        let Some(verb) = Verb::read(word, self.options.protocol) else {
            self.say(&Reply::new(500, 5, 2, "Error: command not recognized"));
            return None;
        };
        if self.options.strict_pipelining && verb.ends_group() && !self.input.is_empty() {
            self.goodbye(&out_of_step());
            return None;
        }
        if verb == Verb::Bdat {
            return self.bdat(argument);
        }
        if let Err(reply) = order::check(self.stage, verb, self.circumstances()) {
            self.say(&reply);
            return None;
        }
        if verb.is_junk() && self.is_too_much_junk() {
            return None;
        }
        match verb {
            Verb::Helo | Verb::Ehlo | Verb::Lhlo => self.hello(verb, argument),
            Verb::Mail => self.mail(line),
            Verb::Rcpt => self.rcpt(line),
            Verb::Data if argument.is_empty() => {
                self.mode = Mode::Begin(None);
                Some(Action::Ask(Question::Begin))
            }
            Verb::Rset if argument.is_empty() => {
                self.abort();
                self.say(&Reply::new(250, 0, 0, "Ok"));
                None
            }
            Verb::Noop => {
                self.say(&Reply::new(250, 0, 0, "Ok"));
                None
            }
            Verb::Vrfy if !argument.is_empty() => {
                Some(self.ask(Question::Vrfy(argument.to_owned())))
            }
            Verb::Quit => {
                self.goodbye(&Reply::new(221, 0, 0, "Bye"));
                None
            }
            Verb::Auth => self.auth(argument),
            Verb::StartTls if argument.is_empty() => Some(self.start_tls()),
            Verb::XForward => self.take_xforward(argument),
            Verb::Vrfy => self.syntax("VRFY address"),
            Verb::Data => self.syntax("DATA"),
            Verb::Rset => self.syntax("RSET"),
            Verb::StartTls => self.syntax("STARTTLS"),
            Verb::Bdat => None,
        }
    }

    pub(super) fn syntax(&mut self, form: &str) -> Option<Action> {
        self.say(&Reply::new(501, 5, 4, format!("Syntax: {form}")));
        None
    }

    /// Counts a command that moves nothing; true if the session was closed over it.
    fn is_too_much_junk(&mut self) -> bool {
        self.junk = self.junk.saturating_add(1);
        self.junk > self.options.limits.junk && self.count_error()
    }

    /// What was pipelined behind STARTTLS is dropped: it was said in clear (RFC 3207 §6).
    fn start_tls(&mut self) -> Action {
        self.abort();
        self.output.extend_from_slice(&Reply::new(220, 0, 0, "Ready to start TLS").to_wire());
        self.input.clear();
        self.mode = Mode::Asked;
        self.pending.push_back(Action::StartTls(Drained(())));
        self.pending.pop_front().unwrap_or(Action::Close)
    }

    fn mail(&mut self, line: &str) -> Option<Action> {
        let mail = match Mail::parse(line) {
            Ok(mail) => mail,
            Err(error) => {
                self.say(&refusal(
                    &error,
                    Reply::new(501, 1, 7, "Bad sender address syntax"),
                    "MAIL FROM:<address>",
                ));
                return None;
            }
        };
        let limit = self.options.limits.size;
        // RFC 1870 §6.1
        if limit > 0 && mail.params.size.is_some_and(|size| size > limit) {
            self.say(&Reply::new(552, 3, 4, "Message size exceeds fixed limit"));
            return None;
        }
        // RFC 6531 §3.5; Postfix takes such a local part, and then has to guess.
        if !mail.from.is_ascii() && !mail.params.smtputf8 {
            self.say(&needs_smtputf8());
            return None;
        }
        self.smtputf8 = mail.params.smtputf8;
        Some(self.ask(Question::Mail(mail)))
    }

    fn rcpt(&mut self, line: &str) -> Option<Action> {
        let rcpt = match Rcpt::parse(line) {
            Ok(rcpt) => rcpt,
            Err(error) => {
                self.say(&refusal(
                    &error,
                    Reply::new(501, 1, 3, "Bad recipient address syntax"),
                    "RCPT TO:<address>",
                ));
                return None;
            }
        };
        let address = rcpt.to.address();
        if !address.is_ascii() && !self.smtputf8 {
            self.say(&needs_smtputf8());
            return None;
        }
        // Postfix's allow_min_user=no: it would look like an option to a delivery command.
        if address.local().as_str().starts_with('-') && self.options.protocol == Protocol::Smtp {
            self.say(&Reply::new(501, 1, 3, "Bad recipient address syntax"));
            return None;
        }
        // RFC 5321 §4.5.3.1.10: 452, so that the client sends the rest in another transaction.
        if self.taken >= self.options.limits.recipients {
            let reply = Reply::new(452, 5, 3, "Error: too many recipients");
            self.overshoot = self.overshoot.saturating_add(1);
            if self.overshoot > self.options.limits.overshoot {
                self.say(&reply);
            } else {
                self.tell(&reply);
            }
            return None;
        }
        Some(self.ask(Question::Rcpt(rcpt)))
    }

    fn take_xforward(&mut self, argument: &str) -> Option<Action> {
        match self.xforward.merge(argument) {
            Ok(()) => {
                let so_far = self.xforward.clone();
                Some(self.ask(Question::XForward(so_far)))
            }
            Err(error) => {
                let text = match error {
                    XForwardError::Syntax => "Syntax: XFORWARD attribute=value...".to_owned(),
                    other => format!("Error: {other}"),
                };
                self.say(&Reply::new(501, 5, 4, text));
                None
            }
        }
    }

    /// Whether the client is greeted.
    pub fn answer_greet(&mut self, answer: Result<(), Reply>) {
        match answer {
            Ok(()) if self.options.strict_pipelining && !self.input.is_empty() => {
                self.goodbye(&out_of_step());
            }
            Ok(()) => {
                let greeting = Reply::bare(220, self.options.greeting.clone());
                self.output.extend_from_slice(&greeting.to_wire());
                self.resume();
            }
            Err(reply) => self.goodbye(&reply),
        }
    }

    /// XFORWARD was taken note of.
    pub fn answer_xforward(&mut self) {
        self.resume();
        self.say(&Reply::new(250, 0, 0, "Ok"));
    }

    /// The verdict on the sender.
    pub fn answer_mail(&mut self, reply: &Reply) {
        self.resume();
        if reply.is_positive() {
            self.stage = Stage::Mail;
        }
        self.say_verdict(reply);
    }

    /// The verdict on a recipient.
    pub fn answer_rcpt(&mut self, reply: &Reply) {
        self.resume();
        if reply.is_positive() {
            self.taken += 1;
            self.stage = Stage::Rcpt;
        }
        self.say_verdict(reply);
    }

    /// What is said to VRFY.
    pub fn answer_vrfy(&mut self, reply: &Reply) {
        self.resume();
        self.say(reply);
    }
}

fn needs_smtputf8() -> Reply {
    Reply::new(553, 6, 7, "Error: this address needs SMTPUTF8")
}

fn out_of_step() -> Reply {
    Reply::new(554, 5, 0, "Error: SMTP protocol synchronization")
}

fn refusal(error: &ParamError, bad_address: Reply, form: &str) -> Reply {
    match error {
        ParamError::Address(_) => bad_address,
        ParamError::Syntax => Reply::new(501, 5, 4, format!("Syntax: {form}")),
        ParamError::Unsupported(option) => {
            Reply::new(555, 5, 4, format!("Unsupported option: {option}"))
        }
        ParamError::Value("SIZE") => Reply::new(501, 5, 4, "Bad message size syntax"),
        ParamError::Value(keyword @ ("NOTIFY" | "ORCPT")) => {
            Reply::new(501, 5, 4, format!("Error: Bad {keyword} parameter syntax"))
        }
        ParamError::Value(keyword) => {
            Reply::new(501, 5, 4, format!("Bad {keyword} parameter syntax"))
        }
    }
}
