//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 §6.3.3–§6.3.7), and the mailboxes that
//! the configuration wants every user to have.

use imap::command::WireName;
use imap::response::{self, Code, Status};
use mailbox::MailboxName;
use store::{Account, Error, Kind};

use crate::blocking::Trouble;
use crate::names;
use crate::session::{Session, State};
use crate::verdict::{Asked, Ended, Verdict};

const MISSING: Option<&Code<'static>> = Some(&Code::NonExistent);

impl Session {
    pub(crate) async fn create(
        &mut self,
        asked: &Asked,
        name: &WireName,
        special_use: &[String],
    ) -> Result<Verdict, Ended> {
        if !special_use.is_empty() {
            // RFC 6154 §3: attributes that can't be given fail the command.
            return Ok(
                asked.no_with(&Code::UseAttr, "Special use is set in the configuration alone")
            );
        }
        let name = match names::to_create(name, self.separator()) {
            Ok(name) => name,
            Err(bad) => return Ok(asked.bad_name(&bad)),
        };
        let created = self.account.ask(move |account| account.create(&name)).await;
        match created {
            Ok(()) => Ok(asked.ok("Create completed")),
            Err(trouble) => self.refuse(asked, &trouble, MISSING),
        }
    }

    pub(crate) async fn delete(
        &mut self,
        asked: &Asked,
        name: &WireName,
    ) -> Result<Verdict, Ended> {
        let name = match names::mailbox(name, self.separator()) {
            Ok(name) => name,
            Err(bad) => return Ok(asked.bad_name(&bad)),
        };
        if name.is_inbox() {
            return Ok(asked.no("INBOX can't be deleted"));
        }
        let gone = name.clone();
        let deleted = self.account.ask(move |account| account.delete(&gone)).await;
        match deleted {
            Ok(()) => {
                self.leave_gone(|selected| *selected == name).await;
                Ok(asked.ok("Delete completed"))
            }
            Err(trouble) => self.refuse(asked, &trouble, MISSING),
        }
    }

    /// A mailbox that the session itself deleted or renamed isn't selected any more.
    async fn leave_gone(&mut self, is_gone: impl Fn(&MailboxName) -> bool) {
        match std::mem::replace(&mut self.state, State::Authenticated) {
            State::Selected(selected) if is_gone(&selected.name) => {
                selected.drop_mailbox().await;
                let out = &mut self.wire.out;
                let code = Some(&Code::Closed);
                response::untagged(out, Status::Ok, code, "Previous mailbox closed.");
            }
            other => self.state = other,
        }
    }

    pub(crate) async fn rename(
        &mut self,
        asked: &Asked,
        from: &WireName,
        to: &WireName,
    ) -> Result<Verdict, Ended> {
        let separator = self.separator();
        let (from, to) = match (names::mailbox(from, separator), names::mailbox(to, separator)) {
            (Ok(from), Ok(to)) => (from, to),
            (Err(bad), _) | (_, Err(bad)) => return Ok(asked.bad_name(&bad)),
        };
        if from.is_inbox() {
            return Ok(asked.no_with(&Code::Cannot, "Renaming INBOX isn't supported"));
        }
        if from == to {
            return Ok(asked.no_with(&Code::AlreadyExists, "Can't rename mailbox to itself"));
        }
        if to.is_below(&from) {
            return Ok(asked.no("Can't rename mailbox under its own child"));
        }
        let old = from.clone();
        let renamed = self.account.ask(move |account| account.rename(&from, &to)).await;
        match renamed {
            Ok(()) => {
                self.leave_gone(|selected| *selected == old || selected.is_below(&old)).await;
                Ok(asked.ok("Rename completed"))
            }
            Err(Trouble::Store(error)) if error.kind() == Kind::Exists => {
                Ok(asked.no_with(&Code::AlreadyExists, "Target mailbox already exists"))
            }
            Err(trouble) => self.refuse(asked, &trouble, MISSING),
        }
    }

    /// A mailbox that doesn't exist can't be subscribed to: Dovecot's choice, which RFC 3501 §6.3.6
    /// allows.
    pub(crate) async fn subscribe(
        &mut self,
        asked: &Asked,
        name: &WireName,
    ) -> Result<Verdict, Ended> {
        let name = match names::mailbox(name, self.separator()) {
            Ok(name) => name,
            Err(bad) => return Ok(asked.bad_name(&bad)),
        };
        let shown = name.join(self.separator());
        let subscribed = self.account.ask(move |account| {
            if !account.exists(&name)? {
                return Err(Error::NotFound(shown));
            }
            account.subscribe(&name)
        });
        match subscribed.await {
            Ok(()) => Ok(asked.ok("Subscribe completed")),
            Err(trouble) => self.refuse(asked, &trouble, None),
        }
    }

    pub(crate) async fn unsubscribe(
        &mut self,
        asked: &Asked,
        name: &WireName,
    ) -> Result<Verdict, Ended> {
        let name = match names::mailbox(name, self.separator()) {
            Ok(name) => name,
            Err(bad) => return Ok(asked.bad_name(&bad)),
        };
        let unsubscribed = self.account.ask(move |account| account.unsubscribe(&name)).await;
        match unsubscribed {
            Ok(_) => Ok(asked.ok("Unsubscribe completed")),
            Err(trouble) => self.refuse(asked, &trouble, None),
        }
    }
}

/// A mailbox that every user is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) name: MailboxName,
    pub(crate) subscribe: bool,
}

/// Makes what a user lacks of the wanted mailboxes.
pub(crate) fn provide(account: &mut dyn Account, wanted: &[Wanted]) -> store::Result<()> {
    for Wanted { name, subscribe } in wanted {
        if account.exists(name)? {
            continue;
        }
        match account.create(name) {
            Ok(()) => {}
            // Another session was faster.
            Err(error) if error.kind() == Kind::Exists => continue,
            Err(error) => return Err(error),
        }
        if *subscribe {
            account.subscribe(name)?;
        }
    }
    Ok(())
}
