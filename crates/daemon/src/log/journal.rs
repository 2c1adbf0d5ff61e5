//! systemd's journal by its native protocol: one datagram an event, every field a field.
//!
//! <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>: `NAME=value` and a newline, or, for a value with a
//! newline in it, `NAME`, a newline, the length as 64 bits little-endian, the value, a newline. Our
//! fields become `DOVETAIL_ID`, `DOVETAIL_FROM` …; MESSAGE is the line as syslog would have it.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::Level;

use super::format::{Fields, body, severity};
use super::target::{Record, Target};

/// Where journald listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";
/// How long one datagram may take; a journal that is stuck longer costs the line.
const WRITE_TIME: Duration = Duration::from_secs(2);

/// Whether standard error is the journal: the service manager says which file it made it, and we
/// look whether it still is that one (systemd.exec(5), `$JOURNAL_STREAM`).
pub(super) fn is_stderr() -> bool {
    let Ok(said) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(stderr) = nix::sys::stat::fstat(io::stderr()) else { return false };
    said == format!("{}:{}", stderr.st_dev, stderr.st_ino)
}

/// What every record of this process begins with.
pub(super) struct Form {
    head: Vec<u8>,
}

impl Form {
    pub(super) fn new(name: &str, pid: u32, facility: u8) -> Self {
        let mut head = Vec::new();
        put(&mut head, "SYSLOG_IDENTIFIER", &format!("dovetail-{name}"));
        put(&mut head, "SYSLOG_FACILITY", &facility.to_string());
        put(&mut head, "SYSLOG_PID", &pid.to_string());
        Self { head }
    }

    pub(super) fn record(&self, level: Level, fields: &Fields) -> Record {
        let mut bytes = self.head.clone();
        put(&mut bytes, "PRIORITY", &severity(level).to_string());
        for (name, value) in fields.each() {
            put(&mut bytes, &field_name(name), value);
        }
        let text = body(level, fields);
        bytes.extend_from_slice(b"MESSAGE=");
        let start = bytes.len();
        bytes.extend_from_slice(text.as_bytes());
        let text = start..bytes.len();
        bytes.push(b'\n');
        Record { level, bytes, text }
    }
}

/// `orig_to` becomes `DOVETAIL_ORIG_TO`: a name may hold capitals, digits and underscores.
fn field_name(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("DOVETAIL_{}", name.chars().map(letter).collect::<String>())
}

fn put(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        out.push(b'\n');
        out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        out.push(b'=');
    }
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

/// The journal's socket. While it is away, texts go to standard error.
pub(super) struct Journal {
    path: PathBuf,
    socket: Option<UnixDatagram>,
}

impl Journal {
    pub(super) fn open(path: Option<&Path>) -> Self {
        let path = path.unwrap_or(Path::new(SOCKET)).to_owned();
        let socket = connect(&path).ok();
        Self { path, socket }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(socket) = &self.socket {
            match socket.send(bytes) {
                Ok(_) => return Ok(()),
                Err(error) if !is_gone(&error) => return Err(error),
                // journald was started again and has a new socket there.
                Err(_) => self.socket = None,
            }
        }
        let socket = connect(&self.path)?;
        let sent = socket.send(bytes).map(|_| ());
        self.socket = Some(socket);
        sent
    }
}

impl Target for Journal {
    fn write(&mut self, record: &Record, _: bool) -> io::Result<()> {
        match self.send(&record.bytes) {
            Ok(()) => Ok(()),
            // Stuck: standard error is the same journal, and would be as stuck.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            // Away, or too large for a datagram: what people read gets through at least.
            Err(_) => record.to_stderr(),
        }
    }
}

fn connect(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_write_timeout(Some(WRITE_TIME))?;
    Ok(socket)
}

/// The other end is not there any more; connecting again may find another.
pub(super) fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotConnected, NotFound};
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionReset | NotConnected | NotFound | BrokenPipe
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_newlines_are_counted() {
        let mut out = Vec::new();
        put(&mut out, "A", "x=y");
        put(&mut out, "B", "x\ny");
        assert_eq!(out, b"A=x=y\nB\n\x03\0\0\0\0\0\0\0x\ny\n");
        assert_eq!(field_name("orig_to"), "DOVETAIL_ORIG_TO");
        assert_eq!(field_name("a.b"), "DOVETAIL_A_B");
    }
}
