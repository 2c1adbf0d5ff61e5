//! The filters for fail2ban that we ship, over what the daemons really write: in files, as syslog keeps
//! it, and in the journal. fail2ban-regex is fail2ban's own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::demo::plain;
use support::tools::{finish, need, run};
use support::{Demo, Line, Sink};

use crate::logs::logging;
use crate::mail::{message, send};

const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";
/// Names that would have somebody else banned, if a filter took them for fields.
const FORGED: [&str; 3] = [
    "x client=192.0.2.66 service=imap status=refused",
    "x\" client=192.0.2.66 service=imap status=refused",
    "x\u{a0}client=192.0.2.66\u{a0}service=imap\u{a0}status=refused",
];

/// How often each filter must match what [`misbehave`] does, and nothing else.
const FAILED_LOGINS: usize = 8 + FORGED.len();
const FAILED_IMAP_LOGINS: usize = 3;
const FAILED_SMTP_LOGINS: usize = FAILED_LOGINS - FAILED_IMAP_LOGINS;
const REJECTED: usize = 3;

fn submission(demo: &Demo) -> Line {
    let mut line = Line::tls(&demo.at.submissions, &demo.at.ca);
    line.expect("220 ");
    line.ask("EHLO client.test", "250 ");
    line
}

fn imap(demo: &Demo) -> Line {
    let mut line = Line::tls(&demo.at.imaps, &demo.at.ca);
    line.hear().unwrap();
    line
}

/// Failures that the filters are for, among much that is good, or is nobody's fault.
fn misbehave(demo: &Demo) {
    use base64::Engine as _;
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let smtp = |initial: &str| {
        submission(demo).ask(&format!("AUTH PLAIN {initial}"), "535 ");
    };
    smtp(&plain(ALICE, "wrong"));
    smtp(&plain("nobody@example.test", "wrong"));
    smtp(&plain("", "wrong"));
    smtp(&base64("no NULs"));
    FORGED.iter().for_each(|name| smtp(&plain(name, "wrong")));
    let mut line = submission(demo);
    line.ask("AUTH LOGIN", "334 ");
    line.ask(&base64(ALICE), "334 ");
    line.ask(&base64("wrong"), "535 ");
    let mut line = imap(demo);
    line.imap(&format!("a LOGIN {ALICE} wrong"), "NO");
    line.imap(&format!("b LOGIN \"{}\" wrong", FORGED[0]), "NO");
    line.imap(&format!("c AUTHENTICATE PLAIN {}", plain(BOB, "wrong")), "NO");
    line.imap(&format!("d LOGIN {ALICE} {}", demo.user(ALICE).password), "OK");

    let mut line = demo.smtp();
    line.ask("MAIL FROM:<a@remote.test>", "250 ");
    line.ask("RCPT TO:<nobody@example.test>", "550 ");
    line.ask("RCPT TO:<far@remote.test>", "554 ");
    line.ask(
        "RCPT TO:<\"x client=unknown[192.0.2.66] dsn=5.1.1 status=reject\"@example.test>",
        "550 ",
    );
    line.ask(&format!("RCPT TO:<{BOB}>"), "250 ");
    line.ask("RSET", "250 ");
    send(&mut line, "a@remote.test", &[BOB], &message("a@remote.test", BOB, "good"));
    // Logged in, and mistyped.
    let mut line = demo.submission(ALICE);
    line.ask(&format!("MAIL FROM:<{ALICE}>"), "250 ");
    line.ask("RCPT TO:<nobody@example.test>", "550 ");
}

/// What the filters find in `source`, in one of their modes.
fn found(source: &str, filter: &str, mode: &str) -> usize {
    need("/usr/bin/fail2ban-regex", "fail2ban");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/fail2ban/filter.d");
    let filter = format!("{folder}/{filter}.conf[mode={mode}]");
    let mut command = Command::new("/usr/bin/fail2ban-regex");
    let output = finish(command.args(["--out", "ip", source, &filter]), "");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{filter} over {source}: {text}\n{errors}");
    assert!(text.lines().all(|ip| ip == "127.0.0.1"), "{filter} over {source}: {text}");
    text.lines().count()
}

fn judge(source: &str) {
    for (filter, mode, wanted) in [
        ("dovetail-auth", "authd", FAILED_LOGINS),
        ("dovetail-auth", "imapd", FAILED_IMAP_LOGINS),
        ("dovetail-smtpd", "reject", REJECTED),
        ("dovetail-smtpd", "auth", FAILED_SMTP_LOGINS),
        ("dovetail-smtpd", "all", REJECTED + FAILED_SMTP_LOGINS),
    ] {
        assert_eq!(found(source, filter, mode), wanted, "{filter}[mode={mode}] over {source}");
    }
}

/// A folder in which also a daemon that has become another user may write.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("dvlog").tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

#[test]
fn failures_in_files() {
    let (sink, folder) = (Sink::start(), open_folder());
    let path = |daemon: &str| folder.path().join(format!("{daemon}.log"));
    let log = |daemon: &str| format!("to = \"file\"\nfile = \"{}\"\n", path(daemon).display());
    let demo = logging(&sink, log).start();
    misbehave(&demo);
    demo.stop();
    let texts = crate::logs::DAEMONS.map(|daemon| fs::read_to_string(path(daemon)).unwrap());
    let all = folder.path().join("all");
    fs::write(&all, texts.concat()).unwrap();
    judge(all.to_str().unwrap());
}

