//! Header, command line and caller put together: the envelope, and the header as it goes out.
//!
//! Recipients as Postfix's sendmail(1) takes them; a header is completed as its cleanup(8) does it, by
//! the program of the user who wrote it. What needs the message's id (Message-ID, Date, Received) is
//! smtpd's. Ruled by RFC 5322 §3.6 and RFC 3461 §4.

use std::collections::HashSet;

use address::{Address, Domain, ForwardPath, ReversePath};
use smtp::{BodyType, Envelope, Mail, MailParams, Notify, Rcpt, RcptParams};

use super::header::Field;
use super::intake::Head;
use super::list::{self, Found};
use super::name;
use super::options::Sending;
use crate::exit::{EX_DATAERR, Failure};

/// Recipients of one message, from command line and header together.
pub const MAX_RECIPIENTS: usize = 50_000;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The login name of the real user.
    pub login: String,
    /// The real user.
    pub uid: u32,
    /// As `$NAME` or GECOS have it; may be empty.
    pub full_name: String,
}

impl Caller {
    /// `root(0)`, as Postfix's messages begin.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}({})", self.login, self.uid)
    }
}

/// The sender, and whom the message is for as far as the command line says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressed {
    /// `-f`, or the caller's login.
    pub sender: ReversePath,
    /// Without a domain where none was given.
    pub recipients: Vec<Address>,
    /// What should be a recipient and is no address.
    pub bad: Vec<String>,
    /// What was odd, for standard error.
    pub warnings: Vec<String>,
    seen: HashSet<String>,
}

/// A message that can be said to smtpd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// SIZE, and everything else that MAIL and RCPT say.
    pub envelope: Envelope,
    /// The header with its empty line.
    pub header: Vec<u8>,
}

/// What the body came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BodyFacts {
    /// Octets, line ends as CRLF.
    pub octets: u64,
    /// Octets beyond ASCII are in it.
    pub is_8bit: bool,
}

/// Reads what the command line says of sender and recipients.
///
/// # Errors
/// A sender that is no address, no recipient where `-t` doesn't bring any, too many.
pub fn address(sending: &Sending, caller: &Caller) -> Result<Addressed, Failure> {
    let (sender, warnings) = sender(sending, caller)?;
    let (recipients, bad, seen) = (Vec::new(), Vec::new(), HashSet::new());
    let mut addressed = Addressed { sender, recipients, bad, warnings, seen };
    for word in &sending.recipients {
        let found = list::find(word);
        if found.is_empty() {
            addressed.bad.push(word.clone());
        }
        addressed.take(found)?;
    }
    if sending.recipients.is_empty() && !sending.of_header {
        let why = "Recipient addresses must be specified on the command line or via the -t option";
        return Err(Failure::usage(format!("{}: {why}", caller.shown())));
    }
    Ok(addressed)
}

fn sender(sending: &Sending, caller: &Caller) -> Result<(ReversePath, Vec<String>), Failure> {
    let given = sending.sender.as_deref().unwrap_or(&caller.login);
    let found = list::find(given);
    let mut warnings = Vec::new();
    if found.len() > 1 {
        warnings.push(format!("-f option specified malformed sender: {given}"));
    }
    let path = match found.into_iter().next() {
        None => ReversePath::Null,
        Some(Found { address: Some(address), .. }) => ReversePath::Address(address),
        Some(Found { written, .. }) if written == "<>" => ReversePath::Null,
        Some(_) => {
            let why = format!("{}: bad sender address syntax: {given}", caller.shown());
            return Err(Failure::new(EX_DATAERR, why));
        }
    };
    Ok((path, warnings))
}

impl Addressed {
    /// Each once.
    fn take(&mut self, found: Vec<Found>) -> Result<(), Failure> {
        for one in found {
            match one.address {
                Some(address) if self.seen.insert(address.folded()) => {
                    self.recipients.push(address);
                }
                Some(_) => {}
                None => self.bad.push(one.written),
            }
            if self.recipients.len() + self.bad.len() > MAX_RECIPIENTS {
                let why = format!("more than {MAX_RECIPIENTS} recipients");
                return Err(Failure::new(EX_DATAERR, why));
            }
        }
        Ok(())
    }

