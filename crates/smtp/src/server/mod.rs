//! The server's side of a session, SMTP or LMTP, without a socket.
//!
//! Octets go in with [`Session::receive`]; [`Session::next_action`] says what to do until it wants more. A
//! [`Question`] must be answered before `next_action` is called again. Replies gather in
//! [`Session::take_output`] and are sent when input is wanted, which is all that pipelining asks for
//! (RFC 2920 §3.2). Here is order and syntax; what mail is taken, the answers decide.

mod command;
mod content;
mod handle;
mod hello;
mod options;
mod order;
mod sasl;

use std::collections::VecDeque;

use crate::envelope::{Mail, Rcpt};
use crate::reply::Reply;
use crate::xforward::XForward;
use crate::{Protocol, data};

pub use command::Verb;
pub use options::{Limits, Options};
pub use order::{Circumstances, Stage, check};

/// What the driver does next.
#[derive(Debug)]
pub enum Action {
    /// Send the output, then read and [`Session::receive`].
    Read,
    /// Find the answer and give it with the method of its name.
    Ask(Question),
    /// A piece of the content: lines end in CRLF, dots are off.
    Content(Vec<u8>),
    /// The transaction is over without a message: forget it. No answer.
    Abort,
    /// The client cancelled its login. No answer.
    AuthCancelled,
    /// Send the output, shake hands, then [`Session::tls_started`].
    StartTls(Drained),
    /// Send the output and close.
    Close,
}

/// Proof that no octet waits behind STARTTLS: only a session whose input is dropped makes one.
#[derive(Debug)]
pub struct Drained(());

/// What only the daemon knows.
#[derive(Debug)]
pub enum Question {
    /// A client has connected: [`Session::answer_greet`].
    Greet,
    /// HELO, EHLO, LHLO: [`Session::answer_hello`].
    Hello(Hello),
    /// All that was said by XFORWARD so far: [`Session::answer_xforward`].
    XForward(XForward),
    /// [`Session::answer_mail`].
    Mail(Mail),
    /// [`Session::answer_rcpt`].
    Rcpt(Rcpt),
    /// Content will come: [`Session::answer_begin`].
    Begin,
    /// All content has come: [`Session::answer_finish`].
    Finish,
    /// [`Session::answer_auth`].
    Auth {
        /// In upper case, one of the offered.
        mechanism: String,
        /// The initial response, decoded.
        initial: Option<Vec<u8>>,
    },
    /// A decoded response to a challenge: [`Session::answer_auth`].
    AuthResponse(Vec<u8>),
    /// [`Session::answer_vrfy`].
    Vrfy(String),
}

/// How a client introduced itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// With which verb.
    pub verb: Verb,
    /// The name that it gave.
    pub name: String,
}

/// The daemon's word on a login.
#[derive(Debug)]
pub enum AuthAnswer {
    /// Send this challenge.
    Challenge(Vec<u8>),
    /// The login is good.
    Accepted,
    /// It isn't.
    Refused(Reply),
}

/// What the session waits for.
#[derive(Debug)]
enum Mode {
    /// The daemon's word on whether to greet.
    Connected,
    /// A command line.
    Command,
    /// An answer.
    Asked,
    /// The end of a line that was too long.
    SkipLine,
    /// A SASL response line.
    AuthLine,
    /// The octets of DATA.
    Data(data::Decoder),
    /// The octets of a chunk.
    Chunk(content::Chunk),
    /// The answer to Begin, with the chunk that waits for it; none for DATA.
    Begin(Option<content::Chunk>),
    /// Nothing more.
    Closed,
}

/// One connection's state.
#[derive(Debug)]
pub struct Session {
    options: Options,
    input: Vec<u8>,
    output: Vec<u8>,
    pending: VecDeque<Action>,
    mode: Mode,
    stage: Stage,
    hello: Option<Hello>,
    xforward: XForward,
    logged_in: bool,
    /// Recipients taken in this transaction.
    taken: usize,
    /// What the chunks before left open.
    bdat_decoder: Option<data::Decoder>,
    /// The content is dropped: too large.
    overflow: bool,
    /// MAIL asked for SMTPUTF8.
    smtputf8: bool,
    /// Recipients beyond the limit, in this transaction.
    overshoot: usize,
    /// What XFORWARD said is void, and the daemon hasn't heard so.
    xforward_void: bool,
    size: u64,
    errors: u32,
    junk: u32,
}

