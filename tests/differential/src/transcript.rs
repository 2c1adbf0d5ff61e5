//! A transcript file: what it shows, its set-up, and the dialogue.
//!
//! ```text
//! # Each recipient is answered for itself (RFC 2033 §4.2).
//! on: lmtp
//! begin: LHLO client.test
//!
//! C: MAIL FROM:<a@remote.test>
//! S: 250 2.1.0 OK
//! ```
//! `C:` lines that follow each other are sent in one write. `C2:` and `S2:` are a second connection. An
//! `S:` line without text stands for a reply that isn't recorded yet. Heads:
//!
//! - `on:` which socket; `begin:` what is said before, its replies left out (`begin: greeting` leaves
//!   out the greeting alone);
//! - `user: LOGIN STORED-PASSWORD FIELDS`, besides alice, bob and carol, whose password is `secret`;
//! - `mail: LOGIN MAILBOX FLAGS NAME`: a message of the folder `messages/` is there before; FLAGS are
//!   Maildir letters, `-` for none, `new` for one that nobody has seen;
//! - `alias: ADDRESS TARGETS`;
//! - `dovecot:`, `postfix:`, `ours FILE.toml:` a line of configuration for one side. Transcripts with
//!   equal lines share one start.

use std::fs;
use std::path::{Path, PathBuf};

use crate::wire::Wire;

/// A user besides those that every transcript has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// The whole address.
    pub login: String,
    /// As the passwd-file has it.
    pub stored: String,
    /// Extra fields.
    pub fields: String,
}

/// A message that is in a mailbox before the dialogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Whose.
    pub login: String,
    /// In which mailbox, as a Maildir folder is called: `INBOX`, `Lists.rust`.
    pub mailbox: String,
    /// Maildir letters, sorted; none: it is in new/.
    pub flags: Option<String>,
    /// The file in `messages/`, without `.eml`.
    pub name: String,
}

/// Lines of configuration that this transcript needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Config {
    /// Of dovecot.conf.
    pub dovecot: Vec<String>,
    /// Of main.cf.
    pub postfix: Vec<String>,
    /// File and line of ours.
    pub ours: Vec<(String, String)>,
}

/// A line of the dialogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A comment or an empty line.
    Text(String),
    /// What the client says on a connection.
    Client(usize, String),
    /// What the server said on it.
    Server(usize, String),
}

/// What is said in one write, and what is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The connection, 0 or 1.
    pub connection: usize,
    /// `C:` lines; none for the greeting.
    pub said: Vec<String>,
    /// `S:` lines with their numbers in the file.
    pub heard: Vec<(usize, String)>,
    /// How many `S:` lines there are, with those that aren't recorded yet.
    pub awaited: usize,
    /// The number of the line that the first reply has or would have.
    pub line: usize,
}

/// A file.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// Its path below `transcripts/`, without `.txt`.
    pub name: String,
    path: PathBuf,
    head: Vec<String>,
    /// The socket.
    pub on: Wire,
    /// What is said before.
    pub begin: Vec<String>,
    /// Users of its own.
    pub users: Vec<Extra>,
    /// Messages that are there.
    pub mail: Vec<Placed>,
    /// Aliases: an address and its targets.
    pub aliases: Vec<(String, String)>,
    /// Configuration.
    pub config: Config,
    items: Vec<Item>,
}

impl Transcript {
    /// Every transcript below a folder, by name.
    pub fn all(root: &Path) -> Vec<Self> {
        let mut found = Vec::new();
        walk(root, root, &mut found);
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Reads one; `name` is for messages.
    pub fn read(path: &Path, name: &str) -> Self {
        let text = fs::read_to_string(path).unwrap();
        Self::parse(&text, path, name)
    }

    /// Reads a text.
    pub fn parse(text: &str, path: &Path, name: &str) -> Self {
        let is_dialogue =
            |line: &&str| ["C:", "S:", "C2:", "S2:"].iter().any(|k| line.starts_with(k));
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.iter().position(is_dialogue).unwrap_or(lines.len());
        let mut transcript = Self {
            name: name.to_owned(),
            path: path.to_owned(),
            head: lines[..first].iter().map(|line| (*line).to_owned()).collect(),
            on: Wire::Smtp,
            begin: Vec::new(),
            users: Vec::new(),
            mail: Vec::new(),
            aliases: Vec::new(),
            config: Config::default(),
            items: lines[first..].iter().map(|line| item(line, name)).collect(),
        };
        let mut on = None;
        for line in transcript.head.clone() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line.split_once(": ").unwrap_or_else(|| bad(name, &line));
            if key == "on" {
                on = Wire::named(value);
            } else {
                transcript.set(key, value).unwrap_or_else(|| bad(name, &line));
            }
        }
        transcript.on = on.unwrap_or_else(|| bad(name, "on: lmtp, smtp, …"));
        transcript
    }