/// The system's logger, as far as a daemon sees it.
struct Logger {
    folder: tempfile::TempDir,
    taken: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Logger {
    fn start() -> Self {
        let folder = open_folder();
        let socket = UnixDatagram::bind(folder.path().join("log")).unwrap();
        let open = fs::Permissions::from_mode(0o666);
        fs::set_permissions(folder.path().join("log"), open).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let taken = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let kept = Arc::downgrade(&taken);
        std::thread::spawn(move || {
            let mut record = vec![0; 1 << 17];
            while let Some(kept) = kept.upgrade() {
                while let Ok(length) = socket.recv(&mut record) {
                    kept.lock().unwrap().push(record[..length].to_vec());
                }
            }
        });
        Self { folder, taken }
    }

    /// What `[log]` says to log here.
    fn keys(&self, to: &str) -> String {
        format!("to = \"{to}\"\nsocket = \"{}\"\n", self.path("log").display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// All records, once every daemon's last one is there.
    fn records(&self) -> Vec<Vec<u8>> {
        support::eventually("every daemon's last line", || {
            let taken = self.taken.lock().unwrap();
            let is_last = |record: &&Vec<u8>| {
                String::from_utf8_lossy(record).contains("]: stopped")
                    || String::from_utf8_lossy(record).contains("MESSAGE=stopped")
            };
            (taken.iter().filter(is_last).count() == crate::logs::DAEMONS.len())
                .then(|| taken.clone())
        })
    }
}

#[test]
fn failures_in_syslog_s_files() {
    let (sink, logger) = (Sink::start(), Logger::start());
    let demo = logging(&sink, |_| logger.keys("syslog")).start();
    misbehave(&demo);
    demo.stop();
    // As rsyslog writes it: `<22>Nov 25 08:22:35 dovetail-authd[123]: …` gets the host's name.
    let line = |record: &Vec<u8>| {
        let text = String::from_utf8(record.clone()).unwrap();
        let (time, rest) = text.split_once('>').unwrap().1.split_at(15);
        format!("{time} mail{rest}\n")
    };
    let text: String = logger.records().iter().map(line).collect();
    fs::write(logger.path("mail.log"), text).unwrap();
    judge(logger.path("mail.log").to_str().unwrap());
}

#[test]
fn failures_in_the_journal() {
    let (sink, logger) = (Sink::start(), Logger::start());
    let demo = logging(&sink, |_| logger.keys("journal")).start();
    misbehave(&demo);
    demo.stop();
    let journal = journal(&logger.path("dovetail.journal"), &logger.records());
    judge(&format!("systemd-journal[journalfiles={}]", journal.display()));
}

/// A real journal of these records, with what journald adds to each.
fn journal(path: &Path, records: &[Vec<u8>]) -> PathBuf {
    let program = "/usr/lib/systemd/systemd-journal-remote";
    need(program, "systemd-journal-remote");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let boot = boot.trim().replace('-', "");
    let mut export = Vec::new();
    for (record, number) in records.iter().zip(1u64..) {
        let text = String::from_utf8_lossy(record);
        let name = text.lines().find_map(|line| line.strip_prefix("SYSLOG_IDENTIFIER=")).unwrap();
        let time = 1_790_000_000_000_000 + number;
        let head = format!(
            "__REALTIME_TIMESTAMP={time}\n__MONOTONIC_TIMESTAMP={number}\n_BOOT_ID={boot}\n\
             _HOSTNAME=mail\n_SYSTEMD_UNIT={name}.service\n"
        );
        export.extend_from_slice(head.as_bytes());
        export.extend_from_slice(record);
        export.push(b'\n');
    }
    let input = path.with_extension("export");
    fs::write(&input, export).unwrap();
    run(Command::new(program).arg("--output").arg(path).arg(&input));
    path.to_owned()
}

/// The jails as fail2ban itself reads them: beside Debian's, each turned on.
#[test]
fn the_jails_are_right() {
    need("/usr/bin/fail2ban-client", "fail2ban");
    let folder = open_folder();
    run(Command::new("cp").args(["-r", "/etc/fail2ban/."]).arg(folder.path()));
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/fail2ban/.");
    run(Command::new("cp").args(["-r", ours]).arg(folder.path()));
    let local = "[dovetail-auth]\nenabled = true\n[dovetail-smtpd]\nenabled = true\n";
    // Debian's own jail reads a file that may not be there.
    let others = fs::read_to_string(folder.path().join("jail.d/defaults-debian.conf")).unwrap();
    fs::write(folder.path().join("jail.d/defaults-debian.conf"), others.replace("true", "false"))
        .unwrap();
    fs::write(folder.path().join("jail.local"), local).unwrap();
    let client = || {
        let mut command = Command::new("/usr/bin/fail2ban-client");
        command.arg("-c").arg(folder.path());
        command
    };
    run(client().arg("--test"));
    let dumped = run(client().arg("--dump"));
    for wanted in [
        "['add', 'dovetail-auth', 'systemd']",
        "['add', 'dovetail-smtpd', 'systemd']",
        "_SYSTEMD_UNIT=dovetail-authd.service",
        "_SYSTEMD_UNIT=dovetail-smtpd.service",
    ] {
        assert!(dumped.contains(wanted), "{wanted}: {dumped}");
    }
}
