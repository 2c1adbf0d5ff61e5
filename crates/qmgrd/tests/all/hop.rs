//! A next hop: an LMTP server whose verdicts stand in the recipients' local parts.
//!
//! `r550` is refused at RCPT with 550, `e451` after the content with 451, `hold` keeps the reply to
//! the content back until the test lets go; anything else is taken.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// A transaction that came to its final dot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken {
    pub(crate) forward: BTreeMap<String, String>,
    pub(crate) mail: String,
    pub(crate) rcpts: Vec<String>,
    pub(crate) content: String,
}

#[derive(Default)]
struct Shared {
    taken: Mutex<Vec<Taken>>,
    connections: AtomicUsize,
    /// Verdicts that differ from what the local part says, by local part.
    verdicts: Mutex<BTreeMap<String, String>>,
    let_go: Mutex<bool>,
    changed: Condvar,
    stopped: AtomicBool,
}

/// A running next hop; dropped, its socket goes and it takes nothing more.
pub(crate) struct Hop {
    path: PathBuf,
    shared: Arc<Shared>,
}

impl Hop {
    pub(crate) fn start(path: &Path) -> Self {
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path).unwrap();
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .unwrap();
        let shared = Arc::new(Shared::default());
        let server = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if server.stopped.load(Ordering::SeqCst) {
                    return;
                }
                server.connections.fetch_add(1, Ordering::SeqCst);
                let server = Arc::clone(&server);
                std::thread::spawn(move || server.serve(&client));
            }
        });
        Self { path: path.to_owned(), shared }
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.shared.taken.lock().unwrap().clone()
    }

    /// From now on `local` hears this instead.
    pub(crate) fn answer(&self, local: &str, reply: &str) {
        self.shared.verdicts.lock().unwrap().insert(local.to_owned(), reply.to_owned());
    }

    /// Lets the replies to `hold` go.
    pub(crate) fn let_go(&self) {
        *self.shared.let_go.lock().unwrap() = true;
        self.shared.changed.notify_all();
    }
}

impl Drop for Hop {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.let_go();
        let _ = UnixStream::connect(&self.path);
        let _ = std::fs::remove_file(&self.path);
    }
}

fn local_part(rcpt: &str) -> &str {
    let address = rcpt.split_once('<').map_or("", |(_, rest)| rest);
    address.split(['@', '>']).next().unwrap_or_default()
}

impl Shared {
    /// The reply to a recipient at this stage (`r` or `e`), if it is no 250.
    fn verdict(&self, stage: char, rcpt: &str) -> Option<String> {
        let local = local_part(rcpt);
        let code: &str = local.strip_prefix(stage).filter(|rest| rest.parse::<u16>().is_ok())?;
        if let Some(said) = self.verdicts.lock().unwrap().get(local) {
            return (!said.starts_with("250")).then(|| said.clone());
        }
        let dsn = format!("{}.2.2", &code[..1]);
        Some(format!("{code} {dsn} <{local}> says no"))
    }

    fn serve(&self, stream: &UnixStream) -> Option<()> {
        let mut input = BufReader::new(stream);
        let mut say = |text: &str| {
            let mut out = stream;
            out.write_all(format!("{text}\r\n").as_bytes()).ok()
        };
        say("220 hop.test LMTP")?;
        let mut transaction = Taken::default();
        loop {
            let mut line = String::new();
            if input.read_line(&mut line).ok()? == 0 || self.stopped.load(Ordering::SeqCst) {
                return None;
            }
            let line = line.trim_end().to_owned();
            let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "LHLO" => say(
                    "250-hop.test\r\n250-PIPELINING\r\n250-SIZE\r\n250-8BITMIME\r\n250-DSN\r\n\
                     250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n\
                     250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE LOGIN",
                )?,
                "XFORWARD" => {
                    for word in line.split(' ').skip(1) {
                        let (name, value) = word.split_once('=')?;
                        transaction.forward.insert(name.to_owned(), value.to_owned());
                    }
                    say("250 2.0.0 ok")?;
                }
                "MAIL" => {
                    transaction.mail = line;
                    say("250 2.1.0 ok")?;
                }
                "RCPT" => match self.verdict('r', &line) {
                    Some(refusal) => say(&refusal)?,
                    None => {
                        transaction.rcpts.push(line);
                        say("250 2.1.5 ok")?;
                    }
                },
                "DATA" => {
                    say("354 go")?;
                    transaction.content = content(&mut input)?;
                    self.finish(std::mem::take(&mut transaction), &mut say)?;
                }
                "RSET" => {
                    transaction = Taken::default();
                    say("250 2.0.0 ok")?;
                }
                "QUIT" => return say("221 2.0.0 bye"),
                _ => say("500 5.5.2 what?")?,
            }
        }
    }

    fn finish(&self, taken: Taken, say: &mut dyn FnMut(&str) -> Option<()>) -> Option<()> {
        let rcpts = taken.rcpts.clone();
        self.taken.lock().unwrap().push(taken);
        for rcpt in &rcpts {
            if local_part(rcpt) == "hold" {
                let mut free = self.let_go.lock().unwrap();
                while !*free {
                    free = self.changed.wait(free).unwrap();
                }
            }
            let saved = || format!("250 2.0.0 <{}> saved", local_part(rcpt));
            say(&self.verdict('e', rcpt).unwrap_or_else(saved))?;
        }
        Some(())
    }
}

fn content(input: &mut impl BufRead) -> Option<String> {
    let mut content = String::new();
    loop {
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        if line == ".\r\n" {
            return Some(content);
        }
        content.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
