//! A message on its way in: in memory while it is small, else in the tmp folder of the first
//! recipient's mailbox that can be written. Nothing is kept anywhere else.

use std::io::Read as _;
use std::io::{Seek as _, SeekFrom};
use std::sync::Arc;

use mailbox::MailboxName;
use store::{Draft, Error, Result};

use crate::deliver::Plan;

/// What is written to a draft at once.
const PIECE: usize = 256 * 1024;

/// The content so far.
pub(crate) enum Content {
    /// All of it.
    Memory(Vec<u8>),
    /// In a recipient's draft, but for the last piece.
    Drafted(Drafted),
    /// It couldn't be kept; what comes is dropped.
    Failed(Error),
}

/// A message in a recipient's draft, behind that recipient's own header lines.
pub(crate) struct Drafted {
    draft: Box<dyn Draft>,
    /// Which recipient's.
    pub(crate) of: usize,
    /// Into which of the recipient's mailboxes.
    pub(crate) mailbox: MailboxName,
    /// Octets of that recipient's header lines.
    skip: u64,
    pending: Vec<u8>,
}

impl Content {
    /// Takes a piece. Blocks on files only in tasks of their own.
    pub(crate) async fn push(&mut self, octets: &[u8], in_memory: usize, plan: &Arc<Plan>) {
        match self {
            Self::Failed(_) => {}
            Self::Memory(kept) => {
                kept.extend_from_slice(octets);
                if kept.len() > in_memory {
                    let (kept, plan) = (std::mem::take(kept), Arc::clone(plan));
                    *self = blocking(move || Drafted::begin(&plan, kept)).await;
                }
            }
            Self::Drafted(drafted) => {
                drafted.pending.extend_from_slice(octets);
                if drafted.pending.len() >= PIECE {
                    let taken = std::mem::replace(self, Self::Memory(Vec::new()));
                    if let Self::Drafted(mut drafted) = taken {
                        *self = blocking(move || drafted.flush().map(|()| drafted)).await;
                    }
                }
            }
        }
    }
}

async fn blocking(work: impl FnOnce() -> Result<Drafted> + Send + 'static) -> Content {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(drafted)) => Content::Drafted(drafted),
        Ok(Err(error)) => Content::Failed(error),
        Err(error) => Content::Failed(panicked(&error)),
    }
}

/// A task that writes mail ended without a result.
pub(crate) fn panicked(error: &tokio::task::JoinError) -> Error {
    Error::Io {
        what: "the task that writes the message".to_owned(),
        source: std::io::Error::other(error.to_string()),
    }
}

impl Drafted {
    /// Begins a draft for the first recipient where that can be.
    fn begin(plan: &Plan, kept: Vec<u8>) -> Result<Self> {
        let mut refused = Error::Cannot("no recipient");
        for of in 0..plan.recipients.len() {
            let begun = plan.begin(of).and_then(|(mut draft, mailbox)| {
                let skip = draft.octets();
                draft.write(&kept)?;
                Ok(Self { draft, of, mailbox, skip, pending: Vec::new() })
            });
            match begun {
                Ok(drafted) => return Ok(drafted),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn flush(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.draft.write(&pending)
    }

    /// Copies the message, without its recipient's header lines, into another's draft.
    pub(crate) fn copy_to(&mut self, other: &mut dyn Draft) -> Result<()> {
        self.flush()?;
        let failed = |source| Error::Io { what: "read the message back".to_owned(), source };
        let mut body = self.draft.read_back()?;
        body.seek(SeekFrom::Start(self.skip)).map_err(failed)?;
        let mut piece = vec![0; PIECE];
        loop {
            let n = body.read(&mut piece).map_err(failed)?;
            if n == 0 {
                return Ok(());
            }
            other.write(piece.get(..n).unwrap_or_default())?;
        }
    }

    /// The draft itself, complete.
    pub(crate) fn into_draft(mut self) -> Result<(Box<dyn Draft>, MailboxName)> {
        self.flush()?;
        Ok((self.draft, self.mailbox))
    }
}
