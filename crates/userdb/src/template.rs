//! Dovecot's variables: `%u`, `%Ln`, `%{user | lower}` in paths, names and fields.
//!
//! A value that becomes part of a path never climbs out of its folder: one that holds a `/` or
//! makes a component `.` or `..` is refused, whatever the name rules let through.

use std::net::IpAddr;
use std::path::PathBuf;

use nom::branch::alt;
use nom::bytes::complete::{is_not, tag, take_while1};
use nom::character::complete::{anychar, char, multispace0};
use nom::combinator::{all_consuming, map_opt, value};
use nom::multi::{many0, separated_list1};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser as _};

/// Text with variables in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(Variable, Vec<Change>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variable {
    User,
    LocalPart,
    Domain,
    Service,
    Home,
    LocalIp,
    RemoteIp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Lower,
    Upper,
    LocalPart,
    Domain,
}

/// What the variables stand for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Values<'a> {
    /// `%u`, and `%n` and `%d` before and behind its first `@`.
    pub user: &'a str,
    /// `%s`.
    pub service: &'a str,
    /// `%h`; "" before it is known.
    pub home: &'a str,
    /// `%l`.
    pub local: Option<IpAddr>,
    /// `%r`.
    pub remote: Option<IpAddr>,
}

impl<'a> Values<'a> {
    /// A user, and nothing else known.
    #[must_use]
    pub fn of_user(user: &'a str) -> Self {
        Self { user, ..Self::default() }
    }
}

/// A template that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown variable in {0:?}: known are %u %n %d %s %h %l %r with L or U in front of the letter, \
     %{{user}} %{{username}} %{{domain}} with | lower and | upper, and %% for a percent sign"
)]
pub struct TemplateError(String);

/// A user's name can't be made part of a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It would climb out of its folder.
    #[error("the user's name would climb out of {0:?}")]
    Climbs(String),
    /// A part of the path would be empty.
    #[error(
        "a part of {0:?} is empty for this user: has the name no domain? default_realm gives one"
    )]
    Empty(String),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// It holds a variable that isn't known.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        match all_consuming(many0(piece)).parse(source) {
            Ok((_, pieces)) => Ok(Self { source: source.into(), pieces }),
            Err(_) => Err(TemplateError(source.into())),
        }
    }

    /// A template that stands for itself, even where it has percent signs.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self { source: text.into(), pieces: vec![Piece::Text(text.into())] }
    }

    /// What was parsed.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is the same for all users.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        !self.pieces.iter().any(|piece| matches!(piece, Piece::Variable(..)))
    }

    /// Puts the values in.
    #[must_use]
    pub fn expand(&self, values: &Values<'_>) -> String {
        self.pieces.iter().map(|piece| piece.expand(values)).collect()
    }

    /// Puts the values in where the result is a path.
    ///
    /// # Errors
    /// A value climbs, or leaves a component empty.
    pub fn expand_path(&self, values: &Values<'_>) -> Result<PathBuf, PathError> {
        self.expand_checked(values, true).map(PathBuf::from)
    }

    /// Puts the values in where the result may hold a path (`maildir:/srv/%d/%n`).
    ///
    /// # Errors
    /// A value climbs.
    pub fn expand_field(&self, values: &Values<'_>) -> Result<String, PathError> {
        self.expand_checked(values, false)
    }

    fn expand_checked(&self, values: &Values<'_>, path: bool) -> Result<String, PathError> {
        let mut out = String::new();
        let mut component = Component::default();
        for piece in &self.pieces {
            let text = piece.expand(values);
            let own = matches!(piece, Piece::Text(_) | Piece::Variable(Variable::Home, _));
            if own {
                for c in text.chars() {
                    if matches!(c, '/' | ':') {
                        self.check(&component, path)?;
                        component = Component::default();
                    } else {
                        component.text.push(c);
                    }
                }
            } else if text.contains(['/', '\0']) {
                return Err(PathError::Climbs(self.source.clone()));
            } else {
                component.variable = true;
                component.text.push_str(&text);
            }
            out.push_str(&text);
        }
        self.check(&component, path)?;
        Ok(out)
    }

    fn check(&self, component: &Component, path: bool) -> Result<(), PathError> {
        match component.text.as_str() {
            _ if !component.variable => Ok(()),
            "." | ".." => Err(PathError::Climbs(self.source.clone())),
            "" if path => Err(PathError::Empty(self.source.clone())),
            _ => Ok(()),
        }
    }
}

/// One part of a path while it is put together.
#[derive(Default)]
struct Component {
    text: String,
    variable: bool,
}

impl Piece {
    fn expand(&self, values: &Values<'_>) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Variable(variable, changes) => {
                changes.iter().fold(variable.value(values), |text, change| change.apply(text))
            }
        }
    }
}

impl Variable {
    fn value(self, values: &Values<'_>) -> String {
        let address = |ip: Option<IpAddr>| ip.map(|ip| ip.to_string()).unwrap_or_default();
        match self {
            Self::User => values.user.into(),
            Self::LocalPart => Change::LocalPart.apply(values.user.into()),
            Self::Domain => Change::Domain.apply(values.user.into()),
            Self::Service => values.service.into(),
            Self::Home => values.home.into(),
            Self::LocalIp => address(values.local),
            Self::RemoteIp => address(values.remote),
        }
    }
}

