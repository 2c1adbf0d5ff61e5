//! The I/O of `sendmail`: standard input, smtpd's socket, the system's users.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike as _};

use super::compose::{Addressed, Caller, address};
use super::intake::{Head, Intake};
use super::kept::Kept;
use super::options::Sending;
use super::send::{self, bad_addresses, broken, send};
use super::session::{Broken, Session};
use crate::exit::{EX_DATAERR, EX_NOPERM, EX_OSERR, EX_TEMPFAIL, Failure};
use crate::say::Voice;
use crate::user;

/// Octets read from standard input at a time.
const PIECE: usize = 64 << 10;
/// How long smtpd may take to accept the connection, and for a reply: longer than it waits itself.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long a user's programs wait for each other where too many of them send at once.
const BUSY: Duration = Duration::from_secs(60);
/// Between two tries, at first and at most.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Reads a message and sends it.
///
/// # Errors
/// [`Failure`] where not all recipients get it, with the code that the caller hears.
pub(super) fn deliver(sending: &Sending, socket: &Path, voice: &Voice) -> Result<(), Failure> {
    let caller = user::caller(sending.sender.is_some())?;
    let mut addressed = address(sending, &caller)?;
    for warning in &addressed.warnings {
        voice.warning(warning);
    }
    user::become_real()?;
    let named = |failure: Failure| Failure {
        text: format!("{}: {}", caller.shown(), failure.text),
        ..failure
    };
    let (head, mut body) = read(sending, socket).map_err(named)?;
    if sending.of_header {
        addressed.take_header(&head, &caller)?;
    }
    let sent = transmit(sending, &caller, (&addressed, &head, &mut body), socket);
    let refused = sent.map_err(|(failure, refused)| {
        refused.iter().for_each(|one| voice.warning(&one.to_string()));
        named(failure)
    })?;
    refused.iter().for_each(|one| voice.warning(&one.to_string()));
    if !refused.is_empty() {
        let all = addressed.recipients.len() + addressed.bad.len();
        return Err(named(send::refused_by_some(&refused, all)));
    }
    if sending.report {
        let sender = addressed.sender.to_string();
        let text = format!("Mail Delivery Status Report will be mailed to {sender}.\n");
        let _ = io::stdout().write_all(text.as_bytes());
    }
    Ok(())
}

/// The whole of standard input.
fn read(sending: &Sending, socket: &Path) -> Result<(Head, Kept), Failure> {
    let (mut intake, mut body) = (Intake::new(sending.dot_ends), Kept::default());
    let (mut piece, mut prepared) = (vec![0; PIECE], Vec::new());
    let most = || Some(begin(socket).ok()?.most().unwrap_or(u64::MAX));
    let mut input = io::stdin().lock();
    while !intake.is_at_end() {
        let count = match input.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(Failure::new(EX_DATAERR, format!("error reading input: {error}")));
            }
        };
        intake.push(piece.get(..count).unwrap_or_default(), &mut prepared)?;
        body.take(&mut prepared, most)?;
    }
    let head = intake.finish(&mut prepared)?;
    body.take(&mut prepared, most)?;
    Ok((head, body))
}

type Message<'a> = (&'a Addressed, &'a Head, &'a mut Kept);
type Refusals = Vec<send::Refusal>;

/// Composes and sends; gives recipients that were refused, also where nothing was sent.
fn transmit(
    sending: &Sending,
    caller: &Caller,
    (addressed, head, body): Message<'_>,
    socket: &Path,
) -> Result<Refusals, (Failure, Refusals)> {
    let bad = bad_addresses(&addressed.bad);
    if addressed.recipients.is_empty() {
        return Err(send::nobody(bad));
    }
    let mut session = begin(socket).map_err(|failure| (failure, Vec::new()))?;
    let origin = session.origin();
    let message = (head, body.facts());
    let composed = addressed.compose(sending, caller, message, origin.as_ref());
    let sent = send(&mut session, &composed, body, bad);
    session.end();
    sent
}

/// A session with smtpd. Where too many of the user's programs send at once, it waits its turn.
fn begin(socket: &Path) -> Result<Session<UnixStream>, Failure> {
    let deadline = Instant::now() + BUSY;
    let mut pause = PAUSE;
    loop {
        let stream = dial(socket)?;
        match Session::begin(stream) {
            Ok(session) => return Ok(session),
            Err(Broken::Refused(reply)) if reply.code() == 421 && Instant::now() < deadline => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(why) => return Err(broken(&why)),
        }
    }
}

/// A connection to smtpd's socket.
fn dial(path: &Path) -> Result<UnixStream, Failure> {
    let away =
        |why: String, code| Failure::new(code, format!("smtpd at {}: {why}", path.display()));
    let local = |error: nix::Error| away(error.to_string(), EX_OSERR);
    let fd = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None);
    let fd = fd.map_err(local)?;
    let patience = TimeVal::seconds(PATIENCE.as_secs().try_into().unwrap_or(i64::MAX));
    setsockopt(&fd, sockopt::SendTimeout, &patience).map_err(local)?;
    setsockopt(&fd, sockopt::ReceiveTimeout, &patience).map_err(local)?;
    let address = UnixAddr::new(path).map_err(local)?;
    let connected = connect(std::os::fd::AsRawFd::as_raw_fd(&fd), &address);
    connected.map_err(|error| match error {
        nix::Error::EACCES | nix::Error::EPERM => away(error.desc().to_owned(), EX_NOPERM),
        _ => away(error.desc().to_owned(), EX_TEMPFAIL),
    })?;
    Ok(UnixStream::from(fd))
}

/// `-bs`: what comes by standard input goes to smtpd as it is, and back.
///
/// # Errors
/// smtpd is away; the client hears so in SMTP, too.
pub(super) fn pass(socket: &Path) -> Result<(), Failure> {
    user::become_real()?;
    let stream = dial(socket).inspect_err(|_| {
        let _ = io::stdout().write_all(b"421 4.3.2 Service not available\r\n");
    })?;
    // A client may be silent as long as smtpd lets it.
    let failed = |error: io::Error| Failure::new(EX_TEMPFAIL, format!("smtpd: {error}"));
    stream.set_read_timeout(None).map_err(failed)?;
    let mut to_server = stream.try_clone().map_err(failed)?;
    std::thread::spawn(move || {
        let _ = copy(&mut io::stdin().lock(), &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    // It ends when smtpd closes; a client that still writes hears of it by the closed pipe.
    copy(&mut &stream, &mut io::stdout().lock()).map_err(failed)
}

/// Each piece as soon as it is there.
fn copy(from: &mut dyn io::Read, to: &mut dyn io::Write) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                to.write_all(piece.get(..count).unwrap_or_default())?;
                to.flush()?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