    fn set(&mut self, key: &str, value: &str) -> Option<()> {
        let mut words = value.splitn(4, ' ').map(str::to_owned);
        match key {
            "begin" => self.begin.push(value.to_owned()),
            "user" => {
                let mut words = value.splitn(3, ' ').map(str::to_owned);
                let (login, stored) = (words.next()?, words.next()?);
                self.users.push(Extra { login, stored, fields: words.next().unwrap_or_default() });
            }
            "mail" => {
                let (login, mailbox, flags) = (words.next()?, words.next()?, words.next()?);
                let flags = match flags.as_str() {
                    "new" => None,
                    "-" => Some(String::new()),
                    letters => Some(letters.to_owned()),
                };
                self.mail.push(Placed { login, mailbox, flags, name: words.next()? });
            }
            "alias" => {
                let (address, targets) = value.split_once(' ')?;
                self.aliases.push((address.to_owned(), targets.to_owned()));
            }
            "dovecot" => self.config.dovecot.push(value.to_owned()),
            "postfix" => self.config.postfix.push(value.to_owned()),
            _ => {
                let file = key.strip_prefix("ours ")?;
                self.config.ours.push((file.to_owned(), value.to_owned()));
            }
        }
        Some(())
    }

    /// The dialogue, step by step.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for (index, item) in self.items.iter().enumerate() {
            let line = self.head.len() + index + 1;
            match item {
                Item::Text(_) => {}
                Item::Client(connection, text) => match steps.last_mut() {
                    Some(step) if step.connection == *connection && step.line == 0 => {
                        step.said.push(text.clone());
                    }
                    _ => steps.push(Step {
                        connection: *connection,
                        said: vec![text.clone()],
                        heard: Vec::new(),
                        awaited: 0,
                        line: 0,
                    }),
                },
                Item::Server(connection, text) => {
                    if steps.last().is_none_or(|step| step.connection != *connection) {
                        let (said, heard) = (Vec::new(), Vec::new());
                        steps.push(Step { connection: *connection, said, heard, awaited: 0, line });
                    }
                    let step = steps.last_mut().unwrap();
                    if step.line == 0 {
                        step.line = line;
                    }
                    step.awaited += 1;
                    if !text.is_empty() {
                        step.heard.push((line, text.clone()));
                    }
                }
            }
        }
        // A step without `S:` lines: nothing is awaited, but what came would be told.
        let last = self.head.len() + self.items.len();
        steps.iter_mut().filter(|step| step.line == 0).for_each(|step| step.line = last);
        steps
    }

    /// What is recorded of the real one, step by step, and that nothing came unasked.
    pub fn recorded(&self) -> Vec<Vec<String>> {
        let lines = |step: &Step| step.heard.iter().map(|(_, line)| line.clone()).collect();
        self.steps().iter().map(lines).chain([Vec::new()]).collect()
    }

    /// Writes what the reference said in place of the `S:` lines.
    pub fn record(&self, replies: &[Vec<String>]) {
        let mut text: String = self.head.iter().map(|line| format!("{line}\n")).collect();
        let mut replies = replies.iter();
        let mut in_reply = None;
        for item in &self.items {
            match item {
                Item::Text(line) => text.push_str(&format!("{line}\n")),
                Item::Client(connection, line) => {
                    text.push_str(&format!("{line}\n", line = marked("C", *connection, line)));
                }
                Item::Server(connection, _) if in_reply != Some(*connection) => {
                    let heard = replies.next().expect("a reply for each step");
                    let empty = [String::new()];
                    let lines = if heard.is_empty() { &empty[..] } else { heard };
                    for line in lines {
                        text.push_str(&format!("{}\n", marked("S", *connection, line)));
                    }
                }
                Item::Server(..) => {}
            }
            in_reply = match item {
                Item::Server(connection, _) => Some(*connection),
                _ => None,
            };
        }
        fs::write(&self.path, text).unwrap();
    }
}

fn marked(who: &str, connection: usize, line: &str) -> String {
    let number = if connection == 0 { "" } else { "2" };
    let space = if line.is_empty() { "" } else { " " };
    format!("{who}{number}:{space}{line}")
}

fn item(line: &str, name: &str) -> Item {
    let text = |rest: &str| rest.strip_prefix(' ').unwrap_or(rest).to_owned();
    for (connection, number) in [(0, ""), (1, "2")] {
        if let Some(rest) = line.strip_prefix(&format!("C{number}:")) {
            return Item::Client(connection, text(rest));
        }
        if let Some(rest) = line.strip_prefix(&format!("S{number}:")) {
            return Item::Server(connection, text(rest));
        }
    }
    if line.trim().is_empty() || line.starts_with('#') {
        return Item::Text(line.to_owned());
    }
    bad(name, line)
}

fn bad<T>(name: &str, line: &str) -> T {
    panic!("{name}: not understood: {line}")
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<Transcript>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            let name = path.strip_prefix(root).unwrap().with_extension("");
            found.push(Transcript::read(&path, &name.display().to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# About.\non: imap\nbegin: a LOGIN alice x\nmail: alice@example.test INBOX S hello\n\nC: b NOOP\nS: b OK\nC: c IDLE\nS: + idling\nC2: x NOOP\nS2: x OK\nC: DONE\nC: d NOOP\nS:\n";

    #[test]
    fn heads_and_steps() {
        let transcript = Transcript::parse(TEXT, Path::new("x.txt"), "x");
        assert_eq!(transcript.mail[0].flags.as_deref(), Some("S"));
        let steps = transcript.steps();
        assert_eq!(steps.len(), 4);
        assert_eq!(steps[0].heard, [(7, "b OK".to_owned())]);
        assert_eq!((steps[2].connection, steps[2].line), (1, 11));
        assert_eq!((steps[3].said.len(), steps[3].heard.len(), steps[3].line), (2, 0, 14));
    }
}
