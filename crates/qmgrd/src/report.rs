//! A delivery report, from an entry and the notice that is fixed in its record.

use std::borrow::Cow;

use address::{Address, LocalPart, ReversePath};
use message::dsn::{Action, Kind, Original, Recipient, Report};
use smtp::{BodyType, Envelope, Mail, Rcpt, Ret, XForward};
use spool::{Body, Entry, Notice, NoticeKind, Verdict};

use crate::record::{DOUBLE_BOUNCE, expires};
use crate::settings::Settings;

/// How much of a message is read to find its header.
const MAX_HEADER_OCTETS: u64 = 64 * 1024;

/// A report, ready to be handed over.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) client: XForward,
    pub(crate) envelope: Envelope,
    pub(crate) content: Vec<u8>,
}

/// Whom a notice goes to; none if there is nobody to tell.
pub(crate) fn addressee(settings: &Settings, entry: &Entry, notice: &Notice) -> Option<Address> {
    if notice.to_postmaster {
        return Some(settings.postmaster.clone());
    }
    let address = entry.head.envelope.mail.from.address()?;
    Some(address.clone().or_domain(&settings.origin))
}

/// What of the original goes back: RET's choice (RFC 3461 §4.3), the header if it is large.
pub(crate) fn original<F: spool::fs::Fs>(
    settings: &Settings,
    entry: &Entry,
    notice: &Notice,
    body: &Body<F>,
) -> std::io::Result<(bool, Vec<u8>)> {
    let only_header = entry.head.envelope.mail.params.ret == Some(Ret::Headers)
        || entry.size > settings.bounce_size_limit
        // RFC 3461 §4.3: RET is about failures; else the header is enough.
        || notice.kind != NoticeKind::Failure;
    if !only_header {
        return Ok((false, body.beginning(entry.size)?));
    }
    let mut bytes = body.beginning(MAX_HEADER_OCTETS)?;
    let end = message::header::header_end(&bytes).unwrap_or_else(|| last_line_end(&bytes));
    bytes.truncate(end);
    // The empty line is the boundary's.
    if bytes.ends_with(b"\r\n\r\n") {
        bytes.truncate(bytes.len() - 2);
    } else if bytes == b"\r\n" {
        bytes.clear();
    }
    Ok((true, bytes))
}

fn last_line_end(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1)
}

/// Writes the report.
pub(crate) fn letter(
    settings: &Settings,
    entry: &Entry,
    notice: &Notice,
    to: &Address,
    original: &(bool, Vec<u8>),
) -> Letter {
    let head = &entry.head;
    let utf8 = head.envelope.needs_smtputf8();
    let id = entry.id.to_string();
    let (sender, to_text) = (head.envelope.mail.from.to_string(), to.to_string());
    let postmaster = settings.postmaster.to_string();
    let addresses: Vec<(u32, String)> = notice
        .recipients
        .iter()
        .filter_map(|n| Some((*n, head.envelope.rcpts.get(*n as usize)?.to.address().to_string())))
        .collect();
    let verdicts: Vec<Verdict> = addresses
        .iter()
        .map(|(n, _)| entry.state.recipient(*n).verdict.unwrap_or_default())
        .collect();
    let recipients: Vec<Recipient<'_>> = addresses
        .iter()
        .zip(&verdicts)
        .map(|((n, address), verdict)| {
            let rcpt = head.envelope.rcpts.get(*n as usize);
            recipient(settings, entry, notice.kind, *n, rcpt, address, verdict)
        })
        .collect();
    let report = Report {
        kind: match notice.kind {
            NoticeKind::Failure => Kind::Failure,
            NoticeKind::Delay => Kind::Delay,
            NoticeKind::Success => Kind::Success,
        },
        id: notice.id.as_str(),
        date: seconds(notice.made),
        host: &settings.domains.hostname,
        origin: settings.origin.as_str(),
        postmaster: &postmaster,
        to: &to_text,
        about: &id,
        arrival: seconds(head.arrived),
        sender: &sender,
        envelope_id: head.envelope.mail.params.envid.as_deref(),
        recipients: &recipients,
        original: if original.0 {
            Original::Header(&original.1)
        } else {
            Original::Whole(&original.1)
        },
        utf8,
    };
    let content = report.to_message();
    let envelope = envelope(settings, notice, to, &content, utf8);
    let client = XForward {
        ident: Some(notice.id.to_string()),
        source: Some("LOCAL".to_owned()),
        ..XForward::default()
    };
    Letter { client, envelope, content }
}

fn recipient<'a>(
    settings: &Settings,
    entry: &Entry,
    kind: NoticeKind,
    index: u32,
    rcpt: Option<&'a Rcpt>,
    address: &'a str,
    verdict: &'a Verdict,
) -> Recipient<'a> {
    let last = entry.state.recipient(index).last;
    Recipient {
        address,
        original: rcpt
            .and_then(|rcpt| rcpt.params.orcpt.as_ref())
            .map(|orcpt| (orcpt.addr_type.as_str(), orcpt.address.as_str())),
        action: match kind {
            NoticeKind::Failure => Action::Failed,
            NoticeKind::Delay => Action::Delayed,
            NoticeKind::Success => Action::Delivered,
        },
        status: if verdict.dsn.is_empty() { "5.0.0" } else { &verdict.dsn },
        text: &verdict.text,
        remote: verdict.remote.as_deref(),
        diagnostic: verdict.diagnostic.as_deref().and_then(|text| text.split_once("; ")),
        last_attempt: (last > 0).then(|| seconds(last)),
        retry_until: (kind == NoticeKind::Delay).then(|| seconds(expires(settings, &entry.head))),
    }
}

/// RFC 3461 §6.1: reports go out with the null sender; RFC 3834 has the header say the rest.
fn envelope(
    settings: &Settings,
    notice: &Notice,
    to: &Address,
    content: &[u8],
    utf8: bool,
) -> Envelope {
    let from = match LocalPart::from_unquoted(DOUBLE_BOUNCE) {
        Ok(local) if notice.to_postmaster => {
            ReversePath::Address(Address::new(local, Some(settings.origin.clone())))
        }
        _ => ReversePath::Null,
    };
    let mut mail = Mail::from(from);
    mail.params.size = Some(content.len() as u64);
    mail.params.body = (!content.is_ascii()).then_some(BodyType::EightBitMime);
    mail.params.smtputf8 = utf8;
    Envelope { mail, rcpts: vec![Rcpt::to(address::ForwardPath::new(to.clone()))] }
}

fn seconds(millis: u64) -> i64 {
    i64::try_from(millis / 1000).unwrap_or(i64::MAX)
}

/// For the log: whom a report tells of.
pub(crate) fn told_of(entry: &Entry, notice: &Notice) -> Cow<'static, str> {
    match notice.recipients.as_slice() {
        [one] => match entry.head.envelope.rcpts.get(*one as usize) {
            Some(rcpt) => Cow::Owned(rcpt.to.to_string()),
            None => Cow::Borrowed("nobody"),
        },
        several => Cow::Owned(format!("{} recipients", several.len())),
    }
}
