//! A logged-in session: one command after the other, in the state that RFC 3501 §3 gives it.
//!
//! [`State`] says what may be done: the commands on messages are methods of [`Selected`], so that none
//! can run without a mailbox. After a command the mailbox is looked at again and what others did is
//! told, where the client may be told of expunges (RFC 3501 §7.4.1).

use std::sync::Arc;

use imap::command::{Command, Messages, Tag};
use imap::frame::Rejection;
use imap::grammar::{self, BadCommand};
use imap::response::{self, Code, Status};
use mailbox::MailboxName;
use store::{Account, Kind, WatchPoint};

use crate::blocking::{Fault, Kept, Trouble};
use crate::capability;
use crate::figures::Figure;
use crate::opened::Opened;
use crate::shared::Shared;
use crate::verdict::{Asked, Ended, Verdict, Whose};
use crate::wire::{Input, Wire};

/// Bad commands in a row after which the client is sent away. Dovecot's number.
const MAX_BAD_COMMANDS: u32 = 20;

/// A user's session.
pub(crate) struct Session {
    pub(crate) wire: Wire,
    pub(crate) shared: Arc<Shared>,
    pub(crate) whose: Whose,
    pub(crate) account: Kept<Box<dyn Account>>,
    pub(crate) state: State,
    bad_commands: u32,
}

/// RFC 3501 §3.2 and §3.3.
pub(crate) enum State {
    Authenticated,
    Selected(Selected),
}

/// The mailbox that is selected.
pub(crate) struct Selected {
    pub(crate) name: MailboxName,
    pub(crate) opened: Kept<Opened>,
    pub(crate) read_only: bool,
    pub(crate) points: Vec<WatchPoint>,
    /// Messages expunged by this session, for the log.
    pub(crate) expunged: usize,
}

/// Whether expunges by others may be told after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Refresh,
    /// RFC 3501 §7.4.1: "an EXPUNGE response MUST NOT be sent … while responding to a FETCH, STORE,
    /// or SEARCH command"; the store tells all changes or none.
    Nothing,
}

impl After {
    fn of(command: &Command) -> Self {
        let by_sequence = |messages: &Messages| !messages.by_uid();
        let numbered = match command {
            Command::Fetch(fetch) => by_sequence(&fetch.messages),
            Command::Store(store) => by_sequence(&store.messages),
            Command::Search(search) => !search.by_uid,
            // SELECT has just told all there is; LOGOUT ends.
            Command::Select(_) | Command::Examine(_) | Command::Logout => true,
            _ => false,
        };
        if numbered { After::Nothing } else { After::Refresh }
    }
}

impl Session {
    pub(crate) fn new(
        wire: Wire,
        shared: Arc<Shared>,
        whose: Whose,
        account: Box<dyn Account>,
    ) -> Self {
        let account = Kept::new(account);
        let state = State::Authenticated;
        Self { wire, shared, whose, account, state, bad_commands: 0 }
    }

    pub(crate) fn separator(&self) -> char {
        self.shared.settings.mail.separator
    }

    /// Serves until the session ends.
    pub(crate) async fn run(mut self) {
        let _counted = self.shared.figures.hold(Figure::Sessions);
        let ended = loop {
            if let Err(ended) = self.next().await {
                break ended;
            }
        };
        let Self { wire, whose, .. } = self;
        tracing::info!(
            user = whose.user,
            client = whose.client,
            status = "disconnected",
            "{} in={} out={}",
            ended.why(),
            wire.octets_in,
            wire.octets_out
        );
        wire.close(ended).await;
    }

    /// One command.
    async fn next(&mut self) -> Result<(), Ended> {
        let silence = self.shared.settings.idle;
        self.wire.seat().state("idle");
        match self.wire.input(silence).await? {
            Input::Command(octets) => match grammar::command(&octets) {
                Ok(tagged) => {
                    self.wire.seat().state(tagged.command.verb());
                    let (asked, after) = (Asked::new(tagged.tag), After::of(&tagged.command));
                    let verdict = self.carry_out(&asked, tagged.command).await?;
                    self.finish(verdict, after).await
                }
                Err(bad) => self.bad_command(&bad),
            },
            Input::Append(head) => {
                self.wire.seat().state("APPEND");
                let verdict = self.append(head).await?;
                self.finish(verdict, After::Refresh).await
            }
            Input::Rejected { tag, why } => self.rejected(tag, why),
            // Answers to questions that nobody asks any more.
            Input::Line(_) | Input::LineTooLong | Input::Skipped => Ok(()),
            Input::Message(_) | Input::MessageEnd { .. } => Ok(()),
        }
    }

    async fn carry_out(&mut self, asked: &Asked, command: Command) -> Result<Verdict, Ended> {
        let command = match self.any_state(asked, command)? {
            Ok(verdict) => return Ok(verdict),
            Err(command) => command,
        };
        match command {
            Command::Select(name) => self.select(asked, &name, store::Access::ReadWrite).await,
            Command::Examine(name) => self.select(asked, &name, store::Access::ReadOnly).await,
            Command::Create { name, special_use } => self.create(asked, &name, &special_use).await,
            Command::Delete(name) => self.delete(asked, &name).await,
            Command::Rename { from, to } => self.rename(asked, &from, &to).await,
            Command::Subscribe(name) => self.subscribe(asked, &name).await,
            Command::Unsubscribe(name) => self.unsubscribe(asked, &name).await,
            Command::List(list) => self.list(asked, list).await,
            Command::Lsub { reference, pattern } => self.lsub(asked, &reference, &pattern).await,
            Command::Status { name, items } => self.status(asked, &name, &items).await,
            Command::Idle => self.idle(asked).await,
            command => self.on_messages(asked, command).await,
        }
    }

