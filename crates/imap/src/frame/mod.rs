//! Cuts a client's octets into whole commands (RFC 3501 §2.2.1, §4.3, RFC 7888). Sans-io.
//!
//! Knows lines, quoted strings and literals, and of the grammar only where APPEND's message begins:
//! that literal streams past in pieces, whatever its size. Everything else is collected up to a
//! limit. What is over a limit, or refused, is passed over to exactly its end, so that a message's
//! lines are never taken for commands.
//!
//! ```text
//!            ┌──────── literal fits ────────┐
//!  Line ─────┼─ message of APPEND ─► Undecided ─► Message ─► Tail ─► Line
//!   ▲  ▲     └─ too big, too long ──► Skip ──┐│refused
//!   │  └─ Command ── end of line             ▼▼
//!   └───────────────── Rejected, Skipped ── Skip ─► Closed (too much to pass over)
//! ```

mod event;
mod lexer;
mod skip;

pub use event::{AppendHead, Event, Literal, Refusal, Rejection};

use std::fmt;

use lexer::Lexer;
use skip::{Skip, SkipEnd};

/// How much a client may send before it is cut short, in octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A command with all its lines and literals; APPEND's message not counted. Also of a line
    /// asked for by [`Framer::expect_line`].
    pub command: usize,
    /// What is passed over after a refusal before the connection is given up.
    pub skip: u64,
}

impl Limits {
    /// Before login: Dovecot's 8 KiB, and nothing to be passed over that is worth the wait.
    pub const BEFORE_LOGIN: Self = Self { command: 8 * 1024, skip: 64 * 1024 };
    /// After login: Dovecot's 64 KiB; a message over the size limit that came without being asked
    /// for is passed over.
    pub const AFTER_LOGIN: Self = Self { command: 64 * 1024, skip: 128 * 1024 * 1024 };
}

/// Holds a command until it is whole. Feed it with [`Framer::next`].
pub struct Framer {
    limits: Limits,
    state: State,
    /// The command so far, its lines ending in CRLF; empty between commands.
    held: Vec<u8>,
}

/// Without the octets held, among which may be a password.
impl fmt::Debug for Framer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Framer")
            .field("limits", &self.limits)
            .field("state", &self.state)
            .field("held", &self.held.len())
            .finish()
    }
}

#[derive(Debug)]
enum State {
    /// In a line of a command.
    Line(Lexer),
    /// In a literal that is kept with its command.
    Literal { left: usize },
    /// APPEND's literal was announced; the caller has not answered.
    Undecided(Literal),
    /// In APPEND's message.
    Message { left: u64 },
    /// Behind APPEND's message: nothing but the line's end should come.
    Tail { lexer: Lexer, clean: bool },
    /// In what is passed over.
    Skip(Skip),
    /// In the line that `expect_line` asked for.
    Raw,
    /// In the rest of such a line, which is too long.
    RawSkip { budget: u64 },
    /// Nothing more is read.
    Closed,
}