impl Session {
    /// A client has connected.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            input: Vec::new(),
            output: Vec::new(),
            pending: VecDeque::new(),
            mode: Mode::Connected,
            stage: Stage::Fresh,
            hello: None,
            xforward: XForward::default(),
            logged_in: false,
            taken: 0,
            bdat_decoder: None,
            overflow: false,
            smtputf8: false,
            overshoot: 0,
            xforward_void: false,
            size: 0,
            errors: 0,
            junk: 0,
        }
    }

    /// Takes octets in. Call it only when [`Action::Read`] asked, with a bounded piece: what is kept is
    /// that piece and less than one line.
    pub fn receive(&mut self, octets: &[u8]) {
        if !matches!(self.mode, Mode::Closed) {
            self.input.extend_from_slice(octets);
        }
    }

    /// What is to be sent, and sends it out of here.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// How many octets [`Session::take_output`] would give.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.output.len()
    }

    /// Whether content is coming, so that larger pieces are worth their memory.
    #[must_use]
    pub fn in_content(&self) -> bool {
        matches!(self.mode, Mode::Data(_) | Mode::Chunk(_))
    }

    /// Whether a transaction is open that the daemon has to hear the end of: one that was given up for
    /// its size is over for it already.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        self.stage.in_transaction() && !self.overflow
    }

    /// Whether the daemon has an [`Action::Abort`] coming: for a driver that can't go on asking.
    #[must_use]
    pub fn owes_abort(&self) -> bool {
        self.in_transaction() || self.pending.iter().any(|action| matches!(action, Action::Abort))
    }

    /// True once after what XFORWARD said has become void, which it does with the transaction that it
    /// was said for, as in Postfix.
    pub fn take_xforward_void(&mut self) -> bool {
        self.pending.is_empty() && std::mem::take(&mut self.xforward_void)
    }

    /// Whether a client could be told goodbye now: nothing is being answered or received.
    #[must_use]
    pub fn is_between_commands(&self) -> bool {
        matches!(self.mode, Mode::Command | Mode::AuthLine)
    }

    /// Whether part of a line is here, and the rest of it isn't. Asked when [`Action::Read`] is.
    #[must_use]
    pub fn has_begun_line(&self) -> bool {
        matches!(self.mode, Mode::SkipLine)
            || (self.is_between_commands() && !self.input.is_empty())
    }

    /// Says this and closes: for a shutdown (421 4.3.2) and for silence (421 4.4.2).
    pub fn goodbye(&mut self, reply: &Reply) {
        self.output.extend_from_slice(&reply.to_wire());
        self.close();
    }

    /// What to do next. After a question, call it only once the answer was given.
    pub fn next_action(&mut self) -> Action {
        loop {
            if let Some(action) = self.pending.pop_front() {
                return action;
            }
            let step = match self.mode {
                Mode::Connected => {
                    self.mode = Mode::Asked;
                    Some(Action::Ask(Question::Greet))
                }
                Mode::Command => self.command_line(),
                Mode::SkipLine => self.skip_line(),
                Mode::AuthLine => self.auth_line(),
                Mode::Data(_) => self.data_octets(),
                Mode::Chunk(_) => self.chunk_octets(),
                // A driver that asks without answering waits for ever, which is its own fault.
                Mode::Asked | Mode::Begin(_) => Some(Action::Read),
                Mode::Closed => Some(Action::Close),
            };
            if let Some(action) = step {
                return action;
            }
        }
    }

    /// The handshake is done: everything that was said before it is forgotten (RFC 3207 §4.2).
    pub fn tls_started(&mut self, _proof: Drained) {
        self.options.tls = true;
        self.stage = Stage::Fresh;
        self.hello = None;
        self.forget_xforward();
        self.logged_in = false;
        self.mode = Mode::Command;
    }

    fn circumstances(&self) -> Circumstances {
        let options = &self.options;
        Circumstances {
            require_hello: options.require_hello,
            tls: options.tls,
            require_tls: options.require_tls,
            has_starttls: options.starttls,
            offers_auth: self.offers_auth(),
            logged_in: self.logged_in,
            require_auth: options.require_auth,
            xforward: options.xforward,
            lmtp: options.protocol == Protocol::Lmtp,
        }
    }

    fn offers_auth(&self) -> bool {
        !self.options.auth.is_empty() && (self.options.tls || self.options.auth_without_tls)
    }

    /// Says what order and syntax made of a command: an error counts against the client.
    fn say(&mut self, reply: &Reply) {
        let counts = reply.is_permanent() || reply.is_transient();
        if !(counts && self.count_error()) {
            self.tell(reply);
        }
    }

    /// Counts a misdeed; true if it was one too many, and the session is closed.
    fn count_error(&mut self) -> bool {
        self.errors = self.errors.saturating_add(1);
        let enough = self.errors >= self.options.limits.errors;
        if enough {
            let text = format!("{} Error: too many errors", self.options.hostname);
            self.goodbye(&Reply::new(421, 7, 0, text));
        }
        enough
    }

    /// Says it, and closes where the reply means that (RFC 5321 §3.8; 521 as in Postfix).
    fn tell(&mut self, reply: &Reply) {
        if matches!(self.mode, Mode::Closed) {
            return;
        }
        self.output.extend_from_slice(&reply.to_wire());
        if matches!(reply.code(), 421 | 521) {
            self.close();
        }
    }

    /// Says what the daemon answered. Between ours a refused recipient is no misbehaviour: qmgrd may
    /// have a hundred of them.
    fn say_verdict(&mut self, reply: &Reply) {
        match self.options.protocol {
            Protocol::Smtp => self.say(reply),
            Protocol::Lmtp => self.tell(reply),
        }
    }

    /// Back to the next command, unless the session was closed meanwhile.
    fn resume(&mut self) {
        if !matches!(self.mode, Mode::Closed) {
            self.mode = Mode::Command;
        }
    }

    fn close(&mut self) {
        self.abort();
        self.input = Vec::new();
        self.mode = Mode::Closed;
    }

    /// Ends the transaction; the daemon hears of it if one was open.
    fn abort(&mut self) {
        if self.in_transaction() {
            self.pending.push_back(Action::Abort);
        }
        self.forget_transaction();
    }

    fn forget_transaction(&mut self) {
        if self.stage.in_transaction() {
            self.stage = Stage::Idle;
            self.forget_xforward();
        }
        self.taken = 0;
        self.size = 0;
        self.bdat_decoder = None;
        self.overflow = false;
        self.smtputf8 = false;
        self.overshoot = 0;
    }

    fn forget_xforward(&mut self) {
        self.xforward_void |= self.xforward != XForward::default();
        self.xforward = XForward::default();
    }

    fn ask(&mut self, question: Question) -> Action {
        self.mode = Mode::Asked;
        Action::Ask(question)
    }
}

#[cfg(test)]
mod tests;