    /// Commands that only say something (RFC 3501 §6.1 and its like); others are given back.
    fn any_state(
        &mut self,
        asked: &Asked,
        command: Command,
    ) -> Result<Result<Verdict, Command>, Ended> {
        let out = &mut self.wire.out;
        Ok(Ok(match command {
            Command::Capability => {
                response::capability(out, capability::AFTER_LOGIN);
                asked.ok("Capability completed")
            }
            Command::Noop => asked.ok("NOOP completed"),
            Command::Id(_) => {
                response::id(out, &[("name", Some("Dovetail"))]);
                asked.ok("ID completed")
            }
            Command::Enable(_) => {
                response::enabled(out, &[]); // nothing that we have needs to be enabled
                asked.ok("Enabled")
            }
            Command::Namespace => {
                response::namespace(out, [&[("", self.shared.settings.mail.separator)], &[], &[]]);
                asked.ok("Namespace completed")
            }
            Command::Logout => {
                response::bye(out, "Logging out");
                let verdict = asked.ok("Logout completed");
                out.extend_from_slice(&verdict.line);
                return Err(Ended::LoggedOut);
            }
            Command::StartTls => asked.bad("Error in IMAP command STARTTLS: Unknown command"),
            Command::Login { .. } => asked.bad("Error in IMAP command LOGIN: Unknown command"),
            Command::Authenticate { .. } => {
                asked.bad("Error in IMAP command AUTHENTICATE: Unknown command")
            }
            command => return Ok(Err(command)),
        }))
    }

    /// The commands of the selected state (RFC 3501 §6.4).
    async fn on_messages(&mut self, asked: &Asked, command: Command) -> Result<Verdict, Ended> {
        if matches!(command, Command::Close | Command::Unselect) {
            return self.leave(asked, matches!(command, Command::Close)).await;
        }
        let Self { wire, whose, state, .. } = self;
        let State::Selected(selected) = state else { return Ok(asked.bad("No mailbox selected")) };
        let separator = self.shared.settings.mail.separator;
        match command {
            Command::Check => Ok(asked.ok("Check completed")),
            Command::Expunge(uids) => selected.expunge(asked, uids, wire, whose).await,
            Command::Search(search) => selected.search(asked, search, wire, whose).await,
            Command::Fetch(fetch) => selected.fetch(asked, fetch, wire, whose).await,
            Command::Store(store) => selected.store(asked, store, wire, whose).await,
            Command::Copy { messages, to } => {
                selected.copy(asked, messages, (&to, separator), whose).await
            }
            Command::Move { messages, to } => {
                selected.move_to(asked, messages, (&to, separator), wire, whose).await
            }
            _ => Ok(asked.bad("Unknown command")),
        }
    }

    /// Tells what others did, then how the command ended.
    async fn finish(&mut self, verdict: Verdict, after: After) -> Result<(), Ended> {
        if after == After::Refresh {
            self.refresh().await?;
        }
        self.say(&verdict)
    }

    fn say(&mut self, verdict: &Verdict) -> Result<(), Ended> {
        self.wire.out.extend_from_slice(&verdict.line);
        self.count(verdict.status)
    }

    /// Takes up what others did to the selected mailbox. If that fails for now, the next command
    /// tries again.
    pub(crate) async fn refresh(&mut self) -> Result<(), Ended> {
        let State::Selected(selected) = &mut self.state else { return Ok(()) };
        let refreshed = selected.opened.ask(|opened| {
            let mut out = Vec::new();
            opened.refresh(&mut out).map(|()| out)
        });
        match refreshed.await {
            Ok(told) => {
                self.wire.out.extend_from_slice(&told);
                Ok(())
            }
            Err(Trouble::Fault(Fault::Lost)) => Err(Ended::Broken),
            Err(Trouble::Store(error)) if error.kind() == Kind::Reset => Err(Ended::Inconsistent),
            Err(trouble) => {
                tracing::warn!(
                    user = self.whose.user,
                    client = self.whose.client,
                    "looking at the mailbox again: {trouble}"
                );
                Ok(())
            }
        }
    }

    fn bad_command(&mut self, bad: &BadCommand) -> Result<(), Ended> {
        let (status, code, text) = (bad.status(), bad.code(), bad.to_string());
        match &bad.tag {
            Some(tag) => {
                let asked = Asked::new(tag.clone());
                self.say(&asked.timed(status, code.as_ref(), &text))
            }
            None => {
                response::untagged(&mut self.wire.out, status, code.as_ref(), &text);
                self.count(status)
            }
        }
    }

    fn rejected(&mut self, tag: Option<Tag>, why: Rejection) -> Result<(), Ended> {
        let (code, text) = (why.code(), format!("Error in IMAP command: {why}"));
        match tag {
            Some(tag) => {
                let verdict = Asked::new(tag).timed(Status::Bad, code.as_ref(), &text);
                self.say(&verdict)
            }
            None => {
                response::untagged(&mut self.wire.out, Status::Bad, code.as_ref(), &text);
                self.count(Status::Bad)
            }
        }
    }

    fn count(&mut self, status: Status) -> Result<(), Ended> {
        if status != Status::Bad {
            self.bad_commands = 0;
            return Ok(());
        }
        self.bad_commands += 1;
        if self.bad_commands >= MAX_BAD_COMMANDS { Err(Ended::BadCommands) } else { Ok(()) }
    }

    /// For failures whose reply has a code only because a mailbox is missing.
    pub(crate) fn refuse(
        &self,
        asked: &Asked,
        trouble: &Trouble,
        missing: Option<&Code<'_>>,
    ) -> Result<Verdict, Ended> {
        asked.refuse(trouble, missing, &self.whose)
    }
}
