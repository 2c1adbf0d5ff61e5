//! Manual pages for `cargo xtask stage`: `dovetail man` writes them, and gzip compresses them as Debian
//! wants (policy §12.1): as far as it can, and the same each time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process;
use crate::stage::{remove, said};

/// The pages that there are, in a folder of their own until they are laid out.
pub(crate) struct Pages(PathBuf);

/// Has the program write them, and compresses them.
pub(crate) fn make(dovetail: &Path, folder: &Path) -> Result<Pages, String> {
    process::run(Command::new(dovetail).arg("man").arg(folder))?;
    let pages = Pages(folder.to_owned());
    process::run(Command::new("gzip").arg("-9n").args(pages.files()?))?;
    Ok(pages)
}

impl Pages {
    /// Where the page, or a pattern of them, is: `dovetail-*.1`.
    pub(crate) fn pattern(&self, page: &str) -> String {
        self.0.join(format!("{page}.gz")).display().to_string()
    }

    /// Removes the folder; a page that is at none of the paths is an error.
    pub(crate) fn finish<'a>(
        &self,
        mut laid: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<(), String> {
        for page in self.files()? {
            let Some(name) = page.file_name() else { continue };
            if !laid.clone().any(|path| Path::new(path).file_name() == Some(name)) {
                return Err(format!("no package has the manual page {}", name.display()));
            }
        }
        let wrong = |path: &&str| path.starts_with("/usr/share/man/") && !is_in_its_section(path);
        if let Some(path) = laid.find(wrong) {
            return Err(format!("{path} is in another section's folder"));
        }
        remove(&self.0)
    }

    fn files(&self) -> Result<Vec<PathBuf>, String> {
        let entries = fs::read_dir(&self.0).map_err(said(&self.0))?;
        entries.map(|entry| entry.map(|entry| entry.path()).map_err(said(&self.0))).collect()
    }
}

/// `/usr/share/man/man5/x.toml.5.gz`.
fn is_in_its_section(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let section = parts.next().and_then(|name| name.strip_suffix(".gz")?.rsplit('.').next());
    let folder = parts.next().and_then(|folder| folder.strip_prefix("man"));
    section.is_some() && section == folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections() {
        assert!(is_in_its_section("/usr/share/man/man5/x.toml.5.gz"));
        for wrong in ["/usr/share/man/man8/x.toml.5.gz", "/usr/share/man/man5/x.5", "/x.5.gz", ""] {
            assert!(!is_in_its_section(wrong), "{wrong}");
        }
    }
}
