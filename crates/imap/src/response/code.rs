//! Response codes: what a program can read in a status reply (RFC 3501 §7.1, RFC 5530).

use mailbox::{Flags, SeqNo, Uid, UidValidity};

use super::string::{put_list, put_number};

/// What stands in brackets in front of a reply's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code<'a> {
    /// `ALERT`: the text must be shown to the user.
    Alert,
    /// `ALREADYEXISTS`
    AlreadyExists,
    /// `APPENDUID v u` (RFC 4315 §3)
    AppendUid(UidValidity, Uid),
    /// `AUTHENTICATIONFAILED`
    AuthenticationFailed,
    /// `BADCHARSET`, without the list of those known, as Dovecot says it.
    BadCharset,
    /// `CANNOT`: can never succeed.
    Cannot,
    /// `CAPABILITY …`
    Capability(&'a str),
    /// `CLIENTBUG`
    ClientBug,
    /// `CLOSED`: replies before it are about the mailbox left (RFC 7162 §3.2.11).
    Closed,
    /// `CONTACTADMIN`
    ContactAdmin,
    /// `COPYUID v from to` (RFC 4315 §3); the sets as [`crate::sequence::compact`] writes them.
    CopyUid(UidValidity, &'a str, &'a str),
    /// `EXPUNGEISSUED`
    ExpungeIssued,
    /// `HASCHILDREN`
    HasChildren,
    /// `INUSE`
    InUse,
    /// `LIMIT`
    Limit,
    /// `NONEXISTENT`
    NonExistent,
    /// `NOPERM`
    NoPerm,
    /// `OVERQUOTA`
    OverQuota,
    /// `PERMANENTFLAGS (…)`; `any_keyword` adds `\*`.
    PermanentFlags {
        /// Those that a client can change for good.
        flags: &'a Flags,
        /// Whether new keywords can be made.
        any_keyword: bool,
    },
    /// `PRIVACYREQUIRED`
    PrivacyRequired,
    /// `READ-ONLY`
    ReadOnly,
    /// `READ-WRITE`
    ReadWrite,
    /// `SERVERBUG`
    ServerBug,
    /// `TOOBIG` (RFC 7889 §4)
    TooBig,
    /// `TRYCREATE`: the mailbox that was to take messages doesn't exist.
    TryCreate,
    /// `UIDNEXT n`
    UidNext(Uid),
    /// `UIDVALIDITY n`
    UidValidity(UidValidity),
    /// `UNAVAILABLE`
    Unavailable,
    /// `UNSEEN n`
    Unseen(SeqNo),
    /// `USEATTR`: a mailbox can't have that special use (RFC 6154 §6).
    UseAttr,
}

impl Code<'_> {
    /// Writes it with its brackets.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        out.extend_from_slice(self.word().as_bytes());
        match self {
            Code::AppendUid(validity, uid) => {
                put_numbers(out, &[validity.get(), uid.get()]);
            }
            Code::Capability(list) => put_words(out, &[list]),
            Code::CopyUid(validity, from, to) => {
                put_numbers(out, &[validity.get()]);
                put_words(out, &[from, to]);
            }
            Code::PermanentFlags { flags, any_keyword } => {
                out.push(b' ');
                let star = any_keyword.then_some("\\*");
                let all = flags.iter().map(mailbox::Flag::as_str).chain(star);
                put_list(out, all, |out, flag| out.extend_from_slice(flag.as_bytes()));
            }
            Code::UidNext(uid) => put_numbers(out, &[uid.get()]),
            Code::UidValidity(validity) => put_numbers(out, &[validity.get()]),
            Code::Unseen(number) => put_numbers(out, &[number.get()]),
            _ => {}
        }
        out.push(b']');
    }

    const fn word(&self) -> &'static str {
        match self {
            Code::Alert => "ALERT",
            Code::AlreadyExists => "ALREADYEXISTS",
            Code::AppendUid(..) => "APPENDUID",
            Code::AuthenticationFailed => "AUTHENTICATIONFAILED",
            Code::BadCharset => "BADCHARSET",
            Code::Cannot => "CANNOT",
            Code::Capability(_) => "CAPABILITY",
            Code::ClientBug => "CLIENTBUG",
            Code::Closed => "CLOSED",
            Code::ContactAdmin => "CONTACTADMIN",
            Code::CopyUid(..) => "COPYUID",
            Code::ExpungeIssued => "EXPUNGEISSUED",
            Code::HasChildren => "HASCHILDREN",
            Code::InUse => "INUSE",
            Code::Limit => "LIMIT",
            Code::NonExistent => "NONEXISTENT",
            Code::NoPerm => "NOPERM",
            Code::OverQuota => "OVERQUOTA",
            Code::PermanentFlags { .. } => "PERMANENTFLAGS",
            Code::PrivacyRequired => "PRIVACYREQUIRED",
            Code::ReadOnly => "READ-ONLY",
            Code::ReadWrite => "READ-WRITE",
            Code::ServerBug => "SERVERBUG",
            Code::TooBig => "TOOBIG",
            Code::TryCreate => "TRYCREATE",
            Code::UidNext(_) => "UIDNEXT",
            Code::UidValidity(_) => "UIDVALIDITY",
            Code::Unavailable => "UNAVAILABLE",
            Code::Unseen(_) => "UNSEEN",
            Code::UseAttr => "USEATTR",
        }
    }
}

fn put_numbers(out: &mut Vec<u8>, numbers: &[u32]) {
    for &number in numbers {
        out.push(b' ');
        put_number(out, u64::from(number));
    }
}

fn put_words(out: &mut Vec<u8>, words: &[&str]) {
    for word in words {
        out.push(b' ');
        out.extend(super::string::harmless(word).filter(|&b| b != b']'));
    }
}
