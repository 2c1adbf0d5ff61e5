//! Lays a transcript's messages into Maildirs, so that both sides find the same before the dialogue.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::folder;
use crate::side::{Domains, PASSWORD, Side};
use crate::transcript::{Placed, Transcript};
use crate::wire::Wire;

/// When the first message of a transcript arrived: 1 January 2020, noon. Each next one is a minute later.
const ARRIVED: u64 = 1_577_880_000;

impl Side {
    /// Lays the transcript's messages into its users' Maildirs. A session looks at those that aren't new
    /// and leaves, so that they aren't recent either.
    pub fn place(&self, transcript: &Transcript, domains: Domains) {
        let placed = transcript.mail.iter().enumerate();
        let (old, new): (Vec<_>, Vec<_>) = placed.partition(|(_, placed)| placed.flags.is_some());
        let mut seen = Vec::new();
        for (number, placed) in old {
            let login = domains.there(&placed.login);
            self.place_one(placed, &login, number as u64);
            let mailbox = (login, placed.mailbox.replace('.', "/"));
            if !seen.contains(&mailbox) {
                seen.push(mailbox);
            }
        }
        for (login, mailbox) in seen {
            let mut line = self.connect(Wire::Imap);
            line.hear().expect("a greeting");
            line.imap(&format!("a LOGIN {login} {PASSWORD}"), "OK");
            line.imap(&format!("b SELECT {mailbox}"), "OK");
            line.imap("c LOGOUT", "");
        }
        for (number, placed) in new {
            self.place_one(placed, &domains.there(&placed.login), number as u64);
        }
    }

    fn place_one(&self, placed: &Placed, login: &str, number: u64) {
        let message = folder().join("messages").join(format!("{}.eml", placed.name));
        let text = fs::read_to_string(&message)
            .unwrap_or_else(|error| panic!("{}: {error}", message.display()));
        // As a Maildir has them: lines end in LF.
        let text = text.replace("\r\n", "\n");
        let virtual_size = text.len() + text.matches('\n').count();
        let maildir = self.folder(login, &placed.mailbox);
        let time = ARRIVED + 60 * number;
        let base = format!("{time}.M{number}P1.mail,S={},W={virtual_size}", text.len());
        let path = match &placed.flags {
            None => maildir.join("new").join(base),
            Some(letters) => maildir.join("cur").join(format!("{base}:2,{letters}")),
        };
        fs::write(&path, text).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(time)).unwrap();
        self.give(&path);
    }

    /// A Maildir folder, made if it isn't there.
    fn folder(&self, login: &str, mailbox: &str) -> PathBuf {
        let (user, domain) = login.split_once('@').unwrap();
        let mut path = self.mail_root.clone();
        let mut names = vec![domain.to_owned(), user.to_owned(), "Maildir".to_owned()];
        if mailbox != "INBOX" {
            names.push(format!(".{mailbox}"));
        }
        for name in names {
            path.push(name);
            self.make(&path);
        }
        if mailbox != "INBOX" {
            fs::write(path.join("maildirfolder"), "").unwrap();
            self.give(&path.join("maildirfolder"));
        }
        ["cur", "new", "tmp"].iter().for_each(|sub| self.make(&path.join(sub)));
        path
    }

    fn make(&self, path: &Path) {
        if !path.exists() {
            fs::create_dir(path).unwrap();
            self.give(path);
        }
    }

    fn give(&self, path: &Path) {
        chown(path, Some(self.owner.0), Some(self.owner.1)).unwrap();
    }
}
