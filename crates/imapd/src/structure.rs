//! From a scanned message to the values that IMAP writes: ENVELOPE and BODYSTRUCTURE.

use imap::response::structure as wire;
use message::addresses::Address;
use message::content::Content;
use message::envelope::Envelope;
use message::params::Param;
use message::part::{Inside, Part};

pub(crate) fn envelope(envelope: &Envelope) -> wire::Envelope {
    let list = |addresses: &[Address]| addresses.iter().map(address).collect();
    wire::Envelope {
        date: envelope.date.clone(),
        subject: envelope.subject.clone(),
        from: list(&envelope.from),
        sender: list(&envelope.sender),
        reply_to: list(&envelope.reply_to),
        to: list(&envelope.to),
        cc: list(&envelope.cc),
        bcc: list(&envelope.bcc),
        in_reply_to: envelope.in_reply_to.clone(),
        message_id: envelope.message_id.clone(),
    }
}

fn address(address: &Address) -> wire::EnvelopeAddress {
    match address {
        Address::Mailbox { name, route, mailbox, host } => wire::EnvelopeAddress {
            name: name.clone(),
            route: route.clone(),
            mailbox: Some(mailbox.clone()),
            host: Some(host.clone()),
        },
        Address::GroupStart(name) => wire::EnvelopeAddress {
            mailbox: Some(name.clone()),
            ..wire::EnvelopeAddress::default()
        },
        Address::GroupEnd => wire::EnvelopeAddress::default(),
    }
}

/// Recursion is bounded by the depth at which the scan stopped.
pub(crate) fn structure(part: &Part) -> wire::Structure {
    let content = &part.content;
    if let Inside::Multipart(parts) = &part.inside {
        return wire::Structure::Multi(wire::Multipart {
            parts: parts.iter().map(structure).collect(),
            subtype: content.subtype.clone(),
            parameters: parameters(&content.params),
            extension: extension(content),
        });
    }
    let kind = match &part.inside {
        Inside::Message(message) => wire::PartKind::Message {
            envelope: Box::new(message.envelope.as_deref().map(envelope).unwrap_or_default()),
            structure: Box::new(structure(message)),
            lines: part.lines,
        },
        _ if content.is("text") => wire::PartKind::Text { lines: part.lines },
        _ => wire::PartKind::Basic,
    };
    wire::Structure::Single(wire::Part {
        media: content.media.clone(),
        subtype: content.subtype.clone(),
        parameters: parameters(&content.params),
        id: content.id.clone(),
        description: content.description.clone(),
        encoding: content.encoding.clone().unwrap_or_else(|| b"7bit".to_vec()),
        octets: part.octets(),
        kind,
        md5: content.md5.clone(),
        extension: extension(content),
    })
}

fn parameters(params: &[Param]) -> wire::Parameters {
    params.iter().map(|param| (param.name.clone(), param.value.clone())).collect()
}

fn extension(content: &Content) -> wire::Extension {
    wire::Extension {
        disposition: content
            .disposition
            .as_ref()
            .map(|found| (found.kind.clone(), parameters(&found.params))),
        language: content.language.clone(),
        location: content.location.clone(),
    }
}
