//! Stand-ins for the daemons around smtpd: what they hear is written down, what they say depends on
//! the recipient's or user's name.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use support::PATIENCE;

/// What an LMTP stand-in heard, line by line, from MAIL (or XFORWARD) on.
#[derive(Default)]
pub(crate) struct Heard {
    lines: Mutex<VecDeque<String>>,
    more: Condvar,
}

impl Heard {
    fn note(&self, line: String) {
        self.lines.lock().unwrap().push_back(line);
        self.more.notify_all();
    }

    /// The next line, waited for.
    pub(crate) fn next(&self) -> Option<String> {
        let lines = self.lines.lock().unwrap();
        let (mut lines, _) =
            self.more.wait_timeout_while(lines, PATIENCE, |lines| lines.is_empty()).unwrap();
        lines.pop_front()
    }

    /// What nobody has asked for.
    pub(crate) fn rest(&self) -> Vec<String> {
        self.lines.lock().unwrap().drain(..).collect()
    }
}

/// An LMTP server. A recipient's local part says how lmtpd's answers: `r550…` and `r450…` at RCPT,
/// `m451…` at MAIL (by the sender), `d552…` and `d451…` after the dot, `cut…` closes there, `hang…`
/// never answers; all others are taken. qmgrd's does the same with a `q` in front: `qd451…`.
pub(crate) fn lmtp(path: &Path) -> Arc<Heard> {
    let mark = if path.ends_with("qmgrd") { "q" } else { "" };
    let heard = Arc::new(Heard::default());
    let listener = UnixListener::bind(path).unwrap();
    let noted = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let noted = Arc::clone(&noted);
            std::thread::spawn(move || drop(lmtp_session(stream, mark, &noted)));
        }
    });
    heard
}

const OFFER: &str = "250-fake.test\r\n250-PIPELINING\r\n250-SIZE\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
    250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n\
    250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE LOGIN\r\n";

fn lmtp_session(stream: UnixStream, mark: &str, heard: &Heard) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    let mut taken: Vec<String> = Vec::new();
    out.write_all(b"220 fake.test LMTP\r\n")?;
    while let Some(line) = read_line(&mut input)? {
        let word = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        if !matches!(word.as_str(), "LHLO" | "RSET" | "NOOP" | "QUIT" | "DATA") {
            heard.note(line.clone());
        }
        match word.as_str() {
            "LHLO" => out.write_all(OFFER.as_bytes())?,
            "QUIT" => return out.write_all(b"221 2.0.0 Bye\r\n"),
            "MAIL" | "RCPT" => {
                let local = local_part(&line);
                let at = if word == "MAIL" { 'm' } else { 'r' };
                match forced(&local, mark, at) {
                    Some(code) => write!(out, "{code} {}.2.2 said <{local}>\r\n", &code[..1])?,
                    None => {
                        if word == "RCPT" {
                            taken.push(local);
                        } else {
                            taken.clear();
                        }
                        out.write_all(b"250 2.1.0 ok\r\n")?;
                    }
                }
            }
            "DATA" if taken.is_empty() => out.write_all(b"503 5.5.1 no valid recipients\r\n")?,
            "DATA" => {
                out.write_all(b"354 go\r\n")?;
                if !content(&mut input, heard)? {
                    return Ok(());
                }
                for local in taken.drain(..) {
                    match forced(&local, mark, 'd') {
                        _ if local.starts_with(&format!("{mark}cut")) => return Ok(()),
                        _ if local.starts_with(&format!("{mark}hang")) => {
                            // Until the client gives the connection up.
                            let _ = read_line(&mut input);
                            return Ok(());
                        }
                        Some(code) => write!(out, "{code} {}.2.2 said <{local}>\r\n", &code[..1])?,
                        None => write!(out, "250 2.0.0 <{local}> saved\r\n")?,
                    }
                }
            }
            _ => out.write_all(b"250 2.0.0 ok\r\n")?,
        }
    }
    Ok(())
}

/// Notes the content with `|` in front; false if it broke off.
fn content(input: &mut BufReader<UnixStream>, heard: &Heard) -> std::io::Result<bool> {
    while let Some(line) = read_line(input)? {
        if line == "." {
            heard.note("|.".into());
            return Ok(true);
        }
        heard.note(format!("|{}", line.strip_prefix('.').unwrap_or(&line)));
    }
    heard.note("| (broken off)".into());
    Ok(false)
}

fn local_part(line: &str) -> String {
    let path = line.split_once('<').map_or("", |(_, path)| path);
    path.split(['@', '>', '+']).next().unwrap_or_default().to_owned()
}

/// `d552full` at `d` is `552`.
fn forced(local: &str, mark: &str, at: char) -> Option<String> {
    let code = local.strip_prefix(mark)?.strip_prefix(at)?.get(..3)?;
    code.parse::<u16>().ok().map(|code| code.to_string())
}

fn read_line(input: &mut BufReader<UnixStream>) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    if input.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
}

/// authd's userdb: whoever isn't `nobody…` or `gone…` exists; of `fail…` it can't tell.
pub(crate) fn userdb(path: &Path) {
    serve_lines(path, "VERSION\t1\t1\nSPID\t1\n", |line| {
        let mut fields = line.split('\t');
        if fields.next() != Some("USER") {
            return String::new();
        }
        let (id, user) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        // As username_format = "%Lu" has it.
        let user = user.to_lowercase();
        match user.as_str() {
            _ if user.starts_with("nobody") || user.starts_with("gone") => {
                format!("NOTFOUND\t{id}\n")
            }
            _ if user.starts_with("fail") => format!("FAIL\t{id}\n"),
            _ => format!("USER\t{id}\t{user}\tuid=1000\tgid=1000\thome=/home\n"),
        }
    });
}

/// authd's logins: `alice@vmail.test` with `secret`, by PLAIN.
pub(crate) fn logins(path: &Path) {
    let hello = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\n\
        COOKIE\t0123456789abcdef0123456789abcdef\nDONE\n";
    serve_lines(path, hello, |line| {
        let mut fields = line.split('\t');
        let (verb, id) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let resp = line.split("\tresp=").nth(1).unwrap_or_default();
        match (verb, resp) {
            ("AUTH", "") => format!("CONT\t{id}\t\n"),
            ("AUTH", resp) => verdict(id, resp),
            ("CONT", _) => verdict(id, fields.next().unwrap_or_default()),
            _ => String::new(),
        }
    });
}

fn verdict(id: &str, response: &str) -> String {
    // base64 of NUL alice@vmail.test NUL, then `secret` or `later`.
    match response {
        "AGFsaWNlQHZtYWlsLnRlc3QAc2VjcmV0" => format!("OK\t{id}\tuser=alice@vmail.test\n"),
        "AGFsaWNlQHZtYWlsLnRlc3QAbGF0ZXI=" => {
            format!("FAIL\t{id}\tuser=alice@vmail.test\ttemp\tcode=temp_fail\n")
        }
        _ => format!("FAIL\t{id}\tuser=alice@vmail.test\n"),
    }
}

fn serve_lines(path: &Path, hello: &'static str, answer: fn(&str) -> String) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || -> std::io::Result<()> {
                let mut out = stream.try_clone()?;
                let mut input = BufReader::new(stream);
                out.write_all(hello.as_bytes())?;
                while let Some(line) = read_line(&mut input)? {
                    out.write_all(answer(&line).as_bytes())?;
                }
                Ok(())
            });
        }
    });
}
