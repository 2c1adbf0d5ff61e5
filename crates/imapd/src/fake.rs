//! A mailbox in memory, for tests of what goes on above the store.

use std::io::{Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;

use mailbox::{Flags, Keyword, MailboxName, Uid, UidValidity};
use store::{Access, Body, Change, Changes, Copied, Entry, Error, Mailbox, Result, WatchPoint};

/// Messages with their UIDs. Reading one that begins with `panic` panics, one that begins with
/// `broken` fails half-way; one that begins with `gone` was expunged by somebody else.
pub(crate) struct FakeMailbox {
    name: MailboxName,
    entries: Vec<Entry>,
    texts: Vec<(Uid, Vec<u8>)>,
}

impl FakeMailbox {
    pub(crate) fn new(messages: &[(u32, &str)]) -> Box<Self> {
        let uid = |number| Uid::new(number).unwrap();
        let entry = |&(number, _): &(u32, &str)| Entry {
            uid: uid(number),
            flags: Arc::new(Flags::new()),
            recent: false,
        };
        let text = |&(number, text): &(u32, &str)| (uid(number), text.as_bytes().to_vec());
        Box::new(Self {
            name: MailboxName::inbox(),
            entries: messages.iter().map(entry).collect(),
            texts: messages.iter().map(text).collect(),
        })
    }

    fn text(&self, uid: Uid) -> Result<Vec<u8>> {
        let found = self.texts.iter().find(|(known, _)| *known == uid).ok_or(Error::Gone)?;
        if found.1.starts_with(b"gone") { Err(Error::Gone) } else { Ok(found.1.clone()) }
    }
}

struct FakeBody(Cursor<Vec<u8>>);

impl Read for FakeBody {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        assert!(!self.0.get_ref().starts_with(b"panic"), "as a parser might on bad mail");
        let half = self.0.get_ref().len() as u64 / 2;
        if self.0.get_ref().starts_with(b"broken") && self.0.position() >= half {
            return Err(std::io::Error::other("the disk is broken"));
        }
        let most = buffer.len().min(1000);
        self.0.read(&mut buffer[..most])
    }
}

impl Seek for FakeBody {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

impl Body for FakeBody {
    fn octets(&mut self) -> std::io::Result<u64> {
        Ok(self.0.get_ref().len() as u64)
    }
}

impl Mailbox for FakeMailbox {
    fn name(&self) -> &MailboxName {
        &self.name
    }

    fn access(&self) -> Access {
        Access::ReadWrite
    }

    fn uid_validity(&self) -> UidValidity {
        UidValidity::new(1).unwrap()
    }

    fn uid_next(&self) -> Uid {
        self.entries.last().map_or(Uid::new(1).unwrap(), |entry| entry.uid.next())
    }

    fn messages(&self) -> &[Entry] {
        &self.entries
    }

    fn keywords(&self) -> Vec<Keyword> {
        Vec::new()
    }

    fn can_create_keywords(&self) -> bool {
        false
    }

    fn refresh(&mut self) -> Result<Changes> {
        Ok(Changes::default())
    }

    fn watched(&self) -> Vec<WatchPoint> {
        Vec::new()
    }

    fn size(&mut self, uid: Uid) -> Result<u64> {
        Ok(self.text(uid)?.len() as u64)
    }

    fn internal_date(&mut self, _: Uid) -> Result<i64> {
        Ok(0)
    }

    fn body(&mut self, uid: Uid) -> Result<Box<dyn Body>> {
        Ok(Box::new(FakeBody(Cursor::new(self.text(uid)?))))
    }

    fn store(&mut self, _: &[Uid], _: &Change) -> Result<()> {
        Err(Error::ReadOnly)
    }

    fn expunge(&mut self, _: &[Uid]) -> Result<Vec<(usize, Uid)>> {
        Err(Error::ReadOnly)
    }

    fn copy(&mut self, _: &[Uid], _: &MailboxName) -> Result<Copied> {
        Err(Error::ReadOnly)
    }

    fn move_to(&mut self, _: &[Uid], _: &MailboxName) -> Result<(Copied, Vec<(usize, Uid)>)> {
        Err(Error::ReadOnly)
    }
}
