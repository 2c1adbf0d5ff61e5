//! STORE, EXPUNGE, COPY, MOVE (RFC 3501 §6.4.3, §6.4.6, §6.4.7, RFC 4315, RFC 6851).

use imap::command::{self, FlagChange, Messages, WireName};
use imap::response::{self, Code, Status};
use imap::sequence::{OutOfRange, UidSet, compact};
use mailbox::{MailboxName, Uid};
use store::{Change, Copied};

use crate::blocking::Trouble;
use crate::names;
use crate::opened::{Numbered, tell_message_flags};
use crate::session::Selected;
use crate::verdict::{Asked, Ended, Verdict, Whose};
use crate::wire::Wire;

const TRY_CREATE: Option<&Code<'static>> = Some(&Code::TryCreate);

/// What a command on messages found out about them.
enum Meant {
    Messages(Vec<Numbered>),
    OutOfRange(OutOfRange),
}

impl Selected {
    async fn meant(&mut self, messages: Messages) -> Result<Meant, Trouble> {
        let meant = self.opened.with(move |opened| opened.meant(&messages)).await?;
        Ok(match meant {
            Ok(messages) => Meant::Messages(messages),
            Err(out_of_range) => Meant::OutOfRange(out_of_range),
        })
    }

    pub(crate) async fn store(
        &mut self,
        asked: &Asked,
        store: command::Store,
        wire: &mut Wire,
        whose: &Whose,
    ) -> Result<Verdict, Ended> {
        let by_uid = store.messages.by_uid();
        let meant = match self.meant(store.messages).await {
            Ok(Meant::Messages(meant)) => meant,
            Ok(Meant::OutOfRange(why)) => {
                return Ok(asked.bad(&format!("Error in IMAP command STORE: {why}")));
            }
            Err(trouble) => return asked.refuse(&trouble, None, whose),
        };
        if self.read_only {
            return Ok(asked.ok("Store ignored with read-only mailbox"));
        }
        let change = match store.change {
            FlagChange::Replace => Change::Replace(store.flags),
            FlagChange::Add => Change::Add(store.flags),
            FlagChange::Remove => Change::Remove(store.flags),
        };
        let silent = store.silent;
        let stored = self.opened.ask(move |opened| {
            let uids: Vec<Uid> = meant.iter().map(|numbered| numbered.uid).collect();
            opened.mailbox.store(&uids, &change)?;
            let mut out = Vec::new();
            opened.tell_new_keywords(&mut out);
            for numbered in meant.iter().filter(|_| !silent) {
                if let Some(entry) = opened.entry(numbered.number) {
                    tell_message_flags(&mut out, numbered.number, entry, by_uid);
                }
            }
            Ok(out)
        });
        match stored.await {
            Ok(out) => {
                wire.out.extend_from_slice(&out);
                Ok(asked.ok("Store completed"))
            }
            Err(trouble) => asked.refuse(&trouble, None, whose),
        }
    }

    /// EXPUNGE, or UID EXPUNGE of some.
    pub(crate) async fn expunge(
        &mut self,
        asked: &Asked,
        uids: Option<UidSet>,
        wire: &mut Wire,
        whose: &Whose,
    ) -> Result<Verdict, Ended> {
        if self.read_only {
            return Ok(asked.no_with(&Code::ReadOnly, "Mailbox is read-only"));
        }
        let expunged = self.opened.ask(move |opened| {
            let messages = opened.mailbox.messages();
            let last = messages.last().map(|entry| entry.uid);
            let numbers = uids.map(|uids| uids.resolve(last));
            let wanted =
                |uid: Uid| numbers.as_ref().is_none_or(|numbers| numbers.contains(uid.get()));
            let uids: Vec<Uid> =
                messages.iter().map(|entry| entry.uid).filter(|&uid| wanted(uid)).collect();
            let expunged = opened.mailbox.expunge(&uids)?;
            let mut out = Vec::new();
            opened.tell_expunged(&mut out, &expunged);
            Ok((out, expunged.len()))
        });
        match expunged.await {
            Ok((out, count)) => {
                self.expunged += count;
                wire.out.extend_from_slice(&out);
                Ok(asked.ok("Expunge completed"))
            }
            Err(trouble) => asked.refuse(&trouble, None, whose),
        }
    }

