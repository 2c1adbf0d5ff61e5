//! The clients: each offers a message until it is acknowledged, as real ones do, and keeps the ledger.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use support::{Demo, Line};

use super::ledger::{Parcel, Wire, content};
use super::{COPIES, Dice, Shared, USERS};
use crate::mail::{stuffed, token};

/// Who was refused doesn't come again at once.
const BREATH: Duration = Duration::from_millis(5);

/// A way of bringing mail in.
pub(crate) trait Load: Send + 'static {
    /// A new message: one parcel a mailbox.
    fn parcels(&mut self, dice: &mut Dice) -> Vec<Parcel>;
    /// One try at those that aren't done.
    fn offer(&mut self, parcels: &mut [Parcel], lines: usize);
    /// What is done with a message that was acknowledged.
    fn afterwards(&mut self, _parcels: &mut Vec<Parcel>, _dice: &mut Dice) {}
}

/// Runs a client until it is told to stop; what it was promised is in the ledger then.
pub(crate) fn client(
    mut load: impl Load,
    mut dice: Dice,
    shared: &Arc<Shared>,
) -> std::thread::JoinHandle<()> {
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        while !shared.stop.load(Ordering::SeqCst) {
            let mut parcels = load.parcels(&mut dice);
            let lines = [1, 20, 2000][dice.roll(3)];
            loop {
                load.offer(&mut parcels, lines);
                shared.tries.fetch_add(1, Ordering::SeqCst);
                let done = parcels.iter().all(|parcel| parcel.done);
                if done {
                    load.afterwards(&mut parcels, &mut dice);
                }
                if done || shared.stop.load(Ordering::SeqCst) {
                    break;
                }
                std::thread::sleep(BREATH);
            }
            shared.ledger.lock().unwrap().append(&mut parcels);
        }
    })
}

/// One user, or all of them.
fn recipients(dice: &mut Dice) -> &'static [&'static str] {
    match dice.roll(2) {
        0 => std::slice::from_ref(&USERS[dice.roll(USERS.len())]),
        _ => USERS,
    }
}

/// Reads a reply, all its lines; the last one. None if the other side is gone.
fn reply(line: &mut Line) -> Option<String> {
    loop {
        let heard = line.hear()?;
        if heard.as_bytes().get(3) != Some(&b'-') {
            return Some(heard);
        }
    }
}

/// Says a command; true if the reply begins so.
fn ask(line: &mut Line, text: &str, wanted: &str) -> bool {
    line.try_send(format!("{text}\r\n").as_bytes())
        && reply(line).is_some_and(|heard| heard.starts_with(wanted))
}

/// A session up to 354 and the content with its final dot. None if nothing can have been taken: the
/// dot didn't go out.
fn up_to_the_dot(mut line: Line, hello: &str, parcels: &[Parcel], lines: usize) -> Option<Line> {
    let line_ref = &mut line;
    let greeted = reply(line_ref)?.starts_with("220 ") && ask(line_ref, hello, "250 ");
    let opened = greeted && ask(line_ref, "MAIL FROM:<a@remote.test>", "250 ");
    let waiting = || parcels.iter().filter(|parcel| !parcel.done);
    let all = opened
        && waiting().all(|parcel| {
            let rcpt = format!("RCPT TO:<{}>", parcel.user);
            ask(line_ref, &rcpt, "250 ")
        });
    if !all || !ask(line_ref, "DATA", "354 ") {
        return None;
    }
    let token = &waiting().next()?.token;
    line_ref.try_send(stuffed(&content(token, lines)).as_bytes()).then_some(line)
}

/// Port 25: one reply for all recipients.
pub(crate) struct Smtp {
    address: String,
}

impl Smtp {
    pub(crate) fn to(demo: &Demo) -> Self {
        Self { address: demo.at.smtp.clone() }
    }
}

impl Load for Smtp {
    fn parcels(&mut self, dice: &mut Dice) -> Vec<Parcel> {
        let token = token("smtp");
        recipients(dice).iter().map(|user| Parcel::new(Wire::Smtp, &token, user)).collect()
    }

    fn offer(&mut self, parcels: &mut [Parcel], lines: usize) {
        let Some(line) = Line::try_tcp(&self.address) else { return };
        let Some(mut line) = up_to_the_dot(line, "EHLO client.test", parcels, lines) else {
            return;
        };
        let heard = reply(&mut line);
        let id = heard.as_deref().filter(|heard| heard.starts_with("250 "));
        let id = id.and_then(|heard| heard.rsplit(' ').next()).map(str::to_owned);
        for parcel in parcels {
            match &id {
                Some(id) => (parcel.done, parcel.id) = (true, Some(id.clone())),
                // No reply; or smtpd's own connection died behind the dot, and its 451 says that it
                // doesn't know either.
                None => parcel.unknown += 1,
            }
        }
    }
}

/// lmtpd's socket: one reply a recipient, and a refusal is one.
pub(crate) struct Lmtp {
    socket: String,
}

