//! SELECT, EXAMINE, CLOSE, UNSELECT (RFC 3501 §6.3.1, §6.3.2, §6.4.2, RFC 3691).

use imap::command::WireName;
use imap::response::{self, Code, Status};
use mailbox::Uid;
use store::Access;

use crate::blocking::{Fault, Kept, Trouble};
use crate::names;
use crate::opened::Opened;
use crate::session::{Selected, Session, State};
use crate::verdict::{Asked, Ended, Verdict};

impl Session {
    pub(crate) async fn select(
        &mut self,
        asked: &Asked,
        name: &WireName,
        access: Access,
    ) -> Result<Verdict, Ended> {
        // RFC 3501 §6.3.1: whether or not this succeeds, the mailbox before is left.
        if let State::Selected(before) = std::mem::replace(&mut self.state, State::Authenticated) {
            before.drop_mailbox().await;
            let out = &mut self.wire.out;
            response::untagged(out, Status::Ok, Some(&Code::Closed), "Previous mailbox closed.");
        }
        let name = match names::mailbox(name, self.separator()) {
            Ok(name) => name,
            Err(bad) => return Ok(asked.bad_name(&bad)),
        };
        let wanted = name.clone();
        let opened = self.account.ask(move |account| {
            let mut opened = Opened::new(account.open(&wanted, access)?);
            let mut out = Vec::new();
            opened.introduce(&mut out);
            Ok((opened, out))
        });
        let (opened, introduction) = match opened.await {
            Ok(opened) => opened,
            Err(trouble) => return self.refuse(asked, &trouble, None),
        };
        self.wire.out.extend_from_slice(&introduction);
        let read_only = opened.is_read_only();
        let points = opened.mailbox.watched();
        let opened = Kept::new(opened);
        self.state = State::Selected(Selected { name, opened, read_only, points, expunged: 0 });
        let code = if read_only { Code::ReadOnly } else { Code::ReadWrite };
        let text =
            if access == Access::ReadOnly { "Examine completed" } else { "Select completed" };
        Ok(asked.ok_with(&code, text))
    }

    /// Back to the authenticated state; with `expunge` after removing in silence what is marked.
    pub(crate) async fn leave(&mut self, asked: &Asked, expunge: bool) -> Result<Verdict, Ended> {
        let State::Selected(mut selected) =
            std::mem::replace(&mut self.state, State::Authenticated)
        else {
            return Ok(asked.bad("No mailbox selected"));
        };
        let mut expunged = Ok(());
        // RFC 3501 §6.4.2: nothing is removed from a mailbox that was selected read-only.
        if expunge && !selected.read_only {
            let removed = selected.opened.ask(|opened| {
                let messages = opened.mailbox.messages();
                let all: Vec<Uid> = messages.iter().map(|entry| entry.uid).collect();
                opened.mailbox.expunge(&all).map(drop)
            });
            expunged = removed.await;
        }
        selected.drop_mailbox().await;
        match expunged {
            Ok(()) => Ok(asked.ok(if expunge { "Close completed" } else { "Unselect completed" })),
            Err(trouble) => self.refuse(asked, &trouble, None),
        }
    }
}

impl Selected {
    /// Closing may write files, so it is no work for a thread that serves sessions.
    pub(crate) async fn drop_mailbox(self) {
        let dropped: Result<(), Trouble> = self
            .opened
            .give(|opened| {
                drop(opened);
                Ok(())
            })
            .await;
        if let Err(Trouble::Fault(Fault::Panicked)) = dropped {
            tracing::error!("closing a mailbox panicked");
        }
    }
}
