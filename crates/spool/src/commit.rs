//! draft → fresh: the step that accepts a message, once for each message.

use std::io;

use address::EntryId;

use crate::draft::{Committed, Draft, identity};
use crate::error::SpoolError;
use crate::fs::{Folder, Fs, FsFile, Site};
use crate::head::Head;
use crate::spool::MAX_PARTS;

/// How much of two files is compared at a time, in octets.
const COMPARE_STEP: usize = 64 * 1024;

pub(crate) fn commit<F: Fs>(draft: &mut Draft<F>) -> Result<Committed, SpoolError> {
    let (at, digits) = Head::size_patch(draft.size);
    draft
        .file
        .overwrite(at, digits.as_bytes())
        .and_then(|()| draft.file.sync(Site::Message))
        .map_err(SpoolError::io("sync a message", Folder::Tmp))?;

    let spool = draft.spool.clone();
    let trace = draft.head.trace;
    // A second offer of the same message waits here for the first.
    let _alone = spool.lock(trace);
    let fingerprint = draft.fingerprint();
    if let Some(id) = spool.recent().find(trace, fingerprint) {
        return Ok(Committed { id, size: draft.size, known: true });
    }
    for part in 1..=MAX_PARTS {
        let id = EntryId::new(trace, part);
        if let Some(known) = place(draft, id)? {
            spool.recent().insert(id, fingerprint);
            return Ok(Committed { id, size: draft.size, known });
        }
    }
    Err(SpoolError::TooManyParts(trace))
}

/// Tries one name: whether the message was there before, or `None` if another one has the name.
fn place<F: Fs>(draft: &mut Draft<F>, id: EntryId) -> Result<Option<bool>, SpoolError> {
    let spool = draft.spool.clone();
    let name = id.to_string();
    match spool.fs().rename_new((Folder::Tmp, &draft.name), (Folder::Queue, &name)) {
        Ok(()) => {
            draft.renamed = true;
            if let Err(error) = spool.fs().sync_folder(Folder::Queue, Site::Accepted) {
                // Not accepted: it must not be delivered either, for the client comes again.
                let _ = spool.fs().remove(Folder::Queue, &name);
                return Err(SpoolError::io("sync the names", Folder::Queue)(error));
            }
            Ok(Some(false))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if !same(draft, &name).map_err(SpoolError::io("compare a message", Folder::Queue))? {
                return Ok(None);
            }
            // Its name may be from a process that died before it synced the folder.
            spool
                .fs()
                .sync_folder(Folder::Queue, Site::Accepted)
                .map_err(SpoolError::io("sync the names", Folder::Queue))?;
            Ok(Some(true))
        }
        Err(error) => Err(SpoolError::io("rename a message", Folder::Queue)(error)),
    }
}

/// Whether the entry `name` has the draft's sender, recipients and content.
fn same<F: Fs>(draft: &Draft<F>, name: &str) -> io::Result<bool> {
    let file = match draft.spool.fs().open(Folder::Queue, name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let Ok((parsed, start)) = crate::spool::read_head(&file)? else { return Ok(false) };
    if identity(&parsed.head) != identity(&draft.head) || parsed.size != draft.size {
        return Ok(false);
    }
    let (mut ours, mut theirs) = (vec![0; COMPARE_STEP], vec![0; COMPARE_STEP]);
    let mut at = 0;
    while at < draft.size {
        let a = fill(&draft.file, draft.head_size + at, &mut ours)?;
        let b = fill(&file, start + at, &mut theirs)?;
        if a == 0 || ours.get(..a) != theirs.get(..b) {
            return Ok(false);
        }
        at += a as u64;
    }
    Ok(true)
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &impl FsFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(offset + filled as u64, rest)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
