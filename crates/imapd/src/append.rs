//! APPEND, its message streaming into the store (RFC 3501 §6.3.11, RFC 4315 §3).
//!
//! Whatever goes wrong, the message is taken off the wire to its end before the reply, unless the
//! client waits to be asked for it.

use imap::command::Append;
use imap::frame::{AppendHead, Refusal};
use imap::grammar;
use imap::response::Code;
use store::Draft;

use crate::blocking::{Kept, Trouble};
use crate::names;
use crate::session::Session;
use crate::verdict::{Asked, Ended, Verdict};
use crate::wire::{Input, LARGE_READ};

const TRY_CREATE: Option<&Code<'static>> = Some(&Code::TryCreate);

impl Session {
    pub(crate) async fn append(&mut self, head: AppendHead) -> Result<Verdict, Ended> {
        let append = match grammar::append(&head.octets) {
            Ok(append) => append,
            Err(bad) => {
                let Some(tag) = bad.tag.clone() else { return Err(Ended::BadCommands) };
                let asked = Asked::new(tag);
                let verdict = asked.timed(bad.status(), bad.code().as_ref(), &bad.to_string());
                return self.pass_over(verdict).await;
            }
        };
        let asked = Asked::new(append.tag.clone());
        match self.draft(&asked, &append, head.literal.octets).await? {
            Ok(draft) => {
                self.wire.accept_message();
                let appended = self.take_message(&asked, draft, append).await;
                self.wire.message_ended();
                appended
            }
            Err(verdict) => self.pass_over(verdict).await,
        }
    }

    /// A draft for the message, or why there will be none.
    async fn draft(
        &mut self,
        asked: &Asked,
        append: &Append,
        octets: u64,
    ) -> Result<Result<Kept<Box<dyn Draft>>, Verdict>, Ended> {
        if octets == 0 {
            return Ok(Err(asked.no("Can't save a zero byte message")));
        }
        if octets > self.shared.settings.append_limit {
            return Ok(Err(asked.no_with(&Code::TooBig, "Message is too large")));
        }
        let name = match names::mailbox(&append.name, self.separator()) {
            Ok(name) => name,
            Err(bad) => return Ok(Err(asked.bad_name(&bad))),
        };
        match self.account.ask(move |account| account.draft(&name)).await {
            Ok(draft) => Ok(Ok(Kept::new(draft))),
            Err(trouble) => self.refuse(asked, &trouble, TRY_CREATE).map(Err),
        }
    }

    /// Lets the message that comes all the same go past.
    async fn pass_over(&mut self, verdict: Verdict) -> Result<Verdict, Ended> {
        match self.wire.refuse_message() {
            Refusal::Answer => Ok(verdict),
            Refusal::Close => {
                self.wire.out.extend_from_slice(&verdict.line);
                Err(Ended::TooLong)
            }
            Refusal::Skip => loop {
                let input = self.wire.input(self.shared.settings.idle).await?;
                if matches!(input, Input::Skipped) {
                    return Ok(verdict);
                }
            },
        }
    }

    async fn take_message(
        &mut self,
        asked: &Asked,
        mut draft: Kept<Box<dyn Draft>>,
        append: Append,
    ) -> Result<Verdict, Ended> {
        let mut failed: Option<Trouble> = None;
        let mut waiting = Vec::new();
        let clean = loop {
            let ended = match self.wire.input(self.shared.settings.idle).await? {
                Input::Message(octets) => {
                    waiting.extend_from_slice(&octets);
                    None
                }
                Input::MessageEnd { clean } => Some(clean),
                _ => None,
            };
            if failed.is_some() {
                waiting.clear();
            } else if waiting.len() >= LARGE_READ || (ended.is_some() && !waiting.is_empty()) {
                let octets = std::mem::take(&mut waiting);
                failed = draft.ask(move |draft| draft.write(&octets)).await.err();
            }
            if let Some(clean) = ended {
                break clean;
            }
        };
        if !clean {
            return Ok(asked.bad("Error in IMAP command APPEND: Unexpected data after message"));
        }
        if let Some(trouble) = failed {
            return self.refuse(asked, &trouble, TRY_CREATE);
        }
        let Append { flags, date, .. } = append;
        let date = date.map(imap::date::DateTime::seconds);
        match draft.give(move |draft| draft.append(&flags, date)).await {
            Ok(appended) => {
                let code = Code::AppendUid(appended.uid_validity, appended.uid);
                Ok(asked.ok_with(&code, "Append completed"))
            }
            Err(trouble) => self.refuse(asked, &trouble, TRY_CREATE),
        }
    }
}
