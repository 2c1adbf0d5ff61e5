//! Passing over what is refused or over a limit, to its exact end.

use super::event::{Event, Literal, Rejection};
use super::lexer::Lexer;
use super::{Framer, State, take_one, take_up_to};
use crate::command::Tag;

#[derive(Debug)]
pub(super) struct Skip {
    /// Octets of a literal still to come; then a line follows.
    pub(super) literal: u64,
    pub(super) lexer: Lexer,
    /// What may still be passed over.
    pub(super) budget: u64,
    pub(super) end: SkipEnd,
}

/// What is told when the end of a skipped command is reached.
#[derive(Debug)]
pub(super) enum SkipEnd {
    Rejected(Option<Tag>, Rejection),
    Refused,
    AppendEnd,
}

impl SkipEnd {
    fn event<'a>(self) -> Event<'a> {
        match self {
            SkipEnd::Rejected(tag, why) => Event::Rejected { tag, why },
            SkipEnd::Refused => Event::Skipped,
            SkipEnd::AppendEnd => Event::AppendEnd { clean: false },
        }
    }
}

impl Framer {
    pub(super) fn literal_too_big<'a>(&mut self, literal: Literal) -> Option<Event<'a>> {
        let (tag, why) = (self.take_tag(), Rejection::LiteralTooBig);
        if literal.synchronising {
            self.state = State::Line(Lexer::default());
            return Some(Event::Rejected { tag, why });
        }
        if literal.octets > self.limits.skip {
            self.state = State::Closed;
            return Some(Event::Close(why));
        }
        self.start_skip(literal.octets, SkipEnd::Rejected(tag, why));
        None
    }

    pub(super) fn too_long<'a>(&mut self, lexer: Lexer) -> Option<Event<'a>> {
        let end = SkipEnd::Rejected(self.take_tag(), Rejection::TooLong);
        self.state = State::Skip(Skip { literal: 0, lexer, budget: self.limits.skip, end });
        None
    }

    pub(super) fn start_skip(&mut self, literal: u64, end: SkipEnd) {
        let budget = self.limits.skip;
        self.state = State::Skip(Skip { literal, lexer: Lexer::default(), budget, end });
    }

    pub(super) fn skip_literal<'a>(&mut self, literal: Literal, end: SkipEnd) -> Option<Event<'a>> {
        if literal.octets > self.limits.skip {
            self.state = State::Closed;
            return Some(Event::Close(Rejection::LiteralTooBig));
        }
        self.start_skip(literal.octets, end);
        None
    }

    pub(super) fn skip<'a>(&mut self, input: &mut &'a [u8]) -> Option<Event<'a>> {
        let State::Skip(skip) = &mut self.state else { return None };
        if skip.literal > 0 {
            let passed = take_up_to(input, skip.literal).len() as u64;
            skip.literal -= passed;
            skip.budget = skip.budget.saturating_sub(passed);
            return None;
        }
        while let Some(octet) = take_one(input) {
            let end = skip.lexer.step(octet);
            if skip.budget == 0 {
                self.state = State::Closed;
                return Some(Event::Close(Rejection::TooLong));
            }
            skip.budget -= 1;
            match end {
                None => {}
                Some(Some(Literal { octets, synchronising: false })) => {
                    if octets > skip.budget {
                        self.state = State::Closed;
                        return Some(Event::Close(Rejection::LiteralTooBig));
                    }
                    (skip.literal, skip.lexer) = (octets, Lexer::default());
                    return None;
                }
                Some(_) => {
                    let ended = std::mem::replace(&mut self.state, State::Line(Lexer::default()));
                    let State::Skip(Skip { end, .. }) = ended else { return None };
                    return Some(end.event());
                }
            }
        }
        None
    }

    pub(super) fn raw_skip<'a>(&mut self, input: &mut &'a [u8]) -> Option<Event<'a>> {
        let State::RawSkip { budget } = &mut self.state else { return None };
        let octet = take_one(input)?;
        if octet == b'\n' {
            self.state = State::Line(Lexer::default());
            return Some(Event::LineTooLong);
        }
        if *budget == 0 {
            self.state = State::Closed;
            return Some(Event::Close(Rejection::TooLong));
        }
        *budget -= 1;
        None
    }

    /// The tag of what was held, which is let go.
    pub(super) fn take_tag(&mut self) -> Option<Tag> {
        let held = std::mem::take(&mut self.held);
        let end = held.iter().position(|&b| b == b' ')?;
        Tag::parse(held.get(..end)?)
    }
}
