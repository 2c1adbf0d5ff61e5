//! A message on its way into the queue.

use std::hash::{DefaultHasher, Hash, Hasher};

use address::EntryId;

use crate::error::SpoolError;
use crate::fs::{Folder, Fs, FsFile};
use crate::head::Head;
use crate::recent::Fingerprint;
use crate::spool::Spool;

/// A message that is being written into `tmp`. Dropped without [`Draft::commit`], it leaves nothing
/// behind.
#[derive(Debug)]
pub struct Draft<F: Fs> {
    pub(crate) spool: Spool<F>,
    pub(crate) head: Head,
    pub(crate) name: String,
    pub(crate) file: F::File,
    /// Octets of head and of content.
    pub(crate) head_size: u64,
    pub(crate) size: u64,
    hash: DefaultHasher,
    /// A write failed: what is in the file is not what was given.
    spoiled: bool,
    /// The name in `tmp` is gone.
    pub(crate) renamed: bool,
}

/// A message in the queue, on stable storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Its name there.
    pub id: EntryId,
    /// Octets of content.
    pub size: u64,
    /// It was there before (or has been and is delivered): nothing was added.
    pub known: bool,
}

impl<F: Fs> Draft<F> {
    pub(crate) fn new(spool: Spool<F>, head: Head) -> Result<Self, SpoolError> {
        let bytes = head.to_bytes().map_err(SpoolError::Envelope)?;
        let name = spool.tmp_name();
        let file = spool
            .fs()
            .create(Folder::Tmp, &name)
            .map_err(SpoolError::io("create a file", Folder::Tmp))?;
        let mut hash = DefaultHasher::new();
        identity(&head).hash(&mut hash);
        let head_size = bytes.len() as u64;
        let mut draft = Self {
            spool,
            head,
            name,
            file,
            head_size,
            size: 0,
            hash,
            spoiled: false,
            renamed: false,
        };
        draft.append(&bytes)?;
        Ok(draft)
    }

    /// Adds content, in pieces of any size.
    ///
    /// # Errors
    /// If the disk refuses; the draft can then only be dropped.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        self.append(bytes)?;
        self.hash.write(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Octets of content so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        if self.spoiled {
            return Err(SpoolError::Spoiled);
        }
        let written = self.file.append(bytes);
        self.spoiled = written.is_err();
        written.map_err(SpoolError::io("write a message", Folder::Tmp))
    }

    /// Puts the message into the queue; when this returns it survives a power cut.
    ///
    /// # Errors
    /// If the disk refuses or syncs no more: then nothing was accepted.
    pub fn commit(mut self) -> Result<Committed, SpoolError> {
        if self.spoiled {
            return Err(SpoolError::Spoiled);
        }
        crate::commit::commit(&mut self)
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut hash = self.hash.clone();
        self.size.hash(&mut hash);
        hash.finish()
    }
}

impl<F: Fs> Drop for Draft<F> {
    fn drop(&mut self) {
        if !self.renamed {
            // If it stays, the next start removes it.
            let _ = self.spool.fs().remove(Folder::Tmp, &self.name);
        }
    }
}

/// What makes two messages under one trace id the same, apart from the content: sender and
/// recipients, in whatever order.
pub(crate) fn identity(head: &Head) -> (String, Vec<String>) {
    let mut rcpts: Vec<String> = head.envelope.rcpts.iter().map(|r| r.to.to_string()).collect();
    rcpts.sort_unstable();
    (head.envelope.mail.from.to_string(), rcpts)
}
