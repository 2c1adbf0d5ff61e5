//! The body while its program writes it: in memory, beyond that in a file without a name.
//!
//! A program may take hours for its message, and smtpd waits for nobody so long: it is spoken to when the
//! message is whole.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};

use super::compose::BodyFacts;
use crate::exit::{EX_IOERR, EX_UNAVAILABLE, Failure};

/// Octets that stay in memory.
pub const IN_MEMORY: usize = 1 << 20;
/// Octets of a message where smtpd can't be asked how many it takes.
pub const MOST: u64 = 1 << 30;

/// A body that grows.
#[derive(Debug, Default)]
pub struct Kept {
    memory: Vec<u8>,
    file: Option<File>,
    facts: BodyFacts,
    /// The most that it may be, once it doesn't fit into memory.
    most: u64,
}

impl Kept {
    /// Takes what `piece` holds and empties it. `ask` says how large a message may be, and is asked once,
    /// when this one leaves memory.
    ///
    /// # Errors
    /// It is too large, or the file can't be written.
    pub fn take(
        &mut self,
        piece: &mut Vec<u8>,
        ask: impl FnOnce() -> Option<u64>,
    ) -> Result<(), Failure> {
        self.facts.octets += piece.len() as u64;
        self.facts.is_8bit |= !piece.is_ascii();
        self.memory.append(piece);
        let too_big = || Failure::new(EX_UNAVAILABLE, "message file too big");
        if self.file.is_some() && self.facts.octets > self.most {
            return Err(too_big());
        }
        if self.memory.len() <= IN_MEMORY {
            return Ok(());
        }
        let failed = |error: io::Error| {
            let folder = std::env::temp_dir();
            Failure::new(EX_IOERR, format!("a file in {}: {error}", folder.display()))
        };
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                self.most = ask().unwrap_or(MOST);
                none.insert(tempfile::tempfile().map_err(failed)?)
            }
        };
        if self.facts.octets > self.most {
            return Err(too_big());
        }
        file.write_all(&self.memory).map_err(failed)?;
        self.memory.clear();
        Ok(())
    }

    /// What it came to.
    #[must_use]
    pub fn facts(&self) -> BodyFacts {
        self.facts
    }

    /// The whole of it, from the start; as often as it is wanted.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn reader(&mut self) -> io::Result<impl Read + '_> {
        let file = match &mut self.file {
            Some(file) => {
                file.seek(SeekFrom::Start(0))?;
                Some(file)
            }
            None => None,
        };
        Ok(Both { file, memory: self.memory.as_slice() })
    }
}

/// The file's content, then memory's.
struct Both<'a, R> {
    file: Option<R>,
    memory: &'a [u8],
}

impl<R: Read> Read for Both<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(file) = &mut self.file {
            match file.read(buffer)? {
                0 => self.file = None,
                count => return Ok(count),
            }
        }
        self.memory.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kept: &mut Kept) -> Vec<u8> {
        let mut all = Vec::new();
        kept.reader().unwrap().read_to_end(&mut all).unwrap();
        all
    }

    #[test]
    fn small_and_large_come_back_whole() {
        for pieces in [1, 100, 700] {
            let mut kept = Kept::default();
            let mut all = Vec::new();
            for n in 0..pieces {
                let piece = vec![b'a' + u8::try_from(n % 20).unwrap(); 3000];
                all.extend_from_slice(&piece);
                kept.take(&mut piece.clone(), || None).unwrap();
            }
            assert_eq!(kept.facts(), BodyFacts { octets: all.len() as u64, is_8bit: false });
            assert!(read(&mut kept) == all && read(&mut kept) == all, "{pieces}");
        }
    }

    #[test]
    fn too_large_is_known_before_the_disk_is_full() {
        let mut kept = Kept::default();
        let mut asked = 0;
        let refused = (0..100).find_map(|_| {
            let mut ask = || {
                asked += 1;
                Some(3 << 20)
            };
            kept.take(&mut vec![b'x'; 100_000], &mut ask).err()
        });
        assert_eq!(refused.map(|failure| failure.code), Some(EX_UNAVAILABLE));
        assert_eq!(asked, 1);
        assert!(kept.facts().octets <= (3 << 20) + 100_000);
    }
}
