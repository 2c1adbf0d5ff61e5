//! The system's logger at /dev/log, as syslog(3) writes to it.
//!
//! `<PRIORITY>Nov 25 00:21:36 dovetail-NAME[PID]: text` (RFC 3164 §4.1 without the host, as libc
//! does), a datagram each; a logger that listens on a stream gets a NUL after each. While the logger
//! is away lines wait in the queue for a while, then they are lost and counted.

use std::io::{self, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::Level;

use super::format::{Fields, Format, Head, body, json_object, severity};
use super::target::{Record, Target};

/// Where the system's logger listens.
pub(super) const SOCKET: &str = "/dev/log";
/// How long one line may take; a logger that is stuck longer costs the line.
const WRITE_TIME: Duration = Duration::from_secs(2);
/// How long the writer waits for a logger that is being started again.
const AWAY_TIME: Duration = Duration::from_secs(5);
/// Between two tries to reach it.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two tries once it is given up.
const LONG_PAUSE: Duration = Duration::from_secs(1);

/// What every line of this process begins with.
pub(super) struct Form {
    facility: u8,
    tag: String,
    name: String,
    pid: u32,
    format: Format,
    /// Read at the start, before the daemon loses sight of the zone's file.
    zone: TimeZone,
}

impl Form {
    pub(super) fn new(name: &str, pid: u32, facility: u8, format: Format) -> Self {
        let tag = format!("dovetail-{name}[{pid}]");
        Self { facility, tag, name: name.to_owned(), pid, format, zone: TimeZone::system() }
    }

    pub(super) fn record(&self, level: Level, millis: u64, fields: &Fields) -> Record {
        let priority = self.facility * 8 + severity(level);
        let head = format!("<{priority}>{} {}: ", self.stamp(millis), self.tag);
        let text = match self.format {
            Format::Text => body(level, fields),
            Format::Json => {
                let time = crate::time::rfc3339(millis);
                json_object(&Head { time: &time, name: &self.name, pid: self.pid, level }, fields)
            }
        };
        let start = format!("<{priority}>").len();
        let bytes = (head + &text).into_bytes();
        let text = start..bytes.len();
        Record { level, bytes, text }
    }

    fn stamp(&self, millis: u64) -> String {
        let millis = i64::try_from(millis).unwrap_or(i64::MAX);
        let time = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(time).strftime("%b %e %H:%M:%S").to_string()
    }
}

enum Connection {
    Datagram(UnixDatagram),
    Stream(UnixStream),
}

/// The logger's socket.
pub(super) struct Syslog {
    path: PathBuf,
    connection: Option<Connection>,
    /// Since when it can't be reached, and when that was tried last.
    away: Option<(Instant, Instant)>,
}

impl Syslog {
    pub(super) fn open(path: Option<&Path>) -> Self {
        let path = path.unwrap_or(Path::new(SOCKET)).to_owned();
        let connection = connect(&path).ok();
        Self { path, connection, away: None }
    }

    /// Sends over the connection that there is, else over a new one.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(connection) = &mut self.connection {
            match connection.send(bytes) {
                Ok(()) => return Ok(()),
                // Stuck. What a stream has of the line would be joined to the next one.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.connection = None;
                    return Err(error);
                }
                // Gone: it may be there again.
                Err(_) => self.connection = None,
            }
        }
        let mut connection = connect(&self.path)?;
        let sent = connection.send(bytes);
        self.connection = Some(connection);
        sent
    }
}

impl Target for Syslog {
    fn write(&mut self, record: &Record, may_wait: bool) -> io::Result<()> {
        if let Some((since, last)) = self.away
            && since.elapsed() > AWAY_TIME
            && last.elapsed() < LONG_PAUSE
        {
            return Err(io::ErrorKind::NotConnected.into());
        }
        loop {
            let error = match self.send(&record.bytes) {
                Ok(()) => {
                    self.away = None;
                    return Ok(());
                }
                Err(error) => error,
            };
            let now = Instant::now();
            let since = self.away.map_or(now, |(since, _)| since);
            if self.away.is_none() {
                // Somebody may see it there.
                let _ = record.to_stderr();
            }
            self.away = Some((since, now));
            let stuck = error.kind() == io::ErrorKind::WouldBlock;
            if stuck || !may_wait || since.elapsed() > AWAY_TIME {
                return Err(error);
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Connection {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Datagram(socket) => socket.send(bytes).map(|_| ()),
            Self::Stream(stream) => {
                let mut record = bytes.to_vec();
                record.push(0);
                stream.write_all(&record)
            }
        }
    }
}

fn connect(path: &Path) -> io::Result<Connection> {
    let socket = UnixDatagram::unbound()?;
    match socket.connect(path) {
        Ok(()) => {
            socket.set_write_timeout(Some(WRITE_TIME))?;
            Ok(Connection::Datagram(socket))
        }
        // EPROTOTYPE: it listens on a stream.
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::EPROTOTYPE as i32) => {
            let stream = UnixStream::connect(path)?;
            stream.set_write_timeout(Some(WRITE_TIME))?;
            Ok(Connection::Stream(stream))
        }
        Err(error) => Err(error),
    }
}
