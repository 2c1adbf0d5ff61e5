//! The Received field (RFC 5321 §4.4), laid out as Postfix does, so that people and filters know it.

use std::fmt::Write as _;

use crate::date;

/// What a Received field tells. All texts are made harmless when printed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Received<'a> {
    /// The name that the client gave with HELO, EHLO or LHLO.
    pub helo: &'a str,
    /// The client's name in the DNS, if it was looked up.
    pub client_name: Option<&'a str>,
    /// The client's address as text; none for a Unix socket.
    pub client_addr: Option<&'a str>,
    /// `TLSv1.3`, the cipher's name and its bits, where TLS was used.
    pub tls: Option<(&'a str, &'a str, u16)>,
    /// What is said of the client's certificate, under TLS: `Client CN "x", Issuer "y" (verified
    /// OK)`. The caller answers for its text.
    pub client_certificate: Option<&'a str>,
    /// The login, where the client authenticated and the operator wants it told.
    pub login: Option<&'a str>,
    /// The user of this machine whose program handed the message over; then the field tells neither
    /// client nor protocol.
    pub userid: Option<u32>,
    /// This host.
    pub by: &'a str,
    /// `ESMTP`, `ESMTPS`, `ESMTPA`, `ESMTPSA`, `LMTP` … (RFC 3848).
    pub with: &'a str,
    /// The trace id.
    pub id: &'a str,
    /// The recipient, where there is exactly one.
    pub recipient: Option<&'a str>,
    /// Seconds since 1970, and the zone's offset in seconds.
    pub time: (i64, i32),
}

impl Received<'_> {
    /// The whole field with its CRLF at the end.
    #[must_use]
    pub fn to_header(&self) -> String {
        let mut out = String::from("Received: ");
        if !self.helo.is_empty() || self.client_addr.is_some() {
            let name = self.client_name.unwrap_or("unknown");
            let _ = match self.client_addr {
                Some(addr) => {
                    write!(out, "from {} ({} [{}])", clean(self.helo), clean(name), clean(addr))
                }
                None => write!(out, "from {}", clean(self.helo)),
            };
            out.push_str("\r\n\t");
        }
        if let Some((version, cipher, bits)) = self.tls {
            let (version, cipher) = (clean(version), clean(cipher));
            let _ =
                write!(out, "(using {version} with cipher {cipher} ({bits}/{bits} bits))\r\n\t");
        }
        if let Some(certificate) = self.client_certificate {
            let _ = write!(out, "({certificate})\r\n\t");
        }
        if let Some(login) = self.login {
            let _ = write!(out, "(Authenticated sender: {})\r\n\t", clean(login));
        }
        let (by, id) = (clean(self.by), clean(self.id));
        let _ = match self.userid {
            Some(userid) => write!(out, "by {by} (Dovetail, from userid {userid})\r\n\tid {id}"),
            None => write!(out, "by {by} (Dovetail) with {} id {id}", clean(self.with)),
        };
        if let Some(recipient) = self.recipient {
            let _ = write!(out, "\r\n\tfor <{}>", clean(recipient));
        }
        let (seconds, offset) = self.time;
        let gap = if self.userid.is_some() { " " } else { "\r\n\t" };
        let _ = write!(out, ";{gap}{}\r\n", date::rfc5322(seconds, offset));
        out
    }
}

/// What a client says must not end a line, open a comment or close one.
fn clean(text: &str) -> String {
    let harmless = |c: char| if c.is_control() || matches!(c, '(' | ')' | '\\') { '?' } else { c };
    text.chars().take(512).map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_postfix() {
        let field = Received {
            helo: "c.test",
            client_addr: Some("192.0.2.1"),
            tls: Some(("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256)),
            client_certificate: Some("No client certificate requested"),
            login: Some("alice@example.test"),
            by: "mx.example.test",
            with: "ESMTPSA",
            id: "0123456789abcdefghij",
            recipient: Some("bob@example.test"),
            time: (1_795_548_096, 0),
            ..Received::default()
        };
        assert_eq!(
            field.to_header(),
            "Received: from c.test (unknown [192.0.2.1])\r\n\
             \t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n\
             \t(No client certificate requested)\r\n\
             \t(Authenticated sender: alice@example.test)\r\n\
             \tby mx.example.test (Dovetail) with ESMTPSA id 0123456789abcdefghij\r\n\
             \tfor <bob@example.test>;\r\n\
             \tTue, 24 Nov 2026 19:21:36 +0000\r\n"
        );
    }

    #[test]
    fn mail_of_a_program_reads_like_pickups() {
        let field = Received {
            userid: Some(1000),
            by: "mx.example.test",
            id: "0123456789abcdefghij",
            time: (1_795_548_096, 0),
            ..Received::default()
        };
        assert_eq!(
            field.to_header(),
            "Received: by mx.example.test (Dovetail, from userid 1000)\r\n\
             \tid 0123456789abcdefghij; Tue, 24 Nov 2026 19:21:36 +0000\r\n"
        );
    }

    #[test]
    fn a_name_cannot_break_out() {
        let field = Received {
            helo: "a\r\nBcc: x (",
            by: "h",
            with: "SMTP",
            id: "i",
            ..Received::default()
        };
        assert_eq!(field.to_header().lines().filter(|l| !l.starts_with('\t')).count(), 1);
    }
}
