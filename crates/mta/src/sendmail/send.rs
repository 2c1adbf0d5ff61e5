//! A composed message to smtpd: every recipient in as many transactions as it takes, and what is said of
//! those who don't get it.
//!
//! Nothing is sent where a recipient can't be decided now: the caller tries again with all. Recipients
//! that are refused for good don't keep the others from their mail, as with Postfix; the caller gets a
//! code and a line for each. Nobody is left out silently.

use std::io::{Read, Write};

use smtp::{Envelope, Rcpt, Reply};

use super::compose::Composed;
use super::kept::Kept;
use super::session::{Broken, Session};
use super::verdict::{self, Fate};
use crate::exit::{EX_IOERR, EX_TEMPFAIL, EX_UNAVAILABLE, Failure};

/// Recipients of one transaction; RFC 5321 §4.5.3.1.8 wants a server to take 100, smtpd takes 1000.
const AT_ONCE: usize = 1000;

/// A recipient who doesn't get the message, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// As it was written.
    pub recipient: String,
    /// smtpd's reply.
    pub reply: Reply,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.recipient, self.reply)
    }
}

/// Words and addresses that are none, as if smtpd had refused them.
#[must_use]
pub fn bad_addresses(bad: &[String]) -> Vec<Refusal> {
    let reply = Reply::new(501, 1, 3, "Bad recipient address syntax");
    let one = |text: &String| Refusal { recipient: format!("<{text}>"), reply: reply.clone() };
    bad.iter().map(one).collect()
}

/// A message on its way to smtpd.
struct Sending<'a, S> {
    session: &'a mut Session<S>,
    composed: &'a Composed,
    body: &'a mut Kept,
    /// Recipients that smtpd has answered 250 for.
    sent: usize,
    refused: Vec<Refusal>,
}

/// Sends it. `refused` are recipients that were never anybody's; they come out with those that smtpd
/// refuses.
///
/// # Errors
/// The message wasn't sent, or not to all who could get it: the text says so; with those who were
/// refused until then, each of whom needs a line where there are several.
pub fn send<S: Read + Write>(
    session: &mut Session<S>,
    composed: &Composed,
    body: &mut Kept,
    refused: Vec<Refusal>,
) -> Result<Vec<Refusal>, (Failure, Vec<Refusal>)> {
    let mut sending = Sending { session, composed, body, sent: 0, refused };
    let mut waiting: &[Rcpt] = &composed.envelope.rcpts;
    while !waiting.is_empty() {
        match sending.transaction(waiting) {
            Ok(decided) => waiting = waiting.get(decided..).unwrap_or_default(),
            Err(failure) => return Err((sending.told(failure), sending.refused)),
        }
    }
    match (sending.sent, sending.refused) {
        (0, refused) => Err(nobody(refused)),
        (_, refused) => Ok(refused),
    }
}

/// Nobody gets it: what is said of that, and those who need a line of their own.
#[must_use]
pub fn nobody(refused: Vec<Refusal>) -> (Failure, Vec<Refusal>) {
    let code = verdict::code_of_all(refused.iter().map(|one| verdict::code(&one.reply)));
    match refused.as_slice() {
        [only] => (Failure::new(code, only.to_string()), Vec::new()),
        _ => {
            let why = "the message was not sent: every recipient was refused";
            (Failure::new(code, why), refused)
        }
    }
}

/// Some don't get it.
#[must_use]
pub fn refused_by_some(refused: &[Refusal], all: usize) -> Failure {
    let code = verdict::code_of_all(refused.iter().map(|one| verdict::code(&one.reply)));
    let count = refused.len();
    Failure::new(code, format!("the message was not sent to {count} of {all} recipients"))
}

impl<S: Read + Write> Sending<'_, S> {
    /// One message to the first of `waiting`; how many of them are decided.
    fn transaction(&mut self, waiting: &[Rcpt]) -> Result<usize, Failure> {
        let batch = waiting.get(..AT_ONCE).unwrap_or(waiting);
        let mail = self.composed.envelope.mail.clone();
        let envelope = Envelope { mail, rcpts: batch.to_vec() };
        let opened = self.session.open(&envelope).map_err(|why| broken(&why))?;
        if !opened.mail.is_positive() {
            return Err(refused(&opened.mail));
        }
        let mut decided = 0;
        let mut taken = 0;
        for (rcpt, reply) in batch.iter().zip(&opened.rcpts) {
            match verdict::fate(reply) {
                // Those behind it go with it: smtpd has room for none of them.
                Fate::Next => break,
                Fate::Later => {
                    let text = format!("{}: {reply}", rcpt.to);
                    self.session.reset().map_err(|why| broken(&why))?;
                    return Err(Failure::new(EX_TEMPFAIL, text));
                }
                Fate::Taken => taken += 1,
                Fate::Refused => {
                    let (recipient, reply) = (rcpt.to.to_string(), reply.clone());
                    self.refused.push(Refusal { recipient, reply });
                }
            }
            decided += 1;
        }
        // Recipients that were taken behind the first that wasn't would get the message twice.
        let behind = opened.rcpts.get(decided..).unwrap_or_default();
        if decided == 0 || behind.iter().any(Reply::is_positive) {
            self.session.reset().map_err(|why| broken(&why))?;
            return Err(Failure::new(EX_TEMPFAIL, "smtpd takes no more recipients"));
        }
        if taken == 0 {
            self.session.reset().map_err(|why| broken(&why))?;
            return Ok(decided);
        }
        self.content()?;
        self.sent += taken;
        Ok(decided)
    }

    fn content(&mut self) -> Result<(), Failure> {
        let unread = |error: std::io::Error| Failure::new(EX_IOERR, error.to_string());
        let mut body = self.body.reader().map_err(unread)?;
        let verdict = self.session.data(&self.composed.header, &mut body);
        match verdict {
            Ok(reply) if reply.is_positive() => Ok(()),
            Ok(reply) => Err(refused(&reply)),
            Err(why) => Err(broken(&why)),
        }
    }

    /// What a caller must know who tries again.
    fn told(&self, failure: Failure) -> Failure {
        match self.sent {
            0 => failure,
            sent => {
                let text = format!("{}; {sent} recipients have the message", failure.text);
                Failure { text, ..failure }
            }
        }
    }
}

fn refused(reply: &Reply) -> Failure {
    Failure::new(verdict::code(reply), reply.to_string())
}

/// A session that came to nothing.
#[must_use]
pub fn broken(why: &Broken) -> Failure {
    match why {
        Broken::Refused(reply) => refused(reply),
        Broken::Lost(_) | Broken::Garbled => Failure::new(EX_TEMPFAIL, format!("smtpd: {why}")),
        Broken::Unsendable(_) => Failure::new(EX_UNAVAILABLE, format!("smtpd: {why}")),
    }
}

#[cfg(test)]
mod tests;
