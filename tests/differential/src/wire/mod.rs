//! The protocols, as far as one must know them to tell where a reply ends.

mod imap;
mod smtp;

use std::time::Duration;

use support::{Heard, Line};

use crate::escape::{octets, shown};
use crate::side::Side;
use imap::Imap;
use smtp::Smtp;

/// How long a reply may take before `<nothing>` stands in its place.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same where the transcript says that nothing comes.
const SHORT: Duration = Duration::from_secs(1);
/// How long is waited, at a dialogue's end, for what should not come.
const REST: Duration = Duration::from_millis(30);
/// A reply of more lines never ends.
const MAX_LINES: usize = 2000;

/// Which socket is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wire {
    /// Port 25.
    Smtp,
    /// Port 587.
    Submission,
    /// Port 465.
    Submissions,
    /// Final delivery.
    Lmtp,
    /// Port 143.
    Imap,
    /// Port 993.
    Imaps,
    /// The auth client protocol.
    Auth,
    /// The auth master protocol.
    Userdb,
}

impl Wire {
    /// As transcripts call it.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "smtp" => Self::Smtp,
            "submission" => Self::Submission,
            "submissions" => Self::Submissions,
            "lmtp" => Self::Lmtp,
            "imap" => Self::Imap,
            "imaps" => Self::Imaps,
            "auth" => Self::Auth,
            "userdb" => Self::Userdb,
            _ => return None,
        })
    }

    fn is_auth(self) -> bool {
        matches!(self, Self::Auth | Self::Userdb)
    }
}

/// Changes what a server said before anybody looks at it; none: the line is lost. For tests of the
/// harness itself.
pub type Filter<'a> = &'a (dyn Fn(&[u8]) -> Option<Vec<u8>> + Sync);

/// One connection in conversation.
pub struct Talk<'a> {
    line: Option<Line>,
    wire: Wire,
    side: &'a Side,
    filter: Option<Filter<'a>>,
    over: bool,
    /// STARTTLS was said and taken.
    tls: bool,
    smtp: Smtp,
    imap: Imap,
    out: Vec<String>,
}

impl<'a> Talk<'a> {
    /// Connects.
    pub fn new(side: &'a Side, wire: Wire, filter: Option<Filter<'a>>) -> Self {
        let mut line = side.connect(wire);
        line.patience(PATIENCE);
        Self {
            line: Some(line),
            wire,
            side,
            filter,
            over: false,
            tls: false,
            smtp: Smtp::default(),
            imap: Imap::default(),
            out: Vec::new(),
        }
    }

    /// What the server says first.
    pub fn greeting(&mut self) -> Vec<String> {
        match self.wire {
            Wire::Auth => while self.next().is_some_and(|line| line != "DONE") {},
            Wire::Userdb => while self.next().is_some_and(|line| !line.starts_with("SPID")) {},
            Wire::Imap | Wire::Imaps => drop(self.next()),
            _ => drop(self.reply()),
        }
        std::mem::take(&mut self.out)
    }

    /// Says lines in one write and hears the replies to them. `silent`: nothing is expected.
    pub fn ask(&mut self, said: &[String], silent: bool) -> Vec<String> {
        if let Some(line) = &mut self.line {
            line.patience(if silent { SHORT } else { PATIENCE });
            let bytes: Vec<u8> = said.iter().flat_map(|text| self.octets(text)).collect();
            self.line.as_mut().unwrap().try_send(&bytes);
        }
        match self.wire {
            Wire::Imap | Wire::Imaps => self.imap_replies(said),
            Wire::Auth | Wire::Userdb => self.auth_replies(said),
            _ => self.smtp_replies(said),
        }
        std::mem::take(&mut self.out)
    }

    /// Hears so many lines that come by themselves.
    pub fn listen(&mut self, lines: usize) -> Vec<String> {
        for _ in 0..lines {
            self.next();
        }
        std::mem::take(&mut self.out)
    }

    /// What comes though nothing was asked; empty if all is well.
    pub fn rest(&mut self) -> Vec<String> {
        let Some(line) = &mut self.line else { return Vec::new() };
        line.patience(REST);
        while !self.over && self.next().is_some() {}
        self.out.retain(|line| line != "<nothing>" && line != "<closed>");
        std::mem::take(&mut self.out)
    }

    /// A line's bytes: auth lines end in LF.
    fn octets(&self, text: &str) -> Vec<u8> {
        let mut bytes = octets(text);
        if self.wire.is_auth() && bytes.ends_with(b"\r\n") {
            bytes.truncate(bytes.len() - 2);
            bytes.push(b'\n');
        }
        bytes
    }

    /// The next line, noted; none if the connection is over or nothing came.
    fn next(&mut self) -> Option<String> {
        if self.over {
            if self.out.last().is_none_or(|line| line != "<closed>") {
                self.out.push("<closed>".to_owned());
            }
            return None;
        }
        loop {
            let bytes = match self.line.as_mut()?.heard() {
                Heard::Line(bytes) => bytes,
                Heard::Closed => {
                    self.over = true;
                    self.out.push("<closed>".to_owned());
                    return None;
                }
                Heard::Nothing => {
                    self.out.push("<nothing>".to_owned());
                    return None;
                }
            };
            let bytes = self.filter.map_or(Some(bytes.clone()), |filter| filter(&bytes));
            if let Some(bytes) = bytes {
                let text = shown(&bytes, self.wire.is_auth());
                self.out.push(text.clone());
                assert!(self.out.len() < MAX_LINES, "a reply without an end: {text}");
                return Some(text);
            }
        }
    }

    /// One SMTP reply; its last line.
    fn reply(&mut self) -> Option<String> {
        loop {
            let line = self.next()?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Some(line);
            }
        }
    }

    fn replies(&mut self, count: usize) {
        for _ in 0..count {
            if self.reply().is_none() {
                return;
            }
        }
    }

    fn auth_replies(&mut self, said: &[String]) {
        for text in said {
            let verb = text.split('␉').next().unwrap_or_default();
            match verb {
                "VERSION" | "CPID" | "CANCEL" => {}
                "LIST" => while self.next().is_some_and(|line| line.starts_with("LIST")) {},
                _ => {
                    if self.next().is_none() {
                        return;
                    }
                }
            }
        }
        // Answers to questions that are asked together come in any order.
        let id = |line: &String| line.split('␉').nth(1).unwrap_or_default().to_owned();
        self.out.sort_by_key(id);
    }

    fn start_tls(&mut self) {
        self.tls = true;
        self.line = self.line.take().map(|line| self.side.start_tls(line));
        if let Some(line) = &mut self.line {
            line.patience(PATIENCE);
        }
    }
}
