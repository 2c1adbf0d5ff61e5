//! `cargo xtask stage DIR`: lays out every file of an installation, as `deploy/files` lists them:
//! DIR/files is the tree, DIR/manifest says package, mode and path of each, DIR/install.sh installs
//! it. Packages are made of the same; nothing else says which file goes where.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::man::{self, Pages};
use crate::process::{self, cargo};

/// The list, in the source tree.
const LIST: &str = "deploy/files";

/// Which build the programs are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to make; for tests.
    Dev,
    Release,
}

impl Profile {
    /// `--profile dev|release`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "dev" => Ok(Self::Dev),
            "release" => Ok(Self::Release),
            _ => Err(format!("no profile is called {text}; there are: dev release")),
        }
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// One file of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Staged {
    pub(crate) package: String,
    pub(crate) mode: u32,
    /// From the root: `/usr/bin/dovetail`.
    pub(crate) path: String,
}

/// What was laid out where.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) files: Vec<Staged>,
    folder: PathBuf,
}

impl Stage {
    /// The staged copy of a file.
    pub(crate) fn source(&self, file: &Staged) -> PathBuf {
        self.folder.join("files").join(file.path.trim_start_matches('/'))
    }

    /// The packages' names.
    pub(crate) fn packages(&self) -> BTreeSet<&str> {
        self.files.iter().map(|file| file.package.as_str()).collect()
    }
}

/// `cargo xtask stage DIR [--profile dev|release]`.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let usage = "usage: cargo xtask stage DIR [--profile dev|release]";
    let (folder, profile) = match arguments {
        [folder] => (folder, Profile::Release),
        [folder, option, profile] if option == "--profile" => (folder, Profile::parse(profile)?),
        _ => return Err(usage.to_owned()),
    };
    let folder = std::path::absolute(folder).map_err(|error| format!("{folder}: {error}"))?;
    let stage = stage(&folder, profile)?;
    println!("{} files in {}", stage.files.len(), folder.display());
    Ok(())
}

/// Builds, and lays everything out in `folder`, whose earlier content goes.
pub(crate) fn stage(folder: &Path, profile: Profile) -> Result<Stage, String> {
    build(profile)?;
    for old in ["files", "manifest", "man"] {
        remove(&folder.join(old))?;
    }
    let list = fs::read_to_string(process::root().join(LIST)).map_err(said(LIST))?;
    let programs = Programs::of(profile);
    let pages = man::make(&programs.path("dovetail"), &folder.join("man"))?;
    let mut stage = Stage { files: Vec::new(), folder: folder.to_owned() };
    for (number, line) in list.lines().enumerate() {
        let Some(rule) =
            Rule::parse(line).map_err(|why| format!("{LIST}:{}: {why}", number + 1))?
        else {
            continue;
        };
        rule.lay(&mut stage, &programs, &pages)
            .map_err(|why| format!("{LIST}:{}: {why}", number + 1))?;
    }
    pages.finish(stage.files.iter().map(|file| file.path.as_str()))?;
    write_manifest(&stage)?;
    let script = process::root().join("deploy/install.sh");
    let copy = folder.join("install.sh");
    fs::copy(&script, &copy).map_err(said(&script))?;
    Ok(stage)
}

fn build(profile: Profile) -> Result<(), String> {
    let mut command = cargo();
    command.args(["build", "--locked", "--workspace", "--bins", "--exclude=bench"]);
    command.arg("--exclude=xtask");
    if profile == Profile::Release {
        command.arg("--release");
    }
    process::run(&mut command)
}

/// One line of the list.
struct Rule {
    package: String,
    mode: u32,
    target: String,
    source: String,
}

impl Rule {
    /// None for a comment.
    fn parse(line: &str) -> Result<Option<Self>, String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[package, mode, target, source] = words.as_slice() else {
            return Err("wants four words: PACKAGE MODE TARGET SOURCE".to_owned());
        };
        let mode = u32::from_str_radix(mode, 8).map_err(|_| format!("{mode} is no mode"))?;
        let [package, target, source] = [package, target, source].map(str::to_owned);
        Ok(Some(Self { package, mode, target, source }))
    }

    fn lay(&self, stage: &mut Stage, programs: &Programs, pages: &Pages) -> Result<(), String> {
        let files = match self.source.split_once(':') {
            Some(("bin", name)) => vec![(name.to_owned(), Content::Program(programs.path(name)))],
            Some(("sample", name)) => {
                let text = programs.sample(name)?;
                vec![(format!("{name}.toml"), Content::Bytes(text))]
            }
            Some(("man", pattern)) => named(matching(&pages.pattern(pattern))?),
            Some((kind, _)) => return Err(format!("no source is of the kind {kind}")),
            None => named(matching(&self.source)?),
        };
        for (name, content) in files {
            let path = match self.target.ends_with('/') {
                true => format!("{}{name}", self.target),
                false => self.target.clone(),
            };
            let staged = Staged { package: self.package.clone(), mode: self.mode, path };
            if stage.files.iter().any(|other| other.path == staged.path) {
                return Err(format!("{} is there already", staged.path));
            }
            content.write(&stage.source(&staged), staged.mode)?;
            stage.files.push(staged);
        }
        Ok(())
    }
}

