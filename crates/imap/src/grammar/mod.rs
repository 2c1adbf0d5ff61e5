//! Reads one whole command into its types: nom parsers, complete, one file a theme.
//!
//! Works on what [`crate::frame`] cut out: lines end in CRLF and literals stand within. Where
//! Dovecot takes more than RFC 3501 §9 allows, and no meaning suffers, so does this: several blanks,
//! blanks at the end, `%`, `*` and `\` in unquoted strings, any character behind a backslash.

mod append;
mod auth;
mod chars;
mod dates;
mod error;
mod fetch;
mod list;
mod mailboxes;
mod messages;
mod numbers;
mod search;
mod strings;

pub use auth::{SaslResponse, sasl_response};
pub use chars::{is_argument_char, is_astring_char, is_atom_char, is_quoted_special};
pub use error::{BadCommand, Problem};
pub use fetch::{MAX_FETCH_ITEMS, MAX_HEADER_FIELDS, MAX_PART_NUMBERS};
pub use list::MAX_PATTERNS;
pub use search::{MAX_SEARCH_DEPTH, MAX_SEARCH_KEYS};

use crate::command::{Append, Command, Messages, Search, Tag, Tagged};
use error::{In, Parsed};

/// Reads a command.
///
/// ```abnf
/// command = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF
/// uid     = "UID" SP (copy / fetch / search / store)
/// ```
///
/// # Errors
/// [`BadCommand`] has the tag as far as there is one, and the reply's text.
pub fn command(octets: &[u8]) -> Result<Tagged, BadCommand> {
    let head = Head::read(octets)?;
    let parsed = match head.by_uid {
        true => by_uid(&head.name, head.arguments),
        false => plain(&head.name, head.arguments),
    };
    match parsed {
        Ok(command) => Ok(Tagged { tag: head.tag, command }),
        Err(problem) => Err(head.bad(problem)),
    }
}

/// Reads APPEND up to and with the announcement of its message.
///
/// # Errors
/// As [`command`].
pub fn append(octets: &[u8]) -> Result<Append, BadCommand> {
    let head = Head::read(octets)?;
    match error::whole(append::append(head.arguments)) {
        Ok((name, flags, date)) => Ok(Append { tag: head.tag, name, flags, date }),
        Err(problem) => Err(head.bad(problem)),
    }
}

/// What every command begins with.
struct Head<'a> {
    tag: Tag,
    by_uid: bool,
    /// In upper case, without `UID`.
    name: String,
    /// From the blank behind the name on, without the last CRLF.
    arguments: &'a [u8],
}

impl<'a> Head<'a> {
    fn read(octets: &'a [u8]) -> Result<Self, BadCommand> {
        let line = octets.strip_suffix(b"\r\n").unwrap_or(octets);
        let (tag, rest) = word(line);
        let Some(tag) = Tag::parse(tag) else {
            return Err(BadCommand { tag: None, name: None, problem: Problem::Tag });
        };
        let nameless = |tag: Tag| {
            let login = tag.as_str().eq_ignore_ascii_case("LOGIN");
            let problem = if login { Problem::TagIsCommand } else { Problem::Name };
            BadCommand { tag: Some(tag), name: None, problem }
        };
        let Some((first, mut arguments)) = name(rest) else { return Err(nameless(tag)) };
        let by_uid = first == "UID";
        let mut name_read = first;
        if by_uid {
            let Some((second, rest)) = name(arguments) else { return Err(nameless(tag)) };
            (name_read, arguments) = (second, rest);
        }
        Ok(Self { tag, by_uid, name: name_read, arguments })
    }

    fn bad(self, problem: Problem) -> BadCommand {
        let unknown = problem == Problem::UnknownCommand;
        if unknown && self.tag.as_str().eq_ignore_ascii_case("LOGIN") {
            return BadCommand { tag: Some(self.tag), name: None, problem: Problem::TagIsCommand };
        }
        let name = if self.by_uid { format!("UID {}", self.name) } else { self.name };
        BadCommand { tag: Some(self.tag), name: Some(name), problem }
    }
}

