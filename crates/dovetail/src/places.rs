//! Where the daemons' programs and sockets are.
//!
//! Sockets are looked up in the configuration as it stands, without judging the rest of it: the
//! operator wants to see the queue also while another key is wrong.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::exit::{EX_USAGE, Failure};

/// Every daemon there is, in the order in which they are shown.
pub(crate) const DAEMONS: [&str; 6] = ["authd", "smtpd", "qmgrd", "relayd", "lmtpd", "imapd"];

/// Where packages put the daemons.
const LIBEXEC: &str = "/usr/libexec/dovetail";

/// A daemon's program: beside our own, else where packages put it. It isn't searched in PATH, where
/// another package's `imapd` may be.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().ok();
    let beside = own.as_deref().and_then(Path::parent).map(|folder| folder.join(name));
    beside.into_iter().chain([Path::new(LIBEXEC).join(name)]).find(|path| path.is_file())
}

/// Where sockets are when no file says otherwise.
const RUN: &str = "/run/dovetail";

/// The Unix socket of a daemon's, or an instance's, listener: from its own file in the folder, else the
/// usual place. The file that an instance shares with others can't say where this one's socket is.
pub(crate) fn socket(folder: &Path, daemon: &str, listener: &str) -> PathBuf {
    let usual = || PathBuf::from(format!("{RUN}/{daemon}/{listener}.sock"));
    let text = std::fs::read_to_string(folder.join(format!("{daemon}.toml"))).unwrap_or_default();
    let Ok(toml) = toml_span::parse(&text) else { return usual() };
    let tables =
        [listener, "address"].into_iter().try_fold(toml.pointer("/listener"), |value, key| {
            Some(value.and_then(|value| value.as_table()).and_then(|table| table.get(key)))
        });
    let address = tables.flatten().and_then(|value| value.as_str());
    address.and_then(|address| address.strip_prefix("unix:")).map_or_else(usual, PathBuf::from)
}

/// The daemons and instances that the folder configures, each behind the daemon that it is an instance
/// of; all daemons if it configures none that it lets us see. Instances that share their daemon's file
/// are known by their folder below `/run/dovetail`.
pub(crate) fn configured(folder: &Path) -> Vec<String> {
    let mut names: BTreeSet<String> = names_in(folder, ".toml");
    if folder == Path::new(daemon::DEFAULT_FOLDER) {
        names.extend(names_in(Path::new(RUN), "").into_iter().filter(|name| name.contains('@')));
    }
    let of = |daemon: &'static str| {
        let instance =
            move |name: &&String| instance_of(name).is_some_and(|(base, _)| base == daemon);
        let own = names.contains(daemon).then(|| daemon.to_owned());
        own.into_iter().chain(names.iter().filter(instance).cloned())
    };
    let found: Vec<String> = DAEMONS.into_iter().flat_map(of).collect();
    if found.is_empty() { DAEMONS.map(str::to_owned).to_vec() } else { found }
}

/// The configured daemons that are meant by `names`, an instance by its daemon's too; all if none is
/// named.
///
/// # Errors
/// A name that isn't configured.
pub(crate) fn chosen(folder: &Path, names: &[String]) -> Result<Vec<String>, Failure> {
    let all = configured(folder);
    let is = |wanted: &str, name: &str| wanted == name || wanted == base_of(name);
    if let Some(unknown) = names.iter().find(|wanted| !all.iter().any(|name| is(wanted, name))) {
        let message = format!("{unknown} is not configured in {}", folder.display());
        return Err(Failure::new(EX_USAGE, message));
    }
    let meant = |name: &String| names.is_empty() || names.iter().any(|wanted| is(wanted, name));
    Ok(all.into_iter().filter(meant).collect())
}

/// Daemon and instance of `smtpd@mx`.
pub(crate) fn instance_of(name: &str) -> Option<(&'static str, &str)> {
    let (base, instance) = name.split_once('@')?;
    let base = DAEMONS.into_iter().find(|daemon| *daemon == base)?;
    daemon::Name::with_instance(base, instance).ok()?;
    Some((base, instance))
}

/// `smtpd` of `smtpd@mx` and of `smtpd`.
pub(crate) fn base_of(name: &str) -> &str {
    instance_of(name).map_or(name, |(base, _)| base)
}

fn names_in(folder: &Path, suffix: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| name.strip_suffix(suffix).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_the_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let find = || socket(dir.path(), "qmgrd", "admin");
        assert_eq!(find(), Path::new("/run/dovetail/qmgrd/admin.sock"));
        std::fs::write(
            dir.path().join("qmgrd.toml"),
            "[listener.admin]\naddress = \"unix:/x/a.sock\"\n",
        )
        .unwrap();
        assert_eq!(find(), Path::new("/x/a.sock"));
        std::fs::write(dir.path().join("qmgrd.toml"), "[listener.lmtp]\naddress = 3\n").unwrap();
        assert_eq!(find(), Path::new("/run/dovetail/qmgrd/admin.sock"));
        assert_eq!(configured(dir.path()), ["qmgrd"]);
        for name in ["smtpd@mx.toml", "smtpd@a.toml", "smtpd.toml", "x@y.toml", ".smtpd@z.toml"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(configured(dir.path()), ["smtpd", "smtpd@a", "smtpd@mx", "qmgrd"]);
        assert_eq!(
            socket(dir.path(), "smtpd@mx", "admin"),
            Path::new("/run/dovetail/smtpd@mx/admin.sock")
        );
    }
}
