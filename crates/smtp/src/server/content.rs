//! DATA and BDAT: the content's octets, its size, and the verdict on it.

use crate::Protocol;
use crate::data::Decoder;
use crate::reply::Reply;
use crate::server::command::{self, Verb};
use crate::server::order::{self, Stage};
use crate::server::{Action, Mode, Question, Session};

/// A chunk that is coming (RFC 3030 §2).
#[derive(Debug)]
pub(super) struct Chunk {
    /// Octets still to come.
    left: u64,
    /// How many it has in all.
    size: u64,
    /// No other follows.
    last: bool,
    /// Refused: its octets are dropped, then this is said.
    refused: Option<Reply>,
    /// The message's decoder; the first chunk makes it.
    decoder: Decoder,
}

impl Session {
    pub(super) fn bdat(&mut self, argument: &str) -> Option<Action> {
        let (count, rest) = command::split(argument);
        let digits =
            !count.is_empty() && count.len() <= 19 && count.bytes().all(|b| b.is_ascii_digit());
        let last = rest.eq_ignore_ascii_case("LAST");
        let size = count.parse::<u64>().ok().filter(|_| digits && (last || rest.is_empty()));
        // Where the octets end that follow isn't known, so no command can be told from them any more.
        let Some(size) = size else {
            self.goodbye(&Reply::new(521, 5, 4, "Syntax: BDAT count [LAST]"));
            return None;
        };
        // However the command ends, its octets follow and are never commands.
        let refused = order::check(self.stage, Verb::Bdat, self.circumstances()).err();
        let chunk = Chunk { left: size, size, last, refused, decoder: Decoder::for_bdat() };
        if chunk.refused.is_some() {
            self.mode = Mode::Chunk(chunk);
            return None;
        }
        if self.stage == Stage::Bdat {
            let decoder = self.bdat_decoder.take().unwrap_or_else(Decoder::for_bdat);
            self.mode = Mode::Chunk(Chunk { decoder, ..chunk });
            return None;
        }
        self.mode = Mode::Begin(Some(chunk));
        Some(Action::Ask(Question::Begin))
    }

    /// Whether the content may come.
    pub fn answer_begin(&mut self, answer: Result<(), Reply>) {
        let chunk = match std::mem::replace(&mut self.mode, Mode::Command) {
            Mode::Begin(chunk) => chunk,
            other => {
                self.mode = other;
                return;
            }
        };
        match (answer, chunk) {
            (Ok(()), None) => {
                let go = Reply::bare(354, "End data with <CR><LF>.<CR><LF>");
                self.output.extend_from_slice(&go.to_wire());
                self.mode = Mode::Data(Decoder::for_data());
            }
            (Ok(()), Some(chunk)) => {
                self.stage = Stage::Bdat;
                self.mode = Mode::Chunk(chunk);
            }
            (Err(reply), None) => {
                self.abort();
                self.say_verdict(&reply);
            }
            (Err(reply), Some(chunk)) => {
                self.abort();
                self.mode = Mode::Chunk(Chunk { refused: Some(reply), ..chunk });
            }
        }
    }

    pub(super) fn data_octets(&mut self) -> Option<Action> {
        if self.input.is_empty() {
            return Some(Action::Read);
        }
        let Mode::Data(decoder) = &mut self.mode else { return None };
        let mut content = Vec::with_capacity(self.input.len());
        let pushed = decoder.push(&self.input, &mut content);
        self.input.drain(..pushed.consumed);
        let piece = self.admit(content);
        if pushed.ended {
            self.mode = Mode::Command;
            let end = self.end_of_content();
            return self.in_turn(piece, end);
        }
        piece
    }

    pub(super) fn chunk_octets(&mut self) -> Option<Action> {
        let Mode::Chunk(chunk) = &mut self.mode else { return None };
        let most = usize::try_from(chunk.left).unwrap_or(usize::MAX);
        if self.input.is_empty() && most > 0 {
            return Some(Action::Read);
        }
        let taken = self.input.len().min(most);
        let octets: Vec<u8> = self.input.drain(..taken).collect();
        chunk.left -= taken as u64;
        let (done, last, size) = (chunk.left == 0, chunk.last, chunk.size);
        if let Some(reply) = chunk.refused.take_if(|_| done) {
            self.mode = Mode::Command;
            self.say(&reply);
            return None;
        }
        if chunk.refused.is_some() {
            return None;
        }
        let mut content = Vec::with_capacity(taken + 2);
        chunk.decoder.push(&octets, &mut content);
        if done && last {
            chunk.decoder.finish(&mut content);
        }
        let decoder = chunk.decoder.clone();
        let piece = self.admit(content);
        if !done {
            return piece;
        }
        self.mode = Mode::Command;
        let end = if last { self.end_of_content() } else { self.end_of_chunk(size, decoder) };
        self.in_turn(piece, end)
    }

    /// The content's piece, unless the message has become too large: then the daemon forgets it at
    /// once, and the rest is read and dropped.
    fn admit(&mut self, content: Vec<u8>) -> Option<Action> {
        self.size = self.size.saturating_add(content.len() as u64);
        let limit = self.options.limits.size;
        if self.overflow || content.is_empty() {
            return None;
        }
        if limit > 0 && self.size > limit {
            self.overflow = true;
            return Some(Action::Abort);
        }
        Some(Action::Content(content))
    }

    fn end_of_chunk(&mut self, size: u64, decoder: Decoder) -> Option<Action> {
        if self.overflow {
            self.say_verdict(&too_big());
            self.forget_transaction();
            return None;
        }
        self.bdat_decoder = Some(decoder);
        self.say(&Reply::new(250, 0, 0, format!("Ok: {size} bytes")));
        None
    }

    fn end_of_content(&mut self) -> Option<Action> {
        if self.overflow {
            let replies = if self.options.protocol == Protocol::Lmtp { self.taken } else { 1 };
            self.forget_transaction();
            for _ in 0..replies {
                self.say_verdict(&too_big());
            }
            return None;
        }
        Some(self.ask(Question::Finish))
    }

    fn in_turn(&mut self, first: Option<Action>, then: Option<Action>) -> Option<Action> {
        match (first, then) {
            (Some(first), then) => {
                self.pending.extend(then);
                Some(first)
            }
            (None, then) => then,
        }
    }

    /// The verdict on the message: one reply, in LMTP one a recipient that was taken, in order.
    pub fn answer_finish(&mut self, replies: &[Reply]) {
        self.resume();
        let wanted = if self.options.protocol == Protocol::Lmtp { self.taken } else { 1 };
        self.forget_transaction();
        let missing = Reply::new(451, 3, 0, "Error: no verdict on the message");
        for at in 0..wanted {
            let reply = replies.get(at).unwrap_or(&missing);
            if reply.is_positive() {
                self.errors = 0;
                self.junk = 0;
            }
            self.say_verdict(reply);
        }
    }
}

fn too_big() -> Reply {
    Reply::new(552, 3, 4, "Error: message file too big")
}