/// Up to the first blank, and the rest from there on.
fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|&b| b == b' ').unwrap_or(line.len());
    line.split_at_checked(end).unwrap_or((line, &[]))
}

/// A blank and a command's name, in upper case.
fn name(rest: &[u8]) -> Option<(String, &[u8])> {
    let (name, arguments) = word(rest.strip_prefix(b" ")?);
    let good = !name.is_empty() && name.iter().all(|&b| is_atom_char(b));
    let name = std::str::from_utf8(name).ok().filter(|_| good)?;
    Some((name.to_ascii_uppercase(), arguments))
}

fn plain(name: &str, arguments: &[u8]) -> Result<Command, Problem> {
    let sequence =
        |input| messages::sequence(input).map(|(rest, set)| (rest, Messages::Sequence(set)));
    let parsed: Parsed<'_, Command> = match name {
        "CAPABILITY" => Ok((arguments, Command::Capability)),
        "NOOP" => Ok((arguments, Command::Noop)),
        "LOGOUT" => Ok((arguments, Command::Logout)),
        "STARTTLS" => Ok((arguments, Command::StartTls)),
        "NAMESPACE" => Ok((arguments, Command::Namespace)),
        "IDLE" => Ok((arguments, Command::Idle)),
        "CHECK" => Ok((arguments, Command::Check)),
        "CLOSE" => Ok((arguments, Command::Close)),
        "UNSELECT" => Ok((arguments, Command::Unselect)),
        "EXPUNGE" => Ok((arguments, Command::Expunge(None))),
        "ID" => auth::id(arguments),
        "AUTHENTICATE" => auth::authenticate(arguments),
        "LOGIN" => auth::login(arguments),
        "ENABLE" => auth::enable(arguments),
        "SELECT" => mailboxes::named(arguments, Command::Select),
        "EXAMINE" => mailboxes::named(arguments, Command::Examine),
        "DELETE" => mailboxes::named(arguments, Command::Delete),
        "SUBSCRIBE" => mailboxes::named(arguments, Command::Subscribe),
        "UNSUBSCRIBE" => mailboxes::named(arguments, Command::Unsubscribe),
        "CREATE" => mailboxes::create(arguments),
        "RENAME" => mailboxes::rename(arguments),
        "STATUS" => mailboxes::status(arguments),
        "LIST" => list::list(arguments),
        "LSUB" => list::lsub(arguments),
        "SEARCH" => search::search(arguments).map(|(rest, search)| (rest, Command::Search(search))),
        "FETCH" => fetch::fetch(arguments, sequence),
        "STORE" => messages::store(arguments, sequence),
        "COPY" => messages::copy(arguments, sequence),
        "MOVE" => messages::move_(arguments, sequence),
        // Its message's announcement never came, or isn't where it belongs.
        "APPEND" => In::fail("Missing message size"),
        _ => In::fail_with(Problem::UnknownCommand),
    };
    error::whole(parsed)
}

fn by_uid(name: &str, arguments: &[u8]) -> Result<Command, Problem> {
    let uids = |input| messages::uids(input).map(|(rest, set)| (rest, Messages::Uid(set)));
    let parsed = match name {
        "FETCH" => fetch::fetch(arguments, uids),
        "STORE" => messages::store(arguments, uids),
        "COPY" => messages::copy(arguments, uids),
        "MOVE" => messages::move_(arguments, uids),
        "SEARCH" => search::search(arguments)
            .map(|(rest, search)| (rest, Command::Search(Search { by_uid: true, ..search }))),
        "EXPUNGE" => {
            messages::uids(arguments).map(|(rest, set)| (rest, Command::Expunge(Some(set))))
        }
        _ => In::fail_with(Problem::UnknownCommand),
    };
    error::whole(parsed)
}

#[cfg(test)]
mod tests;
