//! Reads templates: `%Lu`, `%2.256Nd`, `%{user | username | lower}`.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{anychar, char, digit1, multispace0};
use nom::combinator::{map_opt, opt, recognize};
use nom::error::{Error, ErrorKind};
use nom::multi::{many0, separated_list0};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser as _};

use super::change::{Algorithm, Change, OldHash};
use super::variable::{Part, Variable};
use super::{Cut, Piece};

/// The largest width, offset and fill of a variable, in characters.
pub const MAX_WIDTH: u32 = 1024;

/// How many modifiers or filters a variable has at most.
const MAX_CHANGES: usize = 16;

/// How often a digest is repeated at most.
const MAX_ROUNDS: u32 = 10_000;

/// The pieces of a template, or where what can't be read starts.
pub(super) fn pieces(source: &str) -> Result<Vec<Piece>, usize> {
    let mut pieces = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find('%') {
        let (text, variable) = rest.split_at(at);
        if !text.is_empty() {
            pieces.push(Piece::Text(text.into()));
        }
        let (after, piece) = piece(variable).map_err(|_| source.len() - variable.len())?;
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.into()));
    }
    Ok(pieces)
}

/// What starts with a percent sign.
fn piece(input: &str) -> IResult<&str, Piece> {
    let percent = tag("%%").map(|_| Piece::Text("%".into()));
    alt((percent, preceded(char('%'), variable))).parse(input)
}

/// `[[OFFSET.]WIDTH][MODIFIERS]` and a letter, or a long name in braces.
fn variable(input: &str) -> IResult<&str, Piece> {
    let (input, cut) = cut(input)?;
    let (input, modifiers) = many0(modifier).parse(input)?;
    let short = map_opt(anychar, Variable::of_letter).map(|variable| (variable, Vec::new()));
    let (input, (variable, filters)) = alt((long, short)).parse(input)?;
    if modifiers.len() + filters.len() > MAX_CHANGES {
        return refuse(input);
    }
    let (changes, cut) = bind(modifiers, cut);
    let changes = filters.into_iter().chain(changes).collect();
    Ok((input, Piece::Variable { variable, changes, cut }))
}

/// What stands before the modifiers. Without a point it is a width whatever its sign.
fn cut(input: &str) -> IResult<&str, Cut> {
    let (input, negative) = opt(char('-')).parse(input)?;
    let (input, digits) = opt(digit1).parse(input)?;
    let first = number(digits.unwrap_or_default());
    let (input, point) = opt(char('.')).parse(input)?;
    let pad = |digits: Option<&str>| digits.is_some_and(|digits| digits.starts_with('0'));
    let (cut, input) = if point.is_none() {
        (first.map(|width| Cut { offset: 0, width, pad: pad(digits) }), input)
    } else {
        let (input, zero) = opt(char('0')).parse(input)?;
        let (input, minus) = opt(char('-')).parse(input)?;
        let (input, digits) = opt(digit1).parse(input)?;
        let width = number(digits.unwrap_or_default());
        let signed =
            |number: i32, minus: Option<char>| if minus.is_some() { -number } else { number };
        let cut = first.zip(width).map(|(offset, width)| Cut {
            offset: signed(offset, negative),
            width: signed(width, minus),
            pad: zero.is_some(),
        });
        (cut, input)
    };
    match cut {
        Some(cut) => Ok((input, cut)),
        None => refuse(input),
    }
}

fn number(digits: &str) -> Option<i32> {
    if digits.is_empty() {
        return Some(0);
    }
    let number: u32 = digits.parse().ok()?;
    i32::try_from(number).ok().filter(|_| number <= MAX_WIDTH)
}

/// A modifier before its width is known.
#[derive(Clone)]
enum Modifier {
    Plain(Change),
    Hash(OldHash),
}

fn modifier(input: &str) -> IResult<&str, Modifier> {
    let known = |letter| {
        Some(match letter {
            'L' => Modifier::Plain(Change::Lower),
            'U' => Modifier::Plain(Change::Upper),
            'E' => Modifier::Plain(Change::Escape),
            'X' => Modifier::Plain(Change::Hex(0)),
            'R' => Modifier::Plain(Change::Reverse),
            'M' => Modifier::Plain(Change::Md5Hex),
            'D' => Modifier::Plain(Change::LdapDn),
            'T' => Modifier::Plain(Change::Trim),
            'H' => Modifier::Hash(OldHash::Elf),
            'N' => Modifier::Hash(OldHash::New),
            _ => return None,
        })
    };
    map_opt(anychar, known).parse(input)
}

/// The first hash takes the width for its modulus and the offset for its digits.
fn bind(modifiers: Vec<Modifier>, mut cut: Cut) -> (Vec<Change>, Cut) {
    let changes = modifiers.into_iter().map(|modifier| match modifier {
        Modifier::Plain(change) => change,
        Modifier::Hash(hash) => {
            let taken = std::mem::take(&mut cut);
            Change::OldHash {
                hash,
                modulus: taken.width.unsigned_abs(),
                width: usize::try_from(taken.offset).unwrap_or_default(),
            }
        }
    });
    (changes.collect(), cut)
}

