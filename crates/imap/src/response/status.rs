//! Status replies and continuation requests (RFC 3501 §7.1, §7.5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Code;
use super::string::harmless;
use crate::command::Tag;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// Not done; nothing wrong with the command.
    No,
    /// Not understood.
    Bad,
}

impl Status {
    const fn word(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::No => "NO",
            Status::Bad => "BAD",
        }
    }
}

/// `a1 OK [CODE] text`: the end of a command.
pub fn tagged(out: &mut Vec<u8>, tag: &Tag, status: Status, code: Option<&Code<'_>>, text: &str) {
    line(out, tag.as_str(), status.word(), code, text);
}

/// `* OK [CODE] text`
pub fn untagged(out: &mut Vec<u8>, status: Status, code: Option<&Code<'_>>, text: &str) {
    line(out, "*", status.word(), code, text);
}

/// `* BYE text`: the connection ends.
pub fn bye(out: &mut Vec<u8>, text: &str) {
    line(out, "*", "BYE", None, text);
}

/// `* BYE [code] text`: the connection ends for a reason that programs may know.
pub fn bye_with(out: &mut Vec<u8>, code: &Code<'_>, text: &str) {
    line(out, "*", "BYE", Some(code), text);
}

/// `+ text`: the client may go on.
pub fn continuation(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"+ ");
    out.extend(harmless(text));
    out.extend_from_slice(b"\r\n");
}

/// `+ BASE64`: a step of AUTHENTICATE (RFC 3501 §6.2.2). An empty one is `+ `.
pub fn challenge(out: &mut Vec<u8>, octets: &[u8]) {
    continuation(out, &STANDARD.encode(octets));
}

fn line(out: &mut Vec<u8>, tag: &str, word: &str, code: Option<&Code<'_>>, text: &str) {
    out.extend(harmless(tag));
    out.push(b' ');
    out.extend_from_slice(word.as_bytes());
    out.push(b' ');
    if let Some(code) = code {
        code.put(out);
        out.push(b' ');
    }
    out.extend(harmless(text));
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailbox::{Flag, Flags, Uid, UidValidity};

    fn ok(code: &Code<'_>, text: &str) -> String {
        let mut out = Vec::new();
        let tag = Tag::parse(b"c1").expect("a tag");
        tagged(&mut out, &tag, Status::Ok, Some(code), text);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn as_recorded() {
        let validity = UidValidity::new(1_795_548_853).expect("not 0");
        assert_eq!(
            ok(&Code::CopyUid(validity, "2:3", "1:2"), "Copy completed."),
            "c1 OK [COPYUID 1795548853 2:3 1:2] Copy completed.\r\n"
        );
        assert_eq!(
            ok(&Code::AppendUid(validity, Uid::new(4).expect("not 0")), "Append completed."),
            "c1 OK [APPENDUID 1795548853 4] Append completed.\r\n"
        );
        let flags: Flags = Flag::SYSTEM.into_iter().collect();
        assert_eq!(
            ok(&Code::PermanentFlags { flags: &flags, any_keyword: true }, "Flags permitted."),
            "c1 OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] \
             Flags permitted.\r\n"
        );
        let none = Flags::new();
        assert_eq!(
            ok(&Code::PermanentFlags { flags: &none, any_keyword: false }, "Read-only mailbox."),
            "c1 OK [PERMANENTFLAGS ()] Read-only mailbox.\r\n"
        );
    }

    #[test]
    fn nothing_breaks_the_line() {
        let mut out = Vec::new();
        untagged(&mut out, Status::No, Some(&Code::Capability("A]\r\nB")), "x\r\n* BYE é");
        assert_eq!(out, b"* NO [CAPABILITY A??B] x??* BYE ?\r\n");
        out.clear();
        challenge(&mut out, b"");
        continuation(&mut out, "idling");
        assert_eq!(out, b"+ \r\n+ idling\r\n");
    }
}
