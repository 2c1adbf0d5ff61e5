//! The grammar of MAIL's and RCPT's arguments (RFC 5321 §4.1.2 `Mail-parameters`).

use address::{Address, AddressError, ForwardPath, ReversePath};
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::{char, satisfy, space0, space1};
use nom::combinator::{opt, recognize};
use nom::multi::many0;
use nom::sequence::preceded;
use nom::{IResult, Parser};

use crate::envelope::{
    BodyType, MAX_ENVID, MAX_ORCPT, Mail, MailParams, Notify, Orcpt, Rcpt, RcptParams, Ret,
};
use crate::xtext;

/// More parameters than any extension we know could give.
const MAX_PARAMS: usize = 32;

/// Why MAIL's or RCPT's argument can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// No path, or not what follows one.
    #[error("syntax error")]
    Syntax,
    /// The path isn't an address.
    #[error("bad address: {0}")]
    Address(AddressError),
    /// A parameter that we don't know (RFC 5321 §4.1.1.11: 555).
    #[error("unsupported option {0}")]
    Unsupported(String),
    /// A known parameter with a bad value.
    #[error("bad value of {0}")]
    Value(&'static str),
}

/// `keyword[=value]`
struct Param<'a> {
    keyword: &'a str,
    value: Option<&'a str>,
}

/// `esmtp-param = esmtp-keyword ["=" esmtp-value]`
fn param(input: &str) -> IResult<&str, Param<'_>> {
    let keyword = recognize((
        satisfy(|c| c.is_ascii_alphanumeric()),
        take_while(|c: char| c.is_ascii_alphanumeric() || c == '-'),
    ));
    // Printable, but for "=": RFC 6531 §3.3 widens it to UTF-8. ORCPT and AUTH may hold "=" in practice.
    let value = take_while1(|c: char| !c.is_control() && c != ' ');
    let (rest, (keyword, value)) = (keyword, opt(preceded(char('='), value))).parse(input)?;
    Ok((rest, Param { keyword, value }))
}

fn params(input: &str) -> Result<Vec<Param<'_>>, ParamError> {
    let parsed: IResult<&str, _> = (many0(preceded(space1, param)), space0).parse(input);
    match parsed {
        Ok(("", (params, _))) if params.len() <= MAX_PARAMS => Ok(params),
        _ => Err(ParamError::Syntax),
    }
}

/// A path, with the brackets that some clients leave out put around it (Postfix takes them too unless
/// `strict_rfc821_envelopes`).
fn reverse_path(text: &str) -> Result<(ReversePath, &str), ParamError> {
    if text.starts_with('<') {
        return ReversePath::parse_prefix(text).map_err(ParamError::Address);
    }
    let (address, rest) = bare_address(text)?;
    Ok((ReversePath::Address(address), rest))
}

fn forward_path(text: &str) -> Result<(ForwardPath, &str), ParamError> {
    if text.starts_with('<') {
        return ForwardPath::parse_prefix(text).map_err(ParamError::Address);
    }
    let (address, rest) = bare_address(text)?;
    Ok((ForwardPath::new(address), rest))
}

fn bare_address(text: &str) -> Result<(Address, &str), ParamError> {
    let end = text.find(' ').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    if word.is_empty() {
        return Err(ParamError::Syntax);
    }
    Ok((word.parse().map_err(ParamError::Address)?, rest))
}

/// What stands behind `MAIL FROM:`.
pub(crate) fn mail(argument: &str) -> Result<Mail, ParamError> {
    let (from, rest) = reverse_path(argument.trim_start_matches(' '))?;
    let mut params = MailParams::default();
    for Param { keyword, value } in self::params(rest)? {
        match (keyword.to_ascii_uppercase().as_str(), value) {
            // RFC 1870 §5: up to twenty digits.
            ("SIZE", Some(value)) => params.size = Some(size(value)?),
            ("BODY", Some(value)) => params.body = Some(body(keyword, value)?),
            ("SMTPUTF8", None) => params.smtputf8 = true,
            ("RET", Some(value)) => params.ret = Some(ret(value)?),
            ("ENVID", Some(value)) => params.envid = Some(decoded(value, MAX_ENVID, "ENVID")?),
            ("AUTH", Some("<>")) => params.auth = Some("<>".to_owned()),
            ("AUTH", Some(value)) => params.auth = Some(decoded(value, MAX_ORCPT, "AUTH")?),
            _ => return Err(unsupported(keyword, value)),
        }
    }
    Ok(Mail { from, params })
}

/// What stands behind `RCPT TO:`.
pub(crate) fn rcpt(argument: &str) -> Result<Rcpt, ParamError> {
    let (to, rest) = forward_path(argument.trim_start_matches(' '))?;
    let mut params = RcptParams::default();
    for Param { keyword, value } in self::params(rest)? {
        match (keyword.to_ascii_uppercase().as_str(), value) {
            ("NOTIFY", Some(value)) => params.notify = Some(notify(value)?),
            ("ORCPT", Some(value)) => params.orcpt = Some(orcpt(value)?),
            _ => return Err(unsupported(keyword, value)),
        }
    }
    Ok(Rcpt { to, params })
}

fn unsupported(keyword: &str, value: Option<&str>) -> ParamError {
    ParamError::Unsupported(match value {
        Some(value) => format!("{keyword}={value}"),
        None => keyword.to_owned(),
    })
}

