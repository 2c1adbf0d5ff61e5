//! What a start does before anything else: the states that a crash may leave, brought back into
//! the table at the crate's head.

use std::io;
use std::ops::ControlFlow;

use crate::error::SpoolError;
use crate::fs::{Folder, Fs, Site};

/// What a start found and removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Drafts that nobody was told 250 for.
    pub drafts: usize,
    /// Records of entries that were settled.
    pub leaving: usize,
}

pub(crate) fn recover<F: Fs>(fs: &F) -> Result<Recovery, SpoolError> {
    for folder in Folder::INNER {
        fs.make_folder(folder).map_err(SpoolError::io("make the folders", Folder::Root))?;
    }
    // Each time: the process that made them may have died before it came here.
    fs.sync_folder(Folder::Root, Site::Layout)
        .map_err(SpoolError::io("sync the names", Folder::Root))?;
    let drafts = empty_tmp(fs)?;
    // The last process may have died between a removal and its sync. Its message must be gone for
    // good before the record that says whom it reached goes.
    fs.sync_folder(Folder::Queue, Site::Taken)
        .map_err(SpoolError::io("sync the names", Folder::Queue))?;
    Ok(Recovery { drafts, leaving: remove_orphans(fs)? })
}

/// draft → nothing. Unsynced: one that comes back goes again.
fn empty_tmp<F: Fs>(fs: &F) -> Result<usize, SpoolError> {
    let names = collect(fs, Folder::Tmp, |_| Ok(true))?;
    for name in &names {
        fs.remove(Folder::Tmp, name).map_err(SpoolError::io("remove a draft", Folder::Tmp))?;
    }
    Ok(names.len())
}

/// leaving → nothing, before an entry of the same name can come.
fn remove_orphans<F: Fs>(fs: &F) -> Result<usize, SpoolError> {
    let orphaned = |name: &str| match fs.open(Folder::Queue, name) {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(SpoolError::io("open a message", Folder::Queue)(error)),
    };
    let names = collect(fs, Folder::State, orphaned)?;
    for name in &names {
        fs.remove(Folder::State, name).map_err(SpoolError::io("remove a record", Folder::State))?;
    }
    // Also if there were none: the last process may have removed one and died before the sync.
    fs.sync_folder(Folder::State, Site::Orphans)
        .map_err(SpoolError::io("sync the names", Folder::State))?;
    Ok(names.len())
}

fn collect<F: Fs>(
    fs: &F,
    folder: Folder,
    wanted: impl Fn(&str) -> Result<bool, SpoolError>,
) -> Result<Vec<String>, SpoolError> {
    let mut names = Vec::new();
    let mut failed = None;
    fs.list(folder, &mut |name| match wanted(name) {
        Ok(true) => {
            names.push(name.to_owned());
            ControlFlow::Continue(())
        }
        Ok(false) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })
    .map_err(SpoolError::io("list", folder))?;
    failed.map_or(Ok(names), Err)
}
