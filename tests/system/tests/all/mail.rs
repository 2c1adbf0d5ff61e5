//! Sending, in words that the other modules share: a message with a token that is found again.

use std::sync::atomic::{AtomicU32, Ordering};

use support::Line;

/// A word that stands in no other message of this process.
pub(crate) fn token(theme: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("{theme}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A small message that carries `token` in its Subject.
pub(crate) fn message(from: &str, to: &str, token: &str) -> String {
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: {token}\r\nMessage-ID: <{token}@client.test>\r\n\
         Date: Wed, 25 Nov 2026 00:00:00 +0000\r\n\r\nHello.\r\n.. two dots before this\r\n"
    )
}

/// Says MAIL, RCPT for each, DATA and the content on an SMTP session; returns the last reply.
pub(crate) fn send(line: &mut Line, from: &str, to: &[&str], content: &str) -> String {
    line.ask(&format!("MAIL FROM:<{from}>"), "250 ");
    for recipient in to {
        line.ask(&format!("RCPT TO:<{recipient}>"), "250 ");
    }
    line.ask("DATA", "354 ");
    line.send(stuffed(content).as_bytes());
    line.reply()
}

/// The content as DATA wants it: dots doubled, and the dot that ends it.
pub(crate) fn stuffed(content: &str) -> String {
    let lines = content.split_inclusive("\r\n");
    let dotted =
        lines.map(|line| if line.starts_with('.') { format!(".{line}") } else { line.to_owned() });
    format!("{}.\r\n", dotted.collect::<String>())
}

/// An LMTP session that has said LHLO.
pub(crate) fn lmtp(path: &str) -> Line {
    let mut line = Line::unix(path);
    line.expect("220 ");
    line.ask("LHLO client.test", "250 ");
    line
}