fn size(value: &str) -> Result<u64, ParamError> {
    let digits =
        !value.is_empty() && value.len() <= 20 && value.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(ParamError::Value("SIZE"));
    }
    // Twenty digits may be more than 64 bits: larger than any limit is all that matters then.
    Ok(value.parse().unwrap_or(u64::MAX))
}

fn body(keyword: &str, value: &str) -> Result<BodyType, ParamError> {
    match value.to_ascii_uppercase().as_str() {
        "7BIT" => Ok(BodyType::SevenBit),
        "8BITMIME" => Ok(BodyType::EightBitMime),
        _ => Err(unsupported(keyword, Some(value))),
    }
}

fn ret(value: &str) -> Result<Ret, ParamError> {
    match value.to_ascii_uppercase().as_str() {
        "FULL" => Ok(Ret::Full),
        "HDRS" => Ok(Ret::Headers),
        _ => Err(ParamError::Value("RET")),
    }
}

fn notify(value: &str) -> Result<Notify, ParamError> {
    let mut notify = Notify::default();
    let words: Vec<String> = value.split(',').map(str::to_ascii_uppercase).collect();
    for word in &words {
        match word.as_str() {
            // RFC 3461 §4.1: NEVER stands alone.
            "NEVER" if words.len() == 1 => {}
            "SUCCESS" => notify.success = true,
            "FAILURE" => notify.failure = true,
            "DELAY" => notify.delay = true,
            _ => return Err(ParamError::Value("NOTIFY")),
        }
    }
    Ok(notify)
}

fn orcpt(value: &str) -> Result<Orcpt, ParamError> {
    let bad = ParamError::Value("ORCPT");
    let Some((addr_type, address)) = value.split_once(';') else { return Err(bad) };
    let atom =
        !addr_type.is_empty() && addr_type.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !atom || addr_type.len() > 32 {
        return Err(bad);
    }
    Ok(Orcpt { addr_type: addr_type.to_owned(), address: decoded(address, MAX_ORCPT, "ORCPT")? })
}

fn decoded(value: &str, limit: usize, keyword: &'static str) -> Result<String, ParamError> {
    let text = xtext::decode(value).filter(|text| !text.is_empty() && text.len() <= limit);
    text.ok_or(ParamError::Value(keyword))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_print_as_they_came() {
        for line in [
            "MAIL FROM:<> SIZE=10 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb AUTH=<>",
            "MAIL FROM:<a@b.test>",
            "MAIL FROM:<a@b.test> AUTH=e+3Dmc2@example.com",
        ] {
            assert_eq!(Mail::parse(line).map(|m| m.to_string()).as_deref(), Ok(line));
        }
        for line in [
            "RCPT TO:<a@b.test> NOTIFY=NEVER ORCPT=rfc822;q+2B1@r.test",
            "RCPT TO:<postmaster> NOTIFY=SUCCESS,FAILURE,DELAY",
        ] {
            assert_eq!(Rcpt::parse(line).map(|r| r.to_string()).as_deref(), Ok(line));
        }
    }

    #[test]
    fn forms_that_clients_send() {
        assert!(Mail::parse("mail from: <a@b.test> size=1").is_ok());
        assert!(Mail::parse("MAIL FROM: a@b.test").is_ok());
        assert!(
            Mail::parse("MAIL FROM:<a@b.test> SIZE=99999999999999999999")
                .is_ok_and(|m| m.params.size == Some(u64::MAX))
        );
    }

    #[test]
    fn refused_forms() {
        let mail = |text: &str| Mail::parse(text).expect_err("bad");
        assert!(matches!(mail("MAIL FROM:<a@b.test"), ParamError::Address(_)));
        assert_eq!(
            mail("MAIL FROM:<a@b.test> BODY=9BIT"),
            ParamError::Unsupported("BODY=9BIT".into())
        );
        assert_eq!(mail("MAIL FROM:<a@b.test> FOO=1"), ParamError::Unsupported("FOO=1".into()));
        assert_eq!(mail("MAIL FROM:<a@b.test> SIZE=x"), ParamError::Value("SIZE"));
        assert_eq!(mail("MAIL FROM:<a@b.test>x"), ParamError::Syntax);
        let rcpt = |text: &str| Rcpt::parse(text).expect_err("bad");
        assert!(matches!(rcpt("RCPT TO:<>"), ParamError::Address(_)));
        assert_eq!(rcpt("RCPT TO:<a@b.test> NOTIFY=NEVER,DELAY"), ParamError::Value("NOTIFY"));
        assert_eq!(rcpt("RCPT TO:<a@b.test> ORCPT=a@b"), ParamError::Value("ORCPT"));
    }

    proptest! {
        #[test]
        fn never_panics_and_round_trips(tail in "(<[a-z@.]{0,12}>)?( ?(SIZE|BODY|RET|ENVID|AUTH|SMTPUTF8|NOTIFY|ORCPT)(=[a-zA-Z0-9+;,<>=@]{0,9})?){0,4}|\\PC{0,40}") {
            if let Ok(mail) = Mail::parse(&format!("MAIL FROM:{tail}")) {
                prop_assert_eq!(Mail::parse(&mail.to_string()), Ok(mail));
            }
            if let Ok(rcpt) = Rcpt::parse(&format!("RCPT TO:{tail}")) {
                prop_assert_eq!(Rcpt::parse(&rcpt.to_string()), Ok(rcpt));
            }
        }
    }
}