    /// Adds those of the header (`-t`): of To, Cc and Bcc, or, in a message that is sent again, of their
    /// Resent- forms alone.
    ///
    /// # Errors
    /// Nobody is named in header or command line, or too many are.
    pub fn take_header(&mut self, head: &Head, caller: &Caller) -> Result<(), Failure> {
        let again = head.fields.iter().any(Field::is_resent_recipients);
        let names = |field: &&Field| match again {
            true => field.is_resent_recipients(),
            false => field.is_recipients(),
        };
        for field in head.fields.iter().filter(names) {
            self.take(list::find(&field.value()))?;
        }
        if self.recipients.is_empty() && self.bad.is_empty() {
            let why = "No recipient addresses found in message header";
            return Err(Failure::usage(format!("{}: {why}", caller.shown())));
        }
        Ok(())
    }

    /// The message for smtpd, which says what `origin` it gives to names without a domain.
    #[must_use]
    pub fn compose(
        &self,
        sending: &Sending,
        caller: &Caller,
        (head, body): (&Head, BodyFacts),
        origin: Option<&Domain>,
    ) -> Composed {
        let header = self.header(sending, caller, head, origin);
        let params = MailParams {
            size: Some(header.len() as u64 + body.octets),
            body: sending.body.or(body.is_8bit.then_some(BodyType::EightBitMime)),
            smtputf8: head.header_8bit,
            ret: sending.ret,
            envid: sending.envid.clone(),
            auth: None,
        };
        let all = Notify { success: true, failure: true, delay: true };
        let notify = sending.notify.or(sending.report.then_some(all));
        let rcpt = |address: &Address| Rcpt {
            to: ForwardPath::new(address.clone()),
            params: RcptParams { notify, orcpt: None },
        };
        let rcpts = self.recipients.iter().map(rcpt).collect();
        let mail = Mail { from: self.sender.clone(), params };
        Composed { envelope: Envelope { mail, rcpts }, header }
    }

    fn header(
        &self,
        sending: &Sending,
        caller: &Caller,
        head: &Head,
        origin: Option<&Domain>,
    ) -> Vec<u8> {
        let mut header = Vec::new();
        for field in head.fields.iter().filter(|field| !field.is_dropped()) {
            match origin.filter(|_| field.is_completed() && !sending.gateway) {
                Some(origin) => header.extend_from_slice(complete(field, origin).lines()),
                None => header.extend_from_slice(field.lines()),
            }
        }
        if !sending.gateway {
            header.extend(self.sender_field(sending, caller, head, origin).unwrap_or_default());
        }
        header.extend_from_slice(b"\r\n");
        header
    }

    /// Who sent it, if the header doesn't say so; smtpd would, without the name.
    fn sender_field(
        &self,
        sending: &Sending,
        caller: &Caller,
        head: &Head,
        origin: Option<&Domain>,
    ) -> Option<Vec<u8>> {
        let again = head.fields.iter().any(Field::is_resent);
        let name = if again { "Resent-From" } else { "From" };
        if head.fields.iter().any(|field| field.name().eq_ignore_ascii_case(name)) {
            return None;
        }
        let mut address = self.sender.address()?.clone();
        if let Some(origin) = origin {
            address = address.or_domain(origin);
        }
        address.domain()?;
        let full_name = sending.full_name.as_ref().unwrap_or(&caller.full_name);
        Some(name::from_field(name, full_name, &address).into_bytes())
    }
}

/// The field with a domain behind each address that has none.
fn complete(field: &Field, origin: &Domain) -> Field {
    // What isn't UTF-8 would not come out as it went in.
    let mut completed = field.clone();
    if std::str::from_utf8(field.lines()).is_err() {
        return completed;
    }
    let (value, mut out, mut from) = (field.value(), String::new(), 0);
    for at in list::find(&value).iter().filter_map(|found| found.domain_goes) {
        out.push_str(value.get(from..at).unwrap_or_default());
        out.push_str(&format!("@{origin}"));
        from = at;
    }
    if from > 0 {
        out.push_str(value.get(from..).unwrap_or_default());
        completed.set_value(&out);
    }
    completed
}

#[cfg(test)]
mod tests;
