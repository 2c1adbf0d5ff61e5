//! The transcripts in `dialogues/`, played against the process.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::process::{Authd, PATIENCE, USERS};

struct Peer {
    stream: UnixStream,
    unread: Vec<u8>,
}

impl Peer {
    fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, unread: Vec::new() }
    }

    /// The next line; `None` when the connection is closed.
    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line[..end]).replace('\u{1}', "<1>"));
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(got) => self.unread.extend_from_slice(&chunk[..got]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no answer: {error}"),
            }
        }
    }

    fn send(&mut self, line: &str) {
        // The server may have closed already; the transcript says what must be seen then.
        let _ = self.stream.write_all(wire(line).as_bytes());
    }
}

/// A transcript's line as bytes: tabs, escapes, repetitions.
fn wire(line: &str) -> String {
    let mut line = line.replace("<TAB>", "\t").replace("<1>", "\u{1}");
    while let Some((start, rest)) = line.split_once('{').map(|(a, b)| (a.to_owned(), b.to_owned()))
    {
        let (repeated, rest) = rest.split_once('}').unwrap();
        let (text, times) = repeated.split_once('*').unwrap();
        line = start + &text.repeat(times.parse().unwrap()) + rest;
    }
    line + "\n"
}

/// Whether a line is what the transcript expects.
fn fits(expected: &str, got: &str) -> bool {
    let expected = expected.replace("<TAB>", "\t");
    let mut rest = got;
    for (at, part) in expected.split_inclusive('>').enumerate() {
        let (text, mask) = match part.rsplit_once('<') {
            Some((text, mask @ ("n>" | "hex>"))) => (text, Some(mask)),
            _ => (part, None),
        };
        let Some(tail) = rest.strip_prefix(text) else { return false };
        rest = match mask {
            Some("n>") => tail.trim_start_matches(|c: char| c.is_ascii_digit()),
            Some(_) => tail.trim_start_matches(|c: char| c.is_ascii_hexdigit()),
            None => tail,
        };
        assert!(at < 100);
    }
    rest.is_empty()
}

fn play(authd: &Authd, socket: &str, transcript: &str) {
    for dialogue in transcript.split("\n### ").skip(1) {
        let (name, lines) = dialogue.split_once('\n').unwrap();
        let mut peer = Peer::connect(&authd.socket(socket));
        for line in lines.lines().filter(|line| !line.is_empty()) {
            match line.split_once(": ").unwrap() {
                ("C", "<hello>") => {
                    peer.send("VERSION<TAB>1<TAB>1");
                    peer.send("CPID<TAB>4242");
                }
                ("C", text) => peer.send(text),
                ("S", "<closed>") => assert_eq!(peer.line(), None, "{name}"),
                ("S", "<handshake>") => {
                    let last = if socket == "client" { "DONE" } else { "SPID" };
                    while !peer.line().unwrap().starts_with(last) {}
                }
                ("S", expected) => {
                    let got =
                        peer.line().unwrap_or_else(|| panic!("{name}: closed, not {expected}"));
                    assert!(
                        fits(expected, &got),
                        "{name}:\n  expected {expected}\n  got      {got}"
                    );
                }
                _ => panic!("{name}: {line}"),
            }
        }
    }
}

#[test]
fn client_protocol() {
    let authd = Authd::start(USERS, "failure_delay = \"0s\"");
    play(&authd, "client", include_str!("../dialogues/client.txt"));
    let log = authd.log();
    assert!(log.contains("user=p0@example.test") && log.contains("status=refused"), "{log}");
    assert!(!log.contains("secret"), "a password was logged:\n{log}");
}

#[test]
fn master_protocol() {
    let authd = Authd::start(USERS, "");
    play(&authd, "userdb", include_str!("../dialogues/userdb.txt"));
}

#[test]
fn a_login_that_cannot_be_checked() {
    let authd = Authd::start(USERS, "failure_delay = \"0s\"");
    std::fs::remove_file(authd.users()).unwrap();
    std::fs::create_dir(authd.users()).unwrap();
    // Postfix takes every FAIL for a wrong password: the closed connection makes it say 454.
    play(
        &authd,
        "client",
        "\n### as Postfix\nS: <handshake>\nC: VERSION<TAB>1<TAB>0\nC: CPID<TAB>1\n\
         C: AUTH<TAB>1<TAB>PLAIN<TAB>service=smtp<TAB>resp=AHAwAHg=\nS: <closed>\n\
         \n### as others\nS: <handshake>\nC: VERSION<TAB>1<TAB>2\nC: CPID<TAB>1\n\
         C: AUTH<TAB>1<TAB>PLAIN<TAB>service=smtp<TAB>resp=AHAwAHg=\n\
         S: FAIL<TAB>1<TAB>user=p0<TAB>code=temp_fail\n",
    );
    play(
        &authd,
        "userdb",
        "\n### user\nS: <handshake>\nC: VERSION<TAB>1<TAB>1\n\
         C: USER<TAB>1<TAB>p0@example.test<TAB>service=lmtp\nS: FAIL<TAB>1\n\
         C: LIST<TAB>2\nS: DONE<TAB>2<TAB>fail\n",
    );
}

/// Garbage, half lines, clients that go away in the middle: the daemon stays, and serves others.
#[test]
fn bad_input_hurts_nobody_else() {
    let authd = Authd::start(USERS, "failure_delay = \"0s\"");
    let noise: Vec<u8> =
        (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let hello: &[u8] = b"VERSION\t1\t1\nCPID\t1\n";
    let long = b"A".repeat(1_000_000);
    let no_end = [hello, b"AUTH\t1\tPLAIN\tservice=x"].concat();
    let nul = [hello, b"\0\0\0\n"].concat();
    let login = [hello, b"AUTH\t1\tPLAIN\tservice=x\tresp=AHAwAHg=\n"].concat();
    for socket in ["client", "userdb"] {
        for bytes in [&noise[..], &long, b"\n", b"\t\t\t\n", b"VERSION\n", &no_end, &nul, &login] {
            let mut stream = UnixStream::connect(authd.socket(socket)).unwrap();
            let _ = stream.write_all(bytes);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut rest = Vec::new();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            if let Err(error) = stream.read_to_end(&mut rest) {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{socket}");
            }
        }
    }
    play(&authd, "client", include_str!("../dialogues/client.txt"));
    play(&authd, "userdb", include_str!("../dialogues/userdb.txt"));
}
