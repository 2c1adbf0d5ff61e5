//! Where the daemons' programs and sockets are.
//!
//! Sockets are looked up in the configuration as it stands, without judging the rest of it: the
//! operator wants to see the queue also while another key is wrong.

use std::path::{Path, PathBuf};

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

/// The Unix socket of a daemon's listener, from its file in the folder, else the usual place.
pub(crate) fn socket(folder: &Path, daemon: &str, listener: &str) -> PathBuf {
    let usual = || PathBuf::from(format!("/run/dovetail/{daemon}/{listener}.sock"));
    let text = std::fs::read_to_string(folder.join(format!("{daemon}.toml"))).unwrap_or_default();
    let Ok(toml) = toml_span::parse(&text) else { return usual() };
    let tables =
        [listener, "address"].into_iter().try_fold(toml.pointer("/listener"), |value, key| {
            Some(value.and_then(|value| value.as_table()).and_then(|table| table.get(key)))
        });
    let address = tables.flatten().and_then(|value| value.as_str());
    address.and_then(|address| address.strip_prefix("unix:")).map_or_else(usual, PathBuf::from)
}

/// The daemons that the folder configures; all of them if it configures none that it lets us see.
pub(crate) fn configured(folder: &Path) -> Vec<&'static str> {
    let there = |name: &&str| folder.join(format!("{name}.toml")).exists();
    let found: Vec<_> = DAEMONS.into_iter().filter(there).collect();
    if found.is_empty() { DAEMONS.to_vec() } else { found }
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
    }
}
