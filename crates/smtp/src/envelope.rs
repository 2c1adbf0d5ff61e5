//! Whom a message is from and for, with every parameter that MAIL and RCPT may carry.
//!
//! RFC 5321 §4.1.1.2 and §4.1.1.3, RFC 1870 (SIZE), RFC 6152 (BODY), RFC 6531 (SMTPUTF8), RFC 3461
//! (RET, ENVID, NOTIFY, ORCPT), RFC 4954 (AUTH). A value here prints as the very line that carries it,
//! and that line parses back: the queue keeps lines.

use std::fmt;

use address::{ForwardPath, ReversePath};

use crate::params::{self, ParamError};
use crate::xtext;

/// RFC 3461 §4.4 says 100 for ENVID; encoded it may be longer.
pub const MAX_ENVID: usize = 100;
/// RFC 3461 §4.2 says 500 for ORCPT.
pub const MAX_ORCPT: usize = 500;

/// What the content may hold (RFC 6152, RFC 3030).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyType {
    /// 7BIT
    SevenBit,
    /// 8BITMIME
    EightBitMime,
}

/// What a report gives back (RFC 3461 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its header.
    Headers,
}

/// When the sender wants a report (RFC 3461 §4.1). All false is NEVER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Notify {
    /// On delivery.
    pub success: bool,
    /// On failure.
    pub failure: bool,
    /// When it is late.
    pub delay: bool,
}

/// The recipient as the sender first wrote it (RFC 3461 §4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orcpt {
    /// `rfc822` or `utf-8`.
    pub addr_type: String,
    /// Decoded.
    pub address: String,
}

/// The parameters of MAIL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailParams {
    /// SIZE, in octets.
    pub size: Option<u64>,
    /// BODY.
    pub body: Option<BodyType>,
    /// SMTPUTF8.
    pub smtputf8: bool,
    /// RET.
    pub ret: Option<Ret>,
    /// ENVID, decoded.
    pub envid: Option<String>,
    /// AUTH, decoded; `<>` stands as it is.
    pub auth: Option<String>,
}

/// The parameters of RCPT.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RcptParams {
    /// NOTIFY.
    pub notify: Option<Notify>,
    /// ORCPT.
    pub orcpt: Option<Orcpt>,
}

/// `MAIL FROM:<…> …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Where failures go.
    pub from: ReversePath,
    /// What else was said.
    pub params: MailParams,
}

/// `RCPT TO:<…> …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rcpt {
    /// Whom it is for.
    pub to: ForwardPath,
    /// What else was said.
    pub params: RcptParams,
}

/// A sender and one recipient or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The sender's line.
    pub mail: Mail,
    /// The recipients' lines, in order.
    pub rcpts: Vec<Rcpt>,
}

impl Mail {
    /// A sender without parameters.
    #[must_use]
    pub fn from(from: ReversePath) -> Self {
        Self { from, params: MailParams::default() }
    }

    /// Parses `MAIL FROM:<…> …`, as [`fmt::Display`] prints it.
    ///
    /// # Errors
    /// What is wrong with it, in terms of the reply that it deserves.
    pub fn parse(line: &str) -> Result<Self, ParamError> {
        params::mail(strip_verb(line, "MAIL FROM:").ok_or(ParamError::Syntax)?)
    }
}

impl Rcpt {
    /// A recipient without parameters.
    #[must_use]
    pub fn to(to: ForwardPath) -> Self {
        Self { to, params: RcptParams::default() }
    }

    /// Parses `RCPT TO:<…> …`, as [`fmt::Display`] prints it.
    ///
    /// # Errors
    /// What is wrong with it, in terms of the reply that it deserves.
    pub fn parse(line: &str) -> Result<Self, ParamError> {
        params::rcpt(strip_verb(line, "RCPT TO:").ok_or(ParamError::Syntax)?)
    }
}

impl Envelope {
    /// Whether it can't be said without SMTPUTF8 (RFC 6531 §3.4): it was asked for, or an address
    /// needs it.
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        self.mail.params.smtputf8
            || !self.mail.from.is_ascii()
            || self.rcpts.iter().any(|rcpt| !rcpt.to.address().is_ascii())
    }
}

fn strip_verb<'a>(line: &'a str, verb: &str) -> Option<&'a str> {
    let (head, rest) = line.split_at_checked(verb.len())?;
    head.eq_ignore_ascii_case(verb).then_some(rest)
}

impl Notify {
    fn words(self) -> String {
        let words = [(self.success, "SUCCESS"), (self.failure, "FAILURE"), (self.delay, "DELAY")];
        let said: Vec<&str> = words.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
        if said.is_empty() { "NEVER".to_owned() } else { said.join(",") }
    }
}

impl fmt::Display for MailParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(size) = self.size {
            write!(f, " SIZE={size}")?;
        }
        match self.body {
            Some(BodyType::SevenBit) => f.write_str(" BODY=7BIT")?,
            Some(BodyType::EightBitMime) => f.write_str(" BODY=8BITMIME")?,
            None => {}
        }
        if self.smtputf8 {
            f.write_str(" SMTPUTF8")?;
        }
        match self.ret {
            Some(Ret::Full) => f.write_str(" RET=FULL")?,
            Some(Ret::Headers) => f.write_str(" RET=HDRS")?,
            None => {}
        }
        if let Some(envid) = &self.envid {
            write!(f, " ENVID={}", xtext::encode(envid))?;
        }
        match self.auth.as_deref() {
            Some("<>") => f.write_str(" AUTH=<>"),
            Some(auth) => write!(f, " AUTH={}", xtext::encode(auth)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for RcptParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(notify) = self.notify {
            write!(f, " NOTIFY={}", notify.words())?;
        }
        if let Some(orcpt) = &self.orcpt {
            write!(f, " ORCPT={};{}", orcpt.addr_type, xtext::encode(&orcpt.address))?;
        }
        Ok(())
    }
}

impl fmt::Display for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MAIL FROM:{}{}", self.from, self.params)
    }
}

impl fmt::Display for Rcpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RCPT TO:{}{}", self.to, self.params)
    }
}