impl Change {
    fn apply(self, text: String) -> String {
        match self {
            Self::Lower => text.to_lowercase(),
            Self::Upper => text.to_uppercase(),
            Self::LocalPart => text.split('@').next().unwrap_or_default().into(),
            Self::Domain => text.split_once('@').map_or("", |(_, domain)| domain).into(),
        }
    }
}

fn piece(input: &str) -> IResult<&str, Piece> {
    let percent = value(Piece::Text("%".into()), tag("%%"));
    let text = is_not("%").map(|text: &str| Piece::Text(text.into()));
    alt((text, percent, preceded(char('%'), alt((long, short))))).parse(input)
}

/// `%Lu`: modifiers, then a letter (2.3).
fn short(input: &str) -> IResult<&str, Piece> {
    let change = map_opt(anychar, |c| match c {
        'L' => Some(Change::Lower),
        'U' => Some(Change::Upper),
        _ => None,
    });
    let letter = map_opt(anychar, |c| {
        Some(match c {
            'u' => Variable::User,
            'n' => Variable::LocalPart,
            'd' => Variable::Domain,
            's' => Variable::Service,
            'h' => Variable::Home,
            'l' => Variable::LocalIp,
            'r' => Variable::RemoteIp,
            _ => return None,
        })
    });
    let (rest, (changes, variable)) = (many0(change), letter).parse(input)?;
    Ok((rest, Piece::Variable(variable, changes)))
}

/// `%{user | username | lower}`: a name, then filters (2.4; 2.3 has the name alone).
fn long(input: &str) -> IResult<&str, Piece> {
    let word = delimited(
        multispace0,
        take_while1(|c: char| c.is_ascii_alphanumeric() || c == '_'),
        multispace0,
    );
    let words = separated_list1(char('|'), word);
    let variable = |words: Vec<&str>| {
        let (first, filters) = words.split_first()?;
        let variable = match *first {
            "user" => Variable::User,
            "username" => Variable::LocalPart,
            "domain" => Variable::Domain,
            "service" | "protocol" => Variable::Service,
            "home" => Variable::Home,
            "lip" | "local_ip" => Variable::LocalIp,
            "rip" | "remote_ip" => Variable::RemoteIp,
            _ => return None,
        };
        let filters = filters.iter().map(|filter| match *filter {
            "lower" => Some(Change::Lower),
            "upper" => Some(Change::Upper),
            "username" => Some(Change::LocalPart),
            "domain" => Some(Change::Domain),
            _ => None,
        });
        Some(Piece::Variable(variable, filters.collect::<Option<_>>()?))
    };
    map_opt(delimited(char('{'), words, char('}')), variable).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn expand(template: &str, user: &str) -> String {
        Template::parse(template).unwrap().expand(&Values::of_user(user))
    }

    fn path(template: &str, user: &str) -> Result<PathBuf, PathError> {
        Template::parse(template).unwrap().expand_path(&Values::of_user(user))
    }

    #[test]
    fn both_spellings() {
        assert_eq!(expand("%Lu|%n|%d|%%", "Bob@X.test"), "bob@x.test|Bob|X.test|%");
        assert_eq!(expand("%{user | username | upper}-%{domain}", "bob@x"), "BOB-x");
        assert_eq!(expand("%d", "bob"), "");
        for bad in ["%x", "%", "%{foo}", "%{user | rot13}", "%{user", "%L"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_do_not_climb() {
        let template = "/var/vmail/%d/%n";
        assert_eq!(path(template, "bob@x"), Ok("/var/vmail/x/bob".into()));
        for user in ["..@x", "bob@..", ".@x", "a/b@x", "bob@../../etc", "bob@x/y", "a\0@x"] {
            assert!(matches!(path(template, user), Err(PathError::Climbs(_))), "{user}");
        }
        assert!(matches!(path(template, "bob"), Err(PathError::Empty(_))));
        // What the template says itself is the operator's business, and so is a mere dot inside.
        assert_eq!(path("/var/../%n.d", ".."), Ok("/var/../...d".into()));
        assert_eq!(path("/var//mail/%u", "bob"), Ok("/var//mail/bob".into()));
        assert!(path("/v/.%n", ".").is_err());
    }

    #[test]
    fn fields_with_paths_in_them_do_not_climb() {
        let field =
            |user| Template::parse("maildir:%n").unwrap().expand_field(&Values::of_user(user));
        assert_eq!(field("bob"), Ok("maildir:bob".into()));
        assert!(field("..").is_err());
    }

    proptest! {
        #[test]
        fn a_path_stays_under_its_folder(user in "[a./@]{1,12}|.*") {
            if let Ok(got) = path("/root/%d/%n/%u", &user) {
                let below = got.strip_prefix("/root").unwrap();
                prop_assert!(below.components().count() == 3);
                prop_assert!(below.components().all(|c| matches!(c, std::path::Component::Normal(_))));
            }
        }

        #[test]
        fn never_panics(source: String, user: String) {
            if let Ok(template) = Template::parse(&source) {
                let _ = template.expand_path(&Values::of_user(&user));
            }
        }
    }
}