/// `{user | username | lower}`.
fn long(input: &str) -> IResult<&str, (Variable, Vec<Change>)> {
    let name = take_while1(|c: char| !matches!(c, '}' | '{' | '|' | '%' | ';'));
    let name = map_opt(name, |name: &str| Variable::of_name(name.trim()));
    let modulo = map_opt(preceded((char('%'), multispace0), digit1), |digits: &str| {
        digits.parse().ok().filter(|modulus| *modulus > 0).map(Change::Modulo)
    });
    let piped = preceded((char('|'), multispace0), filter);
    let changes = many0(terminated(alt((piped, modulo)), multispace0));
    delimited(char('{'), (name, changes), char('}')).parse(input)
}

/// What stands in a filter's brackets.
#[derive(Clone)]
enum Argument<'a> {
    Number(i32),
    Text(String),
    Named(&'a str, Box<Argument<'a>>),
}

fn filter(input: &str) -> IResult<&str, Change> {
    let (input, name) = word(input)?;
    let comma = delimited(multispace0, char(','), multispace0);
    let arguments = delimited(
        (char('('), multispace0),
        separated_list0(comma, argument),
        (multispace0, char(')')),
    );
    let (rest, arguments) = opt(arguments).parse(input)?;
    match change(name, &arguments.unwrap_or_default()) {
        Some(change) => Ok((rest, change)),
        None => refuse(input),
    }
}

fn word(input: &str) -> IResult<&str, &str> {
    take_while1(|c: char| c.is_ascii_alphanumeric() || c == '_').parse(input)
}

fn argument(input: &str) -> IResult<&str, Argument<'_>> {
    let named = (terminated(word, (multispace0, char('='), multispace0)), plain_argument)
        .map(|(key, value)| Argument::Named(key, Box::new(value)));
    alt((named, plain_argument)).parse(input)
}

fn plain_argument(input: &str) -> IResult<&str, Argument<'_>> {
    let number = map_opt(recognize((opt(char('-')), digit1)), |text: &str| {
        let limit = MAX_WIDTH.max(MAX_ROUNDS);
        text.parse::<i32>().ok().filter(|number| number.unsigned_abs() <= limit)
    });
    let quoted = |quote: char| {
        let inside = take_while(move |c: char| c != quote);
        delimited(char(quote), inside, char(quote)).map(|text: &str| Argument::Text(text.into()))
    };
    alt((number.map(Argument::Number), quoted('\''), quoted('"'))).parse(input)
}

fn change(name: &str, arguments: &[Argument<'_>]) -> Option<Change> {
    use Argument::{Number, Text};
    if let Some(algorithm) = Algorithm::of_name(name) {
        return digest(algorithm, arguments);
    }
    Some(match (name, arguments) {
        ("lower", []) => Change::Lower,
        ("upper", []) => Change::Upper,
        ("username", []) => Change::Only(Part::Local),
        ("domain", []) => Change::Only(Part::Domain),
        ("reverse", []) => Change::Reverse,
        ("ldap_dn", []) => Change::LdapDn,
        // Nothing here treats a value as another language's text.
        ("safe" | "text", []) => Change::Concat(String::new()),
        ("default", []) => Change::Default(String::new()),
        ("default", [Text(other)]) => Change::Default(other.clone()),
        ("default", [Number(other)]) => Change::Default(other.to_string()),
        ("concat", [Text(more)]) => Change::Concat(more.clone()),
        ("substr", [Number(offset)]) => Change::Substr(*offset, None),
        ("substr", [Number(offset), Number(length)]) => Change::Substr(*offset, Some(*length)),
        ("truncate", [Number(length)]) => Change::Truncate(width(*length)?),
        ("index", [Text(separator), Number(at)]) => Change::Index(separator.clone(), *at),
        ("hash", [Text(algorithm), more @ ..]) => digest(Algorithm::of_name(algorithm)?, more)?,
        ("hexlify", []) => Change::Hexlify(0),
        ("hexlify", [Number(digits)]) => Change::Hexlify(width(*digits)?),
        ("hex", []) => Change::Hex(0),
        ("hex", [Number(digits)]) if width(digits.abs()).is_some() => Change::Hex(*digits),
        ("base64", []) => Change::Base64,
        ("lfill" | "rfill", [Number(amount), with @ ..]) => {
            let with = match with {
                [] => "0".into(),
                [Text(with)] => with.clone(),
                [Number(with)] => with.to_string(),
                _ => return None,
            };
            Change::Fill { left: name == "lfill", amount: width(*amount)?, with }
        }
        _ => return None,
    })
}

fn width(number: i32) -> Option<usize> {
    u32::try_from(number).ok().filter(|number| *number <= MAX_WIDTH).map(|number| number as usize)
}

fn digest(algorithm: Algorithm, arguments: &[Argument<'_>]) -> Option<Change> {
    let (mut rounds, mut salt) = (1, String::new());
    for argument in arguments {
        let Argument::Named(key, value) = argument else { return None };
        match (*key, &**value) {
            ("rounds", Argument::Number(number)) => {
                rounds = u32::try_from(*number).ok().filter(|n| (1..=MAX_ROUNDS).contains(n))?;
            }
            ("salt", Argument::Text(text)) => salt.clone_from(text),
            _ => return None,
        }
    }
    Some(Change::Digest { algorithm, rounds, salt })
}

fn refuse<T>(input: &str) -> IResult<&str, T> {
    Err(nom::Err::Error(Error::new(input, ErrorKind::Verify)))
}
