//! A body that is kept until some hop has answered for it.
//!
//! In memory up to a limit, beyond it in an unlinked file of the scratch folder: nothing of it
//! survives the process, and nothing needs to, because the client hasn't got its 250 yet.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// How much is read back at a time.
const PIECE: usize = 64 << 10;

/// What has arrived of a message.
pub struct Kept {
    memory: Vec<u8>,
    /// Octets that stay in memory.
    limit: usize,
    scratch: PathBuf,
    file: Option<File>,
}

impl Kept {
    /// Keeps up to `limit` octets in memory, the rest in the folder `scratch`.
    #[must_use]
    pub fn new(limit: usize, scratch: PathBuf) -> Self {
        Self { memory: Vec::new(), limit, scratch, file: None }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// If the scratch folder can't take it. The message is incomplete then.
    pub async fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.memory.extend_from_slice(bytes);
        if self.memory.len() <= self.limit {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.memory);
        let (file, scratch) = (self.file.take(), self.scratch.clone());
        let (file, piece) = blocking(move || {
            let mut file = match file {
                Some(file) => file,
                None => unlinked(&scratch)?,
            };
            file.write_all(&piece)?;
            Ok((file, piece))
        })
        .await?;
        self.file = Some(file);
        self.memory = piece;
        self.memory.clear();
        Ok(())
    }

    /// Begins to read it from the start.
    ///
    /// # Errors
    /// If the scratch file fails.
    pub async fn reader(self) -> io::Result<Reader> {
        let Self { memory, file, .. } = self;
        let file = match file {
            None => None,
            Some(mut file) => Some(
                blocking(move || {
                    file.seek(SeekFrom::Start(0))?;
                    Ok(file)
                })
                .await?,
            ),
        };
        Ok(Reader { file, memory: Some(memory) })
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("in_file", &self.file.is_some()).finish_non_exhaustive()
    }
}

/// A kept body, read back piece by piece.
pub struct Reader {
    file: Option<File>,
    /// What stands behind the file's content.
    memory: Option<Vec<u8>>,
}

impl Reader {
    /// The next piece; none at the end.
    ///
    /// # Errors
    /// If the scratch file fails.
    pub async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(mut file) = self.file.take() {
            let (file, piece) = blocking(move || {
                let mut piece = Vec::with_capacity(PIECE);
                (&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
                Ok((file, piece))
            })
            .await?;
            if !piece.is_empty() {
                self.file = Some(file);
                return Ok(Some(piece));
            }
        }
        Ok(self.memory.take().filter(|rest| !rest.is_empty()))
    }
}

/// Whether the scratch folder can be written: better known at the start than at the first large
/// message.
///
/// # Errors
/// Why not, with the folder's name.
pub async fn probe(scratch: PathBuf) -> io::Result<()> {
    blocking(move || unlinked(&scratch).map(drop)).await
}

fn unlinked(scratch: &Path) -> io::Result<File> {
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("scratch folder {}: {error}", scratch.display()))
    };
    tempfile::tempfile_in(scratch).map_err(named)
}

/// Runs file work on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn round_trip(limit: usize, pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let mut kept = Kept::new(limit, scratch.path().to_owned());
        for piece in pieces {
            kept.push(piece).await.expect("kept");
        }
        let in_file = kept.file.is_some();
        assert_eq!(std::fs::read_dir(scratch.path()).expect("there").count(), 0, "unlinked");
        let mut reader = kept.reader().await.expect("read");
        let mut all = Vec::new();
        while let Some(piece) = reader.next().await.expect("read") {
            all.extend(piece);
        }
        (all, in_file)
    }

    #[tokio::test]
    async fn small_ones_stay_in_memory() {
        let (all, in_file) = round_trip(10, &[b"hello", b"", b"world"]).await;
        assert_eq!((all.as_slice(), in_file), (&b"helloworld"[..], false));
        assert_eq!(round_trip(10, &[]).await, (Vec::new(), false));
    }

    #[tokio::test]
    async fn large_ones_go_to_a_file() {
        let large = vec![b'x'; 3 * PIECE + 7];
        let (all, in_file) = round_trip(100, &[b"head", &large, b"tail"]).await;
        assert!(in_file && all.len() == large.len() + 8);
        assert!(all.starts_with(b"headxx") && all.ends_with(b"xxtail"));
    }

    #[tokio::test]
    async fn a_folder_that_is_gone() {
        let mut kept = Kept::new(1, "/nonexistent/scratch".into());
        assert!(kept.push(b"hello").await.is_err());
        let error = probe("/nonexistent/scratch".into()).await.expect_err("gone").to_string();
        assert!(error.starts_with("scratch folder /nonexistent/scratch: "), "{error}");
    }
}
