//! FETCH and SEARCH driven over the wire: a step on a blocking thread, then the client's turn.

use imap::command::{self, Charset};
use imap::response::{self, Code, Esearch};

use crate::blocking::{Fault, Trouble};
use crate::fetch::{Failed, Fetch, Step};
use crate::open_message::Unreadable;
use crate::search::Search;
use crate::session::Selected;
use crate::verdict::{Asked, Ended, Verdict, Whose};
use crate::wire::{FLUSH_AT, Wire};

impl Selected {
    pub(crate) async fn fetch(
        &mut self,
        asked: &Asked,
        fetch: command::Fetch,
        wire: &mut Wire,
        whose: &Whose,
    ) -> Result<Verdict, Ended> {
        let messages = fetch.messages.clone();
        let meant = match self.opened.with(move |opened| opened.meant(&messages)).await {
            Ok(Ok(meant)) => meant,
            Ok(Err(why)) => {
                return Ok(asked.bad(&format!("Error in IMAP command FETCH: {why}")));
            }
            Err(fault) => return asked.refuse(&fault.into(), None, whose),
        };
        let mut work = Fetch::new(fetch, meant, self.read_only);
        let mut in_literal = false;
        loop {
            let stepped = self.opened.with(move |opened| {
                let mut out = Vec::with_capacity(FLUSH_AT / 8);
                let step = work.step(opened, &mut out);
                (work, out, step)
            });
            let step = match stepped.await {
                Ok((continued, out, step)) => {
                    work = continued;
                    wire.out.extend_from_slice(&out);
                    step
                }
                // What the step had made is lost with it; the line it was in must not be.
                Err(Fault::Panicked) if !in_literal => {
                    return asked.refuse(&Fault::Panicked.into(), None, whose);
                }
                Err(_) => return Err(Ended::Broken),
            };
            match step {
                Ok(Step::Done) if work.some_gone => {
                    let text = "Some messages were already expunged";
                    return Ok(asked.ok_with(&Code::ExpungeIssued, text));
                }
                Ok(Step::Done) => return Ok(asked.ok("Fetch completed")),
                Ok(Step::More { in_literal: inside }) => {
                    in_literal = inside;
                    wire.flush().await?;
                }
                Err(failed) => return unreadable(asked, failed, whose),
            }
        }
    }

    pub(crate) async fn search(
        &mut self,
        asked: &Asked,
        search: command::Search,
        wire: &mut Wire,
        whose: &Whose,
    ) -> Result<Verdict, Ended> {
        if matches!(search.charset, Charset::Other(_)) {
            return Ok(asked.no_with(&Code::BadCharset, "Unknown charset"));
        }
        let command::Search { by_uid, returns, keys, .. } = search;
        let begun = self.opened.with(move |opened| Search::new(keys, by_uid, opened)).await;
        let mut work = match begun {
            Ok(work) => work,
            Err(fault) => return asked.refuse(&fault.into(), None, whose),
        };
        loop {
            let stepped = self.opened.with(move |opened| {
                let step = work.step(opened);
                (work, step)
            });
            let step = match stepped.await {
                Ok((continued, step)) => {
                    work = continued;
                    step
                }
                Err(fault) => return asked.refuse(&fault.into(), None, whose),
            };
            match step {
                Ok(true) => break,
                Ok(false) if wire.is_stopping() => return Err(Ended::Stopping),
                Ok(false) => {}
                Err(why) => {
                    return asked.refuse(&trouble(why), None, whose);
                }
            }
        }
        match returns {
            None => response::search(&mut wire.out, work.found),
            Some(returns) => {
                let found = work.found.as_slice();
                response::esearch(&mut wire.out, &asked.tag, Esearch { returns, by_uid, found });
            }
        }
        Ok(asked.ok("Search completed"))
    }
}

fn unreadable(asked: &Asked, failed: Failed, whose: &Whose) -> Result<Verdict, Ended> {
    tracing::error!(user = whose.user, client = whose.client, "FETCH: {failed}");
    if failed.in_literal {
        return Err(Ended::Broken); // octets were announced that don't come
    }
    asked.refuse(&trouble(failed.why), None, whose)
}

fn trouble(why: Unreadable) -> Trouble {
    Trouble::Store(match why {
        Unreadable::Gone => store::Error::Gone,
        Unreadable::Store(error) => error,
        Unreadable::Io(source) => store::Error::Io { what: "reading a message".to_owned(), source },
    })
}

#[cfg(test)]
mod tests;
