//! `cargo xtask package`: Debian packages of what `cargo xtask stage` lays out, in target/packages.
//!
//! dpkg-deb makes them, so nothing but dpkg-dev is needed, and no root: the files in them are root's
//! all the same. Texts and scripts stand in deploy/debian.

mod control;
mod scripts;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process;
use crate::stage::{self, Profile, Stage, Staged, remove, said};

const USAGE: &str = "usage: cargo xtask package [--profile dev|release] [--version VERSION]";
/// The packages of the list that hold no file of their own.
const WITHOUT_FILES: [&str; 1] = ["dovetail"];

/// What the command line asks for.
struct Wanted {
    profile: Profile,
    version: String,
}

impl Wanted {
    fn read(arguments: &[String]) -> Result<Self, String> {
        let mut wanted =
            Self { profile: Profile::Release, version: format!("{}-1", env!("CARGO_PKG_VERSION")) };
        let mut rest = arguments.iter();
        while let Some(option) = rest.next() {
            let value = rest.next().ok_or(USAGE)?;
            match option.as_str() {
                "--profile" => wanted.profile = Profile::parse(value)?,
                "--version" => wanted.version = value.clone(),
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(wanted)
    }
}

/// Stages, and makes every package.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let wanted = Wanted::read(arguments)?;
    let target = process::root().join("target");
    let stage = stage::stage(&target.join("stage"), wanted.profile)?;
    let folder = target.join("packages");
    fs::create_dir_all(&folder).map_err(said(&folder))?;
    let control = control::Control::read()?;
    let names = stage.packages().into_iter().chain(WITHOUT_FILES);
    for name in names {
        let package = Package { name, stage: &stage, wanted: &wanted };
        let made = package.make(&folder, &control)?;
        println!("{}", made.display());
    }
    Ok(())
}

struct Package<'a> {
    name: &'a str,
    stage: &'a Stage,
    wanted: &'a Wanted,
}

impl Package<'_> {
    /// Puts the package's tree together and packs it.
    fn make(&self, folder: &Path, control: &control::Control) -> Result<PathBuf, String> {
        let tree = folder.join("work").join(self.name);
        remove(&tree)?;
        let files: Vec<&Staged> =
            self.stage.files.iter().filter(|file| file.package == self.name).collect();
        for file in &files {
            copy(&self.stage.source(file), &tree.join(file.path.trim_start_matches('/')))?;
        }
        self.write_documents(&tree)?;
        let about = tree.join("DEBIAN");
        fs::create_dir_all(&about).map_err(said(&about))?;
        let sums = md5sums(&tree)?;
        let text = control.paragraph(self.name, &self.wanted.version, &tree)?;
        write(&about.join("control"), &text, 0o644)?;
        write(&about.join("md5sums"), &sums, 0o644)?;
        let is_conffile = |file: &&&Staged| file.path.starts_with("/etc/");
        let conffiles: String =
            files.iter().filter(is_conffile).map(|file| format!("{}\n", file.path)).collect();
        if !conffiles.is_empty() {
            write(&about.join("conffiles"), &conffiles, 0o644)?;
        }
        scripts::write(self.name, &files, &about)?;
        self.pack(folder, &tree)
    }

    /// Policy §12.5 and §12.7: a copyright file and the package's changes.
    fn write_documents(&self, tree: &Path) -> Result<(), String> {
        let folder = tree.join("usr/share/doc").join(self.name);
        fs::create_dir_all(&folder).map_err(said(&folder))?;
        let root = process::root();
        copy(&root.join("deploy/debian/copyright"), &folder.join("copyright"))?;
        let change = format!(
            "{} ({}) unstable; urgency=medium\n\n  * See changelog.md of dovetail-common.\n\n \
             -- Dovetail maintainers <maintainers@dovetail.invalid>  {}\n",
            self.name,
            self.wanted.version,
            date()?
        );
        let path = folder.join("changelog.Debian");
        write(&path, &change, 0o644)?;
        process::run(Command::new("gzip").args(["-9nf"]).arg(&path))
    }

    fn pack(&self, folder: &Path, tree: &Path) -> Result<PathBuf, String> {
        // Quick to make for tests, small to carry otherwise.
        let compression = match self.wanted.profile {
            Profile::Dev => ["-Zgzip", "-z1"],
            Profile::Release => ["-Zxz", "-z6"],
        };
        let mut command = Command::new("dpkg-deb");
        command.args(["--root-owner-group", "--build"]).args(compression).arg(tree).arg(folder);
        process::output(&mut command)?;
        remove(tree)?;
        let architecture = control::architecture(self.name)?;
        let name = format!("{}_{}_{architecture}.deb", self.name, self.wanted.version);
        Ok(folder.join(name))
    }
}

/// The day of the sources' last change, so that the same sources make the same package; today where
/// they don't say.
fn date() -> Result<String, String> {
    let text = |out: Vec<u8>| String::from_utf8_lossy(&out).trim().to_owned();
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok().or_else(|| {
        let mut git = Command::new("git");
        git.current_dir(process::root()).args(["log", "-1", "--format=%ct"]);
        process::output(&mut git).ok().map(text)
    });
    let day = epoch.map_or_else(|| "now".to_owned(), |epoch| format!("@{epoch}"));
    process::output(Command::new("date").args(["--utc", "--rfc-email", "--date", &day])).map(text)
}

fn md5sums(tree: &Path) -> Result<String, String> {
    let mut command = Command::new("sh");
    let find = "find * -type f -not -path 'DEBIAN/*' -print0 | sort -z | xargs -0r md5sum";
    let out = process::output(command.current_dir(tree).args(["-c", find]))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(said(folder))?;
    }
    fs::copy(from, to).map(drop).map_err(said(from))
}

/// Writes a file with this mode, whatever the umask.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).map_err(said(path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(said(path))
}
