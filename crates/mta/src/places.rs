//! Where the daemons' sockets are: in the configuration as far as the caller may read it, else the
//! usual places.

use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Where the configuration is.
pub const FOLDER: &str = "/etc/dovetail";
/// Where sockets are when no file says otherwise.
const RUN: &str = "/run/dovetail";
/// Octets of a configuration file, as the daemons have it.
const MAX_FILE_OCTETS: u64 = 1 << 20;

/// Postfix's variable for another folder; `-C` goes before it.
pub const FOLDER_VARIABLE: &str = "MAIL_CONFIG";

/// The folder of configuration that a command was told of.
#[must_use]
pub fn folder(option: Option<&str>) -> PathBuf {
    let variable = || std::env::var_os(FOLDER_VARIABLE).map(PathBuf::from);
    option.map(PathBuf::from).or_else(variable).unwrap_or_else(|| FOLDER.into())
}

/// smtpd's socket for `sendmail`: its first listener of that role on a Unix socket.
#[must_use]
pub fn sendmail(folder: &Path) -> PathBuf {
    let of_role = |listener: &Listener| listener.role == "sendmail";
    find(folder, "smtpd", of_role).unwrap_or_else(|| usual("smtpd", "sendmail"))
}

/// qmgrd's socket for operators.
#[must_use]
pub fn queue(folder: &Path) -> PathBuf {
    let of_name = |listener: &Listener| listener.name == "admin";
    find(folder, "qmgrd", of_name).unwrap_or_else(|| usual("qmgrd", "admin"))
}

fn usual(daemon: &str, listener: &str) -> PathBuf {
    PathBuf::from(format!("{RUN}/{daemon}/{listener}.sock"))
}

struct Listener {
    name: String,
    role: String,
}

fn find(folder: &Path, daemon: &str, wanted: impl Fn(&Listener) -> bool) -> Option<PathBuf> {
    let file = std::fs::File::open(folder.join(format!("{daemon}.toml"))).ok()?;
    let mut text = String::new();
    file.take(MAX_FILE_OCTETS).read_to_string(&mut text).ok()?;
    let toml = toml_span::parse(&text).ok()?;
    let listeners = toml.pointer("/listener")?.as_table()?;
    listeners.iter().find_map(|(name, table)| {
        let value = |key: &str| table.as_table()?.get(key)?.as_str();
        let role = value("role").unwrap_or_default().to_owned();
        let listener = Listener { name: name.name.to_string(), role };
        let path = value("address")?.strip_prefix("unix:")?;
        wanted(&listener).then(|| PathBuf::from(path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_the_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let usual = Path::new("/run/dovetail/smtpd/sendmail.sock");
        assert_eq!(sendmail(dir.path()), usual);
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write(
            "smtpd.toml",
            "[listener.smtp]\naddress = \"*:25\"\n[listener.programs]\nrole = \"sendmail\"\n\
             address = \"unix:/x/s.sock\"\n",
        );
        assert_eq!(sendmail(dir.path()), Path::new("/x/s.sock"));
        write("smtpd.toml", "[listener.sendmail]\nrole = \"sendmail\"\n");
        assert_eq!(sendmail(dir.path()), usual);
        write("smtpd.toml", "listener = [[");
        assert_eq!(sendmail(dir.path()), usual);
        write("qmgrd.toml", "[listener.admin]\naddress = \"unix:/x/a.sock\"\n");
        assert_eq!(queue(dir.path()), Path::new("/x/a.sock"));
    }
}