    /// The messages and the mailbox of a COPY or MOVE, or the reply that there is none to be had.
    async fn route(
        &mut self,
        asked: &Asked,
        verb: &str,
        messages: Messages,
        (to, separator): (&WireName, char),
        whose: &Whose,
    ) -> Result<Result<(Vec<Uid>, MailboxName), Verdict>, Ended> {
        let meant = match self.meant(messages).await {
            Ok(Meant::Messages(meant)) => meant,
            Ok(Meant::OutOfRange(why)) => {
                return Ok(Err(asked.bad(&format!("Error in IMAP command {verb}: {why}"))));
            }
            Err(trouble) => return asked.refuse(&trouble, None, whose).map(Err),
        };
        match names::mailbox(to, separator) {
            Err(bad) => Ok(Err(asked.bad_name(&bad))),
            Ok(_) if meant.is_empty() => Ok(Err(asked.ok("No messages found"))),
            Ok(to) => Ok(Ok((meant.into_iter().map(|numbered| numbered.uid).collect(), to))),
        }
    }

    pub(crate) async fn copy(
        &mut self,
        asked: &Asked,
        messages: Messages,
        to: (&WireName, char),
        whose: &Whose,
    ) -> Result<Verdict, Ended> {
        let (uids, to) = match self.route(asked, "COPY", messages, to, whose).await? {
            Ok(both) => both,
            Err(verdict) => return Ok(verdict),
        };
        match self.opened.ask(move |opened| opened.mailbox.copy(&uids, &to)).await {
            Ok(copied) if copied.pairs.is_empty() => Ok(asked.ok("No messages found")),
            Ok(copied) => {
                let (from, to) = sets(&copied);
                let code = Code::CopyUid(copied.uid_validity, &from, &to);
                Ok(asked.ok_with(&code, "Copy completed"))
            }
            Err(trouble) => asked.refuse(&trouble, TRY_CREATE, whose),
        }
    }

    /// COPYUID comes untagged, before the EXPUNGEs (RFC 6851 §4.3).
    pub(crate) async fn move_to(
        &mut self,
        asked: &Asked,
        messages: Messages,
        to: (&WireName, char),
        wire: &mut Wire,
        whose: &Whose,
    ) -> Result<Verdict, Ended> {
        let (uids, to) = match self.route(asked, "MOVE", messages, to, whose).await? {
            Ok(both) => both,
            Err(verdict) => return Ok(verdict),
        };
        if self.read_only {
            return Ok(asked.no_with(&Code::ReadOnly, "Mailbox is read-only"));
        }
        let moved = self.opened.ask(move |opened| {
            let (copied, expunged) = opened.mailbox.move_to(&uids, &to)?;
            let mut out = Vec::new();
            if !copied.pairs.is_empty() {
                let (from, to) = sets(&copied);
                let code = Code::CopyUid(copied.uid_validity, &from, &to);
                response::untagged(&mut out, Status::Ok, Some(&code), "Moved UIDs.");
            }
            opened.tell_expunged(&mut out, &expunged);
            Ok((out, copied.pairs.len()))
        });
        match moved.await {
            Ok((_, 0)) => Ok(asked.ok("No messages found")),
            Ok((out, _)) => {
                wire.out.extend_from_slice(&out);
                Ok(asked.ok("Move completed"))
            }
            Err(trouble) => asked.refuse(&trouble, TRY_CREATE, whose),
        }
    }
}

/// COPYUID's two sets, whose numbers correspond (RFC 4315 §3).
fn sets(copied: &Copied) -> (String, String) {
    let from = compact(copied.pairs.iter().map(|(from, _)| from.get()));
    let to = compact(copied.pairs.iter().map(|(_, to)| to.get()));
    (from, to)
}
