//! A transaction from its first command to the verdict on its last recipient.
//!
//! RSET where the session needs it, XFORWARD anew, MAIL, every RCPT: in one group where PIPELINING was
//! offered (RFC 2920 §3.1), else one at a time. Replies are taken in the order of the commands, and a
//! verdict comes out for each recipient whatever the server does.

use std::collections::VecDeque;

use crate::capabilities::Capabilities;
use crate::envelope::{Envelope, Mail, Rcpt};
use crate::reply::Reply;
use crate::xforward::XForward;

/// Commands under way at most. With more, both sides could come to wait in their writes for the other
/// to read.
pub const WINDOW: usize = 50;

/// Why an envelope isn't even offered to this server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// It needs SMTPUTF8, which the server lacks (RFC 6531 §3.4).
    #[error("the server does not offer SMTPUTF8")]
    NeedsSmtpUtf8,
    /// SIZE says that it is too large (RFC 1870 §6.1).
    #[error("message size {size} exceeds the server's limit {limit}")]
    TooBig {
        /// The message's octets.
        size: u64,
        /// What the server takes.
        limit: u64,
    },
}

/// The command line of MAIL, with only what was announced.
#[must_use]
pub fn mail_line(mail: &Mail, server: &Capabilities, smtputf8: bool) -> String {
    let mut said = mail.clone();
    let params = &mut said.params;
    params.size = params.size.filter(|_| server.has("SIZE"));
    // RFC 6152 §3: without 8BITMIME the content goes as it is, as from Postfix to LMTP.
    params.body = params.body.filter(|_| server.has("8BITMIME"));
    params.smtputf8 = smtputf8 && server.has("SMTPUTF8");
    params.auth = params.auth.take().filter(|_| server.has("AUTH"));
    if !server.has("DSN") {
        params.ret = None;
        params.envid = None;
    }
    said.to_string()
}

/// The command line of RCPT, with only what was announced.
#[must_use]
pub fn rcpt_line(rcpt: &Rcpt, server: &Capabilities) -> String {
    if server.has("DSN") { rcpt.to_string() } else { format!("RCPT TO:{}", rcpt.to) }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Reset,
    XForward,
    Mail,
    Rcpt,
}

/// A transaction that is being opened.
#[derive(Debug)]
pub struct Opening {
    waiting: VecDeque<(Step, String)>,
    under_way: VecDeque<Step>,
    window: usize,
    recipients: usize,
    mail: Option<Reply>,
    rcpts: Vec<Reply>,
    ended: Option<Reply>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The verdict on the sender.
    pub mail: Reply,
    /// The verdict on each recipient, in order; empty where the sender was refused.
    pub rcpts: Vec<Reply>,
    /// The server said that it ends the session (421), or spoke out of turn.
    pub ended: bool,
}

impl Opening {
    /// Plans the commands; `reset` puts RSET in front, where an earlier transaction was left open.
    ///
    /// # Errors
    /// If the server can't take it.
    pub fn new(
        server: &Capabilities,
        reset: bool,
        client: &XForward,
        envelope: &Envelope,
    ) -> Result<Self, Unsendable> {
        let smtputf8 = envelope.needs_smtputf8();
        if smtputf8 && !server.has("SMTPUTF8") {
            return Err(Unsendable::NeedsSmtpUtf8);
        }
        if let (Some(size), Some(limit)) = (envelope.mail.params.size, server.size())
            && size > limit
        {
            return Err(Unsendable::TooBig { size, limit });
        }
        let mut waiting = VecDeque::new();
        waiting.extend(reset.then(|| (Step::Reset, "RSET".to_owned())));
        let names = server.words("XFORWARD");
        waiting.extend(client.lines(&names).into_iter().map(|line| (Step::XForward, line)));
        waiting.push_back((Step::Mail, mail_line(&envelope.mail, server, smtputf8)));
        waiting.extend(envelope.rcpts.iter().map(|rcpt| (Step::Rcpt, rcpt_line(rcpt, server))));
        Ok(Self {
            waiting,
            under_way: VecDeque::new(),
            window: if server.has("PIPELINING") { WINDOW } else { 1 },
            recipients: envelope.rcpts.len(),
            mail: None,
            rcpts: Vec::new(),
            ended: None,
        })
    }

    /// Appends what may be sent now.
    pub fn send(&mut self, out: &mut Vec<u8>) {
        while self.under_way.len() < self.window {
            let Some((step, line)) = self.waiting.pop_front() else { break };
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\r\n");
            self.under_way.push_back(step);
        }
    }

    /// Takes the next reply.
    pub fn receive(&mut self, reply: Reply) {
        // RFC 5321 §3.8: after 421 the server hangs up; it is the answer to all that is open.
        if reply.code() == 421 {
            return self.end(reply);
        }
        match self.under_way.pop_front() {
            Some(Step::Reset) if !accepts(&reply) => self.end(out_of_turn(&reply)),
            // XFORWARD is a courtesy: its replies don't matter to Postfix either.
            Some(Step::Reset | Step::XForward) => {}
            Some(Step::Mail) => {
                if !accepts(&reply) {
                    self.waiting.clear();
                }
                self.mail = Some(final_one(reply));
            }
            Some(Step::Rcpt) => self.rcpts.push(too_many_is_for_now(final_one(reply))),
            None => self.end(out_of_turn(&reply)),
        }
    }

    fn end(&mut self, reply: Reply) {
        self.waiting.clear();
        self.under_way.clear();
        self.ended = Some(reply);
    }

    /// Whether every verdict is there.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty()
    }

    /// The verdicts; what has none counts as put off.
    #[must_use]
    pub fn finish(self) -> Opened {
        let ended = self.ended.is_some();
        let rest = self.ended.unwrap_or_else(|| Reply::new(451, 4, 2, "no answer to this command"));
        let mail = self.mail.unwrap_or_else(|| rest.clone());
        let mut rcpts = if accepts(&mail) { self.rcpts } else { Vec::new() };
        if accepts(&mail) {
            rcpts.resize(self.recipients, rest);
        }
        Opened { mail, rcpts, ended }
    }
}

/// 2yz, and nothing else that is not a refusal.
fn accepts(reply: &Reply) -> bool {
    reply.code() / 100 == 2
}

/// 3yz where a verdict is due is neither.
fn final_one(reply: Reply) -> Reply {
    if reply.code() / 100 == 3 { out_of_turn(&reply) } else { reply }
}

fn out_of_turn(reply: &Reply) -> Reply {
    Reply::new(451, 5, 0, format!("protocol error: unexpected {reply}"))
}

/// RFC 5321 §4.5.3.1.10: old servers say 552 for too many recipients, and mean 452. With a status of its
/// own it may be a full mailbox, which 552 also is.
fn too_many_is_for_now(reply: Reply) -> Reply {
    let said = reply.enhanced().map(|status| (status.subject, status.detail));
    if reply.code() == 552 && matches!(said, None | Some((5, 3))) {
        return Reply::new(452, 5, 3, reply.text());
    }
    reply
}

#[cfg(test)]
mod tests;