impl Framer {
    /// Waits for a command.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, state: State::Line(Lexer::default()), held: Vec::new() }
    }

    /// From now on other limits hold.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The next line is no command but an answer: a SASL response, or the end of IDLE. To be called
    /// between commands.
    pub fn expect_line(&mut self) {
        self.state = State::Raw;
        self.held.clear();
    }

    /// Whether the octets so far end at a command's end: nothing is held, nothing awaited.
    #[must_use]
    pub fn is_between_commands(&self) -> bool {
        matches!(self.state, State::Line(_)) && self.held.is_empty()
    }

    /// Takes octets from the front of `input` until something is to be told. `None` when the input
    /// is used up.
    ///
    /// After [`Event::Append`], [`Framer::accept`] or [`Framer::refuse`] must be called first; a
    /// caller that forgets has refused.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Event<'a>> {
        while !input.is_empty() {
            let event = match &mut self.state {
                State::Line(_) => self.line(input),
                State::Literal { .. } => self.literal(input),
                State::Undecided(_) => {
                    self.refuse();
                    None
                }
                State::Message { .. } => self.message(input),
                State::Tail { .. } => self.tail(input),
                State::Skip(_) => self.skip(input),
                State::Raw => self.raw(input),
                State::RawSkip { .. } => self.raw_skip(input),
                State::Closed => {
                    *input = &[];
                    None
                }
            };
            if event.is_some() {
                return event;
            }
        }
        None
    }

    /// The message of [`Event::Append`] is wanted. True if the client waits for a continuation
    /// request.
    #[must_use]
    pub fn accept(&mut self) -> bool {
        let State::Undecided(literal) = self.state else { return false };
        self.state = State::after_announcement(literal.octets);
        literal.synchronising
    }

    /// The message of [`Event::Append`] is not wanted.
    pub fn refuse(&mut self) -> Refusal {
        let State::Undecided(literal) = self.state else { return Refusal::Answer };
        if literal.synchronising {
            // RFC 3501 §7.5: the client sends no literal that was not asked for.
            self.state = State::Line(Lexer::default());
            return Refusal::Answer;
        }
        if literal.octets > self.limits.skip {
            self.state = State::Closed;
            return Refusal::Close;
        }
        self.start_skip(literal.octets, SkipEnd::Refused);
        Refusal::Skip
    }

    fn line<'a>(&mut self, input: &mut &'a [u8]) -> Option<Event<'a>> {
        let State::Line(lexer) = &mut self.state else { return None };
        while let Some(octet) = take_one(input) {
            let end = lexer.step(octet);
            self.held.push(octet);
            if let Some(literal) = end {
                end_with_crlf(&mut self.held);
                return self.line_ended(literal);
            }
            if self.held.len() > self.limits.command {
                let lexer = std::mem::take(lexer);
                return self.too_long(lexer);
            }
        }
        None
    }

    fn line_ended<'a>(&mut self, literal: Option<Literal>) -> Option<Event<'a>> {
        let Some(literal) = literal else {
            self.state = State::Line(Lexer::default());
            return Some(Event::Command(std::mem::take(&mut self.held)));
        };
        if announces_message(&self.held) {
            self.state = State::Undecided(literal);
            let octets = std::mem::take(&mut self.held);
            return Some(Event::Append(AppendHead { octets, literal }));
        }
        let room = self.limits.command.saturating_sub(self.held.len());
        match usize::try_from(literal.octets) {
            Ok(left) if left <= room => {
                self.state = match left {
                    0 => State::Line(Lexer::default()),
                    left => State::Literal { left },
                };
                literal.synchronising.then_some(Event::Continue)
            }
            _ => self.literal_too_big(literal),
        }
    }

    fn literal<'a>(&mut self, input: &mut &'a [u8]) -> Option<Event<'a>> {
        let State::Literal { left } = &mut self.state else { return None };
        let piece = take_up_to(input, *left as u64);
        self.held.extend_from_slice(piece);
        *left -= piece.len();
        if *left == 0 {
            self.state = State::Line(Lexer::default());
        }
        None
    }

    fn message<'a>(&mut self, input: &mut &'a [u8]) -> Option<Event<'a>> {
        let State::Message { left } = &mut self.state else { return None };
        let piece = take_up_to(input, *left);
        *left -= piece.len() as u64;
        self.state = State::after_announcement(*left);
        Some(Event::Literal(piece))
    }

    fn tail<'a>(&mut self, input: &mut &'a [u8]) -> Option<Event<'a>> {
        let State::Tail { lexer, clean } = &mut self.state else { return None };
        let octet = take_one(input)?;
        let end = lexer.step(octet);
        if let Some(literal) = end {
            let event = Event::AppendEnd { clean: *clean && literal.is_none() };
            return match literal {
                // RFC 3502's next message, which we don't announce.
                Some(literal) if !literal.synchronising => {
                    self.skip_literal(literal, SkipEnd::AppendEnd)
                }
                _ => {
                    self.state = State::Line(Lexer::default());
                    Some(event)
                }
            };
        }
        *clean &= matches!(octet, b' ' | b'\r');
        if !*clean {
            let lexer = std::mem::take(lexer);
            let (budget, end) = (self.limits.skip, SkipEnd::AppendEnd);
            self.state = State::Skip(Skip { literal: 0, lexer, budget, end });
        }
        None
    }

    fn raw<'a>(&mut self, input: &mut &'a [u8]) -> Option<Event<'a>> {
        while let Some(octet) = take_one(input) {
            if octet == b'\n' {
                let mut line = std::mem::take(&mut self.held);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                self.state = State::Line(Lexer::default());
                return Some(Event::Line(line));
            }
            self.held.push(octet);
            if self.held.len() > self.limits.command {
                self.held = Vec::new();
                self.state = State::RawSkip { budget: self.limits.skip };
                return None;
            }
        }
        None
    }
}

impl State {
    /// In a message of which so many octets are to come.
    fn after_announcement(left: u64) -> Self {
        match left {
            0 => State::Tail { lexer: Lexer::default(), clean: true },
            left => State::Message { left },
        }
    }
}

fn take_one(input: &mut &[u8]) -> Option<u8> {
    let (&octet, rest) = input.split_first()?;
    *input = rest;
    Some(octet)
}

fn take_up_to<'a>(input: &mut &'a [u8], most: u64) -> &'a [u8] {
    let length = usize::try_from(most).unwrap_or(usize::MAX).min(input.len());
    let (piece, rest) = input.split_at_checked(length).unwrap_or((*input, &[]));
    *input = rest;
    piece
}

/// A bare LF ends a line too, as in Dovecot; the grammar sees CRLF.
fn end_with_crlf(held: &mut Vec<u8>) {
    if !held.ends_with(b"\r\n") {
        held.pop();
        held.extend_from_slice(b"\r\n");
    }
}

/// Whether these octets, which end in a literal's announcement, are `tag APPEND mailbox …` with the
/// mailbox complete. The one other literal that APPEND has is the mailbox itself.
fn announces_message(held: &[u8]) -> bool {
    let mut words = held.splitn(3, |&b| b == b' ');
    let (Some(_), Some(verb), Some(arguments)) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    let arguments = arguments.trim_ascii_start();
    let announced_at = arguments.iter().rposition(|&b| b == b'{');
    verb.eq_ignore_ascii_case(b"APPEND") && announced_at.is_some_and(|place| place > 0)
}

#[cfg(test)]
mod tests;
