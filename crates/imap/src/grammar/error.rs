//! What is wrong with a command, in Dovecot's words.

use std::borrow::Cow;
use std::fmt;

use nom::error::{ErrorKind, ParseError};

use super::chars::is_argument_char;
use crate::command::Tag;
use crate::response::{Code, Status};

/// A command that can't be read. `Display` is the reply's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCommand {
    /// As far as there is a good one; else the reply is untagged.
    pub tag: Option<Tag>,
    /// In upper case, as far as there is one.
    pub name: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

impl BadCommand {
    /// BAD, but for what is well formed and yet impossible.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self.problem {
            Problem::Keyword => Status::No,
            _ => Status::Bad,
        }
    }

    /// The response code that goes with it.
    #[must_use]
    pub const fn code(&self) -> Option<Code<'static>> {
        match self.problem {
            Problem::Keyword => Some(Code::Cannot),
            _ => None,
        }
    }
}

impl fmt::Display for BadCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.problem, &self.name) {
            (Problem::Tag, _) => write!(f, "Error in IMAP tag: {}.", self.problem),
            (Problem::Keyword | Problem::TagIsCommand, _) => self.problem.fmt(f),
            (problem, Some(name)) => write!(f, "Error in IMAP command {name}: {problem}"),
            (problem, None) => write!(f, "Error in IMAP command: {problem}"),
        }
    }
}

impl std::error::Error for BadCommand {}

/// Why a command can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No tag, or not a tag.
    #[error("Invalid tag")]
    Tag,
    /// No name, or not a name.
    #[error("Invalid command name")]
    Name,
    /// A person at a terminal forgot the tag.
    #[error(
        "First parameter in line is IMAP's command tag, not the command name. \
         Add that before the command, like: a login user pass"
    )]
    TagIsCommand,
    /// A name that means nothing here.
    #[error("Unknown command")]
    UnknownCommand,
    /// The arguments are wrong.
    #[error("{0}")]
    Arguments(Cow<'static, str>),
    /// AUTHENTICATE's initial response isn't base64 (RFC 4959 §3).
    #[error("Invalid base64 data in initial response")]
    InitialResponse,
    /// A flag that is no flag of the system's.
    #[error("Invalid system flag {0}")]
    SystemFlag(String),
    /// A keyword with characters that keywords can't have.
    #[error("Invalid characters in keyword")]
    Keyword,
}

/// The error inside the parsers: where one tells why, `alt` stops and the reason stays.
#[derive(Debug, PartialEq)]
pub(super) struct In(Option<Problem>);

/// What a parser gives.
pub(super) type Parsed<'a, T> = nom::IResult<&'a [u8], T, In>;

impl In {
    /// A reason that stands.
    pub(super) fn because(problem: Problem) -> nom::Err<Self> {
        nom::Err::Failure(Self(Some(problem)))
    }

    /// Stops with a text.
    pub(super) fn fail<'a, T>(text: &'static str) -> Parsed<'a, T> {
        Self::fail_with(Problem::Arguments(text.into()))
    }

    /// Stops with a text and the word that it is about, cut and made harmless.
    pub(super) fn fail_at<'a, T>(text: &'static str, word: &[u8]) -> Parsed<'a, T> {
        Self::fail_with(Problem::Arguments(format!("{text} {}", shown(word)).into()))
    }

    /// Stops with a problem.
    pub(super) fn fail_with<'a, T>(problem: Problem) -> Parsed<'a, T> {
        Err(Self::because(problem))
    }

    /// Not this; something else may fit.
    pub(super) fn other<'a, T>() -> Parsed<'a, T> {
        Err(nom::Err::Error(Self(None)))
    }
}

impl ParseError<&[u8]> for In {
    fn from_error_kind(_: &[u8], _: ErrorKind) -> Self {
        Self(None)
    }

    fn append(_: &[u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// Gives a failure without a reason this one.
pub(super) fn or_because<'a, T>(parsed: Parsed<'a, T>, text: &'static str) -> Parsed<'a, T> {
    match parsed {
        Err(nom::Err::Error(In(None)) | nom::Err::Failure(In(None))) => In::fail(text),
        other => other,
    }
}

/// Nothing may stand behind the arguments but blanks.
pub(super) fn whole<T>(parsed: Parsed<'_, T>) -> Result<T, Problem> {
    let unknown = || Problem::Arguments("Invalid arguments".into());
    match parsed {
        Ok((rest, value)) if rest.iter().all(|&b| b == b' ') => Ok(value),
        Ok((rest, _)) if rest.trim_ascii_start().starts_with(b")") => {
            Err(Problem::Arguments("Unexpected ')'".into()))
        }
        Err(nom::Err::Failure(In(problem)) | nom::Err::Error(In(problem))) => {
            Err(problem.unwrap_or_else(unknown))
        }
        Ok(_) | Err(nom::Err::Incomplete(_)) => Err(unknown()),
    }
}

/// The beginning of a word that a client wrote, for a reply.
pub(super) fn shown(word: &[u8]) -> String {
    const MOST: usize = 64;
    let good = |&&b: &&u8| is_argument_char(b);
    word.iter().take_while(good).take(MOST).map(|&b| char::from(b.to_ascii_uppercase())).collect()
}
