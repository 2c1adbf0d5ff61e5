//! The short way for new mail: what lies in `new/` gets its UIDs without a look at all the rest.
//!
//! Good if nothing else can have changed: `cur/` and the uidlist are as they were at the last look.
//! Then a file that isn't known and stands nowhere in the list is a new message. Everything else goes
//! the long way ([`super::sync`]).

use std::collections::HashMap;
use std::sync::Arc;

use super::filename;
use super::lock::Lock;
use super::scan::{Found, Stamp, scan};
use super::session::{Record, Session, Stamps};
use super::uidfile;
use crate::error::io;
use crate::fs::read_limited;
use crate::{Access, Result};

impl Session {
    /// Under the lock. False if it has to be the long way; nothing has changed then.
    pub(crate) fn take_arrivals(&mut self, lock: &mut Lock) -> Result<bool> {
        let Some(then) = self.stamps else { return Ok(false) };
        let now = Stamps {
            new_mail: Stamp::of(&self.folder.new_mail(), false),
            cur: Stamp::of(&self.folder.cur(), false),
            list: uidfile::ident(&self.folder),
        };
        // `next` speaks for the list only while it is the one that was read.
        if then.list != now.list || now.list.is_none() || !then.cur.same_time(&now.cur) {
            return Ok(false);
        }
        let mut found = Vec::new();
        scan(&self.folder, true, &mut found)?;
        let Some(mut unknown) = self.unknown(found)? else { return Ok(false) };
        unknown.sort_by(|a, b| filename::arrival_key(&a.name).cmp(&filename::arrival_key(&b.name)));
        let mut lines = Vec::new();
        let mut records: Vec<Record> = Vec::with_capacity(unknown.len());
        let mut next = self.next;
        for file in unknown {
            if !uidfile::may_be_given(next) {
                return Ok(false);
            }
            uidfile::write_line(&mut lines, next, file.base());
            let flags = self.keywords.flags(&file.name);
            let recent = self.access == Access::ReadOnly;
            records.push(Record { uid: next, name: file.name, in_new: true, recent, flags });
            next = next.next();
        }
        if !lines.is_empty() {
            uidfile::append(&*Arc::clone(&self.root).fs, &self.folder.uidlist(), &lines)?;
        }
        self.next = next;
        self.floor = next;
        self.records.append(&mut records);
        let mut stamps = Stamps { cur: then.cur, list: uidfile::ident(&self.folder), ..now };
        let mut all = std::mem::take(&mut self.records);
        self.take_from_new(&mut all, lock, &mut stamps);
        self.records = all;
        self.stamps = Some(stamps);
        Ok(true)
    }

    /// What isn't known of `found`. `None` if known mail is missing, or the uidlist has such a name.
    fn unknown(&self, found: Vec<Found>) -> Result<Option<Vec<Found>>> {
        let mut known: HashMap<&[u8], &Record> = HashMap::new();
        for record in self.records.iter().filter(|record| record.in_new) {
            known.insert(filename::base(&record.name), record);
        }
        let mut unknown = Vec::new();
        for file in found {
            match known.remove(file.base()) {
                Some(record) if record.name == file.name => {}
                Some(_) => return Ok(None),
                None if file.base().is_empty() => return Ok(None),
                None => unknown.push(file),
            }
        }
        if !known.is_empty() {
            return Ok(None);
        }
        let path = self.folder.uidlist();
        let list = read_limited(&path, uidfile::MAX_FILE_OCTETS).map_err(io("read", &path))?;
        let list = list.unwrap_or_default();
        // The last line must be whole for another to follow it.
        let whole = list.ends_with(b"\n");
        let stands = |file: &Found| memchr::memmem::find(&list, file.base()).is_some();
        Ok((whole && !unknown.iter().any(stands)).then_some(unknown))
    }
}