impl Lmtp {
    pub(crate) fn to(demo: &Demo) -> Self {
        Self { socket: demo.at.lmtp.clone() }
    }
}

impl Load for Lmtp {
    fn parcels(&mut self, dice: &mut Dice) -> Vec<Parcel> {
        let token = token("lmtp");
        recipients(dice).iter().map(|user| Parcel::new(Wire::Lmtp, &token, user)).collect()
    }

    fn offer(&mut self, parcels: &mut [Parcel], lines: usize) {
        let Some(line) = Line::try_unix(&self.socket) else { return };
        let Some(mut line) = up_to_the_dot(line, "LHLO client.test", parcels, lines) else {
            return;
        };
        for parcel in parcels.iter_mut().filter(|parcel| !parcel.done) {
            match reply(&mut line) {
                // 250 2.0.0 <user> ID Saved
                Some(heard) if heard.starts_with("250 ") => {
                    parcel.done = true;
                    parcel.id = heard.rsplit(' ').nth(1).map(str::to_owned);
                }
                Some(_) => {}
                None => parcel.unknown += 1,
            }
        }
    }
}

/// IMAP: APPEND to the INBOX; then, by the dice, a flag and a copy of what was appended.
pub(crate) struct Append {
    address: String,
    user: &'static str,
    login: String,
    session: Option<Line>,
    /// The UID of the last APPEND.
    uid: Option<String>,
}

impl Append {
    pub(crate) fn to(demo: &Demo, user: &'static str) -> Self {
        let known = demo.user(user);
        let login = format!("a LOGIN {} {}", known.login, known.password);
        Self { address: demo.at.imap.clone(), user, login, session: None, uid: None }
    }

    /// A session with the INBOX open.
    fn session(&mut self) -> Option<&mut Line> {
        if self.session.is_none() {
            let mut line = Line::try_tcp(&self.address)?;
            line.hear()?;
            let login = self.login.clone();
            let (open, _) = command(&mut line, &login)?;
            let (selected, _) = open.then(|| command(&mut line, "a SELECT INBOX"))??;
            self.session = selected.then_some(line);
        }
        self.session.as_mut()
    }

    /// A command in the open session: whether it was OK, and all that was said. None if nobody knows
    /// what became of it: the session is over then.
    fn command(&mut self, text: &str) -> Option<(bool, String)> {
        let said = command(self.session.as_mut()?, text);
        if said.is_none() {
            self.session = None;
        }
        said
    }
}

/// Says a command with the tag `a` and reads to its end.
fn command(line: &mut Line, text: &str) -> Option<(bool, String)> {
    if !line.try_send(format!("{text}\r\n").as_bytes()) {
        return None;
    }
    tagged(line)
}

fn tagged(line: &mut Line) -> Option<(bool, String)> {
    let mut said = String::new();
    loop {
        let heard = line.hear()?;
        said.push_str(&heard);
        said.push('\n');
        if let Some(end) = heard.strip_prefix("a ") {
            return Some((end.starts_with("OK"), said));
        }
    }
}

/// `[APPENDUID 7 42]`
fn appended(said: &str) -> Option<String> {
    let code = said.split("[APPENDUID ").nth(1)?.split(']').next()?;
    code.split(' ').nth(1).map(str::to_owned)
}

impl Load for Append {
    fn parcels(&mut self, _: &mut Dice) -> Vec<Parcel> {
        vec![Parcel::new(Wire::Append, &token("append"), self.user)]
    }

    fn offer(&mut self, parcels: &mut [Parcel], lines: usize) {
        let Some(parcel) = parcels.first_mut() else { return };
        let text = content(&parcel.token, lines);
        let Some(line) = self.session() else { return };
        let append = format!("a APPEND INBOX {{{}+}}\r\n{text}\r\n", text.len());
        if !line.try_send(append.as_bytes()) {
            self.session = None;
            return;
        }
        match tagged(line) {
            Some((done, said)) => {
                parcel.done = done;
                self.uid = appended(&said);
            }
            None => {
                parcel.unknown += 1;
                self.session = None;
            }
        }
    }

    fn afterwards(&mut self, parcels: &mut Vec<Parcel>, dice: &mut Dice) {
        let (Some(uid), Some(parcel)) = (self.uid.take(), parcels.first_mut()) else { return };
        if dice.roll(2) == 0 {
            let stored = self.command(&format!("a UID STORE {uid} +FLAGS (\\Flagged)"));
            // An OK without the message's FETCH is about no message.
            parcel.flagged = stored.is_some_and(|(ok, said)| ok && said.contains("\\Flagged"));
        }
        if dice.roll(3) == 0 {
            let mut copy = Parcel::new(Wire::Copy, &parcel.token, self.user);
            if self.session.is_some() {
                match self.command(&format!("a UID COPY {uid} {COPIES}")) {
                    Some((ok, said)) => copy.done = ok && said.contains("[COPYUID "),
                    None => copy.unknown += 1,
                }
                parcels.push(copy);
            }
        }
    }
}