/// Files with the names that they have.
fn named(paths: Vec<PathBuf>) -> Vec<(String, Content)> {
    paths.into_iter().map(|path| (name_of(&path), Content::File(path))).collect()
}

/// What a staged file is made of.
enum Content {
    Program(PathBuf),
    File(PathBuf),
    Bytes(Vec<u8>),
}

impl Content {
    fn write(&self, target: &Path, mode: u32) -> Result<(), String> {
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(said(folder))?;
        }
        match self {
            // Its symbols are half of it and nobody's on a server.
            Self::Program(path) => {
                process::run(Command::new("strip").arg("-o").arg(target).arg(path))?;
            }
            Self::File(path) => {
                fs::copy(path, target).map_err(said(path))?;
            }
            Self::Bytes(bytes) => fs::write(target, bytes).map_err(said(target))?,
        }
        fs::set_permissions(target, fs::Permissions::from_mode(mode)).map_err(said(target))
    }
}

/// The programs that were just built.
struct Programs(PathBuf);

impl Programs {
    fn of(profile: Profile) -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| process::root().join("target"), PathBuf::from);
        Self(target.join(profile.folder()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn sample(&self, name: &str) -> Result<Vec<u8>, String> {
        let mut command = Command::new(self.path("dovetail"));
        process::output(command.args(["config", "sample", name]))
    }
}

/// The files that a pattern names, seen from the source tree, with `*` in its last part, sorted.
fn matching(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let pattern = process::root().join(pattern);
    let (Some(folder), wanted) = (pattern.parent(), name_of(&pattern)) else {
        return Err(format!("{} has no folder", pattern.display()));
    };
    let Some((before, after)) = wanted.split_once('*') else { return Ok(vec![pattern]) };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(said(folder))? {
        let path = entry.map_err(said(folder))?.path();
        let name = name_of(&path);
        let fits = name.len() >= before.len() + after.len()
            && name.starts_with(before)
            && name.ends_with(after);
        if fits && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() { Err(format!("{} is no file", pattern.display())) } else { Ok(found) }
}

fn write_manifest(stage: &Stage) -> Result<(), String> {
    let line = |file: &Staged| format!("{} {:04o} {}\n", file.package, file.mode, file.path);
    let text: String = stage.files.iter().map(line).collect();
    let path = stage.folder.join("manifest");
    fs::write(&path, format!("# PACKAGE MODE PATH\n{text}")).map_err(said(&path))
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Removes a file or a folder, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), String> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(said(path)(error)),
        _ => Ok(()),
    }
}

/// Puts a path before an error.
pub(crate) fn said(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> String {
    move |error| format!("{}: {error}", path.as_ref().display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        assert!(Rule::parse("# x").unwrap().is_none());
        let rule = Rule::parse("p  0755 /usr/bin/ bin:dovetail").unwrap().unwrap();
        assert_eq!((rule.mode, rule.target.as_str()), (0o755, "/usr/bin/"));
        assert!(Rule::parse("p 0755 /usr/bin/").is_err());
        assert!(Rule::parse("p 0988 /x y").is_err());
    }

    #[test]
    fn every_unit_is_in_one_package() {
        let list = fs::read_to_string(process::root().join(LIST)).unwrap();
        let mut listed: Vec<PathBuf> = Vec::new();
        for line in list.lines() {
            let Some(rule) = Rule::parse(line).unwrap() else { continue };
            if !rule.source.contains(':') {
                listed.extend(matching(&rule.source).unwrap());
            }
        }
        for entry in fs::read_dir(process::root().join("systemd")).unwrap() {
            let path = entry.unwrap().path();
            let times = listed.iter().filter(|other| **other == path).count();
            let wanted = usize::from(name_of(&path) != "README.md");
            assert_eq!(times, wanted, "{} in {LIST}", path.display());
        }
    }
}
